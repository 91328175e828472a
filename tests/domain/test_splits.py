"""Which windows may train, and which validate: the purge is where leaks hide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.splits import (
    SplitConfig,
    TooLittleDataError,
    rows_before_cutoff,
    shortage_of_history,
    split_by_time,
    thinned,
)

SMALL = SplitConfig(
    horizon_sessions=2,
    train_sessions=5,
    embargo_sessions=1,
    validation_fraction=0.2,
    minimum_fit_sessions=1,
    minimum_validation_sessions=1,
)


def test_rows_end_a_horizon_and_an_embargo_before_the_cutoff() -> None:
    sessions = np.arange(20)
    rows = rows_before_cutoff(sessions, np.ones(20, dtype=bool), 12, SMALL)
    assert rows.tolist() == [5, 6, 7, 8, 9]  # 9 + horizon 2 + embargo 1 = 12; five sessions


def test_rows_without_a_usable_label_are_left_out() -> None:
    usable = np.ones(20, dtype=bool)
    usable[[6, 9]] = False
    assert rows_before_cutoff(np.arange(20), usable, 12, SMALL).tolist() == [5, 7, 8]


def test_the_newest_fifth_validates_after_a_purged_gap() -> None:
    split = split_by_time(np.arange(20), SMALL)
    assert split.validation.tolist() == [16, 17, 18, 19]
    assert split.fit.tolist() == list(range(14))  # 13 + horizon 2 + embargo 1 = 16


def test_sessions_are_never_divided_between_the_parts() -> None:
    sessions = np.repeat(np.arange(20), 3)
    split = split_by_time(sessions, SMALL)
    assert split.validation.tolist() == list(range(48, 60))
    assert split.fit.tolist() == list(range(42))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=150),
    st.integers(1, 6),
    st.integers(0, 4),
    st.floats(0.05, 0.6),
)
def test_every_fitted_label_ends_an_embargo_before_the_first_validation_session(
    sessions: list[int], horizon: int, embargo: int, share: float
) -> None:
    config = SplitConfig(horizon, 750, embargo, share, 1, 1)
    index = np.array(sorted(sessions))
    if shortage_of_history(index, config):
        with pytest.raises(TooLittleDataError):
            split_by_time(index, config)
        return
    split = split_by_time(index, config)
    assert index[split.fit].max() + horizon + embargo <= index[split.validation].min()
    purged = np.setdiff1d(np.arange(index.size), np.concatenate([split.fit, split.validation]))
    assert (index[purged] < index[split.validation].min()).all()
    assert (index[purged] > index[split.fit].max()).all()


def test_too_little_data_says_how_much_there_was_and_what_to_do() -> None:
    config = SplitConfig(minimum_fit_sessions=100)
    with pytest.raises(TooLittleDataError, match=r"40 sessions .* give 29 to fit \(expected at least 100\)"):
        split_by_time(np.arange(40), config)
    with pytest.raises(TooLittleDataError, match="no window with a matured label"):
        split_by_time(np.arange(0), config)


@pytest.mark.parametrize(
    "values", [{"horizon_sessions": 0}, {"embargo_sessions": -1}, {"validation_fraction": 1.0}]
)
def test_lengths_that_make_no_sense_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        SplitConfig(**values)


def test_few_enough_windows_are_all_kept() -> None:
    rows, zeros = np.arange(10), np.zeros(10, dtype=np.int64)
    assert thinned(rows, rows, zeros, 10).tolist() == list(range(10))
    assert thinned(rows, rows, zeros, None).tolist() == list(range(10))


def test_too_many_windows_leave_every_kth_session_of_each_ticker() -> None:
    sessions = np.repeat(np.arange(100, 112), 2)  # two tickers on twelve sessions
    phases = np.tile([0, 1], 12)
    kept = thinned(np.arange(24), sessions, phases, 8)  # 24 windows, at most 8: every third session
    assert sessions[kept][phases[kept] == 0].tolist() == [102, 105, 108, 111]
    assert sessions[kept][phases[kept] == 1].tolist() == [101, 104, 107, 110]


def test_choice_for_a_ticker_does_not_hang_on_the_others() -> None:
    sessions, phases = np.repeat(np.arange(60), 3), np.tile([5, 6, 7], 60)
    whole = thinned(np.arange(180), sessions, phases, 60)
    without_first = np.flatnonzero(phases != 5)
    part = thinned(without_first, sessions, phases, 40)
    assert part.tolist() == [row for row in whole.tolist() if phases[row] != 5]


def test_maximum_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="maximum_windows=0"):
        SplitConfig(maximum_windows=0)
