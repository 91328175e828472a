"""Recalibration of probabilities from matured predictions, held back by a prior that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_NEWTON_STEPS = 15
_SMALL_ENOUGH = 1e-9
"""Steps shrink quadratically near the end: the one after would be of the order of 1e-18."""
_LARGEST_STEP = 0.5
_LOG_TEMPERATURE_LIMIT = 3.0
_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class CalibrationPrior:
    """How many predictions' worth of information pull towards the identity.

    Parameters
    ----------
    temperature_strength, bias_strength : float
        Precision of the normal priors of ``log(1 / temperature)`` and of the bias, both centred at 0.
    """

    temperature_strength: float = 25.0
    bias_strength: float = 100.0

    def __post_init__(self) -> None:
        if min(self.temperature_strength, self.bias_strength) <= 0:
            raise ValueError(f"{self}: expected positive strengths; a prior keeps few samples from deciding")


@dataclass(frozen=True)
class Calibration:
    """``calibrated = sigmoid(logit(raw) / temperature + bias)``; temperature 1 and bias 0 change nothing."""

    temperature: float = 1.0
    bias: float = 0.0


def logit(probability: Floats) -> Floats:
    """Log odds, with probabilities kept within one millionth of 0 and 1."""
    kept = np.clip(probability, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    return np.asarray(np.log(kept / (1.0 - kept)))


def sigmoid(log_odds: Floats) -> Floats:
    """Inverse of :func:`logit`."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))


def fit_calibration(
    raw_probability_up: Floats,
    went_up: Floats,
    prior: CalibrationPrior | None = None,
    evidence: Floats | None = None,
) -> Calibration:
    r"""Most probable temperature and bias, given matured predictions and the prior.

    Minimises ``-sum(evidence * log likelihood) + t/2 * log(temperature)^2 + b/2 * bias^2`` by damped
    Newton steps from the identity (Fisher scoring where the observed information is not positive definite), until a
    step is so small that the next would be lost in rounding.

    Parameters
    ----------
    raw_probability_up : ndarray of float64, shape (n,)
        Forecasts in canonical order, in [0, 1]; n may be 0, which gives the identity.
    went_up : ndarray of float64, shape (n,)
        Outcomes, 0 or 1.
    prior : CalibrationPrior, optional
        Strength of the pull towards the identity.
    evidence : ndarray of float64, shape (n,), optional
        How much each prediction counts, not negative; 1 by default. Overlapping targets of h sessions
        count 1 / h each, or the same move of the market would be believed h times.

    Returns
    -------
    Calibration
        The temperature is positive, so that no calibration ever reverses an order.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines. Guo, C. et al. (2017). On
    calibration of modern neural networks.

    Notes
    -----
    As-of rule: the caller passes predictions whose target session had closed by the session at hand.
    """
    prior = prior or CalibrationPrior()
    if raw_probability_up.shape != went_up.shape or raw_probability_up.ndim != 1:
        raise ValueError(
            f"raw_probability_up {raw_probability_up.shape} and went_up {went_up.shape}: expected equal (n,)"
        )
    counted = np.ones_like(went_up) if evidence is None else evidence
    if counted.shape != went_up.shape or not (counted >= 0).all():
        raise ValueError(f"evidence {counted.shape}: expected {went_up.shape} numbers that are not negative")
    if not (np.isfinite(raw_probability_up).all() and np.isfinite(went_up).all()):
        raise ValueError("raw_probability_up or went_up holds NaN; pass matured predictions only")
    log_odds = logit(raw_probability_up)
    log_slope, bias = 0.0, 0.0
    for _ in range(_NEWTON_STEPS):
        scaled = np.exp(log_slope) * log_odds
        probability = sigmoid(scaled + bias)
        error = counted * (probability - went_up)
        weight = counted * probability * (1.0 - probability)
        gradient_slope = float((error * scaled).sum()) + prior.temperature_strength * log_slope
        gradient_bias = float(error.sum()) + prior.bias_strength * bias
        slope_slope = float((weight * scaled * scaled).sum()) + prior.temperature_strength
        slope_bias = float((weight * scaled).sum())
        bias_bias = float(weight.sum()) + prior.bias_strength
        observed = slope_slope + float((error * scaled).sum())
        if observed * bias_bias > slope_bias * slope_bias:
            slope_slope = observed
        determinant = slope_slope * bias_bias - slope_bias * slope_bias
        step_slope = (bias_bias * gradient_slope - slope_bias * gradient_bias) / determinant
        step_bias = (slope_slope * gradient_bias - slope_bias * gradient_slope) / determinant
        before = (log_slope, bias)
        log_slope = _within(log_slope - _within(step_slope, _LARGEST_STEP), _LOG_TEMPERATURE_LIMIT)
        bias -= _within(step_bias, _LARGEST_STEP)
        if max(abs(log_slope - before[0]), abs(bias - before[1])) < _SMALL_ENOUGH:
            break
    return Calibration(temperature=float(np.exp(-log_slope)), bias=bias)


def apply_calibration(raw_probability_up: Floats, calibration: Calibration) -> Floats:
    """Calibrated probabilities, same shape and order."""
    return sigmoid(logit(raw_probability_up) / calibration.temperature + calibration.bias)


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
