"""The trailing windows of one scope after another: the universe, a ticker, a slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.slices import dimensions
from nextgen_assets.domain.summed_parts import summed_parts
from nextgen_assets.domain.trailing_scores import score_windows

OVERALL = "overall"
SESSIONS, WEEKLY, MONTHLY = CADENCES = ("session", "week", "month")
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
    ticker_cadence : str
        One of ``CADENCES``: whether tickers are scored on every session, or on the last of each week or month.
    """

    window_sessions: int = 250
    block_sessions: int = 10
    minimum_sessions: int = 60
    climatology_sessions: int = 1000
    n_replicates: int = 200
    seed: int = 20_010_911
    confidence: float = 0.95
    confidence_edges: tuple[float, float] = (0.02, 0.05)
    ticker_cadence: str = WEEKLY

    def __post_init__(self) -> None:
        """Refuse a window that its blocks do not fill, and an unknown cadence."""
        if self.ticker_cadence not in CADENCES:
            raise ValueError(f"ticker_cadence {self.ticker_cadence!r} is not one of {', '.join(CADENCES)}")
        clustering.require_whole_blocks(self.window_sessions, self.block_sessions, self.minimum_sessions)

    def history_sessions(self, horizon_sessions: int) -> int:
        """Sessions of matured predictions, up to the session itself, that its rows depend on."""
        return self.window_sessions + horizon_sessions + self.climatology_sessions


def ends_of(sessions: list[date], calendar: SessionCalendar, cadence: str) -> list[date]:
    """The sessions that are the last of their week or month, or all, ascending."""
    days = sorted(sessions)
    if cadence == SESSIONS:
        return days
    place = _week if cadence == WEEKLY else _month
    return [day for day in days if place(calendar.shift(day, 1)) != place(day)]


def scopes(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The whole frame as 'overall', then 'ticker:XXX' for each ticker, in order."""
    yield OVERALL, rows
    for (ticker,), part in sorted(rows.partition_by("ticker", as_dict=True, maintain_order=True).items()):
        yield f"ticker:{ticker}", part


def slice_scopes(rows: pl.DataFrame, edges: tuple[float, float]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each slice of the dimensions in ``SLICED``, in order, empty ones left out."""
    for dimension in dimensions(rows, edges):
        if dimension.kind in SLICED:
            for place in range(len(dimension.names)):
                part = rows.filter(dimension.codes == place)
                if part.height:
                    yield dimension.scope(place), part


def scope_rows(
    scope: str,
    rows: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    settings: FeedbackSettings,
    minimum_sessions: int | None = None,
) -> pl.DataFrame:
    """Rows of one scope for every session that has enough; rows as ``base_rates.with_base_rate`` returns them."""
    nothing = pl.DataFrame(schema=FEEDBACK_SCHEMA)
    if not sessions:
        return nothing
    block, window = settings.block_sessions, settings.window_sessions
    ends = np.array([calendar.index(session) for session in sessions], dtype=np.int64)
    summed = summed_parts(rows, calendar, int(ends.min()) - window + 1, int(ends.max()))
    n_sessions, blocks = clustering.trailing_blocks_of(summed, ends, window, block)
    chosen = np.flatnonzero(n_sessions >= (minimum_sessions or settings.minimum_sessions))
    if not chosen.size:
        return nothing
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


def _week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
