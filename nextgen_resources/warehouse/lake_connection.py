"""A connection to a DuckLake that keeps the keys and rules of the schema of record, which a lake itself cannot.

A lake has types, NOT NULL and comments, and neither keys nor CHECKs nor ``INSERT OR REPLACE``. What is inserted goes
through a temporary table first, where the rules of the migrations are asked of it; known keys are then refused, overwritten
or left out, as DuckDB would. Whoever writes holds the lease of the warehouse, so no key comes in between.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import duckdb

from nextgen_resources.warehouse.schema import Table, tables_of_record
from nextgen_resources.warehouse.warehouse import migrated_in_memory

_INSERT = re.compile(
    r"\s*INSERT\s+(?:OR\s+(?P<on_conflict>REPLACE|IGNORE)\s+)?INTO\s+\"?(?P<table>\w+)\"?\s+BY\s+NAME\s+(?P<rows>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ARRIVING = "arriving_rows"


class LakeConnection:
    """Stands where a :class:`duckdb.DuckDBPyConnection` is expected; what it does not know goes to the one inside."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._inside = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    def tables_of_record(self) -> dict[str, Table]:
        """The tables with their keys, as the migrations make them."""
        return tables_of_record()

    def execute(self, query: str, parameters: Any = None) -> Any:
        """Execute a statement; an insertion by name is held to the keys and rules of its table."""
        match = _INSERT.fullmatch(query)
        table = tables_of_record().get(match["table"]) if match else None
        if match is None or table is None:
            return self._inside.execute(query, parameters) if parameters else self._inside.execute(query)
        return self._insert(table, match["rows"], parameters, (match["on_conflict"] or "").upper())

    def _insert(self, table: Table, rows: str, parameters: Any, on_conflict: str) -> Any:
        run = self._inside.execute
        run(f'CREATE OR REPLACE TEMP TABLE {_ARRIVING} AS FROM "{table.name}" LIMIT 0')
        run(f"INSERT INTO {_ARRIVING} BY NAME {rows}", parameters or [])
        self._ask_rules(table)
        if not table.key:
            return run(f'INSERT INTO "{table.name}" BY NAME FROM {_ARRIVING}')
        same_key = " AND ".join(f'arriving."{name}" = stored."{name}"' for name in table.key)
        key = ", ".join(f'"{name}"' for name in table.key)
        if on_conflict == "REPLACE":
            run(
                f'DELETE FROM "{table.name}" AS stored WHERE EXISTS '
                f"(SELECT 1 FROM {_ARRIVING} AS arriving WHERE {same_key})"
            )
        elif not on_conflict:
            self._refuse_known_keys(table, key, same_key)
        absent = f'WHERE NOT EXISTS (SELECT 1 FROM "{table.name}" AS stored WHERE {same_key})'
        return run(
            f'INSERT INTO "{table.name}" BY NAME SELECT DISTINCT ON ({key}) * FROM {_ARRIVING} AS arriving {absent}'
        )

    def _ask_rules(self, table: Table) -> None:
        rules = rules_of_record().get(table.name, ())
        if not rules:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE NOT ({rule}))" for rule in rules)
        broken = self._inside.execute(f"SELECT {counts} FROM {_ARRIVING}").fetchall()[0]
        for rule, count in zip(rules, broken, strict=True):
            if count:
                raise duckdb.ConstraintException(
                    f"CHECK constraint failed on table {table.name} with expression {rule}: {count} rows"
                )

    def _refuse_known_keys(self, table: Table, key: str, same_key: str) -> None:
        doubled = self._inside.execute(
            f'SELECT count(*) FROM {_ARRIVING} AS arriving SEMI JOIN "{table.name}" AS stored ON {same_key} '
            f"UNION ALL SELECT count(*) - count(DISTINCT ({key})) FROM {_ARRIVING}"
        ).fetchall()
        if any(count for (count,) in doubled):
            raise duckdb.ConstraintException(f"Duplicate key ({key}) violates primary key of {table.name}")


@lru_cache(maxsize=1)
def rules_of_record() -> dict[str, tuple[str, ...]]:
    """The CHECK expressions of every table, as the migrations state them."""
    connection = migrated_in_memory()
    try:
        rows = connection.execute(
            "SELECT table_name, expression FROM duckdb_constraints() WHERE constraint_type = 'CHECK' ORDER BY ALL"
        ).fetchall()
    finally:
        connection.close()
    rules: dict[str, tuple[str, ...]] = {}
    for name, expression in rows:
        rules[name] = (*rules.get(name, ()), expression)
    return rules
