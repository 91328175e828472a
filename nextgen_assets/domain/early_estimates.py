"""How good the predictions will prove to be whose targets have not closed yet, estimated from their own confidence.

A calibrated probability says how often it will be right, so the scores of predictions can be expected before
their labels arrive. How far such expectations had been off on what has matured corrects the next one and gives
its interval: a ledger that is overconfident is not believed.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.scope_scores import FEEDBACK_SCHEMA, FeedbackSettings
from nextgen_assets.domain.scorecard import DOMAINS, HIGHER_IS_BETTER, positions
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import PROBABILITY_FLOOR

UNMATURED = "unmatured"
ESTIMATED = ("hit_rate", "brier_score", "log_loss")
_REALISED = ("is_correct", "brier_score", "log_loss")


def estimated_performance(
    joined: pl.DataFrame,
    waiting: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    horizon_sessions: int,
    settings: FeedbackSettings,
) -> pl.DataFrame:
    """Expected hit rate, Brier score and log loss of the predictions that have not matured at each session.

    With p the probability of up: ``max(p, 1 - p)``, ``p (1 - p)`` and the entropy of p, averaged, plus the mean of
    what came less what had been expected over the matured window.

    Parameters
    ----------
    joined : frame
        Judged predictions (``validation.join_outcomes``), one horizon, back to window_sessions + horizon before the
        first of ``sessions``.
    waiting : frame
        [session_date, probability_up] of every prediction that did not abstain, from ``horizon_sessions - 1`` sessions
        before the first of ``sessions`` up to the last.
    sessions : list of date
        Sessions to look from.
    horizon_sessions : int
        Predictions of that many sessions, S the last, have no label at S.

    Returns
    -------
    frame
        ``FEEDBACK_SCHEMA`` with scope 'unmatured'. The interval is where the score of these very predictions should come
        to lie: Student's, from how cohorts of as many sessions had differed from their expectation. The baseline is
        what came over the matured window; status says whether it lies outside the interval.

    References
    ----------
    NannyML, confidence-based performance estimation (CBPE). Guo, C. et al. (2017). On calibration of modern neural
    networks.

    Notes
    -----
    As-of rule: outcomes with targets up to S and probabilities issued up to S. A session alone gives the bytes that it
    gives in a range.
    """
    days = sorted(sessions)
    if not days or joined.is_empty() or waiting.is_empty():
        return pl.DataFrame(schema=FEEDBACK_SCHEMA)
    ends = np.array([calendar.index(day) for day in days], dtype=np.int64)
    first = int(ends.min()) - settings.window_sessions - horizon_sessions + 1
    size = int(ends.max()) - first + 1
    expected = _cohorts(waiting, _expected(waiting), calendar, first, size, horizon_sessions)
    came = _cohorts(joined, _matured(joined), calendar, first, size, horizon_sessions)
    now = ends - first
    n_cohorts = settings.window_sessions // horizon_sessions
    matured = came[(now - horizon_sessions)[:, None] - horizon_sessions * np.arange(n_cohorts)]
    n_seen = _sessions_seen(joined, calendar, first, size, now, settings.window_sessions, horizon_sessions)
    n_filled = (matured[:, :, 0] > 0).sum(axis=1)
    open_now = expected[now]
    told = (n_seen >= settings.minimum_sessions) & (n_filled >= 2) & (open_now[:, 0] > 0)
    chosen = np.flatnonzero(told)
    return pl.concat(
        [pl.DataFrame(schema=FEEDBACK_SCHEMA)]
        + [
            _rows(place, [days[k] for k in chosen], open_now[chosen], matured[chosen], settings.confidence)
            for place in range(len(ESTIMATED))
        ]
    )


def realised_later(estimates: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """What came of the predictions that each estimate was about.

    Parameters
    ----------
    estimates : frame
        Of :func:`estimated_performance`.
    joined : frame
        Judged predictions.

    Returns
    -------
    frame
        session_date, metric, estimated, lower, upper, realised, of estimates all of whose predictions have been judged,
        by metric and session.
    """
    about = estimates.select("session_date", "metric", "value", "lower", "upper", "n")
    judged = joined.select(
        made="session_date", target="target_session_date", hit_rate=pl.col("is_correct").cast(pl.Float64),
        brier_score="brier_score", log_loss="log_loss",
    )  # fmt: skip
    met = (
        about.select("session_date")
        .unique()
        .join_where(
            judged, pl.col("made") <= pl.col("session_date"), pl.col("target") > pl.col("session_date")
        )
    )
    means = met.group_by("session_date").agg(pl.col(*ESTIMATED).mean(), judged=pl.len())
    long = means.unpivot(
        ESTIMATED, index=["session_date", "judged"], variable_name="metric", value_name="realised"
    )
    return (
        about.join(long, on=["session_date", "metric"])
        .filter(pl.col("judged") == pl.col("n"))
        .select("session_date", "metric", pl.col("value").alias("estimated"), "lower", "upper", "realised")
        .sort("metric", "session_date")
    )


def _expected(rows: pl.DataFrame) -> FloatArray:
    """One and the expected scores of each row, (n_rows, 4)."""
    p = np.clip(rows["probability_up"].to_numpy(), PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
    entropy = -(p * np.log(p) + (1.0 - p) * np.log(1.0 - p))
    return np.column_stack([np.ones(p.size), np.maximum(p, 1.0 - p), p * (1.0 - p), entropy])


def _matured(rows: pl.DataFrame) -> FloatArray:
    """One, the realised scores and how far they were from the expected ones, (n_rows, 7)."""
    realised = np.column_stack([rows[name].to_numpy().astype(np.float64) for name in _REALISED])
    return np.column_stack([np.ones(rows.height), realised, realised - _expected(rows)[:, 1:]])


def _cohorts(
    rows: pl.DataFrame, columns: FloatArray, calendar: SessionCalendar, first: int, size: int, horizon: int
) -> FloatArray:
    """Sums over ``horizon`` sessions of issue by the position of the last of them; the last column counts those with rows."""
    places = positions(rows["session_date"], calendar) - first
    inside = (places >= 0) & (places < size)
    sums = clustering.session_sums(places[inside], columns[inside], size)
    return clustering.trailing_block_sums(np.column_stack([sums, sums[:, 0] > 0]), horizon)


def _sessions_seen(
    joined: pl.DataFrame,
    calendar: SessionCalendar,
    first: int,
    size: int,
    now: IntArray,
    window: int,
    horizon: int,
) -> IntArray:
    """Sessions of issue with a judged prediction among the newest ``window`` that have matured."""
    places = np.unique(positions(joined["session_date"], calendar)) - first
    filled = np.zeros(size, dtype=np.int64)
    filled[places[(places >= 0) & (places < size)]] = 1
    seen = np.concatenate([[0], np.cumsum(filled)])
    counts: IntArray = seen[now - horizon + 1] - seen[now - horizon - window + 1]
    return counts


def _rows(
    place: int, days: list[date], waiting: FloatArray, matured: FloatArray, confidence: float
) -> pl.DataFrame:
    """Rows of one metric from the sums of the waiting cohort and of the matured ones."""
    metric = ESTIMATED[place]
    n, counts = waiting[:, 0], matured[:, :, 0]
    total = counts.sum(axis=1)
    baseline = matured[:, :, 1 + place].sum(axis=1) / total
    off = matured[:, :, 4 + place]
    correction = off.sum(axis=1) / total
    error, degrees = clustering.block_standard_error(counts, off, correction, total)
    filled = counts > 0
    m = filled.sum(axis=1)
    means = np.where(filled, off / np.where(filled, counts, 1.0), 0.0)
    centre = means.sum(axis=1) / m
    spread = np.sqrt(
        (np.where(filled, means - centre[:, None], 0.0) ** 2).sum(axis=1) / (m - 1) * (1 + 1 / m)
    )
    levels, back = np.unique(degrees, return_inverse=True)
    reach = np.array([clustering.student_quantile(0.5 + confidence / 2, int(k)) for k in levels])[back]
    low, high = DOMAINS[metric]
    estimate = waiting[:, 1 + place] / n
    value = np.clip(estimate + correction, low, high)
    lower, upper = np.maximum(low, value - reach * spread), np.minimum(high, value + reach * spread)
    is_higher = (value > baseline) == (metric in HIGHER_IS_BETTER)
    inside = (lower <= baseline) & (baseline <= upper)
    status = np.where(inside, "indistinct", np.where(is_higher, "better", "worse"))
    details = {
        "correction": correction,
        "correction_lower": correction - reach * error,
        "correction_upper": correction + reach * error,
        "difference": value - baseline,
        "difference_standard_error": spread,
        "estimate": estimate,
        "n_blocks": m.astype(np.float64),
    }
    columns = {"value": value, "lower": lower, "upper": upper, "baseline_value": baseline} | details
    return pl.DataFrame({"session_date": pl.Series(days, dtype=pl.Date), **columns}).select(
        "session_date",
        pl.lit(UNMATURED).alias("scope"),
        pl.lit(metric).alias("metric"),
        "value", "lower", "upper",
        pl.Series("n", n).cast(pl.Int32),
        pl.Series("n_sessions", waiting[:, -1]).cast(pl.Int32),
        "baseline_value",
        pl.Series("status", status.tolist(), dtype=pl.String),
        pl.struct(pl.lit("what came over the matured window").alias("baseline"), *details)
        .struct.json_encode()
        .alias("details"),
    )  # fmt: skip
