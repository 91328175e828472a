"""The bundled chronicle: headlines of real events of AAPL, IBM, MSFT, GOOG and FB, 2000 to 2013.

The news companion of the bundled daily bars. Every line of ``chronicle.csv`` is a public event (results,
products, lawsuits, people, acquisitions, splits, dividends, failures), worded by us in the manner of a
newswire, with the day in New York on which the public could know it. ``time_et`` is the time on the
announcement or the stated start of the event, to the minute; it is empty where we are not sure, and the
article then belongs to the day as a whole.

Notes
-----
As-of rule: a minute is taken at its last second, so that a release stamped 16:30 is after, not at, a
cut-off of 16:30. No line tells what a share price did afterwards. The *choice* of events is made with
hindsight, though: history remembers the iPhone and forgets the failed announcements of the same week. A
measured benefit of these headlines is therefore an upper bound, and the chronicle serves to run and test
the pipeline, not to prove a strategy.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib import resources
from zoneinfo import ZoneInfo

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.news import ARTICLE_SCHEMA

_NEW_YORK = ZoneInfo("America/New_York")
_COLUMNS = ["date", "time_et", "tickers", "headline"]
_LAST_SECOND = 59


class Provider:
    """Reads the bundled ``chronicle.csv``. Takes no options and needs no network."""

    name = "chronicle"

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Chronicle entries from ``first`` to ``last`` inclusive; see `NewsProvider.articles`.

        Returns
        -------
        polars.DataFrame
            Columns of ``ARTICLE_SCHEMA`` in the order of the file (by day). ``body`` and ``url`` are
            null, ``language`` is en, ``source`` is chronicle.

        Raises
        ------
        ProviderDataError
            The bundled file has other columns or an unreadable date; reinstall the package.
        """
        entries = _entries().filter(pl.col("date").is_between(first, last))
        return entries.select(
            pl.col("headline"),
            pl.lit(None, pl.String).alias("body"),
            pl.lit(None, pl.String).alias("url"),
            pl.col("tickers").str.split(";"),
            pl.col("date").alias("published_on"),
            pl.Series("published_at", _instants(entries), dtype=ARTICLE_SCHEMA["published_at"]),
            pl.lit(self.name).alias("source"),
            pl.lit("en").alias("language"),
        )


def _entries() -> pl.DataFrame:
    text = resources.files("nextgen_resources.news").joinpath("chronicle.csv").read_bytes()
    try:
        frame = pl.read_csv(text, infer_schema=False)
        if frame.columns != _COLUMNS:
            raise ProviderDataError(
                f"chronicle.csv has the columns {frame.columns}, expected {_COLUMNS}; reinstall the package"
            )
        return frame.with_columns(pl.col("date").str.to_date("%Y-%m-%d"))
    except pl.exceptions.PolarsError as error:
        raise ProviderDataError(f"chronicle.csv cannot be read: {error}; reinstall the package") from error


def _instants(entries: pl.DataFrame) -> list[datetime | None]:
    return [_instant(day, clock) for day, clock in entries.select("date", "time_et").iter_rows()]


def _instant(day: date, time_et: str | None) -> datetime | None:
    if time_et is None:
        return None
    try:
        wall = datetime.strptime(time_et, "%H:%M").time().replace(second=_LAST_SECOND)  # noqa: DTZ007
    except ValueError as error:
        raise ProviderDataError(
            f"chronicle.csv: time_et of {day} is {time_et!r}, expected HH:MM; reinstall the package"
        ) from error
    return datetime.combine(day, wall, tzinfo=_NEW_YORK).astimezone(UTC)
