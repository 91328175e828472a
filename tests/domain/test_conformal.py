"""Split-conformal bounds by hand, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nextgen_assets.domain.conformal import ConformalBounds, fit_bounds, smallest_history


def test_quantiles_are_the_corrected_order_statistics() -> None:
    errors = np.random.default_rng(0).permutation(np.arange(1.0, 40.0))  # 1 to 39
    bounds = fit_bounds(errors, np.zeros(39), np.ones(39), coverage=0.9)
    assert bounds == ConformalBounds(2.0, 38.0, 39)  # (39 + 1) * 0.05 = 2 and 38


def test_nineteen_errors_are_the_fewest_for_ninety_percent() -> None:
    assert smallest_history(0.9) == 19
    ones = np.ones(19)
    assert fit_bounds(np.arange(19.0), 0 * ones, ones, 0.9) == ConformalBounds(0.0, 18.0, 19)
    assert fit_bounds(np.arange(18.0), 0 * ones[:18], ones[:18], 0.9) is None


def test_a_stated_minimum_is_kept() -> None:
    ones = np.ones(59)
    assert fit_bounds(ones, ones, ones, 0.9, minimum_n=60) is None


def test_errors_are_in_units_of_volatility() -> None:
    realised = np.linspace(-0.2, 0.2, 39)
    bounds = fit_bounds(realised, np.zeros(39), np.full(39, 0.02), 0.9)
    assert bounds is not None
    lower, upper = bounds.apply(np.array([0.01]), np.array([0.04]))
    assert lower[0] == pytest.approx(0.01 + realised[1] / 0.02 * 0.04)
    assert upper[0] == pytest.approx(0.01 + realised[37] / 0.02 * 0.04)


def test_errors_on_one_side_leave_the_expectation_as_the_other_bound() -> None:
    bounds = ConformalBounds(lower_quantile=0.5, upper_quantile=2.0, n=50)
    lower, upper = bounds.apply(np.array([0.01]), np.array([0.02]))
    assert (lower[0], upper[0]) == (0.01, 0.05)


@settings(deadline=None)
@given(
    arrays(np.float64, 40, elements=st.floats(-5, 5)),
    st.floats(-1, 1),
    st.floats(1e-6, 1),
)
def test_bounds_always_hold_the_expectation(errors: np.ndarray, expected: float, volatility: float) -> None:
    bounds = fit_bounds(errors, np.zeros(40), np.ones(40), 0.9)
    assert bounds is not None
    lower, upper = bounds.apply(np.array([expected]), np.array([volatility]))
    assert lower[0] <= expected <= upper[0]


def test_exchangeable_errors_are_covered_at_least_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(3000):
        draws = rng.standard_t(3, 61)
        bounds = fit_bounds(draws[:60], np.zeros(60), np.ones(60), 0.9)
        assert bounds is not None
        inside += bounds.lower_quantile <= draws[60] <= bounds.upper_quantile
    assert 0.885 <= inside / 3000 <= 0.935  # exact coverage is 55/61 = 0.902


def test_what_cannot_be_standardised_is_refused() -> None:
    ones = np.ones(30)
    with pytest.raises(ValueError, match="30 of 30 volatilities"):
        fit_bounds(ones, ones, 0 * ones, 0.9)
    with pytest.raises(ValueError, match="30 of 30 errors are NaN"):
        fit_bounds(ones * np.nan, ones, ones, 0.9)
    with pytest.raises(ValueError, match="three times"):
        fit_bounds(ones, ones[:3], ones, 0.9)
    with pytest.raises(ValueError, match=r"coverage=1\.0"):
        smallest_history(1.0)
