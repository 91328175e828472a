"""Keys and rules where the database keeps none: the same answers as from the tables of record."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from nextgen_resources.errors import MigrationChecksumError, MigrationError
from nextgen_resources.warehouse.lake_connection import LakeConnection, rules_of_record
from nextgen_resources.warehouse.lake_schema import bring_up_to_date
from nextgen_resources.warehouse.schema import read_tables, tables_of_record
from nextgen_resources.warehouse.warehouse import MIGRATIONS_DIR

ROW = (
    "SELECT '{ticker}' AS ticker, DATE '2005-01-03' AS session_date, '{tier}' AS tier, {score} AS score, 'r' AS rationale, "
    "'{{}}' AS factors, TIMESTAMPTZ '2005-01-03 21:30:00+00' AS as_of, '{run}' AS run_id"
)
STORED = "SELECT ticker, score, run_id FROM strategic_priorities ORDER BY ALL"


def row(ticker: str = "A", tier: str = "core", score: float = 0.5, run: str = "one") -> str:
    return ROW.format(ticker=ticker, tier=tier, score=score, run=run)


@pytest.fixture(scope="module")
def bare() -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables without keys and rules, as a lake has them."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert len(bring_up_to_date(connection, MIGRATIONS_DIR)) > 20
        yield connection


@pytest.fixture
def lake(bare: duckdb.DuckDBPyConnection) -> Iterator[LakeConnection]:
    bare.execute("BEGIN")
    yield LakeConnection(bare)
    bare.execute("ROLLBACK")


def test_tables_have_the_columns_of_record_and_no_key(bare: duckdb.DuckDBPyConnection) -> None:
    made, record = read_tables(bare), tables_of_record()
    assert made.keys() == record.keys()
    for name, table in record.items():
        if name != "_migrations":
            assert made[name].columns == table.columns, name
            assert made[name].comment == table.comment
            assert made[name].key == ()


def test_schema_that_is_up_to_date_is_left_and_edited_or_unknown_migrations_are_refused(
    bare: duckdb.DuckDBPyConnection,
) -> None:
    assert bring_up_to_date(bare, MIGRATIONS_DIR) == []
    bare.execute("BEGIN")
    bare.execute("UPDATE _migrations SET checksum = 'x' WHERE id = '0001'")
    with pytest.raises(MigrationChecksumError, match="0001"):
        bring_up_to_date(bare, MIGRATIONS_DIR)
    bare.execute("UPDATE _migrations SET id = '9999' WHERE id = '0001'")
    with pytest.raises(MigrationError, match="9999"):
        bring_up_to_date(bare, MIGRATIONS_DIR)
    bare.execute("ROLLBACK")


def test_known_key_is_refused_overwritten_or_left(lake: LakeConnection) -> None:
    insert = "INSERT {}INTO strategic_priorities BY NAME "
    lake.execute(insert.format("") + row())
    with pytest.raises(duckdb.ConstraintException, match="Duplicate key"):
        lake.execute(insert.format("") + row(score=0.7))
    lake.execute(insert.format("OR IGNORE ") + row(score=0.8, run="two"))
    assert lake.execute(STORED).fetchall() == [("A", 0.5, "one")]
    lake.execute(insert.format("OR REPLACE ") + row(score=0.9, run="three"))
    assert lake.execute(STORED).fetchall() == [("A", 0.9, "three")]


def test_key_that_comes_twice_in_one_statement_is_refused(lake: LakeConnection) -> None:
    with pytest.raises(duckdb.ConstraintException, match="Duplicate key"):
        lake.execute(f"INSERT INTO strategic_priorities BY NAME {row()} UNION ALL BY NAME {row()}")


@pytest.mark.parametrize("broken", [row(tier="none"), row(score=1.5)])
def test_rows_that_break_a_rule_are_refused(lake: LakeConnection, broken: str) -> None:
    with pytest.raises(
        duckdb.ConstraintException, match="CHECK constraint failed on table strategic_priorities"
    ):
        lake.execute(f"INSERT OR REPLACE INTO strategic_priorities BY NAME {broken}")
    assert lake.execute(STORED).fetchall() == []


def test_rules_are_those_of_the_migrations() -> None:
    rules = rules_of_record()
    assert any("tier" in rule for rule in rules["strategic_priorities"])
    assert len(rules["market_prices"]) >= 6


def test_statement_with_parameters_keeps_them(lake: LakeConnection) -> None:
    template = row().replace("0.5 AS score", "$score AS score")
    lake.execute(f"INSERT OR IGNORE INTO strategic_priorities BY NAME {template}", {"score": 0.25})
    assert lake.execute(STORED).fetchall() == [("A", 0.25, "one")]
