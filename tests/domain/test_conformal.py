"""Split-conformal bounds by hand, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nextgen_assets.domain.conformal import (
    ConformalBounds,
    ScaleConfig,
    fit_bounds,
    fit_scale,
    smallest_history,
)


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


def scaled_market(n_sessions: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, errors and volatilities of a calm, a usual and a wild ticker; half of a volatility is passing noise."""
    rng = np.random.default_rng(5)
    codes = np.tile(np.arange(3), n_sessions)
    true = np.array([0.01, 0.03, 0.09])[codes]
    stated = 0.03 * np.exp(0.4 * rng.standard_normal(codes.size))  # says nothing of who is wild
    return codes, true * rng.standard_normal(codes.size), stated


def test_the_yardstick_learns_how_wide_the_errors_of_each_ticker_are() -> None:
    codes, errors, volatility = scaled_market()
    names = ("CALM", "USUAL", "WILD")
    scale, yardstick = fit_scale(names, codes, errors, volatility, ScaleConfig(0.5, 20.0), 0.9)
    bounds = fit_bounds(errors, np.zeros_like(errors), yardstick, 0.9)
    assert bounds is not None
    fresh = scaled_market(4000)
    size = scale.of([names[code] for code in fresh[0]], fresh[2])
    lower, upper = bounds.apply(np.zeros_like(size), size)
    inside = (fresh[1] >= lower) & (fresh[1] <= upper)
    shares = [inside[fresh[0] == code].mean() for code in range(3)]
    assert shares == pytest.approx([0.9] * 3, abs=0.04)
    plain = fit_bounds(errors, np.zeros_like(errors), volatility, 0.9)
    assert plain is not None
    outside = np.abs(fresh[1]) > plain.upper_quantile * fresh[2]
    assert outside[fresh[0] == 2].mean() > 0.25  # one width for all leaves the wild ticker uncovered


def test_a_weight_of_one_and_an_endless_strength_are_the_volatility_itself() -> None:
    codes, errors, volatility = scaled_market(30)
    scale, yardstick = fit_scale(("A", "B", "C"), codes, errors, volatility, ScaleConfig(1.0, 1e12), 0.9)
    assert yardstick == pytest.approx(volatility, rel=1e-6)
    assert scale.of(["B", "NEW"], np.array([0.02, 0.07])) == pytest.approx([0.02, 0.07], rel=1e-6)


def test_a_ticker_without_matured_predictions_has_its_volatility() -> None:
    codes, errors, volatility = scaled_market(50)
    scale, _ = fit_scale(("A", "B", "C"), codes, errors, volatility, ScaleConfig(), 0.9)
    assert scale.of(["NEW"], np.array([0.07])) == pytest.approx([0.07])
    assert np.isnan(scale.of(["A"], np.array([np.nan]))).all()


def test_a_passing_calm_is_believed_by_its_weight_only() -> None:
    codes, errors, _ = scaled_market(400)
    scale, _ = fit_scale(
        ("A", "B", "C"), codes, errors, np.full(codes.size, 0.04), ScaleConfig(0.6, 1e-9), 0.9
    )
    usual, calm = scale.of(["A", "A"], np.array([0.04, 0.01]))
    assert calm / usual == pytest.approx(0.25**0.6, rel=1e-6)


def test_a_short_history_makes_bounds_wider_than_the_same_errors_over_a_long_one() -> None:
    rng = np.random.default_rng(2)
    few, many = rng.standard_normal(40), rng.standard_normal(4000)
    codes = np.repeat([0, 1], [few.size, many.size])
    errors, volatility = np.concatenate([few, many]), np.full(few.size + many.size, 0.02)
    names = ("NEW", "OLD")
    alone, _ = fit_scale(names, codes, errors, volatility, ScaleConfig(overlap_sessions=1), 0.9)
    blocks, _ = fit_scale(names, codes, errors, volatility, ScaleConfig(overlap_sessions=10), 0.9)
    now = np.array([0.02, 0.02])
    assert blocks.of(names, now)[0] > alone.of(names, now)[0]
    assert blocks.of(names, now)[1] == pytest.approx(alone.of(names, now)[1], rel=0.01)


@pytest.mark.parametrize("broken", [{"volatility_weight": 1.1}, {"ticker_strength": 0.0}])
def test_scales_that_cannot_be_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a weight"):
        ScaleConfig(**broken)
