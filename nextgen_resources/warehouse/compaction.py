"""Compaction: the file rewritten without the space of replaced rows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb

from nextgen_resources.errors import WarehouseError
from nextgen_resources.warehouse.connections import log_of, quoted


def compact_file(path: Path, connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Rewrite ``path``; returns bytes before and after. The caller holds the exclusive lock.

    Parameters
    ----------
    path : Path
        The database file.
    connection : duckdb.DuckDBPyConnection
        The only open connection to it; closed here.

    Raises
    ------
    WarehouseError
        If the copy is not complete; the file was left as it is.
    """
    with closing(connection):
        connection.execute("CHECKPOINT")
    before = path.stat().st_size
    target = path.with_suffix(".compacting")
    for leftover in (target, log_of(target)):
        leftover.unlink(missing_ok=True)
    _copy(path, target)
    if log_of(path).exists() or log_of(target).exists():
        raise WarehouseError(
            f"{path.name} or its copy has a write-ahead log after its checkpoint; "
            "the file was left as it is, compact it later"
        )
    target.replace(path)
    return before, path.stat().st_size


def _copy(source: Path, target: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(source)}' AS source (READ_ONLY)")
        connection.execute(f"ATTACH '{quoted(target)}' AS target")
        connection.execute("COPY FROM DATABASE source TO target")
        rows, copied = (_row_counts(connection, database) for database in ("source", "target"))
        if rows != copied:
            short = sorted(table for table in rows if copied.get(table) != rows[table])
            raise WarehouseError(
                f"the copy of {source.name} lacks rows of {short}; the file was left as it is"
            )
        connection.execute("CHECKPOINT target")


def _row_counts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [database]
    ).fetchall()
    counting = 'SELECT count(*) FROM {}.main."{}"'
    return {
        table: connection.execute(counting.format(database, table)).fetchall()[0][0] for (table,) in tables
    }
