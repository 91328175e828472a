"""Clocks show aware UTC instants; a frozen one does not move."""

import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from nextgen_resources.clock import Clock, FrozenClock, SystemClock

CLOSE = datetime(2013, 3, 1, 21, 0, tzinfo=UTC)


def test_system_clock_is_utc_and_lies_between_two_readings() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_frozen_clock_shows_the_same_instant_twice() -> None:
    clock = FrozenClock(CLOSE)
    assert clock.now() == CLOSE
    assert clock.now() == CLOSE


def test_frozen_clock_turns_another_zone_into_utc() -> None:
    new_york = datetime(2013, 3, 1, 16, 0, tzinfo=timezone(timedelta(hours=-5)))
    now = FrozenClock(new_york).now()
    assert now == CLOSE
    assert now.tzinfo is UTC


def test_frozen_clock_refuses_a_naive_instant() -> None:
    with pytest.raises(ValueError, match="2013-03-01T21:00:00 without a timezone; add tzinfo"):
        FrozenClock(CLOSE.replace(tzinfo=None))


@pytest.mark.parametrize("clock", [SystemClock(), FrozenClock(CLOSE)])
def test_clocks_fulfil_the_protocol_and_pickle(clock: Clock) -> None:
    assert isinstance(clock, Clock)
    assert pickle.loads(pickle.dumps(clock)) == clock
