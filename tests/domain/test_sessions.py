"""The embedded calendar against exchange_calendars, and the rules that decide what a session may know."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.sessions import NotASessionError, knowledge_segments, xnys

NEW_YORK = ZoneInfo("America/New_York")
DELAY_MINUTES = 30
EPOCH = datetime(1995, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def oracle():
    exchange_calendars = pytest.importorskip("exchange_calendars", reason="the oracle is a dev dependency")
    return exchange_calendars.get_calendar("XNYS", start="1994-01-01", end="2035-12-31")


def test_sessions_are_those_of_exchange_calendars_from_1994_to_2035(oracle):
    assert list(xnys().sessions) == [stamp.date() for stamp in oracle.sessions]


def test_every_open_and_close_instant_is_that_of_exchange_calendars(oracle):
    calendar = xnys()
    expected_opens = [stamp.to_pydatetime() for stamp in oracle.opens.dt.tz_convert("UTC")]
    expected_closes = [stamp.to_pydatetime() for stamp in oracle.closes.dt.tz_convert("UTC")]
    assert [calendar.open_at(session) for session in calendar.sessions] == expected_opens
    assert [calendar.close_at(session) for session in calendar.sessions] == expected_closes


def test_early_closes_are_those_of_exchange_calendars(oracle):
    assert sorted(xnys().early_closes) == [stamp.date() for stamp in oracle.early_closes]


def test_the_week_of_2001_09_11_has_one_session():
    assert xnys().between(date(2001, 9, 10), date(2001, 9, 16)) == [date(2001, 9, 10)]


def test_index_of_a_holiday_names_the_next_session():
    with pytest.raises(NotASessionError, match=r"2012-12-25 is not a session .* next session is 2012-12-26"):
        xnys().index(date(2012, 12, 25))


def test_index_beyond_the_calendar_is_refused():
    with pytest.raises(NotASessionError, match=r"outside 1994-01-03..2035-12-31"):
        xnys().index(date(2036, 1, 2))


def test_shift_out_of_the_calendar_is_refused():
    with pytest.raises(NotASessionError, match=r"leaves the calendar"):
        xnys().shift(date(1994, 1, 3), -1)


@given(st.integers(0, 10_000), st.integers(-400, 400))
@settings(max_examples=200, deadline=None)
def test_shifting_forth_and_back_returns(position, n_sessions):
    calendar = xnys()
    session = calendar.sessions[position]
    if 0 <= position + n_sessions < len(calendar.sessions):
        assert calendar.shift(calendar.shift(session, n_sessions), -n_sessions) == session


def test_on_or_before_and_on_or_after_of_a_sunday_are_friday_and_monday():
    sunday = date(2013, 2, 24)
    assert xnys().on_or_before(sunday) == date(2013, 2, 22)
    assert xnys().on_or_after(sunday) == date(2013, 2, 25)


def new_york(day, wall):
    return datetime.combine(day, wall, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("published", "admitted"),
    [
        (new_york(date(2013, 2, 27), time(9, 0)), date(2013, 2, 27)),
        (new_york(date(2013, 2, 27), time(16, 30)), date(2013, 2, 27)),
        (new_york(date(2013, 2, 27), time(16, 30)) + timedelta(microseconds=1), date(2013, 2, 28)),
        (new_york(date(2013, 3, 1), time(23, 59)), date(2013, 3, 4)),
        (new_york(date(2013, 2, 23), time(12, 0)), date(2013, 2, 25)),
        (new_york(date(2012, 11, 23), time(13, 30)), date(2012, 11, 23)),
        (new_york(date(2012, 11, 23), time(13, 31)), date(2012, 11, 26)),
        (new_york(date(2012, 12, 25), time(8, 0)), date(2012, 12, 26)),
        (datetime(2013, 2, 28, 1, 0, tzinfo=UTC), date(2013, 2, 28)),
        (datetime(2012, 7, 2, 20, 30, tzinfo=UTC), date(2012, 7, 2)),
        (datetime(2012, 7, 2, 20, 31, tzinfo=UTC), date(2012, 7, 3)),
        (datetime(2012, 12, 3, 21, 30, tzinfo=UTC), date(2012, 12, 3)),
    ],
)
def test_admitting_session_is_the_first_whose_cutoff_is_not_before_publication(published, admitted):
    assert xnys().admitting(published, DELAY_MINUTES) == admitted


@given(st.integers(0, 40 * 365 * 24 * 60 - 1).map(lambda minutes: EPOCH + timedelta(minutes=minutes)))
@settings(max_examples=300, deadline=None)
def test_admitting_agrees_with_a_search_through_the_neighbouring_sessions(published):
    calendar = xnys()
    near = calendar.between(published.date() - timedelta(days=7), published.date() + timedelta(days=12))
    expected = next(day for day in near if calendar.cutoff(day, DELAY_MINUTES) >= published)
    assert calendar.admitting(published, DELAY_MINUTES) == expected


SESSIONS = [date(2013, 2, day) for day in (4, 5, 6, 7, 8)]


def test_without_late_arrivals_there_is_one_segment():
    assert knowledge_segments(SESSIONS, []) == [(SESSIONS[0], SESSIONS[-1])]


def test_a_late_arrival_begins_a_new_segment():
    assert knowledge_segments(SESSIONS, [date(2013, 2, 6)]) == [
        (date(2013, 2, 4), date(2013, 2, 5)),
        (date(2013, 2, 6), date(2013, 2, 8)),
    ]


def test_late_arrivals_at_the_first_session_or_outside_change_nothing():
    late = [date(2013, 2, 4), date(2013, 2, 1), date(2013, 2, 11)]
    assert knowledge_segments(SESSIONS, late) == [(SESSIONS[0], SESSIONS[-1])]


def test_no_sessions_give_no_segments():
    assert knowledge_segments([], [date(2013, 2, 6)]) == []


@given(st.lists(st.sampled_from(SESSIONS), max_size=8))
@settings(max_examples=100, deadline=None)
def test_segments_cover_the_sessions_in_order_and_no_arrival_falls_inside_one(late):
    segments = knowledge_segments(SESSIONS, late)
    covered = [day for first, last in segments for day in SESSIONS if first <= day <= last]
    assert covered == SESSIONS
    assert not any(first < day <= last for day in late for first, last in segments)
