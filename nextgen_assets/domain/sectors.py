"""Which sector a ticker belongs to, session by session, as far as it had been stated by then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.grid import Grid, Values, day_numbers
from nextgen_assets.domain.sessions import SessionCalendar

UNCLASSIFIED = ("", "Unclassified")
"""What providers say where they do not know: no sector, not a sector of its own."""

SPAN_SCHEMA: dict[str, Any] = {
    "ticker": pl.String,
    "first_session": pl.Date,
    "stop_session": pl.Date,
    "sector": pl.String,
}
_STATED: dict[str, Any] = {"valid_from": pl.Date, "source": pl.String, "known_at": pl.Datetime("us", "UTC")}


def no_sectors() -> pl.DataFrame:
    """Spans of no ticker."""
    return pl.DataFrame(schema=SPAN_SCHEMA | _STATED)


def sector_spans(listings: pl.DataFrame, calendar: SessionCalendar, delay_minutes: int) -> pl.DataFrame:
    """When each ticker belongs to which sector, as its listings say.

    Parameters
    ----------
    listings : DataFrame
        ``ticker, valid_from, valid_to, sector, source, known_at`` of ``security_listings``.
    calendar, delay_minutes
        Give the cut-off of each session.

    Returns
    -------
    DataFrame
        ``ticker, first_session, stop_session, sector`` (stop excluded; null while it lasts) and what states it.
        Listings without a sector have no row.

    Notes
    -----
    As-of rule: a span begins where its listing does, but not before the first session that admits what was
    learned of it.
    """
    stated = listings.filter(~pl.col("sector").is_in(UNCLASSIFIED)).select(
        "ticker", "valid_from", "valid_to", "sector", "source", "known_at"
    )
    admitted = [
        max(valid_from, calendar.admitting(known_at, delay_minutes))
        for valid_from, known_at in stated.select("valid_from", "known_at").iter_rows()
    ]
    return (
        stated.with_columns(
            pl.Series("first_session", admitted, dtype=pl.Date), stop_session=pl.col("valid_to")
        )
        .select(list(SPAN_SCHEMA | _STATED))
        .cast(SPAN_SCHEMA | _STATED)
    )


def sector_code(sector: str) -> float:
    """A number for a name: equal for equal names whatever else there is, and held exactly by float64."""
    return float(int.from_bytes(hashlib.blake2b(sector.encode(), digest_size=6).digest(), "big"))


def sector_codes(spans: pl.DataFrame, grid: Grid) -> Values:
    """The code of the sector of every cell, (n_sessions, n_tickers); NaN without one."""
    codes = np.full((len(grid.sessions), len(grid.tickers)), np.nan)
    for rows, column, span in span_cells(spans, grid):
        codes[rows, column] = sector_code(span["sector"])
    return codes


def span_cells(spans: pl.DataFrame, grid: Grid) -> Iterator[tuple[slice, int, dict[str, Any]]]:
    """Rows and column of each span inside the grid, in the order of the spans, with the span itself."""
    column = {ticker: number for number, ticker in enumerate(grid.tickers)}
    days = day_numbers(grid.sessions)
    for span in spans.iter_rows(named=True):
        if span["ticker"] not in column:
            continue
        bounds = day_numbers([span["first_session"], span["stop_session"] or date.max])
        first, stop = np.searchsorted(days, bounds).tolist()
        if first < stop:
            yield slice(first, stop), column[span["ticker"]], span
