"""Trailing volatility against the standard library, and its independence of the start of a pass."""

import statistics
from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.volatility import daily_volatility, horizon_volatility, trailing_volatility


def test_volatility_equals_the_sample_standard_deviation():
    returns = np.random.default_rng(3).normal(0, 0.02, (60, 2))
    found = daily_volatility(returns, 20)
    assert np.isnan(found[:19]).all()
    for row in (19, 40, 59):
        for column in range(2):
            expected = statistics.stdev(returns[row - 19 : row + 1, column].tolist())
            assert abs(found[row, column] - expected) < 1e-12


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, 35), seed=st.integers(0, 1000))
def test_a_later_start_of_the_pass_gives_the_same_bits(start, seed):
    returns = np.random.default_rng(seed).normal(0, 0.02, (60, 3))
    whole, tail = daily_volatility(returns, 20), daily_volatility(returns[start:], 20)
    assert whole[start + 19 :].tobytes() == tail[19:].tobytes()


def test_a_missing_return_or_no_movement_leaves_no_value():
    returns = np.full((40, 2), 0.01)
    returns[25, 1] = np.nan
    returns[:, 1] += np.arange(40) * 1e-4
    found = daily_volatility(returns, 20)
    assert np.isnan(found[:, 0]).all()
    assert np.isnan(found[25:40, 1]).all()
    assert found[24, 1] > 0


def test_rows_are_sorted_and_the_horizon_scales_by_its_root():
    returns = np.random.default_rng(1).normal(0, 0.02, (25, 2))
    sessions = tuple(date(2012, 3, day) for day in range(1, 26))
    panel = Panel(sessions, ("B", "A"), {"log_return": returns})
    rows = trailing_volatility(panel)
    assert rows["ticker"].to_list() == ["A"] * 6 + ["B"] * 6
    assert rows["volatility"][0] == daily_volatility(returns)[19, 1]
    np.testing.assert_allclose(horizon_volatility(panel, 4), 2 * daily_volatility(returns))
