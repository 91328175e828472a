"""One suite over every model family: whatever the method, it keeps the same promises."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import asdict
from functools import cache, lru_cache

import numpy as np
import pytest

from nextgen_assets.domain.boosted_trees import Trees
from nextgen_assets.domain.halved_batches import training_threads
from nextgen_assets.domain.models import (
    FittedModel,
    LabelledWindows,
    ModelFamily,
    ModelInputError,
    QuantileModel,
    UnknownModelError,
    family_names,
    load_family,
)
from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.scaling import NonFiniteValuesError

FAMILIES = family_names()
LEARNERS = tuple(name for name in FAMILIES if name != "base_rate")
LOOKBACK, N_FEATURES, TICKERS_PER_SESSION = 8, 6, 4
RECURRENT = ("attentive_lstm", "lstm")
ONE_ROUND = {"gradient_boosting": {"iterations": 1}} | {name: {"epochs": 1} for name in RECURRENT}
SEED = 11


@lru_cache(maxsize=1)
def planted() -> tuple[LabelledWindows, LabelledWindows]:
    """Returns that follow the first feature of the newest vector, in two parts of one past."""
    rng = np.random.default_rng(5)
    n_fit, n_all = 2400, 2800
    windows = rng.standard_normal((n_all, LOOKBACK, N_FEATURES)).astype(np.float32)
    volatility = rng.uniform(0.02, 0.05, n_all)
    returns = volatility * (1.5 * windows[:, -1, 0] + 0.5 * rng.standard_normal(n_all))
    sessions = np.arange(n_all) // TICKERS_PER_SESSION
    parts = [
        LabelledWindows(windows[rows], returns[rows], volatility[rows], sessions[rows])
        for rows in (slice(0, n_fit), slice(n_fit, n_all))
    ]
    return parts[0], parts[1]


def config_of(family: ModelFamily) -> object:
    """The defaults; a quarter of the trees, which suffices here."""
    is_slow = family.name == "gradient_boosting"
    return family.config_from({"iterations": 20, "learning_rate": 0.2} if is_slow else {})


@cache
def fitted(name: str, seed: int = SEED) -> FittedModel:
    family = load_family(name)
    return family.fit(*planted(), config_of(family), seed)


def arrays_bytes(model: FittedModel) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.arrays().items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_same_seed_gives_the_same_bytes(name: str) -> None:
    family = load_family(name)
    again = family.fit(*planted(), config_of(family), SEED)
    assert arrays_bytes(again) == arrays_bytes(fitted(name))
    assert again.curve == fitted(name).curve


@pytest.mark.parametrize("name", RECURRENT)
def test_another_seed_gives_another_network(name: str) -> None:
    assert arrays_bytes(fitted(name, SEED + 1)) != arrays_bytes(fitted(name))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_state_of_global_generators_and_threads_changes_nothing(name: str) -> None:
    import torch

    before_threads, before_state = torch.get_num_threads(), torch.random.get_rng_state()
    family = load_family(name)
    try:
        torch.manual_seed(999)
        torch.set_num_threads(2)
        np.random.seed(999)  # noqa: NPY002
        state = torch.random.get_rng_state()
        again = family.fit(*planted(), config_of(family), SEED)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        torch.set_num_threads(before_threads)
        torch.random.set_rng_state(before_state)
    assert arrays_bytes(again) == arrays_bytes(fitted(name))


@pytest.mark.parametrize("name", FAMILIES)
def test_two_threads_give_the_bytes_of_one(name: str) -> None:
    family = load_family(name)
    with training_threads(2):
        again = family.fit(*planted(), config_of(family), SEED)
    assert arrays_bytes(again) == arrays_bytes(fitted(name))


@pytest.mark.parametrize("name", FAMILIES)
def test_quantiles_ascend_and_hold_their_share_of_the_returns(name: str) -> None:
    model, validation = fitted(name), planted()[1]
    if not isinstance(model, QuantileModel):
        assert name in ("base_rate", "logistic")
        return
    levels, said = model.quantile_levels, model.predict_quantiles(validation.tensor)
    assert said.shape == (len(validation.tensor), len(levels))
    assert (np.diff(said, axis=1) >= 0).all()
    below = (validation.standardised_return[:, None] <= said).mean(axis=0)
    wanted = np.array(levels)
    assert (np.abs(below - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / len(said))).all()
    assert np.corrcoef(said.mean(axis=1), validation.standardised_return)[0, 1] > 0.7


@pytest.mark.parametrize("name", FAMILIES)
def test_pooled_windows_teach_what_whole_ones_teach(name: str) -> None:
    family, (fit, validation) = load_family(name), planted()
    order = np.random.default_rng(3).permutation(len(fit.tensor))  # the vectors lie elsewhere in memory
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    pooled = LabelledWindows(
        PooledWindows(fit.tensor[order].reshape(-1, N_FEATURES), place * LOOKBACK, LOOKBACK),
        fit.forward_return,
        fit.volatility,
        fit.session_index,
    )
    again = family.fit(pooled, validation, config_of(family), SEED)
    assert arrays_bytes(again) == arrays_bytes(fitted(name))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_read_back_from_its_arrays_predicts_the_same_bits(name: str) -> None:
    family, model = load_family(name), fitted(name)
    again = family.from_arrays(model.arrays(), config_of(family))
    for windows in (planted()[1].windows, planted()[1].windows[:TICKERS_PER_SESSION]):
        for left, right in zip(model.predict(windows), again.predict(windows), strict=True):
            assert left.tobytes() == right.tobytes()
    assert arrays_bytes(again) == arrays_bytes(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_session_predicts_the_same_bits_wherever_its_batch_lies_in_memory(name: str) -> None:
    windows, model = planted()[1].windows, fitted(name)
    alone = model.predict(windows[40 : 40 + TICKERS_PER_SESSION].copy())
    spaced = np.zeros((TICKERS_PER_SESSION, LOOKBACK, N_FEATURES * 2 + 1), dtype=np.float32)
    spaced[..., 1 : 1 + N_FEATURES] = windows[40 : 40 + TICKERS_PER_SESSION]
    for batch in (windows[40 : 40 + TICKERS_PER_SESSION], spaced[..., 1 : 1 + N_FEATURES]):
        for left, right in zip(alone, model.predict(batch), strict=True):
            assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_window_says_the_same_in_any_batch(name: str) -> None:
    windows, model = planted()[1].windows, fitted(name)
    together = model.predict(windows)
    exact = name not in RECURRENT  # a matrix product may round a row differently beside other rows
    for start in (0, 7, 100):
        alone = model.predict(windows[start : start + 1])
        for left, right in zip(together, alone, strict=True):
            if exact:
                assert left[start] == right[0]
            assert abs(left[start] - right[0]) < 1e-5


@pytest.mark.parametrize("name", FAMILIES)
def test_output_is_a_probability_and_a_finite_mean_per_window(name: str) -> None:
    probability_up, mean = fitted(name).predict(planted()[1].windows)
    assert probability_up.shape == mean.shape == (len(planted()[1].windows),)
    assert probability_up.dtype == mean.dtype == np.float64
    assert ((probability_up > 0) & (probability_up < 1)).all()
    assert np.isfinite(mean).all()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_windows_with_values_that_are_not_finite_are_refused_with_their_count(
    name: str, poison: float
) -> None:
    windows = planted()[1].windows[:3].copy()
    windows[1, 4, :2] = poison
    with pytest.raises(NonFiniteValuesError, match=r"2 of 144 values"):
        fitted(name).predict(windows)


@pytest.mark.parametrize("field", ["windows", "forward_return", "volatility"])
def test_training_data_that_is_not_finite_is_refused_with_its_count(field: str) -> None:
    values = {
        name: getattr(planted()[0], name).copy()
        for name in ("windows", "forward_return", "volatility", "session_index")
    }
    values[field].reshape(-1)[:3] = np.nan
    with pytest.raises(NonFiniteValuesError, match=rf"{field}: 3 of"):
        LabelledWindows(**values)


def test_a_volatility_that_is_not_positive_is_refused() -> None:
    part = planted()[0]
    volatility = part.volatility.copy()
    volatility[5] = 0.0
    with pytest.raises(ModelInputError, match=r"1 of 2400 values are not positive"):
        LabelledWindows(part.windows, part.forward_return, volatility, part.session_index)


@pytest.mark.parametrize("name", LEARNERS)
def test_windows_of_another_feature_set_are_refused(name: str) -> None:
    with pytest.raises(ModelInputError, match="feature set of the model"):
        fitted(name).predict(np.zeros((2, LOOKBACK, N_FEATURES + 1), dtype=np.float32))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_planted_pattern_is_learned_beyond_the_base_rate(name: str) -> None:
    validation = planted()[1]
    probability_up, mean = fitted(name).predict(validation.windows)
    base_rate = max(validation.went_up.mean(), 1 - validation.went_up.mean())
    hits = ((probability_up >= 0.5) == (validation.went_up > 0)).mean()
    assert hits > base_rate + 0.25
    assert np.corrcoef(mean, validation.standardised_return)[0, 1] > 0.7


def test_the_network_learns_what_needs_memory() -> None:
    """The sign of the first vector decides: the newest vector alone knows nothing of it."""
    rng = np.random.default_rng(2)
    windows = rng.standard_normal((1600, 6, 2)).astype(np.float32)
    returns = np.sign(windows[:, 0, 0]) * 0.03
    ones, sessions = np.full(1600, 0.03), np.arange(1600)
    fit, validation = (
        LabelledWindows(windows[rows], returns[rows], ones[rows], sessions[rows])
        for rows in (slice(0, 1300), slice(1300, 1600))
    )
    family = load_family("lstm")
    model = family.fit(fit, validation, family.config_from({"epochs": 30, "learning_rate": 0.01}), SEED)
    assert ((model.predict(validation.windows)[0] >= 0.5) == (validation.went_up > 0)).mean() > 0.9


@pytest.mark.parametrize("name", FAMILIES)
def test_a_curve_of_finite_losses_is_kept(name: str) -> None:
    curve = fitted(name).curve
    assert [point.epoch for point in curve] == list(range(1, len(curve) + 1))
    assert len(curve) >= 1
    assert all(np.isfinite([point.training_loss, point.validation_loss]).all() for point in curve)


@pytest.mark.parametrize("name", LEARNERS)
def test_fitting_lowers_the_training_loss(name: str) -> None:
    losses = [point.training_loss for point in fitted(name).curve]
    assert losses[-1] < losses[0]
    assert losses[-1] == pytest.approx(min(losses), rel=1e-6)


def test_training_stops_when_validation_stops_improving_and_keeps_the_best_pass() -> None:
    fit, validation = planted()
    backwards = LabelledWindows(
        validation.windows, -validation.forward_return, validation.volatility, validation.session_index
    )
    family = load_family("lstm")
    config = family.config_from({"epochs": 8, "patience": 2})
    model = family.fit(fit, backwards, config, SEED)
    losses = [point.validation_loss for point in model.curve]
    assert len(losses) == int(np.argmin(losses)) + 1 + 2
    shorter = family.fit(fit, backwards, family.config_from({"epochs": int(np.argmin(losses)) + 1}), SEED)
    assert arrays_bytes(shorter) == arrays_bytes(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_validation_never_shapes_the_weights_of_a_fixed_number_of_epochs(name: str) -> None:
    fit, validation = planted()
    other = LabelledWindows(
        validation.windows[::-1].copy(),
        validation.forward_return,
        validation.volatility,
        validation.session_index,
    )
    family = load_family(name)
    config = family.config_from(ONE_ROUND.get(name, {}))
    assert arrays_bytes(family.fit(fit, validation, config, SEED)) == arrays_bytes(
        family.fit(fit, other, config, SEED)
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_unknown_settings_are_refused_by_name(name: str) -> None:
    with pytest.raises(ModelInputError, match=r"does not know the settings \['hiden_size'\]"):
        load_family(name).config_from({"hiden_size": 3})


@pytest.mark.parametrize("name", FAMILIES)
def test_configurations_are_frozen_plain_and_complete(name: str) -> None:
    config = load_family(name).config_from({})
    assert load_family(name).config_from(asdict(config)) == config
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(AttributeError):
        config.anything = 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lstm", {"hidden_size": 0}),
        ("lstm", {"learning_rate": 0.0}),
        ("lstm", {"weight_decay": -1.0}),
        ("lstm", {"device": "tpu"}),
        ("lstm", {"quantiles": (0.5, 0.5)}),
        ("attentive_lstm", {"attention_size": 0}),
        ("gradient_boosting", {"iterations": 0}),
        ("gradient_boosting", {"quantiles": (0.0, 0.5)}),
        ("logistic", {"ridge_windows": 0.0}),
        ("base_rate", {"prior_count": 0.0}),
    ],
)
def test_settings_out_of_range_are_refused(name: str, values: dict[str, object]) -> None:
    with pytest.raises(ModelInputError, match=next(iter(values))):
        load_family(name).config_from(values)


def test_an_unknown_family_is_named_beside_those_that_exist() -> None:
    with pytest.raises(
        UnknownModelError,
        match=r"'transformer'; there are attentive_lstm, base_rate, gradient_boosting, logistic, lstm",
    ):
        load_family("transformer")


def test_base_rate_is_the_smoothed_share_of_ups() -> None:
    ones = np.ones(4)
    part = LabelledWindows(
        np.zeros((4, 2, 1), dtype=np.float32), np.array([0.01, 0.02, 0.03, -0.06]), ones * 0.02, np.arange(4)
    )
    family = load_family("base_rate")
    model = family.fit(part, part, family.config_from({"prior_count": 4.0}), 0)
    probability_up, mean = model.predict(part.windows)
    assert probability_up.tolist() == [(3 + 2) / 8] * 4
    assert mean == pytest.approx(np.full(4, (0.5 + 1.0 + 1.5 - 3.0) / 8), abs=1e-15)


def test_trees_sum_to_what_their_library_says_without_it() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(8)
    design = rng.standard_normal((400, 3))
    grown = HistGradientBoostingRegressor(max_iter=9, early_stopping=False).fit(design, design[:, 0] ** 2)
    trees = Trees.grown(grown)
    assert trees.total(design) == pytest.approx(grown.predict(design), abs=1e-12)
    again = Trees.from_arrays(trees.arrays("x"), "x")
    assert again.total(design).tobytes() == trees.total(design).tobytes()
    assert len(list(trees.staged(design))) == 9
    assert trees.first(4).total(design) == pytest.approx(list(grown.staged_predict(design))[3], abs=1e-12)


def test_trees_that_would_walk_in_circles_are_refused() -> None:
    arrays = fitted("gradient_boosting").arrays()
    arrays["direction.left"] = np.zeros_like(arrays["direction.left"])
    family = load_family("gradient_boosting")
    with pytest.raises(ModelInputError, match="leads to no later node of its tree"):
        family.from_arrays(arrays, config_of(family))


def test_listing_and_loading_families_imports_no_heavy_library() -> None:
    code = (
        "import sys; from nextgen_assets.domain.models import family_names, load_family;"
        "[load_family(name) for name in family_names()]; assert not {'torch', 'sklearn', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
