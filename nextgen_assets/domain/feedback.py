"""How good the matured predictions were, session by session, beside forecasters that know nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.slices import dimensions
from nextgen_assets.domain.trailing_scores import score_windows
from nextgen_assets.domain.validation import cutoff_frame

OVERALL = "overall"
SLICED = ("sector", "regime", "confidence")
"""Dimensions that are scored slice by slice, where the rows know them."""
FEEDBACK_SCHEMA = {
    "session_date": pl.Date,
    "scope": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
    "baseline_value": pl.Float64,
    "status": pl.String,
    "details": pl.String,
}
_CALIBRATION_SCHEMA = {
    "session_date": pl.Date,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
    "brier_score": pl.Float64,
    "base_rate_brier_score": pl.Float64,
    "brier_excess": pl.Float64,
    "standard_error": pl.Float64,
}


@dataclass(frozen=True)
class FeedbackSettings:
    """How the trailing window is scored.

    Parameters
    ----------
    window_sessions : int
        Sessions of the calendar, the session itself the last, whose targets are scored.
    block_sessions : int
        Sessions that are resampled together; twice the horizon, so that overlapping targets fall
        mostly into one block. Divides window_sessions.
    minimum_sessions : int
        Sessions with a matured prediction below which nothing is said.
    climatology_sessions : int
        Sessions of earlier outcomes behind the base rate.
    n_replicates, seed : int
        Of the bootstrap.
    confidence : float
        Of the intervals.
    confidence_edges : tuple of float
        Distances of the probability from one half that part weak, moderate and strong.
    """

    window_sessions: int = 250
    block_sessions: int = 10
    minimum_sessions: int = 60
    climatology_sessions: int = 1000
    n_replicates: int = 200
    seed: int = 20_010_911
    confidence: float = 0.95
    confidence_edges: tuple[float, float] = (0.02, 0.05)

    def __post_init__(self) -> None:
        """Refuse a window that its blocks do not fill."""
        if self.block_sessions < 1 or self.window_sessions % self.block_sessions:
            raise ValueError(
                f"window_sessions {self.window_sessions} is not a multiple of block_sessions "
                f"{self.block_sessions}; choose blocks that fill the window"
            )
        if self.minimum_sessions <= self.block_sessions:
            raise ValueError(
                f"minimum_sessions {self.minimum_sessions} must exceed block_sessions {self.block_sessions}: "
                f"a single block has no spread"
            )

    def history_sessions(self, horizon_sessions: int) -> int:
        """Sessions of matured predictions, up to the session itself, that its rows depend on."""
        return self.window_sessions + horizon_sessions + self.climatology_sessions


def feedback_metrics(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    settings: FeedbackSettings | None = None,
) -> pl.DataFrame:
    """Score the trailing window of every session, overall and per ticker, and by slice at month ends.

    Parameters
    ----------
    joined : frame
        ``validation.join_outcomes``: one scenario, one horizon, one row per ticker and session, with
        targets in at least ``settings.history_sessions(horizon)`` sessions before each session. With sector and
        regime (``slices.dimensions``) these are scored too.
    sessions : list of date
        Sessions to score.

    Returns
    -------
    frame
        Columns of feedback_metrics less run_id, sorted by (session_date, scope, metric). A scope with
        fewer than minimum_sessions sessions, and a correlation of something constant, have no row.

    Notes
    -----
    Session S uses rows whose target session is within the window_sessions sessions up to S. status
    compares with the baseline by the interval of the paired difference; coverage is 'worse' on
    either side of what was stated and never 'better'. hit_rate's baseline is the share of ups in the
    same window. Slices by sector, regime of the market and confidence band are scored at the last session of
    each month. Intervals are value plus and minus Student's quantile times the standard error of a
    block bootstrap, cut at the bounds of the metric. A session alone gives the bytes it gives in a range.
    """
    settings = settings or FeedbackSettings()
    parts = [pl.DataFrame(schema=FEEDBACK_SCHEMA)]
    if sessions and joined.height:
        rows = scorecard.with_base_rate(joined, calendar, settings.climatology_sessions)
        for scope, part in scopes(rows):
            scored = _scope_rows(scope, part, sorted(sessions), calendar, settings)
            parts += [] if scored is None else [scored]
        month_ends = [day for day in sorted(sessions) if calendar.shift(day, 1).month != day.month]
        for scope, part in slice_scopes(rows, settings.confidence_edges) if month_ends else ():
            scored = _scope_rows(scope, part, month_ends, calendar, settings)
            parts += [] if scored is None else [scored]
    cutoffs = cutoff_frame(sorted(sessions), calendar, delay_minutes, "session_date")
    frame = pl.concat(parts)
    return frame.join(cutoffs, on="session_date").sort("session_date", "scope", "metric")


def recent_calibration(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    *,
    window_sessions: int = 60,
    climatology_sessions: int = 1000,
) -> pl.DataFrame:
    """Trailing Brier score of the predictions beside that of the base rate, for the humility of trading.

    Parameters
    ----------
    joined : frame
        As for ``feedback_metrics``.

    Returns
    -------
    frame
        [session_date, n, n_sessions, brier_score, base_rate_brier_score, brier_excess, standard_error],
        one row per session of ``sessions`` with a matured prediction on two sessions or more of its
        window; brier_excess = brier_score - base_rate_brier_score, positive where the base rate was
        better; standard_error clusters it by blocks of five sessions, null with fewer than two.
    """
    records = []
    rows = scorecard.with_base_rate(joined, calendar, climatology_sessions)
    positions = scorecard.target_positions(rows, calendar)
    model, base = rows["brier_score"].to_numpy(), rows["base_brier_score"].to_numpy()
    for session in sorted(sessions):
        now = calendar.index(session)
        start, stop = np.searchsorted(positions, [now - window_sessions + 1, now + 1]).tolist()
        n_sessions = np.unique(positions[start:stop]).size
        if n_sessions < 2:
            continue
        blocks = (now - positions[start:stop]) // 5
        difference = model[start:stop] - base[start:stop]
        error = (
            clustering.clustered_mean(difference, blocks).standard_error
            if np.unique(blocks).size > 1
            else None
        )
        n = stop - start
        scores = float(model[start:stop].sum() / n), float(base[start:stop].sum() / n)
        records.append((session, n, n_sessions, *scores, scores[0] - scores[1], error))
    return pl.DataFrame(records, schema=_CALIBRATION_SCHEMA, orient="row")


def scopes(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The whole frame as 'overall', then 'ticker:XXX' for each ticker, in order."""
    yield OVERALL, rows
    for ticker in rows["ticker"].unique().sort().to_list():
        yield f"ticker:{ticker}", rows.filter(pl.col("ticker") == ticker)


def slice_scopes(rows: pl.DataFrame, edges: tuple[float, float]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each slice of the dimensions in ``SLICED``, in order, empty ones left out."""
    for dimension in dimensions(rows, edges):
        if dimension.kind in SLICED:
            for place in range(len(dimension.names)):
                part = rows.filter(dimension.codes == place)
                if part.height:
                    yield dimension.scope(place), part


def _scope_rows(
    scope: str,
    rows: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    settings: FeedbackSettings,
) -> pl.DataFrame | None:
    """Rows of one scope for every session; None where no session has enough."""
    block, window = settings.block_sessions, settings.window_sessions
    positions = scorecard.target_positions(rows, calendar)
    ends = np.array([calendar.index(session) for session in sessions], dtype=np.int64)
    n_sessions, blocks = clustering.trailing_blocks(positions, scorecard.row_sums(rows), ends, window, block)
    chosen = np.flatnonzero(n_sessions >= settings.minimum_sessions)
    if not chosen.size:
        return None
    weights = clustering.bootstrap_weights(window // block, settings.n_replicates, settings.seed)
    days = [sessions[place] for place in chosen.tolist()]
    counts = pl.DataFrame(
        {"session_date": days, "n_sessions": n_sessions[chosen]},
        schema={"session_date": pl.Date, "n_sessions": pl.Int32},
    )
    scored = score_windows(blocks[chosen], days, weights, settings.confidence).with_columns(
        scope=pl.lit(scope)
    )
    return scored.join(counts, on="session_date").select(list(FEEDBACK_SCHEMA))
