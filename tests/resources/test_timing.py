"""The stopwatch sums by name and keeps counting when a block fails."""

import pytest

from nextgen_resources import timing
from nextgen_resources.timing import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what the test sets."""
    shown = {"seconds": 100.0}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: shown["seconds"])
    return shown


def test_blocks_of_one_name_are_summed(clock) -> None:
    watch = Stopwatch()
    for seconds in (2.0, 3.0):
        with watch.measure("read"):
            clock["seconds"] += seconds
    assert watch.seconds == {"read": 5.0}


def test_inner_block_is_part_of_the_outer_one(clock) -> None:
    watch = Stopwatch()
    with watch.measure("run"):
        clock["seconds"] += 1.0
        with watch.measure("read"):
            clock["seconds"] += 2.0
    assert watch.seconds == {"read": 2.0, "run": 3.0}


def test_block_that_fails_is_counted_and_its_error_goes_on(clock) -> None:
    watch = Stopwatch()

    def fail() -> None:
        with watch.measure("read"):
            clock["seconds"] += 4.0
            raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        fail()
    assert watch.seconds == {"read": 4.0}
