"""Writing a checked frame in the transaction of the caller: one function for each way of writing."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime

import duckdb
import polars as pl

from nextgen_resources.errors import LedgerConflictError, SliceError, StaleReadError
from nextgen_resources.warehouse.continuing import Mark
from nextgen_resources.warehouse.restating import restate
from nextgen_resources.warehouse.schema import Table
from nextgen_resources.warehouse.slices import Slice
from nextgen_resources.warehouse.tables import TableSpec, WriteMode
from nextgen_resources.warehouse.versions import Written, write_deliveries
from nextgen_resources.warehouse.warehouse import frame_of, named_query

_STAMPS = {
    "run_id",
    "known_at",
    "known_at_is_assumed",
    "delivered_at",
    "issued_at",
    "validated_at",
    "created_at",
}


def write(
    connection: duckdb.DuckDBPyConnection,
    frame: pl.DataFrame,
    table: Table,
    spec: TableSpec,
    cut: Slice | None,
    learned_at: datetime,
) -> Written:
    """Write a prepared frame inside the open transaction; returns what changed."""
    connection.register("incoming", frame)
    try:
        match spec.mode:
            case WriteMode.REPLACE:
                return Written(_replace(connection, frame, table, spec, cut))
            case WriteMode.APPEND:
                return Written(_append(connection, table))
            case WriteMode.UPSERT:
                connection.execute(f'INSERT OR REPLACE INTO "{table.name}" BY NAME SELECT * FROM incoming')
                return Written(frame.height)
            case WriteMode.REVISE:
                return _revise(connection, frame, table, learned_at)
            case WriteMode.RESTATE:
                return restate(connection, table, *_condition(table, spec, cut), learned_at)
            case WriteMode.TAIL:
                return Written(_replace_tail(connection, frame, table, spec, cut))
            case WriteMode.STREAM:
                raise SliceError(
                    f"{table.name} is written by a store of its own; the asset must return no frame for it"
                )
    finally:
        with suppress(duckdb.TransactionException):  # an aborted transaction forgets it by itself
            connection.unregister("incoming")


def refuse_changed(connection: duckdb.DuckDBPyConnection, table: str, read: pl.DataFrame) -> None:
    """Refuse to replace a table that is no longer what it was when it was read.

    Raises
    ------
    StaleReadError
        Another run has written in between; running again reads what it wrote.
    """
    names = ", ".join(f'"{name}"' for name in read.columns)
    connection.register("as_read", read)
    stored, known = f'SELECT {names} FROM "{table}"', f"SELECT {names} FROM as_read"
    changed = _count(
        connection,
        f"SELECT count(*) FROM ((({stored}) EXCEPT ALL ({known})) UNION ALL (({known}) EXCEPT ALL ({stored})))",
    )
    connection.unregister("as_read")
    if changed:
        raise StaleReadError(
            f"{table}: {changed} rows changed between the reading and the writing of this run; nothing was written. "
            "Another run was at work on it: run again."
        )


def refuse_overtaken(connection: duckdb.DuckDBPyConnection, what: str, marks: Iterable[Mark]) -> None:
    """Refuse to continue from stored rows that are no longer what they were when they were read.

    Raises
    ------
    StaleReadError
        A mark is another one by now; nothing was written.
    """
    for mark in marks:
        found = frame_of(connection, named_query(mark.query), mark.parameters).item()
        if found != mark.value:
            raise StaleReadError(
                f"{what} rests on rows that another run has replaced since they were read ({mark.query} of "
                f"{dict(mark.parameters)} gave {mark.value}, now {found}); nothing was written: do it again"
            )


def _count(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None) -> int:
    # fetchall, not fetchone: DuckDB 2 refuses other work while a result has not been read to its end.
    rows = connection.execute(sql, parameters or []).fetchall()
    return int(rows[0][0])


def _condition(table: Table, spec: TableSpec, cut: Slice | None) -> tuple[str, list[object]]:
    """The rows that a slice stands for, as SQL with its parameters."""
    if cut is None:
        return "TRUE", []
    within, bounds = f'"{spec.slice_column}" BETWEEN ? AND ?', [cut.first, cut.last]
    if "scenario_id" in table.names:
        return f"{within} AND scenario_id = ?", [*bounds, cut.scenario_id]
    return within, [*bounds]


def _refuse_emptying(
    connection: duckdb.DuckDBPyConnection, table: Table, spec: TableSpec, cut: Slice | None
) -> None:
    condition, bounds = _condition(table, spec, cut)
    old = _count(connection, f'SELECT count(*) FROM "{table.name}" WHERE {condition}', bounds)
    raise SliceError(
        f"{table.name}{f' {cut}' if cut else ''}: the new frame is empty and would replace {old} rows; "
        "an empty result is refused for this table: look for the cause upstream"
    )


def _replace(
    connection: duckdb.DuckDBPyConnection,
    frame: pl.DataFrame,
    table: Table,
    spec: TableSpec,
    cut: Slice | None,
) -> int:
    if frame.is_empty() and not spec.may_become_empty:
        _refuse_emptying(connection, table, spec, cut)
    condition, bounds = _condition(table, spec, cut)
    connection.execute(f'DELETE FROM "{table.name}" WHERE {condition}', bounds)
    connection.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM incoming')
    return frame.height


def _append(connection: duckdb.DuckDBPyConnection, table: Table, incoming: str = "incoming") -> int:
    before = _count(connection, f'SELECT count(*) FROM "{table.name}"')
    connection.execute(f'INSERT OR IGNORE INTO "{table.name}" BY NAME SELECT * FROM {incoming}')
    return _count(connection, f'SELECT count(*) FROM "{table.name}"') - before


def _revise(
    connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, table: Table, learned_at: datetime
) -> Written:
    """Dated deliveries at the instants that they state; the rest as learned now."""
    dated = frame["delivered_at"].is_not_null()
    written = write_deliveries(connection) if dated.any() else Written(0)
    if dated.all() and frame.height:
        return written
    fetched = _revise_fetched(connection, table, learned_at)
    return Written(written.rows + fetched.rows, written.revised + fetched.revised)


def _revise_fetched(connection: duckdb.DuckDBPyConnection, table: Table, learned_at: datetime) -> Written:
    """Keep the old version of what changed; a changed row is known from now on, whatever it claims.

    Where the clock is behind the version it replaces (an assumed, later ``known_at``), the new one
    follows it by a microsecond: never believed before it was known, and never two at once.
    """
    values = [name for name in table.names if name not in _STAMPS and name not in table.key]
    differs = " OR ".join(f'old."{name}" IS DISTINCT FROM new."{name}"' for name in values)
    join = " AND ".join(f'old."{name}" = new."{name}"' for name in table.key)
    fetched = "(SELECT * FROM incoming WHERE delivered_at IS NULL)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE changed AS SELECT new.* REPLACE (FALSE AS known_at_is_assumed, "
        "greatest(new.known_at, old.known_at + INTERVAL 1 MICROSECOND) AS known_at) "
        f'FROM {fetched} new JOIN "{table.name}" old ON {join} WHERE {differs}'
    )
    connection.execute("UPDATE changed SET known_at = greatest(known_at, ?)", [learned_at])
    on_changed = " AND ".join(f'old."{name}" = changed."{name}"' for name in table.key)
    connection.execute(
        f"INSERT INTO market_price_revisions BY NAME SELECT old.*, changed.known_at AS superseded_at "
        f'FROM "{table.name}" old JOIN changed ON {on_changed}'
    )
    connection.execute(f'INSERT OR REPLACE INTO "{table.name}" BY NAME SELECT * FROM changed')
    revised = _count(connection, "SELECT count(*) FROM changed")
    connection.execute("DROP TABLE changed")
    return Written(revised + _append(connection, table, fetched), revised)


def _replace_tail(
    connection: duckdb.DuckDBPyConnection,
    frame: pl.DataFrame,
    table: Table,
    spec: TableSpec,
    cut: Slice | None,
) -> int:
    if cut is None:
        raise SliceError(f"{table.name} is written by session; give the asset session partitions")
    column = spec.slice_column
    mine = "scenario_id = ?"
    newest = _newest_session(connection, table.name, column, cut.scenario_id)
    content = ", ".join(f'"{name}"' for name in table.names if name not in _STAMPS)
    stored = f'SELECT {content} FROM "{table.name}" WHERE {mine} AND "{column}" BETWEEN ? AND ?'
    bounds = [cut.scenario_id, cut.first, cut.last]
    as_stored = f'SELECT * FROM "{table.name}" WHERE FALSE UNION ALL BY NAME SELECT * FROM incoming'
    new = f"SELECT {content} FROM ({as_stored})"
    differences = _count(
        connection,
        f"SELECT count(*) FROM ((({stored}) EXCEPT ALL ({new})) UNION ALL (({new}) EXCEPT ALL ({stored})))",
        bounds + bounds,
    )
    if differences == 0:
        return 0
    if newest is not None and newest > cut.last:
        raise LedgerConflictError(
            f"{table.name} {cut}: the new rows differ from the stored ones, and sessions up to {newest} were "
            f"built on those; re-materialise the range {cut.first}..{newest} in one run (trade_plans, trades "
            "and portfolio_holdings together)"
        )
    if frame.is_empty() and not spec.may_become_empty:
        _refuse_emptying(connection, table, spec, cut)
    connection.execute(
        f'DELETE FROM "{table.name}" WHERE {mine} AND "{column}" >= ?', [cut.scenario_id, cut.first]
    )
    connection.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM incoming')
    return frame.height


def _newest_session(
    connection: duckdb.DuckDBPyConnection, table: str, column: str | None, scenario_id: str
) -> date | None:
    # A session without trades leaves no row here, but its portfolio rests on the ones before.
    rows = connection.execute(
        f'SELECT max(newest) FROM (SELECT max("{column}") AS newest FROM "{table}" '
        "WHERE scenario_id = $scenario UNION ALL "
        "SELECT max(session_date) FROM portfolio_values WHERE scenario_id = $scenario)",
        {"scenario": scenario_id},
    ).fetchall()
    newest: date | None = rows[0][0]
    return newest
