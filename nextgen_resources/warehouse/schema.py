"""The schema of record as data: columns, types, keys and comments of the migrated tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import duckdb
import polars as pl

from nextgen_resources.errors import WarehouseError
from nextgen_resources.warehouse.warehouse import migrated_in_memory

_TEXT = (pl.String, pl.Categorical, pl.Enum)
_FAMILIES: dict[str, tuple[type[pl.DataType], ...]] = {
    "VARCHAR": _TEXT,
    "JSON": (pl.String,),
    "DATE": (pl.Date,),
    "BOOLEAN": (pl.Boolean,),
    "DOUBLE": (pl.Float64, pl.Float32, pl.Int8, pl.Int16, pl.Int32),
    "INTEGER": (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32),
    "BIGINT": (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32),
    "TIMESTAMP WITH TIME ZONE": (pl.Datetime,),
}
_ELEMENTS: dict[str, tuple[type[pl.DataType], ...]] = {
    "VARCHAR[]": (*_TEXT, pl.Null),
    "FLOAT[]": (pl.Float32, pl.Float64, pl.Null),
}
_LEDGER_DECIMALS = 6


@dataclass(frozen=True)
class Column:
    """One column of a migrated table."""

    name: str
    sql_type: str
    is_nullable: bool
    comment: str | None

    def accepts(self, dtype: pl.DataType) -> bool:
        """Whether values of ``dtype`` fit without a silent change of meaning."""
        if isinstance(dtype, pl.Null):
            return self.is_nullable
        if self.sql_type.startswith("DECIMAL"):
            fits = isinstance(dtype, pl.Decimal) and dtype.scale <= _LEDGER_DECIMALS
            return fits or dtype.is_integer()
        if self.sql_type in _ELEMENTS:
            if not isinstance(dtype, (pl.List, pl.Array)):
                return False
            return dtype.inner.base_type() in _ELEMENTS[self.sql_type]
        if self.sql_type == "TIMESTAMP WITH TIME ZONE":
            return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        return isinstance(dtype, _FAMILIES[self.sql_type])


@dataclass(frozen=True)
class Table:
    """One migrated table: its columns in order, primary key and comment."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    comment: str | None

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]


def read_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """The tables of an open database, by name."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY table_name, column_index"
    ).fetchall()
    keys = dict(
        connection.execute(
            "SELECT table_name, constraint_column_names FROM duckdb_constraints() "
            "WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()"
        ).fetchall()
    )
    comments = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
    columns: dict[str, list[Column]] = {}
    for table, name, sql_type, is_nullable, comment in rows:
        columns.setdefault(table, []).append(Column(name, sql_type, is_nullable, comment))
    return {
        name: Table(name, tuple(found), tuple(keys.get(name, ())), comments.get(name))
        for name, found in columns.items()
        if name in comments
    }


_tables_by_version: dict[tuple[object, ...], dict[str, Table]] = {}


def tables_in(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """The tables of a migrated database, read once for each state of its migrations.

    Raises
    ------
    WarehouseError
        If it was never migrated.

    Notes
    -----
    Asking the catalogue takes longer than writing a session.
    """
    if hasattr(connection, "tables_of_record"):  # a lake has no keys of its own
        return dict(connection.tables_of_record())
    try:
        version = tuple(connection.execute("SELECT id, checksum FROM _migrations ORDER BY id").fetchall())
    except duckdb.CatalogException as error:
        raise WarehouseError("the warehouse has no tables yet; run `nextgen migrate` first") from error
    if version not in _tables_by_version:
        _tables_by_version[version] = read_tables(connection)
    return _tables_by_version[version]


@lru_cache(maxsize=1)
def tables_of_record() -> dict[str, Table]:
    """The tables that the migrations make, by name."""
    connection = migrated_in_memory()
    try:
        return read_tables(connection)
    finally:
        connection.close()
