"""After any pause: the oldest first, capped, models before the sessions they serve, and it comes to an end."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.catch_up import Stretch, next_stretch
from nextgen_assets.domain.sessions import xnys

SESSIONS = xnys().between(date(2024, 1, 2), date(2024, 4, 30))
JANUARY, FEBRUARY, MARCH = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)


def test_nothing_has_run_so_that_nothing_is_missed() -> None:
    assert next_stretch(SESSIONS, [], [], 10) is None


def test_what_lies_before_the_first_session_that_ran_is_not_missing() -> None:
    assert next_stretch(SESSIONS, SESSIONS[40:], [], 10) is None


def test_thirty_days_of_downtime_are_made_up_for_in_capped_runs_from_the_oldest_on() -> None:
    done = set(SESSIONS[:5])
    stretch = next_stretch(SESSIONS[:27], done, [], 10)
    assert stretch == Stretch("sessions", SESSIONS[5], SESSIONS[14])
    stretch = next_stretch(SESSIONS[:27], done | set(SESSIONS[5:15]), [], 10)
    assert stretch == Stretch("sessions", SESSIONS[15], SESSIONS[24])
    stretch = next_stretch(SESSIONS[:27], done | set(SESSIONS[5:25]), [], 10)
    assert stretch == Stretch("sessions", SESSIONS[25], SESSIONS[26])


def test_a_hole_is_filled_without_running_its_neighbours_again() -> None:
    done = set(SESSIONS) - {SESSIONS[7], SESSIONS[8], SESSIONS[20]}
    assert next_stretch(SESSIONS, done, [], 10) == Stretch("sessions", SESSIONS[7], SESSIONS[8])


def test_models_of_the_month_before_come_first() -> None:
    done = {day for day in SESSIONS if day < date(2024, 2, 20)}
    stretch = next_stretch(SESSIONS, done, [JANUARY], 100)
    assert stretch == Stretch("sessions", date(2024, 2, 20), date(2024, 2, 29))
    done |= {day for day in SESSIONS if day < MARCH}
    assert next_stretch(SESSIONS, done, [JANUARY], 100) == Stretch("models", FEBRUARY, FEBRUARY)
    stretch = next_stretch(SESSIONS, done, [JANUARY, FEBRUARY], 100)
    assert stretch == Stretch("sessions", date(2024, 3, 1), date(2024, 3, 28))


def test_without_any_models_sessions_do_not_wait_for_them() -> None:
    done = {day for day in SESSIONS if day < FEBRUARY}
    stretch = next_stretch(SESSIONS, done, [], 100)
    assert stretch is not None
    assert stretch.last == SESSIONS[-1]


@settings(max_examples=60, deadline=None)
@given(
    done=st.sets(st.sampled_from(SESSIONS), min_size=1),
    months=st.sets(st.sampled_from([JANUARY, FEBRUARY, MARCH])),
    cap=st.integers(1, 30),
)
def test_whatever_is_missing_it_ends_and_no_session_runs_twice_or_before_its_models(
    done: set[date], months: set[date], cap: int
) -> None:
    begin, ran = min(done), []
    trains = bool(months)
    for _ in range(len(SESSIONS) + 4):
        stretch = next_stretch(SESSIONS, done, months, cap)
        if stretch is None:
            break
        if stretch.what == "models":
            assert stretch.first not in months
            months.add(stretch.first)
            continue
        days = xnys().between(stretch.first, stretch.last)
        assert 1 <= len(days) <= cap
        assert not done & set(days)
        if trains:
            served = {day.replace(day=1) for day in days}
            assert all(_before(first) in months or _before(first) <= min(months) for first in served)
        ran += days
        done |= set(days)
    assert next_stretch(SESSIONS, done, months, cap) is None
    assert ran == sorted(ran)
    assert done == {day for day in SESSIONS if day >= begin}


def _before(first: date) -> date:
    return first.replace(month=first.month - 1) if first.month > 1 else date(first.year - 1, 12, 1)
