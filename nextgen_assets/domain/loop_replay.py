"""The record replayed with and without what it learns from itself, on the same forecasts of the same members.

Three parts of the loop can be left out: the calibration of probabilities, the learned weights of the ensemble, and the
adaption of the bounds, which then stay as they were when they could first be fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.adjustment import Adjustment, AdjustmentConfig, MaturedHistory
from nextgen_assets.domain.calibration import Calibration, apply_calibration
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.member_weights import learned_weights
from nextgen_assets.domain.validation import PROBABILITY_FLOOR

_BINS = 10
_REPLICATES, _SEED, _CONFIDENCE = 500, 20_010_911, 0.95
SCORES = ("calibration_error", "coverage_error", "coverage", "brier_score", "log_loss", "width")
"""coverage_error is the distance of the coverage from what was promised; width is in units of the forecast volatility."""


@dataclass(frozen=True)
class Loop:
    """Which parts of the loop are on."""

    calibration: bool = True
    weights: bool = True
    bounds: bool = True


VARIANTS: Mapping[str, Loop] = {
    "the whole loop": Loop(),
    "without calibration": Loop(calibration=False),
    "without learned weights": Loop(weights=False),
    "without adapting bounds": Loop(bounds=False),
    "without any of it": Loop(False, False, False),
}


@dataclass(frozen=True)
class ReplayRules:
    """How the record is replayed.

    Parameters
    ----------
    adjustment : AdjustmentConfig
        As predictions are adjusted.
    prior : mapping of str to float
        Weight of each family before anything is learned; a family that is not named has 1.
    learning_rate : float
        Of the weights.
    horizon_sessions : int
        Of the predictions.
    """

    adjustment: AdjustmentConfig
    prior: Mapping[str, float]
    learning_rate: float
    horizon_sessions: int


def replayed(history: MaturedHistory, sessions: list[date], rules: ReplayRules) -> dict[str, pl.DataFrame]:
    """What every variant would have said at ``sessions``, of predictions whose outcome is known.

    Parameters
    ----------
    history : MaturedHistory
        Forecasts of the members by family, with their outcomes; back to ``calibration_sessions`` before the first session.
    sessions : list of date
        Ascending.

    Returns
    -------
    dict of str to DataFrame
        By name of the variant: block, up, probability_up, is_inside, width; the same rows in each.

    Notes
    -----
    As-of rule: each session has what was learned from ``history.matured`` at the session before. Bounds that do not
    adapt are those of the first session that had any. A session without bounds, or where no member spoke, is left out of
    every variant.
    """
    frozen: dict[bool, Adjustment] = {}
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in VARIANTS}
    for session in sessions:
        rows = _rows_of(history, session)
        prior = _prior(history, rows, rules)
        if not prior:
            continue
        before = history.calendar.shift(session, -1)
        adjusted, weights = {}, {True: _learned(history, before, prior, rules), False: prior}
        for is_learned, given in weights.items():
            found = history.adjustment(before, rules.adjustment, given)
            if found.bounds is not None:
                adjusted[is_learned] = found
                frozen.setdefault(is_learned, found)
        if len(adjusted) < len(weights):
            continue
        for name, loop in VARIANTS.items():
            now = adjusted[loop.weights]
            bounded = now if loop.bounds else frozen[loop.weights]
            calibration = now.calibration if loop.calibration else Calibration()
            parts[name].append(_said(history, rows, weights[loop.weights], calibration, bounded, rules))
    return {name: pl.concat(found) if found else pl.DataFrame() for name, found in parts.items()}


def compared(replays: Mapping[str, pl.DataFrame], promised: float) -> pl.DataFrame:
    """Scores of every variant, and how each differs from the whole loop.

    Parameters
    ----------
    replays : mapping of str to DataFrame
        Of :func:`replayed`; the first is compared with.
    promised : float
        Coverage that the bounds state.

    Returns
    -------
    DataFrame
        variant, score, value, difference (value less that of the whole loop: positive where the loop lowers it), lower,
        upper (95 percent, paired, from resampling blocks of sessions), n, n_blocks.
    """
    names = list(replays)
    first = replays[names[0]]
    if first.is_empty():
        return pl.DataFrame(schema=_COMPARED_SCHEMA)
    blocks: IntArray = first["block"].to_numpy() - int(first["block"].to_numpy().min())
    size = int(blocks.max()) + 1
    n_blocks = clustering.block_count(blocks)
    weights = clustering.bootstrap_weights(size, _REPLICATES, _SEED)
    scores = {
        name: _scores(weights @ clustering.session_sums(blocks, _sums(frame), size), promised)
        for name, frame in replays.items()
    }
    reach = clustering.student_quantile(0.5 + _CONFIDENCE / 2, max(n_blocks - 1, 1))
    records = []
    for name in names:
        difference = scores[name] - scores[names[0]]
        errors = clustering.bootstrap_standard_error(difference[1:], n_blocks)
        for place, score in enumerate(SCORES):
            centre, half = float(difference[0, place]), float(reach * errors[place])
            figures = (float(scores[name][0, place]), centre, centre - half, centre + half)
            records.append((name, score, *figures, first.height, n_blocks))
    return pl.DataFrame(records, schema=_COMPARED_SCHEMA, orient="row")


_COMPARED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "variant": pl.String,
    "score": pl.String,
    "value": pl.Float64,
    "difference": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "n": pl.Int64,
    "n_blocks": pl.Int64,
}


def _rows_of(history: MaturedHistory, session: date) -> IntArray:
    place = history.calendar.index(session)
    start, stop = np.searchsorted(history.session_index, [place, place + 1]).tolist()
    return np.arange(start, stop, dtype=np.int64)


def _prior(history: MaturedHistory, rows: IntArray, rules: ReplayRules) -> dict[str, float]:
    """Weight of the families that spoke at these rows before anything is learned, adding up to 1."""
    spoke = [name for name in history.members.recipes if np.isfinite(history.members.of(name, rows)[0]).any()]
    given = {name: float(rules.prior.get(name, 1.0)) for name in spoke}
    total = sum(given.values())
    return {name: weight / total for name, weight in given.items()} if total > 0 else {}


def _learned(
    history: MaturedHistory, session: date, prior: Mapping[str, float], rules: ReplayRules
) -> dict[str, float]:
    config = rules.adjustment
    rows = history.matured(session, config.calibration_sessions, config.cutoff_delay_minutes)
    losses = {name: history.losses(name, rows) for name in prior}
    return learned_weights(
        losses, history.session_index[rows], prior, rules.horizon_sessions, rules.learning_rate
    )


def _said(
    history: MaturedHistory,
    rows: IntArray,
    weights: Mapping[str, float],
    calibration: Calibration,
    bounded: Adjustment,
    rules: ReplayRules,
) -> pl.DataFrame:
    """What one variant says of the rows of a session, and whether the return came to lie inside its bounds."""
    raw, expected = history.forecasts(rows, weights)
    volatility, realised = history.volatility[rows], history.realised[rows]
    tickers = [history.tickers[code] for code in history.ticker_code[rows].tolist()]
    size = volatility if bounded.scale is None else bounded.scale.of(tickers, volatility)
    lower, upper = (
        bounded.bounds.apply(expected, size) if bounded.bounds is not None else (expected, expected)
    )
    return pl.DataFrame(
        {
            "block": history.session_index[rows] // (2 * rules.horizon_sessions),
            "up": (realised > 0).astype(np.float64),
            "probability_up": apply_calibration(raw, calibration),
            "is_inside": ((lower <= realised) & (realised <= upper)).astype(np.float64),
            "width": (upper - lower) / volatility,
        }
    )


def _sums(frame: pl.DataFrame) -> FloatArray:
    """What each row adds: one, inside, squared error, log loss, width, and its error in the bin of its probability."""
    up, probability = frame["up"].to_numpy(), frame["probability_up"].to_numpy()
    kept = np.clip(np.where(up > 0, probability, 1.0 - probability), PROBABILITY_FLOOR, 1.0)
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    gaps = (place[:, None] == np.arange(_BINS)) * (probability - up)[:, None]
    plain = [np.ones(up.size), frame["is_inside"].to_numpy(), (probability - up) ** 2, -np.log(kept)]
    return np.column_stack([*plain, frame["width"].to_numpy(), gaps])


def _scores(sums: FloatArray, promised: float) -> FloatArray:
    """``SCORES`` of each replicate, (n_replicates, n_scores)."""
    n = sums[:, 0]
    coverage = sums[:, 1] / n
    calibration = np.abs(sums[:, 5:]).sum(axis=1) / n
    columns = [
        calibration,
        np.abs(coverage - promised),
        coverage,
        sums[:, 2] / n,
        sums[:, 3] / n,
        sums[:, 4] / n,
    ]
    return np.column_stack(columns)
