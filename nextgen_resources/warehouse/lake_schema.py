"""The schema of record on a DuckLake: what the migrations make, without what a lake cannot hold."""

from __future__ import annotations

from pathlib import Path

import duckdb

from nextgen_resources.errors import MigrationChecksumError, MigrationError
from nextgen_resources.warehouse import migrator
from nextgen_resources.warehouse.schema import Column, Table, read_tables

_LEDGER = (
    "CREATE TABLE IF NOT EXISTS _migrations "
    "(id VARCHAR NOT NULL, description VARCHAR NOT NULL, checksum VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)"
)
_MACROS = (
    "SELECT function_name, parameters, macro_definition, function_type FROM duckdb_functions() "
    "WHERE function_type IN ('table_macro', 'macro') AND NOT internal ORDER BY function_name"
)
_VIEWS = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY view_oid"


def bring_up_to_date(lake: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Make in the lake what the migrations make in memory, in one transaction; the names of those it lacked.

    Raises
    ------
    MigrationChecksumError
        A migration that the lake has was edited afterwards.
    MigrationError
        The lake is newer than the code, or a migration changed a column that the lake holds.
    """
    migrations = migrator.discover(folder)
    lake.execute(_LEDGER)
    applied = dict(lake.execute("SELECT id, checksum FROM _migrations").fetchall())
    known = {migration.id: migration.checksum for migration in migrations}
    if unknown := sorted(set(applied) - set(known)):
        raise MigrationError(f"the lake has migrations {unknown} that this code lacks; use a newer release")
    if edited := sorted(id_ for id_, checksum in applied.items() if known[id_] != checksum):
        raise MigrationChecksumError(
            f"the migrations {edited} were edited after the lake had them; restore them"
        )
    pending = [migration for migration in migrations if migration.id not in applied]
    if not pending:
        return []
    with duckdb.connect() as record:
        record.execute("SET TimeZone = 'UTC'")
        migrator.migrate(record, migrations)
        lake.execute("BEGIN")
        try:
            _make(lake, record)
            for step in pending:
                lake.execute(
                    "INSERT INTO _migrations VALUES (?, ?, ?, now())",
                    [step.id, step.description, step.checksum],
                )
            lake.execute("COMMIT")
        except BaseException:
            lake.execute("ROLLBACK")
            raise
    return [migration.path.name for migration in pending]


def _make(lake: duckdb.DuckDBPyConnection, record: duckdb.DuckDBPyConnection) -> None:
    held = read_tables(lake)
    for name, table in read_tables(record).items():
        if name == "_migrations":
            continue
        if name not in held:
            lake.execute(_creation(table))
        else:
            _extend(lake, table, held[name])
        _comment(lake, table)
    for name, parameters, definition, kind in record.execute(_MACROS).fetchall():
        as_table = "TABLE " if kind == "table_macro" else ""
        lake.execute(f"CREATE OR REPLACE MACRO {name}({', '.join(parameters)}) AS {as_table}{definition}")
    for name, sql in record.execute(_VIEWS).fetchall():
        lake.execute(f"DROP VIEW IF EXISTS {name}")
        lake.execute(sql)


def _creation(table: Table) -> str:
    columns = ", ".join(
        f'"{column.name}" {column.sql_type}{"" if column.is_nullable else " NOT NULL"}'
        for column in table.columns
    )
    return f'CREATE TABLE "{table.name}" ({columns})'


def _extend(lake: duckdb.DuckDBPyConnection, table: Table, held: Table) -> None:
    known: dict[str, Column] = {column.name: column for column in held.columns}
    for column in table.columns:
        if column.name not in known:
            lake.execute(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {column.sql_type}')
        elif known[column.name].sql_type != column.sql_type:
            raise MigrationError(
                f"{table.name}.{column.name} is {known[column.name].sql_type} in the lake and {column.sql_type} in the "
                "schema; alter it by hand, then migrate again"
            )


def _comment(lake: duckdb.DuckDBPyConnection, table: Table) -> None:
    def text(comment: str | None) -> str:
        return "NULL" if comment is None else "'" + comment.replace("'", "''") + "'"

    lake.execute(f'COMMENT ON TABLE "{table.name}" IS {text(table.comment)}')
    for column in table.columns:
        if column.comment:
            lake.execute(f'COMMENT ON COLUMN "{table.name}"."{column.name}" IS {text(column.comment)}')
