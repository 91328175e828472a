"""Two years of half days, holidays and clock changes: the first session that could know, and no other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.news_admission import admitting_sessions, publication
from nextgen_assets.domain.sessions import NEW_YORK, xnys

FIRST, LAST = date(2012, 1, 1), date(2013, 12, 31)
SESSIONS = xnys().between(FIRST, date(2014, 1, 10))
START = datetime(2012, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def plainly_admitting(moment: datetime, delay_minutes: int) -> date:
    """The slow oracle: walk the sessions until one has its cut-off at or after the moment."""
    return next(day for day in SESSIONS if moment <= xnys().cutoff(day, delay_minutes))


def admitted(moments: list[datetime], delay_minutes: int = 30) -> list[date | None]:
    series = pl.Series("moment", moments, dtype=pl.Datetime("us", "UTC"))
    return admitting_sessions(series, xnys(), delay_minutes).to_list()


def test_around_every_cutoff_of_two_years_the_microsecond_decides() -> None:
    sessions = xnys().between(FIRST, LAST)
    assert sum(day in xnys().early_closes for day in sessions) == 6
    cutoffs = [xnys().cutoff(day, 30) for day in sessions]
    assert admitted([moment - MICROSECOND for moment in cutoffs]) == sessions
    assert admitted(cutoffs) == sessions
    after = [xnys().shift(day, 1) for day in sessions]
    assert admitted([moment + MICROSECOND for moment in cutoffs]) == after


@pytest.mark.parametrize(
    ("day", "offset"),
    [
        (date(2012, 3, 9), 21.5),  # the Friday before clocks go forward: 16:30 is 21:30 UTC
        (date(2012, 3, 12), 20.5),
        (date(2012, 11, 2), 20.5),  # the Friday before they go back
        (date(2012, 11, 5), 21.5),
        (date(2012, 7, 3), 17.5),  # half days: 13:30 in New York
        (date(2012, 11, 23), 18.5),
        (date(2012, 12, 24), 18.5),
        (date(2013, 12, 24), 18.5),
    ],
)
def test_clock_changes_and_half_days_move_the_cutoff_in_utc(day: date, offset: float) -> None:
    cutoff = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=offset)
    assert admitted([cutoff, cutoff + MICROSECOND]) == [day, xnys().shift(day, 1)]


def test_every_day_of_two_years_without_a_time_is_admitted_by_the_session_after_it() -> None:
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    rows = pl.DataFrame({"published_on": days}).with_columns(
        published_at=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    dated = publication(rows)
    assert set(dated["published_at_precision"]) == {"day"}
    sessions = admitting_sessions(dated["published_at"], xnys(), 240).to_list()
    assert sessions == [xnys().on_or_after(day + timedelta(days=1)) for day in days]


@settings(max_examples=150, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 2 * 365 * 24 * 3600), min_size=1, max_size=20),
    delay_minutes=st.integers(0, 240),
)
def test_no_article_before_it_was_public_nor_later_than_the_first_session_that_could(
    seconds: list[int], delay_minutes: int
) -> None:
    moments = [START + timedelta(seconds=one) for one in seconds]
    for moment, session in zip(moments, admitted(moments, delay_minutes), strict=True):
        assert session is not None
        assert moment <= xnys().cutoff(session, delay_minutes)
        assert session == plainly_admitting(moment, delay_minutes)
        assert session == xnys().admitting(moment, delay_minutes)
        assert session >= moment.astimezone(NEW_YORK).date()


def test_moments_outside_the_calendar_and_unknown_ones_are_admitted_by_none() -> None:
    outside = [datetime(1980, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)]
    assert admitted(outside) == [None, None]
    unknown = pl.Series("moment", [None, START], dtype=pl.Datetime("us", "UTC"))
    assert admitting_sessions(unknown, xnys(), 30).to_list() == [None, date(2012, 1, 3)]
    assert admitting_sessions(unknown.head(1), xnys(), 30).to_list() == [None]
