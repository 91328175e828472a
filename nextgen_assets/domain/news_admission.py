"""When an article became public, when we knew of it, and which session may therefore use it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from nextgen_assets.domain.sessions import NEW_YORK, SessionCalendar

INSTANT = pl.Datetime("us", "UTC")
_LAST_SECOND = timedelta(hours=23, minutes=59, seconds=59)
_MARGIN = timedelta(days=20)


@dataclass(frozen=True)
class Fetch:
    """When a batch was fetched, and what had already been decided by then.

    Parameters
    ----------
    at : datetime
        Aware instant of the fetch.
    recorded_live : frozenset of date
        Sessions that were recorded as they happened: whatever comes for them after the next open was not
        known when they were decided.
    decided : frozenset of date
        Those that have been decided already: whatever comes for them now comes late, on the same evening too.
    """

    at: datetime
    recorded_live: frozenset[date] = frozenset()
    decided: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"the batch was fetched at {self.at}, without time zone; pass an aware instant")


def publication(rows: pl.DataFrame) -> pl.DataFrame:
    """``published_at`` and its precision of rows that state an instant or a day.

    Notes
    -----
    Where only the day is known the article counts as published at 23:59:59 New York time of that day: no
    cut-off of the day itself can admit it.
    """
    end_of_day = (pl.col("published_on").cast(pl.Datetime("us")) + _LAST_SECOND).dt.replace_time_zone(
        str(NEW_YORK)
    )
    return rows.with_columns(
        published_at=pl.coalesce(
            pl.col("published_at").cast(INSTANT), end_of_day.dt.convert_time_zone("UTC")
        ),
        published_at_precision=pl.when(pl.col("published_at").is_null())
        .then(pl.lit("day"))
        .otherwise(pl.lit("instant")),
    )


def admitting_sessions(moments: pl.Series, calendar: SessionCalendar, delay_minutes: int) -> pl.Series:
    """The first session whose cut-off is not before each moment; null outside the calendar.

    Parameters
    ----------
    moments : polars.Series
        Aware instants; nulls stay null.

    Notes
    -----
    The cut-off of a session is its official close (13:00 New York on early closes) plus ``delay_minutes``.
    An article published a microsecond later belongs to the next session; so does all that is
    published on days without trading.
    """
    known = moments.drop_nulls()
    if known.is_empty():
        return pl.Series(moments.name, [None] * len(moments), dtype=pl.Date)
    days = pl.Series([known.min(), known.max()], dtype=INSTANT).dt.convert_time_zone(str(NEW_YORK)).dt.date()
    first, last = max(days[0], calendar.sessions[0]), min(days[1] + _MARGIN, calendar.sessions[-1])
    sessions = calendar.between(first, last)
    cutoffs = pl.Series([calendar.cutoff(day, delay_minutes) for day in sessions], dtype=INSTANT)
    table = pl.DataFrame({"session": pl.Series(sessions, dtype=pl.Date), "cutoff": cutoffs}).sort("cutoff")
    day = pl.col("moment").dt.convert_time_zone(str(NEW_YORK)).dt.date()
    return (
        pl.DataFrame({"moment": moments.cast(INSTANT)})
        .with_row_index("row")
        .sort("moment")
        .join_asof(table, left_on="moment", right_on="cutoff", strategy="forward")
        .with_columns(pl.when(day >= calendar.sessions[0]).then("session"))
        .sort("row")["session"]
        .alias(moments.name)
    )


def first_seen(
    rows: pl.DataFrame, calendar: SessionCalendar, delay_minutes: int, fetch: Fetch | None
) -> pl.DataFrame:
    """``first_seen_at``, ``first_seen_is_assumed``, ``session_date`` of rows with their published session.

    Parameters
    ----------
    rows : polars.DataFrame
        published_at, published_session.
    fetch : Fetch, optional
        None for history: each article is assumed to have been seen when it was published.

    Notes
    -----
    Fetched before the open that follows its session, and before the session was decided, an article was seen
    when it was published. Fetched later it is history, and assumed to have come in time, unless its
    session was recorded live; then it is a late arrival: it was not known before the fetch, and the session
    that is being decided at the fetch admits it.
    """
    seen = rows.with_columns(
        first_seen_at="published_at", first_seen_is_assumed=pl.lit(True), session_date="published_session"
    )
    if fetch is None or rows.is_empty():
        return seen
    session, moment = _being_decided(calendar, fetch, delay_minutes)
    days = [day for day in seen["published_session"].unique().to_list() if day is not None]
    in_time = [
        day
        for day in days
        if day not in fetch.decided
        and (day == calendar.sessions[-1] or fetch.at < calendar.open_at(calendar.shift(day, 1)))
    ]
    late = [day for day in days if day in fetch.recorded_live | fetch.decided and day not in in_time]
    is_late = pl.col("published_session").is_in(late)
    return seen.with_columns(
        first_seen_at=pl.when(is_late).then(pl.lit(moment, INSTANT)).otherwise("first_seen_at"),
        first_seen_is_assumed=~pl.col("published_session").is_in([*in_time, *late]),
        session_date=pl.when(is_late).then(pl.lit(session, pl.Date)).otherwise("session_date"),
    )


def _being_decided(calendar: SessionCalendar, fetch: Fetch, delay_minutes: int) -> tuple[date, datetime]:
    """The session that is decided at the fetch, and the fetch or its cut-off, whichever is earlier."""
    now = fetch.at
    following = calendar.admitting(now, delay_minutes)
    index = calendar.index(following)
    if index and now < calendar.open_at(following):
        session = calendar.sessions[index - 1]
        cutoff = calendar.cutoff(session, delay_minutes)
        if cutoff < now and session not in fetch.decided:
            return session, cutoff
    return following, now
