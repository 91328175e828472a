"""Scores of many trailing windows at once: value, interval, baseline and verdict of every metric.

A window comes as the sums of its blocks of sessions, so a hundred tickers over ten years are a few
hundred array operations, not a million small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.clustering import FloatArray, IntArray

_WINDOWS_AT_ONCE = 32
"""Replicates of so many windows are in memory together: 3 MB with 300 of them."""

_PROPORTIONS = ("hit_rate", "coverage")
_FIGURES = ("value", "baseline_value", "error", "paired_error")
_PIECES = ("reliability", "resolution", "uncertainty")


def score_windows(
    blocks: FloatArray, sessions: Sequence[date], weights: FloatArray, confidence: float
) -> pl.DataFrame:
    """Every metric of every window.

    Parameters
    ----------
    blocks : array (n_windows, n_blocks, n_sums)
        Sums (``scorecard.row_sums``) of the blocks of each window, newest first; zero where empty.
    sessions : sequence of date
        The session that each window ends at.
    weights : array (1 + n_replicates, n_blocks)
        ``clustering.bootstrap_weights``.
    confidence : float
        Of the intervals.

    Returns
    -------
    frame
        session_date, metric, value, lower, upper, n, baseline_value, status, details (JSON with sorted
        keys), by metric and session. A window with fewer than two filled blocks, and a correlation of
        something constant, have no row.

    Notes
    -----
    A window is one product of fixed shape and sums of its own, so it gives the same bytes in any company.
    """
    n_filled = np.asarray((blocks[:, :, 0] > 0).sum(axis=1), dtype=np.int64)
    is_scored = n_filled >= 2
    blocks, n_filled = blocks[is_scored], n_filled[is_scored]
    days = pl.Series("session_date", sessions, dtype=pl.Date).filter(pl.Series(is_scored))
    starts = range(0, max(len(blocks), 1), _WINDOWS_AT_ONCE)
    chunks = [slice(start, start + _WINDOWS_AT_ONCE) for start in starts]
    scores = [_score(blocks[chunk], n_filled[chunk], weights) for chunk in chunks]
    figures = {name: np.concatenate([score[name] for score in scores], axis=-1) for name in scores[0]}
    own = pl.DataFrame({"session_date": days, "n_blocks": n_filled, "n": figures["n"]})
    return pl.concat(
        _metric_rows(metric, own.with_columns(**_of_metric(figures, place, metric)), confidence)
        for place, metric in enumerate(scorecard.METRICS)
    )


def _score(blocks: FloatArray, n_filled: IntArray, weights: FloatArray) -> dict[str, FloatArray]:
    """Figures of a few windows, (n_metrics, n_windows); those of the whole window (n_windows,)."""
    scored = blocks[:, :, scorecard.SCORED_SUMS]
    replicates = np.matmul(scored.transpose(0, 2, 1), weights.T)  # (n_windows, n_sums, 1 + n_replicates)
    values, baselines = scorecard.metric_values(replicates.transpose(1, 0, 2))
    errors, paired_errors = (
        clustering.bootstrap_standard_error(array[:, :, 1:], n_filled, axis=2)
        for array in (values, values - baselines)
    )
    of_metrics = {
        "value": values[:, :, 0],
        "baseline_value": baselines[:, :, 0],
        "error": errors,
        "paired_error": paired_errors,
    }
    return of_metrics | {"n": blocks[:, :, 0].sum(axis=1), **scorecard.murphy_pieces(blocks.sum(axis=1))}


def _of_metric(figures: dict[str, FloatArray], place: int, metric: str) -> dict[str, pl.Series]:
    names = [*_FIGURES, *(_PIECES if metric == "brier_score" else ())]
    columns = {name: figures[name] for name in names}
    return _series({name: column[place] if column.ndim == 2 else column for name, column in columns.items()})


def _metric_rows(metric: str, figures: pl.DataFrame, confidence: float) -> pl.DataFrame:
    """Rows of one metric from its figures per window."""
    finite = pl.all_horizontal(pl.col(*_FIGURES).is_finite())
    rows = figures.filter(finite)
    n_filled = rows["n_blocks"].to_numpy()
    reach = _reach(n_filled, confidence)
    value, baseline = rows["value"].to_numpy(), rows["baseline_value"].to_numpy()
    floor = proportion_error(value, n_filled) if metric in _PROPORTIONS else np.zeros(rows.height)
    error, paired_error = (
        np.where(given == 0.0, floor, given)
        for given in (rows["error"].to_numpy(), rows["paired_error"].to_numpy())
    )
    low, high = scorecard.DOMAINS[metric]
    difference = value - baseline
    details = {
        "difference": difference,
        "difference_lower": difference - reach * paired_error,
        "difference_standard_error": paired_error,
        "difference_upper": difference + reach * paired_error,
    }
    pieces = [name for name in _PIECES if name in figures.columns]
    fields = sorted(["baseline", *details, "n_blocks", *pieces])
    return rows.with_columns(
        metric=pl.lit(metric),
        lower=pl.Series(np.maximum(low, value - reach * error), dtype=pl.Float64),
        upper=pl.Series(np.minimum(high, value + reach * error), dtype=pl.Float64),
        status=pl.Series(_status(metric, difference, reach * paired_error), dtype=pl.String),
        baseline=pl.lit(scorecard.BASELINES[metric]),
        **_series(details),
    ).select(
        "session_date",
        "metric",
        "value",
        "lower",
        "upper",
        pl.col("n").cast(pl.Int32),
        "baseline_value",
        "status",
        pl.struct(fields).struct.json_encode().alias("details"),
    )


def _series(columns: dict[str, FloatArray]) -> dict[str, pl.Series]:
    return {name: pl.Series(values, dtype=pl.Float64) for name, values in columns.items()}


def _reach(n_filled: IntArray, confidence: float) -> FloatArray:
    """Standard errors on each side of the value, by blocks that hold anything."""
    counts, place = np.unique(n_filled, return_inverse=True)
    quantiles = [clustering.student_quantile(0.5 + confidence / 2, count - 1) for count in counts.tolist()]
    return np.array(quantiles, dtype=np.float64)[place]


def proportion_error(share: FloatArray, n_blocks: IntArray) -> FloatArray:
    """Standard error where the blocks show no spread at all: one more half block each way."""
    smoothed = (share * n_blocks + 0.5) / (n_blocks + 1)
    error: FloatArray = np.sqrt(smoothed * (1 - smoothed) / n_blocks)
    return error


def _status(metric: str, difference: FloatArray, half_width: FloatArray) -> npt.NDArray[np.object_]:
    """better, indistinct or worse than the baseline, by the interval of the difference."""
    is_indistinct = (np.abs(difference) <= half_width) | (difference == 0)
    is_better = (difference > 0) == (metric in scorecard.HIGHER_IS_BETTER)
    if metric == "coverage":
        is_better = np.zeros_like(is_better)
    return np.where(is_indistinct, "indistinct", np.where(is_better, "better", "worse")).astype(object)
