"""Matured forecasts of contenders side by side, and the figures that the promotion gate judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextgen_assets.domain.calibration import sigmoid
from nextgen_assets.domain.clustering import clustered_mean
from nextgen_assets.domain.intervals import BootstrapConfig, Interval, clustered_interval, sums_per_session
from nextgen_assets.domain.members import Floats, Indices


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """Matured forecasts of the contenders over the same tickers and sessions.

    Parameters
    ----------
    log_odds : mapping of str to ndarray, shape (n,)
        Of up, by recipe; NaN where it was silent.
    base_log_odds, champion_log_odds : ndarray of float64, shape (n,)
        Of the base rate and of what is served; NaN where silent.
    realised, volatility : ndarray of float64, shape (n,)
        Log return over the horizon and its forecast standard deviation.
    session_index : ndarray of int64, shape (n,)
        Calendar positions, ascending.
    horizon_sessions : int
        Depth by which targets overlap.
    """

    log_odds: Mapping[str, Floats]
    base_log_odds: Floats
    champion_log_odds: Floats
    realised: Floats
    volatility: Floats
    session_index: Indices
    horizon_sessions: int


def losses_of_odds(log_odds: Floats, went_up: Floats) -> Floats:
    """Log loss of each forecast, from its log odds."""
    return np.logaddexp(0.0, np.where(went_up > 0, -log_odds, log_odds))


def mean_by_session(values: Floats, session_index: Indices, bootstrap: BootstrapConfig) -> Interval:
    """Mean over rows with the percentile interval of blocks of sessions."""
    counts = sums_per_session(np.ones_like(values), session_index)
    return clustered_interval(sums_per_session(values, session_index), counts, bootstrap)


def bet_blocks(record: TrackRecord) -> Indices:
    """Block of each row: twice the horizon, so that the bets of two blocks hardly overlap; the newest complete."""
    newest = record.session_index.max(initial=0)
    back = (newest - record.session_index) // (2 * record.horizon_sessions)
    blocks: Indices = back.max(initial=0) - back
    return blocks


def calibration_scores(
    record: TrackRecord, recipe: str, rows: Indices, went_up: Floats, level: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Score tests of ``logit(p) -> a + b logit(p)`` at a = 0 and b = 1, clustered by blocks of two horizons.

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression.
    """
    odds = record.log_odds[recipe][rows]
    error = went_up - sigmoid(odds)
    sessions = record.session_index[rows]
    blocks = (sessions.max() - sessions) // (2 * record.horizon_sessions)
    spread = odds - odds.mean()
    found = []
    for score in (error, error * spread):
        estimate = clustered_mean(score, blocks)
        half = estimate.half_width(level) if estimate.standard_error > 0 else 0.0
        found.append({"value": estimate.value, "half_width": half})
    return found[0], found[1]


def bets(record: TrackRecord, log_odds: Floats) -> Floats:
    """Mean standardised return per block of going long where more was expected than the base rate, else short."""
    view = np.sign(np.nan_to_num(log_odds - record.base_log_odds))
    gains = view * record.realised / record.volatility
    blocks = bet_blocks(record)
    counts = np.bincount(blocks)
    return np.asarray(np.bincount(blocks, gains)[counts > 0] / counts[counts > 0])
