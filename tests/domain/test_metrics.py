"""Scores by hand, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from nextgen_assets.domain import metrics
from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.metrics import ScoreIntervals

P = np.array([0.9, 0.6, 0.5, 0.2])
Y = np.array([1.0, 0.0, 1.0, 0.0])
SESSIONS = np.array([1, 1, 2, 2])


def test_brier_score_by_hand() -> None:
    assert metrics.brier_score(P, Y) == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)


def test_log_loss_by_hand() -> None:
    expected = -(np.log(0.9) + np.log(0.4) + np.log(0.5) + np.log(0.8)) / 4
    assert metrics.log_loss(P, Y) == pytest.approx(expected)


def test_log_loss_of_a_certain_wrong_forecast_is_finite() -> None:
    assert metrics.log_loss(np.array([0.0]), np.array([1.0])) == pytest.approx(27.631, abs=1e-3)


def test_accuracy_counts_one_half_as_up() -> None:
    assert metrics.accuracy(P, Y) == 0.75


def test_coverage_includes_the_bounds() -> None:
    lower, upper = np.full(4, -0.1), np.full(4, 0.1)
    assert metrics.coverage(lower, upper, np.array([-0.1, 0.1, 0.0, 0.11])) == 0.75


def test_calibration_error_by_hand() -> None:
    # bins [0.8, 0.9): one up of two at 0.85 and 0.85; [0.3, 0.4): none of one at 0.3
    error = metrics.expected_calibration_error(np.array([0.85, 0.85, 0.3]), np.array([1.0, 0.0, 0.0]))
    assert error == pytest.approx((abs(1.7 - 1.0) + 0.3) / 3)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert metrics.expected_calibration_error(np.array([1.0]), np.array([1.0])) == 0.0


def test_rank_correlation_by_hand() -> None:
    expected = np.array([3.0, 1.0, 2.0, 1.0, 2.0, 3.0])
    realised = np.array([0.3, 0.1, 0.2, 0.3, 0.2, 0.1])
    sessions = np.array([5, 5, 5, 8, 8, 8])
    correlations, kept = metrics.rank_correlations(expected, realised, sessions)
    assert correlations.tolist() == pytest.approx([1.0, -1.0])
    assert kept.tolist() == [5, 8]
    assert metrics.information_coefficient(expected, realised, sessions) == pytest.approx(0.0)


@settings(deadline=None)
@given(
    arrays(np.float64, 12, elements=st.integers(-3, 3).map(float)),
    arrays(np.float64, 12, elements=st.integers(-3, 3).map(float)),
)
def test_rank_correlation_equals_scipy_with_ties(expected: np.ndarray, realised: np.ndarray) -> None:
    sessions = np.repeat([3, 4], 6)
    correlations, kept = metrics.rank_correlations(expected, realised, sessions)
    for session, correlation in zip(kept, correlations, strict=True):
        rows = sessions == session
        assert correlation == pytest.approx(spearmanr(expected[rows], realised[rows]).statistic, abs=1e-12)
    varied = [
        s for s in (3, 4) if np.ptp(expected[sessions == s]) > 0 and np.ptp(realised[sessions == s]) > 0
    ]
    assert kept.tolist() == varied


def test_an_undefined_rank_correlation_is_an_error() -> None:
    with pytest.raises(ValueError, match="rank correlation is undefined"):
        metrics.information_coefficient(np.ones(4), np.arange(4.0), np.zeros(4, dtype=np.int64))


def test_intervals_contain_their_value_and_count_sessions() -> None:
    rng = np.random.default_rng(0)
    sessions = np.repeat(np.arange(80), 4)
    realised = rng.normal(0, 0.03, 320)
    probability = np.clip(0.5 + 5 * realised + rng.normal(0, 0.1, 320), 0.01, 0.99)
    went_up = (realised > 0).astype(float)
    scores = ScoreIntervals(sessions, BootstrapConfig())
    pairs = [
        (scores.brier_score(probability, went_up), metrics.brier_score(probability, went_up)),
        (scores.log_loss(probability, went_up), metrics.log_loss(probability, went_up)),
        (scores.accuracy(probability, went_up), metrics.accuracy(probability, went_up)),
        (
            scores.coverage(realised - 0.01, realised + 0.01, np.zeros(320)),
            metrics.coverage(realised - 0.01, realised + 0.01, np.zeros(320)),
        ),
        (
            scores.information_coefficient(probability, realised),
            metrics.information_coefficient(probability, realised, sessions),
        ),
    ]
    for interval, value in pairs:
        assert interval.value == pytest.approx(value, rel=1e-12)
        assert interval.lower < value < interval.upper
        assert interval.n_sessions == 80
    assert pairs[0][0].n == 320
    error = scores.expected_calibration_error(probability, went_up)
    assert error.value == pytest.approx(metrics.expected_calibration_error(probability, went_up))
    assert error.lower < error.upper


def test_values_that_are_not_finite_and_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 4 values are NaN"):
        metrics.brier_score(np.array([0.5, np.nan, 0.5, 0.5]), Y)
    with pytest.raises(ValueError, match=r"\(4,\), \(3,\)"):
        metrics.brier_score(P, Y[:3])
    with pytest.raises(ValueError, match="n > 0"):
        metrics.accuracy(np.array([]), np.array([]))
