"""The quick answer to "is there a partition in between" is Dagster's own."""

import pickle
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.partitions.partition_key_range import PartitionKeyRange
from dagster._serdes import deserialize_value, serialize_value
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.partitions import SESSIONS

STOCK = dg.TimeWindowPartitionsDefinition.has_any_partitions_in_window


def _window(start: str, hours: int) -> dg.TimeWindow:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return dg.TimeWindow(begin, begin + timedelta(hours=hours))


@settings(max_examples=150, deadline=None)
@given(
    day=st.dates(date(2000, 3, 1), date(2013, 2, 20)),
    hour=st.integers(0, 23),
    hours=st.sampled_from([0, 1, 12, 24, 25, 48, 72, 96, 120, 240]),
)
def test_any_window_gets_the_answer_of_the_stock_method(day, hour, hours):
    window = _window(f"{day}T{hour:02d}:00", hours)
    assert SESSIONS.has_any_partitions_in_window(window) == STOCK(SESSIONS, window)


@pytest.mark.parametrize(
    ("start", "hours", "is_there"),
    [
        ("2005-07-02", 48, False),  # Saturday and Sunday
        ("2005-07-02", 72, False),  # and the fourth of July
        ("2005-07-02", 73, True),  # into Tuesday
        ("2001-09-12", 96, False),  # the exchange was closed until the 17th
        ("2005-07-01T01:00", 23, False),  # Friday's partition began at midnight
    ],
)
def test_weekends_and_holidays_are_gaps(start, hours, is_there):
    window = _window(start, hours)
    assert SESSIONS.has_any_partitions_in_window(window) is is_there
    assert STOCK(SESSIONS, window) is is_there


def test_subset_of_a_range_is_one_stretch_and_travels_as_ever():
    subset = SESSIONS.empty_subset().with_partition_key_range(
        SESSIONS, PartitionKeyRange("2001-08-01", "2001-12-31")
    )
    assert len(subset.included_time_windows) == 1
    travelled = deserialize_value(serialize_value(subset))
    assert list(travelled.get_partition_keys()) == list(subset.get_partition_keys())
    assert travelled.partitions_def == SESSIONS
    assert pickle.loads(pickle.dumps(SESSIONS)) == SESSIONS


def test_every_session_begins_a_partition_and_no_other_day_does():
    keys = set(SESSIONS.get_partition_keys())
    day = date(2001, 1, 1)
    while day < date(2002, 1, 1):
        window = _window(str(day), 1)
        assert SESSIONS.has_any_partitions_in_window(window) == (str(day) in keys)
        day += timedelta(days=1)
