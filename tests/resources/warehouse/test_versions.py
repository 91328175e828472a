"""Versions from dated deliveries: the chain depends on what was said, never on the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextgen_resources.warehouse.schema import read_tables
from nextgen_resources.warehouse.slices import Slice, prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.versions import Written
from nextgen_resources.warehouse.warehouse import frame_of, migrated_in_memory
from nextgen_resources.warehouse.writing import write

DAY = date(2012, 3, 26)
START = datetime(2012, 3, 26, 20, 15, tzinfo=UTC)
Saying = tuple[str, int, float]
"""Ticker, day of the delivery counted from the first, close."""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with migrated_in_memory() as made:
        yield made


def moment(place: int) -> datetime:
    return START + timedelta(days=place)


def put(connection: duckdb.DuckDBPyConnection, said: list[Saying], dated: bool = True) -> Written:
    rows = [
        {"ticker": ticker, "session_date": DAY, "open": close, "high": close, "low": close, "close": close,
         "volume": 1, "source": "crawls", "known_at": moment(place), "known_at_is_assumed": False,
         "delivered_at": moment(place) if dated else None}
        for ticker, place, close in said
    ]  # fmt: skip
    tables = read_tables(connection)
    spec = TABLES["market_prices"]
    frame = pl.DataFrame(rows, schema_overrides={"delivered_at": pl.Datetime("us", "UTC")})
    ready = prepare(frame, tables[spec.name], spec, Slice(DAY, DAY, "baseline"), "run")
    return write(connection, ready, tables[spec.name], spec, Slice(DAY, DAY, "baseline"), moment(50))


def emptied(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    for table in ("market_prices", "market_price_revisions", "market_price_confirmations"):
        connection.execute(f"DELETE FROM {table}")
    return connection


def chain(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    sql = (
        "SELECT ticker, known_at, superseded_at, close FROM market_price_revisions UNION ALL "
        "SELECT ticker, known_at, NULL, close FROM market_prices ORDER BY ALL"
    )
    return frame_of(connection, sql).rows()


def told(said: list[Saying]) -> list[tuple[object, ...]]:
    """The versions in plain words: one begins whenever a delivery says something else than the one before."""
    versions = []
    for ticker in sorted({ticker for ticker, _, _ in said}):
        mine = sorted((place, close) for name, place, close in said if name == ticker)
        begun = [
            (place, close)
            for before, (place, close) in zip([None, *mine], mine, strict=False)
            if before is None or before[1] != close
        ]
        ends = [moment(place) for place, _ in begun[1:]] + [None]
        versions += [
            (ticker, moment(place), end, close) for (place, close), end in zip(begun, ends, strict=True)
        ]
    return sorted(versions, key=lambda row: (row[0], row[1]))


sayings = st.dictionaries(
    st.tuples(st.sampled_from(["NAN", "TRUE"]), st.integers(0, 6)),
    st.sampled_from([1.0, 2.0, 3.0]),
    min_size=1,
).map(lambda said: [(ticker, place, close) for (ticker, place), close in said.items()])


@given(sayings, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_arrival_gives_the_chain_that_was_told(
    connection: duckdb.DuckDBPyConnection, said: list[Saying], order, size: int
) -> None:
    emptied(connection)
    order.shuffle(said)
    for start in range(0, len(said), size):
        put(connection, said[start : start + size])
    assert chain(connection) == told(said)
    confirmed = frame_of(connection, "SELECT count(*) AS n FROM market_price_confirmations")["n"][0]
    assert confirmed + len(told(said)) == len(said)
    assert put(connection, said) == Written(0, 0)
    assert chain(connection) == told(said)


def test_a_late_crawl_does_not_take_the_place_of_a_newer_one(connection: duckdb.DuckDBPyConnection) -> None:
    emptied(connection)
    put(connection, [("ON", 3, 11.0)])
    assert put(connection, [("ON", 1, 10.0)]).revised == 1
    assert chain(connection) == [("ON", moment(1), moment(3), 10.0), ("ON", moment(3), None, 11.0)]


def test_what_a_delivery_said_twice_differently_stays_as_it_was(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    emptied(connection)
    put(connection, [("ON", 1, 10.0)])
    assert put(connection, [("ON", 1, 12.0)]) == Written(0, 0)
    assert chain(connection) == [("ON", moment(1), None, 10.0)]


def test_what_we_fetch_after_a_crawl_is_known_from_now(connection: duckdb.DuckDBPyConnection) -> None:
    emptied(connection)
    put(connection, [("ON", 1, 10.0)])
    assert put(connection, [("ON", 0, 12.0)], dated=False) == Written(1, 1)
    assert chain(connection) == [("ON", moment(1), moment(50), 10.0), ("ON", moment(50), None, 12.0)]
    put(connection, [("ON", 2, 12.0)])  # a crawl that arrives late had said it first
    assert chain(connection) == [("ON", moment(1), moment(2), 10.0), ("ON", moment(2), None, 12.0)]
