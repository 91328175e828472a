"""Which partitions there are and when, which keys are refused, and which months a session rests on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nextgen_assets import partitions
from nextgen_assets.definitions import defs
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.errors import PartitionKeyError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.servers import Door

NEW_YORK = ZoneInfo("America/New_York")
GRAPH = defs.resolve_asset_graph()


def spanning(first: str, last: str | None = None) -> Settings:
    """Settings whose partitions run from ``first`` to ``last``, or to now."""
    return load_settings(
        environ={},
        dotenv_path=Path(os.devnull),
        overrides={"ingestion.first_session": first, "ingestion.last_session": last},
    )


def in_new_york(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=NEW_YORK)  # type: ignore[misc,arg-type]


def keys_at(definition: dg.TimeWindowPartitionsDefinition, moment: datetime) -> list[str]:
    """The partitions that exist at ``moment``."""
    with dg.partition_loading_context(effective_dt=moment):
        return list(definition.get_partition_keys())


# --- sessions


def test_partitions_of_the_whole_span_are_the_sessions_of_the_exchange() -> None:
    keys = partitions.session_partitions(spanning("2000-03-01", "2013-03-01")).get_partition_keys()
    sessions = xnys().between(date(2000, 3, 1), date(2013, 3, 1))
    assert keys == [session.isoformat() for session in sessions]
    assert len(keys) == 3270


def test_partitions_of_the_whole_span_are_those_of_exchange_calendars() -> None:
    oracle = pytest.importorskip("exchange_calendars", reason="the oracle is a dev dependency")
    sessions = oracle.get_calendar("XNYS", start="1999-12-31", end="2026-12-31").sessions
    keys = keys_at(partitions.session_partitions(spanning("2000-01-03")), datetime(2026, 6, 1, tzinfo=UTC))
    expected = [stamp.date().isoformat() for stamp in sessions]
    assert keys == [key for key in expected if "2000-01-03" <= key < "2026-06-01"]


@pytest.mark.parametrize(
    ("moment", "newest"),
    [
        (in_new_york(2005, 2, 25, 18, 59, 59), "2005-02-24"),
        (in_new_york(2005, 2, 25, 19, 0, 0), "2005-02-25"),  # a Friday, there on its evening
        (in_new_york(2005, 2, 27, 12, 0, 0), "2005-02-25"),
        (in_new_york(2005, 2, 28, 18, 59, 59), "2005-02-25"),
        (in_new_york(2005, 2, 28, 19, 0, 0), "2005-02-28"),
        (in_new_york(2005, 4, 1, 19, 0, 0), "2005-04-01"),  # the last Friday of standard time
        (in_new_york(2005, 4, 4, 19, 59, 59), "2005-04-01"),  # the first Monday of daylight saving time
        (in_new_york(2005, 4, 4, 20, 0, 0), "2005-04-04"),
        (in_new_york(2005, 10, 28, 20, 0, 0), "2005-10-28"),  # the last Friday of it
        (in_new_york(2005, 10, 31, 19, 0, 0), "2005-10-31"),
        (in_new_york(2005, 2, 22, 12, 0, 0), "2005-02-18"),  # the day after a long weekend
        (in_new_york(2012, 10, 30, 23, 59, 0), "2012-10-26"),  # a hurricane closed Monday and Tuesday
    ],
)
def test_session_appears_on_its_evening_in_new_york(moment: datetime, newest: str) -> None:
    definition = partitions.session_partitions(spanning("2005-01-03"))
    with dg.partition_loading_context(effective_dt=moment):
        assert definition.get_last_partition_key() == newest


def test_partitions_end_with_the_last_session_of_the_settings_or_the_one_before_it() -> None:
    assert (
        partitions.session_partitions(spanning("2005-01-03", "2005-02-18")).get_last_partition_key()
        == "2005-02-18"
    )
    assert (
        partitions.session_partitions(spanning("2005-01-03", "2005-02-21")).get_last_partition_key()
        == "2005-02-18"
    )


def test_partitions_begin_with_the_first_session_of_the_settings_or_the_one_after_it() -> None:
    assert (
        partitions.session_partitions(spanning("2005-01-01", "2005-02-18")).get_first_partition_key()
        == "2005-01-03"
    )


# --- months


@pytest.mark.parametrize(
    ("moment", "newest"),
    [
        (in_new_york(2005, 2, 28, 18, 59, 59), "2005-01-01"),
        (in_new_york(2005, 2, 28, 19, 0, 0), "2005-02-01"),
        (in_new_york(2005, 4, 30, 19, 59, 59), "2005-03-01"),  # its last session was the 29th, a Friday
        (in_new_york(2005, 4, 30, 20, 0, 0), "2005-04-01"),
    ],
)
def test_month_appears_when_it_has_ended(moment: datetime, newest: str) -> None:
    assert keys_at(partitions.cutoff_partitions(spanning("2005-01-03")), moment)[-1] == newest


@pytest.mark.parametrize(
    ("last_session", "newest"),
    [
        ("2005-02-25", "2005-01-01"),
        ("2005-02-28", "2005-02-01"),
        ("2005-12-29", "2005-11-01"),
        ("2005-12-30", "2005-12-01"),  # the 31st is a Saturday
    ],
)
def test_last_month_is_the_last_whole_one_of_the_settings(last_session: str, newest: str) -> None:
    assert (
        partitions.cutoff_partitions(spanning("2005-01-03", last_session)).get_last_partition_key() == newest
    )


def test_months_are_cut_off_at_their_last_session() -> None:
    assert partitions.month_sessions(date(2005, 4, 1))[-1] == date(2005, 4, 29)
    assert partitions.month_sessions(date(2001, 9, 1))[-1] == date(2001, 9, 28)
    assert partitions.month_sessions(date(2005, 12, 1))[-1] == date(2005, 12, 30)


# --- what rests on what


def upstream_months(session: date) -> list[str]:
    mapping = GRAPH.get_partition_mapping(dg.AssetKey("predictions"), dg.AssetKey("model_registry"))
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        partitions.SESSIONS.subset_with_partition_keys([session.isoformat()]),
        partitions.SESSIONS,
        partitions.CUTOFFS,
    )
    assert found.required_but_nonexistent_subset.is_empty
    return list(found.partitions_subset.get_partition_keys())


def months_before(session: date, count: int) -> str:
    month = session.replace(day=1)
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
    return month.isoformat()


@pytest.mark.parametrize("session", xnys().between(date(2005, 1, 28), date(2005, 3, 2)))
def test_prediction_waits_for_the_models_of_the_month_before(session: date) -> None:
    assert months_before(session, 1) in upstream_months(session)


@given(st.sampled_from(xnys().between(date(2000, 4, 3), date(2013, 3, 1))))
@example(date(2001, 10, 8))
@example(date(2001, 10, 1))  # after the shortest month: 15 sessions
@example(date(2001, 9, 28))
@example(date(2000, 8, 31))  # the last of 23 sessions
@example(date(2004, 1, 2))
@hypothesis_settings(max_examples=40, deadline=None)
def test_prediction_waits_for_no_month_but_the_one_before_and_its_neighbours(session: date) -> None:
    found = upstream_months(session)
    assert months_before(session, 1) in found
    assert set(found) <= {months_before(session, count) for count in range(3)}
    before = len(partitions.month_sessions(date.fromisoformat(months_before(session, 1))))
    place = partitions.month_sessions(session.replace(day=1)).index(session)
    assert found == [months_before(session, 1)] or not 23 - before < place < 14


def test_first_sessions_wait_for_no_model() -> None:
    assert upstream_months(date(2000, 3, 1)) == []


@pytest.mark.parametrize("month", ["2004-12-01", "2005-01-01", "2005-02-01", "2001-09-01"])
def test_new_models_reach_every_session_of_the_month_that_they_serve(month: str) -> None:
    mapping = GRAPH.get_partition_mapping(dg.AssetKey("predictions"), dg.AssetKey("model_registry"))
    reached = mapping.get_downstream_partitions_for_partitions(
        partitions.CUTOFFS.subset_with_partition_keys([month]), partitions.CUTOFFS, partitions.SESSIONS
    ).get_partition_keys()
    served = (date.fromisoformat(month) + timedelta(days=32)).replace(day=1)
    assert {day.isoformat() for day in partitions.month_sessions(served)} <= set(reached)


def test_models_of_a_month_wait_for_the_windows_of_its_sessions() -> None:
    mapping = GRAPH.get_partition_mapping(dg.AssetKey("model_registry"), dg.AssetKey("feature_windows"))
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        partitions.CUTOFFS.subset_with_partition_keys(["2005-02-01"]), partitions.CUTOFFS, partitions.SESSIONS
    )
    sessions = xnys().between(date(2005, 2, 1), date(2005, 2, 28))
    assert list(found.partitions_subset.get_partition_keys()) == [day.isoformat() for day in sessions]


def test_everything_else_waits_for_its_own_session() -> None:
    for asset in GRAPH.get_all_asset_keys():
        for parent in GRAPH.get(asset).parent_keys:
            if dg.AssetKey("model_registry") in (asset, parent):
                continue
            mapping = GRAPH.get_partition_mapping(asset, parent)
            found = mapping.get_upstream_mapped_partitions_result_for_partitions(
                partitions.SESSIONS.subset_with_partition_keys(["2005-02-28"]),
                partitions.SESSIONS,
                partitions.SESSIONS,
            )
            assert list(found.partitions_subset.get_partition_keys()) == ["2005-02-28"], (asset, parent)


# --- what a run was asked for


Asked = Callable[[str, str], dg.AssetExecutionContext]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """The context of a run over a range."""
    with dg.DagsterInstance.ephemeral() as instance:

        def of_range(first: str, last: str) -> dg.AssetExecutionContext:
            return dg.build_asset_context(
                instance=instance, partition_key_range=dg.PartitionKeyRange(first, last)
            )

        yield of_range


def test_range_is_its_sessions_in_order(asked: Asked) -> None:
    assert partitions.requested_sessions(asked("2005-02-18", "2005-02-23")) == [
        date(2005, 2, 18),
        date(2005, 2, 22),
        date(2005, 2, 23),
    ]


@pytest.mark.parametrize(
    ("first", "last", "nearest"),
    [
        ("2005-02-21", "2005-02-21", "2005-02-18 and 2005-02-22"),  # Presidents' Day
        ("2005-02-26", "2005-02-28", "2005-02-25 and 2005-02-28"),  # a Saturday at the start
        ("2005-02-25", "2005-02-27", "2005-02-25 and 2005-02-28"),  # a Sunday at the end
        ("2001-09-11", "2001-09-14", "2001-09-10 and 2001-09-17"),
    ],
)
def test_bound_that_is_no_session_is_refused_with_the_nearest_ones(
    asked: Asked, first: str, last: str, nearest: str
) -> None:
    with pytest.raises(
        PartitionKeyError, match=rf"is not a session of the exchange .*the nearest are {nearest}"
    ):
        partitions.requested_sessions(asked(first, last))


def test_range_that_runs_backwards_is_refused(asked: Asked) -> None:
    with pytest.raises(PartitionKeyError, match=r"2005-02-28\.\.2005-02-25 runs backwards; swap its ends"):
        partitions.requested_sessions(asked("2005-02-28", "2005-02-25"))


HOSTILE = [
    "2005-02-25'; DROP TABLE market_prices; --",
    '2005-02-25" OR 1=1',
    "2005-02-30",
    "2005-2-25",
    "20050225",
    " 2005-02-25",
    "2005-02-25\n",
    "２００５-02-25",
    "../../etc/passwd",
    "",
    "9" * 5000,
]


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_key_is_refused_and_shown_no_longer_than_it_needs(asked: Asked, key: str) -> None:
    with pytest.raises(PartitionKeyError, match="partition key") as refused:
        partitions.requested_sessions(asked(key, "2005-02-28"))
    assert len(str(refused.value)) < 300
    with pytest.raises(PartitionKeyError, match="partition key"):
        partitions.requested_months(asked("2005-02-01", key))


def test_months_asked_for_are_every_month_of_the_range(asked: Asked) -> None:
    assert partitions.requested_months(asked("2004-11-01", "2005-02-01")) == [
        date(2004, 11, 1),
        date(2004, 12, 1),
        date(2005, 1, 1),
        date(2005, 2, 1),
    ]


@pytest.mark.parametrize(("first", "last"), [("2005-02-02", "2005-03-01"), ("2005-03-01", "2005-02-01")])
def test_months_not_named_by_their_first_day_or_not_in_order_are_refused(
    asked: Asked, first: str, last: str
) -> None:
    with pytest.raises(PartitionKeyError, match="are not months in order"):
        partitions.requested_months(asked(first, last))


# --- the command line


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    """The command line of a scenario with an empty warehouse."""
    folder = tmp_path_factory.mktemp("door")
    door = Door.to(folder, {"ingestion.first_session": "2005-02-01", "ingestion.last_session": "2005-02-28"})
    migrated = door.call(sys.executable, "-m", "nextgen_assets.cli", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    return door


REFUSED = [
    pytest.param(
        ("--partition-range", "2005-02-28...2005-02-25"),
        r"PartitionKeyError: .* runs backwards",
        id="reversed",
    ),
    pytest.param(
        ("--partition", "2005-02-21"), "partition key `2005-02-21`", id="holiday", marks=pytest.mark.slow
    ),
    pytest.param(
        ("--partition", "2005-02-26"), "partition key `2005-02-26`", id="saturday", marks=pytest.mark.slow
    ),
    pytest.param(
        ("--partition-range", "2005-02-19...2005-02-22"),
        "partition key `2005-02-19`",
        id="range from a Saturday",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        ("--partition", "2005-03-01"),
        "partition key `2005-03-01`",
        id="after the end",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        ("--partition", "2005-02-25'; DROP TABLE ticker_universe; --"),
        "partition key `2005-02-25'; DROP",
        id="hostile",
        marks=pytest.mark.slow,
    ),
    pytest.param((), "no '--partition' option", id="no partition", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("options", "reason"), REFUSED)
def test_command_line_refuses_with_a_reason_and_writes_nothing(
    door: Door, options: tuple[str, ...], reason: str
) -> None:
    ran = door.materialize("ticker_universe", *options)
    assert ran.returncode != 0
    assert re.search(reason, ran.stderr), ran.stderr[-2000:]
    warehouse = Warehouse(database=str(door.folder / "data" / "baseline" / "warehouse.duckdb"))
    assert warehouse.scalar("SELECT count(*) FROM ticker_universe") == 0
