"""Corporate actions: stated again, changed, taken back; every version with the times between which it was believed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_resources.warehouse.schema import read_tables
from nextgen_resources.warehouse.slices import Slice, prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import frame_of, migrated_in_memory
from nextgen_resources.warehouse.writing import write

DAY = date(2005, 1, 10)
OPEN = datetime(2005, 1, 10, 14, 30, tzinfo=UTC)
HEARD = datetime(2005, 3, 1, tzinfo=UTC)
SCHEMA = {
    "ticker": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "split_ratio": pl.Float64,
    "cash_amount_usd": pl.Float64,
    "new_ticker": pl.String,
    "source": pl.String,
    "known_at": pl.Datetime("us", "UTC"),
    "known_at_is_assumed": pl.Boolean,
}


def dividends(amounts: dict[str, float], known_at: datetime = OPEN, day: date = DAY) -> pl.DataFrame:
    rows = [
        (name, day, "dividend", None, cash, None, "test", known_at, True) for name, cash in amounts.items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@cache
def migrated() -> duckdb.DuckDBPyConnection:
    """One migrated database in memory for all tests: migrating takes longer than they do."""
    return migrated_in_memory()


class Store:
    """An empty table of actions and the two calls that the IO manager makes."""

    def __init__(self) -> None:
        self.connection = migrated()
        for name in ("corporate_actions", "corporate_action_revisions"):
            self.connection.execute(f"DELETE FROM {name}")
        self.table = read_tables(self.connection)["corporate_actions"]

    def put(self, frame: pl.DataFrame, heard: datetime = HEARD, first: date = DAY, last: date = DAY) -> int:
        spec, cut = TABLES["corporate_actions"], Slice(first, last, "baseline")
        prepared = prepare(frame, self.table, spec, cut, "run-1")
        return write(self.connection, prepared, self.table, spec, cut, heard).rows

    def rows(self, sql: str, **parameters: object) -> list[tuple[object, ...]]:
        return frame_of(self.connection, sql, parameters).rows()

    def believed(self, moment: datetime) -> dict[object, object]:
        sql = "SELECT ticker, cash_amount_usd FROM corporate_actions_as_of($moment) ORDER BY ticker"
        return dict(self.rows(sql, moment=moment))  # type: ignore[arg-type]


def test_what_is_stated_again_keeps_its_first_known_at() -> None:
    store = Store()
    assert store.put(dividends({"AAPL": 0.5, "IBM": 0.2})) == 2
    assert store.put(dividends({"AAPL": 0.5, "IBM": 0.2}, HEARD), HEARD + timedelta(days=1)) == 0
    assert store.rows("SELECT DISTINCT known_at, known_at_is_assumed FROM corporate_actions") == [
        (OPEN, True)
    ]
    assert store.rows("SELECT * FROM corporate_action_revisions") == []


def test_changed_action_keeps_its_old_version_and_is_known_from_now_on() -> None:
    store = Store()
    store.put(dividends({"AAPL": 0.5, "IBM": 0.2}))
    assert store.put(dividends({"AAPL": 0.6, "IBM": 0.2}), HEARD) == 1
    tick = timedelta(microseconds=1)
    assert store.believed(OPEN - tick) == {}
    assert store.believed(OPEN) == store.believed(HEARD - tick) == {"AAPL": 0.5, "IBM": 0.2}
    assert store.believed(HEARD) == {"AAPL": 0.6, "IBM": 0.2}
    assert store.rows(
        "SELECT known_at, known_at_is_assumed FROM corporate_actions WHERE ticker = 'AAPL'"
    ) == [(HEARD, False)]


def test_action_taken_back_was_believed_until_then_and_may_come_again() -> None:
    store = Store()
    store.put(dividends({"AAPL": 0.5, "IBM": 0.2}))
    assert store.put(dividends({"IBM": 0.2}), HEARD) == 1
    again = HEARD + timedelta(days=9)
    assert store.put(dividends({"AAPL": 0.5, "IBM": 0.2}, again), again) == 1
    assert store.believed(HEARD - timedelta(seconds=1)) == {"AAPL": 0.5, "IBM": 0.2}
    assert store.believed(HEARD) == {"IBM": 0.2}
    assert store.believed(again) == {"AAPL": 0.5, "IBM": 0.2}


def test_actions_outside_the_slice_are_not_taken_back() -> None:
    store, other = Store(), date(2005, 1, 11)
    store.put(dividends({"AAPL": 0.5}))
    store.put(dividends({"IBM": 0.2}, day=other), first=other, last=other)
    assert store.believed(HEARD) == {"AAPL": 0.5, "IBM": 0.2}


def test_a_clock_behind_the_version_that_is_replaced_follows_it_by_a_microsecond() -> None:
    store = Store()
    store.put(dividends({"AAPL": 0.5}))
    store.put(dividends({"AAPL": 0.6}), OPEN - timedelta(hours=1))
    assert store.rows("SELECT known_at FROM corporate_actions") == [(OPEN + timedelta(microseconds=1),)]


STATEMENT = st.dictionaries(st.sampled_from(["AAPL", "GOOG", "IBM"]), st.sampled_from([0.1, 0.2]), max_size=3)


@settings(max_examples=25, deadline=None)
@given(statements=st.lists(STATEMENT, min_size=1, max_size=5))
def test_as_of_each_statement_is_what_it_said(statements: list[dict[str, float]]) -> None:
    store = Store()
    moments = [HEARD + timedelta(days=number) for number in range(len(statements))]
    for said, moment in zip(statements, moments, strict=True):
        store.put(dividends(said, moment), moment)
    for said, moment in zip(statements, moments, strict=True):
        assert store.believed(moment) == dict(sorted(said.items()))
    spans = store.rows(
        "SELECT count(*) FROM corporate_action_revisions a JOIN corporate_action_revisions b "
        "ON a.ticker = b.ticker AND a.known_at < b.known_at AND b.known_at < a.superseded_at"
    )
    assert spans == [(0,)]
