"""Scores of probability, direction, bounds and ranking, each with a day-clustered interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.intervals import BootstrapConfig, Interval, clustered_interval, sums_per_session

Floats = npt.NDArray[np.float64]
Sessions = npt.NDArray[np.int64]

SMALLEST_PROBABILITY = 1e-12
"""The log loss of a certain and wrong forecast is finite: 27.6 nats."""


def brier_scores(probability_up: Floats, went_up: Floats) -> Floats:
    """Squared error of each probability, ``(p - y)^2``, between 0 and 1.

    Parameters
    ----------
    probability_up, went_up : ndarray of float64, shape (n,)
        Forecast in [0, 1]; outcome 0 or 1. No NaN.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    """
    _check(probability_up, went_up)
    error = probability_up - went_up
    return np.asarray(error * error)


def log_losses(probability_up: Floats, went_up: Floats) -> Floats:
    """Negative log-likelihood of each outcome in nats, probabilities kept away from 0 and 1."""
    _check(probability_up, went_up)
    kept = np.clip(probability_up, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    likelihood: Floats = np.where(went_up > 0, kept, 1.0 - kept)
    return np.negative(np.log(likelihood))


def hits(probability_up: Floats, went_up: Floats) -> Floats:
    """1.0 where the likelier direction came true; a probability of one half says up."""
    _check(probability_up, went_up)
    is_hit = np.equal(probability_up >= 0.5, went_up > 0)
    return is_hit.astype(np.float64)


def insides(lower: Floats, upper: Floats, realised: Floats) -> Floats:
    """1.0 where ``lower <= realised <= upper``."""
    _check(lower, upper, realised)
    return ((lower <= realised) & (realised <= upper)).astype(np.float64)


def brier_score(probability_up: Floats, went_up: Floats) -> float:
    """Mean of :func:`brier_scores`.

    Examples
    --------
    >>> brier_score(np.array([0.75, 0.5]), np.array([1.0, 1.0]))
    0.15625
    """
    return float(brier_scores(probability_up, went_up).mean())


def log_loss(probability_up: Floats, went_up: Floats) -> float:
    """Mean of :func:`log_losses`."""
    return float(log_losses(probability_up, went_up).mean())


def accuracy(probability_up: Floats, went_up: Floats) -> float:
    """Share of :func:`hits` (the hit rate)."""
    return float(hits(probability_up, went_up).mean())


def coverage(lower: Floats, upper: Floats, realised: Floats) -> float:
    """Share of returns inside their bounds."""
    return float(insides(lower, upper, realised).mean())


def expected_calibration_error(probability_up: Floats, went_up: Floats, n_bins: int = 10) -> float:
    """Mean distance between forecast and frequency over equal-width bins, weighted by their counts.

    ``sum over bins of |sum of (p - y)| / n``.

    References
    ----------
    Naeini, M. P., Cooper, G. F. and Hauskrecht, M. (2015). Obtaining well calibrated probabilities using
    Bayesian binning.
    """
    binned = _binned_errors(probability_up, went_up, n_bins)
    return float(np.abs(binned.sum(axis=0)).sum() / probability_up.size)


def rank_correlations(
    expected: Floats, realised: Floats, session_index: Sessions, minimum_names: int = 3
) -> tuple[Floats, Sessions]:
    """Spearman correlation across the tickers of each session.

    Parameters
    ----------
    expected, realised : ndarray of float64, shape (n,)
        Forecast and outcome; no NaN. Ties share their mean rank.
    session_index : ndarray of int64, shape (n,)
        Calendar positions.
    minimum_names : int
        Sessions with fewer tickers are left out, and so are those where either side is all equal.

    Returns
    -------
    correlations : ndarray of float64, shape (n_kept_sessions,)
    sessions : ndarray of int64, shape (n_kept_sessions,)
        Ascending.
    """
    _check(expected, realised)
    order = np.argsort(session_index, kind="stable")
    sessions, starts = np.unique(session_index[order], return_index=True)
    kept: list[tuple[float, int]] = []
    for session, rows in zip(sessions, np.split(order, starts[1:]), strict=True):
        if rows.size < minimum_names:
            continue
        left, right = _centred_ranks(expected[rows]), _centred_ranks(realised[rows])
        spread = float(np.sqrt((left * left).sum() * (right * right).sum()))
        if spread > 0:
            kept.append((float((left * right).sum()) / spread, int(session)))
    correlations = np.array([correlation for correlation, _ in kept], dtype=np.float64)
    return correlations, np.array([session for _, session in kept], dtype=np.int64)


def information_coefficient(
    expected: Floats, realised: Floats, session_index: Sessions, minimum_names: int = 3
) -> float:
    """Mean of :func:`rank_correlations` over sessions.

    Raises
    ------
    ValueError
        If no session has enough distinct forecasts and outcomes.

    References
    ----------
    Grinold, R. C. and Kahn, R. N. (2000). Active Portfolio Management, chapter 6.
    """
    correlations, _ = rank_correlations(expected, realised, session_index, minimum_names)
    if not correlations.size:
        raise ValueError(
            f"no session has {minimum_names} tickers with forecasts and outcomes that differ; "
            "the rank correlation is undefined, record its absence"
        )
    return float(correlations.mean())


@dataclass(frozen=True)
class ScoreIntervals:
    """Intervals of the scores of one set of forecasts; ``session_index`` names the session of each row."""

    session_index: Sessions
    config: BootstrapConfig

    def mean(self, scores: Floats) -> Interval:
        """Interval of the mean of per-row scores, such as :func:`brier_scores` or :func:`hits`."""
        _check(scores)
        counts = sums_per_session(np.ones_like(scores), self.session_index)
        return clustered_interval(sums_per_session(scores, self.session_index), counts, self.config)

    def brier_score(self, probability_up: Floats, went_up: Floats) -> Interval:
        """Interval of :func:`brier_score`."""
        return self.mean(brier_scores(probability_up, went_up))

    def log_loss(self, probability_up: Floats, went_up: Floats) -> Interval:
        """Interval of :func:`log_loss`."""
        return self.mean(log_losses(probability_up, went_up))

    def accuracy(self, probability_up: Floats, went_up: Floats) -> Interval:
        """Interval of :func:`accuracy`."""
        return self.mean(hits(probability_up, went_up))

    def coverage(self, lower: Floats, upper: Floats, realised: Floats) -> Interval:
        """Interval of :func:`coverage`."""
        return self.mean(insides(lower, upper, realised))

    def expected_calibration_error(
        self, probability_up: Floats, went_up: Floats, n_bins: int = 10
    ) -> Interval:
        """Interval of :func:`expected_calibration_error`; biased upward in small samples, as the score is."""
        errors = sums_per_session(_binned_errors(probability_up, went_up, n_bins), self.session_index)
        counts = sums_per_session(np.ones_like(probability_up), self.session_index)
        return clustered_interval(errors, counts, self.config, statistic=_summed_distances)

    def information_coefficient(self, expected: Floats, realised: Floats, minimum_names: int = 3) -> Interval:
        """Interval of :func:`information_coefficient`; ``n`` counts sessions."""
        information_coefficient(expected, realised, self.session_index, minimum_names)
        correlations, sessions = rank_correlations(expected, realised, self.session_index, minimum_names)
        counts = sums_per_session(np.ones_like(correlations), sessions)
        return clustered_interval(sums_per_session(correlations, sessions), counts, self.config)


def _summed_distances(sums: Floats) -> Floats:
    counts = sums[..., -1]
    return np.asarray(np.abs(sums[..., :-1]).sum(axis=-1) / np.where(counts == 0, np.nan, counts))


def _binned_errors(probability_up: Floats, went_up: Floats, n_bins: int) -> Floats:
    _check(probability_up, went_up)
    position = np.minimum((probability_up * n_bins).astype(np.int64), n_bins - 1)
    errors = np.zeros((probability_up.size, n_bins))
    errors[np.arange(probability_up.size), position] = probability_up - went_up
    return errors


def _centred_ranks(values: Floats) -> Floats:
    """Mean ranks, less their mean; few tickers per session, so comparing all pairs is quick."""
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1)
    return np.asarray(below + (equal - 1) / 2 - (values.size - 1) / 2)


def _check(*arrays: Floats) -> None:
    sizes = {array.shape for array in arrays}
    if len(sizes) != 1 or arrays[0].ndim != 1 or not arrays[0].size:
        raise ValueError(f"arrays of shapes {[array.shape for array in arrays]}, expected equal (n > 0,)")
    for array in arrays:
        if not np.isfinite(array).all():
            broken = int(np.count_nonzero(~np.isfinite(array)))
            raise ValueError(f"{broken} of {array.size} values are NaN or infinite, expected none")
