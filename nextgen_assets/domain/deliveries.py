"""Dated deliveries: at what instant each was known, and which of its rows may be believed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from nextgen_assets.domain.declared_rules import Rule
from nextgen_assets.domain.quality import Inspected, inspect_bars
from nextgen_assets.domain.sessions import NEW_YORK, SessionCalendar

_USUAL_CLOSE_HOUR = 16
_BAR = ("ticker", "session_date", "delivered_at")
_VALUES = ("open", "high", "low", "close", "volume")


def delivery_instants(
    days: list[date], calendar: SessionCalendar, delay_minutes: int
) -> dict[date, datetime]:
    """The instant at which a delivery of each day was known, where it states no more than its day.

    Parameters
    ----------
    days : list of date
        Days in New York, sessions or not.
    calendar : SessionCalendar
        For the official close.
    delay_minutes : int
        From the close to the delivery; on a day without trading, from 16:00 New York.

    Returns
    -------
    dict of date to datetime
        Aware, UTC.
    """
    delay = timedelta(minutes=delay_minutes)
    return {day: _close_of(day, calendar) + delay for day in days}


def inspect_deliveries(
    said: pl.DataFrame,
    calendar: SessionCalendar,
    now: datetime,
    said_before: pl.DataFrame,
    earlier: pl.DataFrame | None = None,
    actions: pl.DataFrame | None = None,
) -> Inspected:
    """Sort the rows of dated deliveries into believed and refused.

    Parameters
    ----------
    said : polars.DataFrame
        Columns of bars, ``delivered_at`` (Datetime UTC, not null) and ``raw_row`` (text of a row that
        could not be read whole, else null).
    calendar : SessionCalendar
        Sessions of the exchange.
    now : datetime
        A delivery cannot be from later than this.
    said_before : polars.DataFrame
        What is kept of deliveries: ticker, session_date, delivered_at, open, high, low, close, volume.
    earlier, actions : polars.DataFrame, optional
        As for `quality.inspect_bars`.

    Returns
    -------
    Inspected
        Unique by ticker, session_date and ``delivered_at``. Two rows of one delivery that disagree are
        both refused; a delivery that disagrees with an earlier one is a revision, and is accepted.

    Notes
    -----
    A row that claims to have been delivered before its session closed was not known then, so it is
    refused (``delivered_before_the_close``), and so is one from the future (``delivered_later_than_now``).
    A delivery says one thing of a bar: when the same one comes again and says another, that is refused
    (``contradicts_its_delivery``); a correction is a delivery of its own, with its own date.
    """
    days = said["session_date"].drop_nulls().unique().to_list()
    closes = {day: calendar.close_at(day) for day in days if calendar.is_session(day)}
    close = pl.col("session_date").replace_strict(closes, default=None, return_dtype=pl.Datetime("us", "UTC"))
    rules = (
        Rule("unreadable_row", pl.col("raw_row").is_not_null(), "the row cannot be read whole: {raw_row}"),
        Rule(
            "delivered_before_the_close",
            pl.col("delivered_at") < close,
            "{session_date} had not closed when this was delivered, at {delivered_at}",
        ),
        Rule(
            "delivered_later_than_now",
            pl.col("delivered_at") > pl.lit(now),
            "the delivery states {delivered_at}, which is still to come",
        ),
        Rule(
            "contradicts_its_delivery",
            _saying().is_in(_contradictions(said, said_before)),
            "the delivery of {delivered_at} said something else of {ticker} {session_date} when it came before",
        ),
    )
    return inspect_bars(said, calendar, earlier, actions, version="delivered_at", further_rules=rules)


def _saying() -> pl.Expr:
    numbers = [pl.col(name).cast(pl.Float64) for name in _VALUES]
    return pl.format("{} {} {} {} {} {} {} {}", *_BAR, *numbers)


def _contradictions(said: pl.DataFrame, said_before: pl.DataFrame) -> list[str]:
    """The rows, as text, that differ from what is kept of the same bar and delivery."""
    kept = said_before.select(
        *_BAR, *(pl.col(name).cast(pl.Float64).alias(f"{name}_kept") for name in _VALUES)
    )
    both = said.join(kept, on=list(_BAR))
    differs = pl.any_horizontal(pl.col(name).cast(pl.Float64) != pl.col(f"{name}_kept") for name in _VALUES)
    return both.filter(differs).select(_saying()).to_series().to_list()


def _close_of(day: date, calendar: SessionCalendar) -> datetime:
    if calendar.is_session(day):
        return calendar.close_at(day)
    return datetime(day.year, day.month, day.day, _USUAL_CLOSE_HOUR, tzinfo=NEW_YORK).astimezone(
        calendar.close_at(calendar.on_or_after(day)).tzinfo
    )
