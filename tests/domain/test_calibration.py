"""Recalibration: right with much evidence, silent with little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nextgen_assets.domain.calibration import (
    Calibration,
    CalibrationPrior,
    apply_calibration,
    fit_calibration,
    logit,
    sigmoid,
)


def test_temperature_two_halves_the_log_odds_and_the_bias_shifts_them() -> None:
    calibrated = apply_calibration(np.array([0.5, 0.8]), Calibration(temperature=2.0, bias=0.0))
    assert calibrated.tolist() == pytest.approx([0.5, 2 / 3])  # odds 4 become odds 2
    shifted = apply_calibration(np.array([0.5]), Calibration(temperature=1.0, bias=float(np.log(3))))
    assert shifted.tolist() == pytest.approx([0.75])


def test_no_history_changes_nothing() -> None:
    assert fit_calibration(np.array([]), np.array([])) == Calibration(1.0, 0.0)


def test_few_predictions_barely_move_a_probability() -> None:
    calibration = fit_calibration(np.array([0.6, 0.7, 0.65]), np.array([0.0, 0.0, 0.0]))
    moved = apply_calibration(np.array([0.6]), calibration)
    assert abs(moved[0] - 0.6) < 0.02


def test_much_evidence_recovers_the_temperature_and_the_bias_that_were_planted() -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 2, 40_000)
    went_up = (rng.random(40_000) < sigmoid(log_odds / 1.8 - 0.3)).astype(float)
    calibration = fit_calibration(sigmoid(log_odds), went_up)
    assert calibration.temperature == pytest.approx(1.8, abs=0.08)
    assert calibration.bias == pytest.approx(-0.3, abs=0.04)


def test_the_fit_is_the_minimum_of_the_penalised_loss() -> None:
    rng = np.random.default_rng(3)
    raw = rng.uniform(0.2, 0.8, 300)
    went_up = (rng.random(300) < 0.6).astype(float)
    prior = CalibrationPrior(temperature_strength=10.0, bias_strength=20.0)

    def loss(log_slope: float, bias: float) -> float:
        probability = sigmoid(logit(raw) * np.exp(log_slope) + bias)
        misfit = -np.log(np.where(went_up > 0, probability, 1 - probability)).sum()
        return float(misfit + 5.0 * log_slope**2 + 10.0 * bias**2)

    fitted = fit_calibration(raw, went_up, prior)
    slope, bias = -np.log(fitted.temperature), fitted.bias
    best = loss(slope, bias)
    for change in (-1e-3, 1e-3):
        assert loss(slope + change, bias) > best
        assert loss(slope, bias + change) > best


def test_forecasts_that_are_always_wrong_are_flattened_and_never_reversed() -> None:
    raw = np.tile([0.9, 0.1], 2000)
    calibration = fit_calibration(raw, np.tile([0.0, 1.0], 2000))
    calibrated = apply_calibration(np.array([0.1, 0.5, 0.9]), calibration)
    assert calibration.temperature > 5
    assert calibrated[0] < calibrated[1] < calibrated[2]


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)),
    st.integers(0, 2**32 - 1),
)
def test_calibration_keeps_probabilities_probable_and_in_order(raw: np.ndarray, seed: int) -> None:
    went_up = (np.random.default_rng(seed).random(raw.size) < 0.5).astype(float)
    calibration = fit_calibration(raw, went_up)
    calibrated = apply_calibration(np.sort(raw), calibration)
    assert ((calibrated > 0) & (calibrated < 1)).all()
    assert (np.diff(calibrated) >= 0).all()
    assert fit_calibration(raw.copy(), went_up.copy()) == calibration


def test_predictions_that_count_a_fifth_weigh_like_a_fifth_as_many() -> None:
    raw, went_up = np.tile([0.7, 0.4, 0.6], 40), np.tile([1.0, 0.0, 0.0], 40)
    repeated = fit_calibration(np.tile(raw, 5), np.tile(went_up, 5), evidence=np.full(600, 0.2))
    single = fit_calibration(raw, went_up)
    assert repeated.temperature == pytest.approx(single.temperature, rel=1e-12)
    assert repeated.bias == pytest.approx(single.bias, rel=1e-12)
    with pytest.raises(ValueError, match="not negative"):
        fit_calibration(raw, went_up, evidence=-np.ones(120))


def test_nan_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        fit_calibration(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(ValueError, match=r"\(2,\) and went_up \(1,\)"):
        fit_calibration(np.array([0.5, 0.5]), np.array([1.0]))
    with pytest.raises(ValueError, match="positive strengths"):
        CalibrationPrior(bias_strength=0.0)
