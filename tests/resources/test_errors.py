"""The error tree: its shape, what may be retried, and survival of a trip between processes."""

import inspect
import pickle

import pytest

from nextgen_resources import errors

ALL = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.NextGenError)
]

PARENTS = {
    errors.NextGenError: Exception,
    errors.SettingsError: errors.NextGenError,
    errors.WarehouseError: errors.NextGenError,
    errors.MigrationError: errors.WarehouseError,
    errors.MigrationChecksumError: errors.MigrationError,
    errors.SliceError: errors.WarehouseError,
    errors.PartitionKeyError: errors.WarehouseError,
    errors.StaleReadError: errors.WarehouseError,
    errors.WarehouseBusyError: errors.WarehouseError,
    errors.WarehouseCorruptError: errors.WarehouseError,
    errors.ProviderError: errors.NextGenError,
    errors.ProviderUnavailableError: errors.ProviderError,
    errors.ProviderRateLimitedError: errors.ProviderError,
    errors.ProviderEmptyError: errors.ProviderUnavailableError,
    errors.ProviderHtmlError: errors.ProviderUnavailableError,
    errors.ProviderTruncatedError: errors.ProviderUnavailableError,
    errors.ProviderCircuitError: errors.ProviderUnavailableError,
    errors.ProviderUnauthorizedError: errors.ProviderError,
    errors.ProviderConsentError: errors.ProviderError,
    errors.ProviderAddressError: errors.ProviderError,
    errors.ProviderNotFoundError: errors.ProviderError,
    errors.ProviderDataError: errors.ProviderError,
    errors.ProviderStatedError: errors.ProviderDataError,
    errors.ProviderOversizeError: errors.ProviderDataError,
    errors.ProviderPartialError: errors.ProviderError,
    errors.NotRecordedError: errors.ProviderError,
    errors.AlertError: errors.NextGenError,
    errors.InferenceError: errors.NextGenError,
    errors.WindowUnknownError: errors.InferenceError,
    errors.InferenceUnavailableError: errors.InferenceError,
    errors.BackupError: errors.NextGenError,
    errors.DaemonRunningError: errors.NextGenError,
    errors.ModelStoreError: errors.NextGenError,
    errors.TimeRuleError: errors.NextGenError,
    errors.LedgerConflictError: errors.NextGenError,
}


def test_every_error_hangs_where_the_tree_says() -> None:
    assert set(ALL) == set(PARENTS)
    assert {kind: kind.__base__ for kind in ALL} == PARENTS


@pytest.mark.parametrize("kind", ALL)
def test_the_drawing_in_the_docstring_shows_every_error_below_its_parent(kind: type) -> None:
    drawn = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ")
        name = words.split()[0] if words.split() else ""
        if name.endswith("Error") and line.startswith("    "):
            depth = len(words) - len(words.lstrip())
            above = [(d, n) for d, n in above if d < depth]
            drawn[name] = above[-1][1] if above else "Exception"
            above.append((depth, name))
    assert drawn[kind.__name__] == kind.__base__.__name__


def test_only_waiting_errors_are_retryable() -> None:
    assert {kind for kind in ALL if kind.is_retryable} == {
        errors.StaleReadError,
        errors.WarehouseBusyError,
        errors.InferenceUnavailableError,
        errors.ProviderUnavailableError,
        errors.ProviderEmptyError,
        errors.ProviderHtmlError,
        errors.ProviderTruncatedError,
        errors.ProviderCircuitError,
        errors.ProviderRateLimitedError,
    }


def test_every_refusal_of_a_provider_has_a_word_of_its_own() -> None:
    words = [kind.outcome for kind in ALL if issubclass(kind, errors.ProviderError)]
    assert len(words) == len(set(words))
    assert not {"ok", "cached"} & set(words)


def test_a_partial_delivery_keeps_both_halves() -> None:
    error = errors.ProviderPartialError(
        "1 of 2", delivered=[1], refused={"GONE": errors.ProviderNotFoundError()}
    )
    assert error.delivered == [1]
    assert list(error.refused) == ["GONE"]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_docstring_of_its_own_with_advice(kind: type) -> None:
    own = vars(kind).get("__doc__") or ""
    assert len(own.strip().splitlines()) >= 3  # a summary, a blank line, and what to do


def test_rate_limit_keeps_its_delay_through_pickling() -> None:
    error = errors.ProviderRateLimitedError("acme said 429", retry_after_seconds=12.5)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.retry_after_seconds, copy.is_retryable) == ("acme said 429", 12.5, True)


def test_rate_limit_without_a_stated_delay_has_none() -> None:
    assert errors.ProviderRateLimitedError("slow down").retry_after_seconds is None
