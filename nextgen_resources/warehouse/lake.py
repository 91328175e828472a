"""A warehouse of many machines: a DuckLake, whose catalogue lies in PostgreSQL and whose rows lie in Parquet files.

Readers take no lock: each sees the snapshot that it began with. Writers hold an advisory lock of the catalogue's server,
one at a time per warehouse, from machine to machine, where the one file of :class:`Warehouse` has a lock of its file
system. DuckDB must be of the version that the extension ``ducklake`` is built for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import cast

import duckdb
from pydantic import Field

from nextgen_resources.errors import WarehouseBusyError, WarehouseError
from nextgen_resources.warehouse import migrator
from nextgen_resources.warehouse.connections import OpenConnection, open_here, quoted
from nextgen_resources.warehouse.lake_connection import LakeConnection, rules_of_record
from nextgen_resources.warehouse.lake_schema import bring_up_to_date
from nextgen_resources.warehouse.schema import tables_of_record
from nextgen_resources.warehouse.warehouse import MIGRATIONS_DIR, Warehouse

_EXTENSIONS = ("postgres_scanner", "ducklake")


class _Kept(threading.local):
    def __init__(self) -> None:
        self.by_lake: dict[tuple[str, str], LakeConnection] = {}


_kept = _Kept()


def _forget_connections_of_parent() -> None:
    # A forked child must not talk over the sockets of its parent.
    _kept.by_lake = {}


os.register_at_fork(after_in_child=_forget_connections_of_parent)


class LakeWarehouse(Warehouse):
    """The same tables, reads and writes on a DuckLake.

    Notes
    -----
    ``database`` names the warehouse within the catalogue's server: one server may hold several scenarios.
    """

    catalogue: str = Field(
        description="How PostgreSQL is reached: words such as host=… dbname=… user=… password=…"
    )
    data_path: str = Field(description="Folder of the Parquet files, which every machine sees.")

    @property
    def is_there(self) -> bool:
        """Whether the catalogue knows the warehouse."""
        return self._is_made()

    def migrate(self, folder: Path = MIGRATIONS_DIR) -> list[str]:
        """Bring the lake to the schema that the migrations make; the names of those that it lacked."""
        Path(self.data_path).mkdir(parents=True, exist_ok=True)
        with self._connection(exclusive=True) as connection:
            return bring_up_to_date(connection, folder)

    def is_migrated(self, folder: Path = MIGRATIONS_DIR) -> bool:
        """Whether the lake is there and lacks no migration."""
        if not self._is_made():
            return False
        return int(self.scalar("SELECT count(*) FROM _migrations")) == len(migrator.discover(folder))

    def compact(self) -> tuple[int, int]:
        """Join small files into larger ones; bytes of the data folder before and after."""
        before = _bytes_in(Path(self.data_path))
        with self._connection(exclusive=True) as connection:
            connection.execute("CALL ducklake_merge_adjacent_files('lake')")
            connection.execute("CALL ducklake_expire_snapshots('lake', older_than => now())")
            connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
        return before, _bytes_in(Path(self.data_path))

    def _is_made(self) -> bool:
        found = (
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake' AND table_name = '_migrations'"
        )
        with self._connection(exclusive=False) as connection:
            return bool(connection.execute(found).fetchall()[0][0])

    @contextmanager
    def _opened(self, *, exclusive: bool) -> Iterator[OpenConnection]:
        place = self.path.resolve()
        outer = open_here.by_path.get(place)
        if outer is not None:
            if exclusive and not outer.is_exclusive:
                raise WarehouseError(
                    f"{self.path.name} is being read by this very thread; end that read, then write"
                )
            yield outer
            return
        connection = self._attached()
        tables_of_record()  # both are read once by a process, and not while others wait for the lease
        rules_of_record()
        with self._lease() if exclusive else nullcontext():
            open_here.by_path[place] = opened = OpenConnection(
                cast("duckdb.DuckDBPyConnection", connection), exclusive
            )
            try:
                if not exclusive:  # what is read in the block is of one snapshot
                    connection.execute("BEGIN")
                yield opened
            finally:
                del open_here.by_path[place]
                if not exclusive:
                    self._end(connection)

    def _end(self, connection: LakeConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:  # the connection is not to be used again
            _kept.by_lake.pop((self.catalogue, self.data_path), None)

    @contextmanager
    def _lease(self) -> Iterator[None]:
        """The one writer of this warehouse, on whatever machine; PostgreSQL frees it when its holder dies."""
        import psycopg2

        number = int.from_bytes(
            hashlib.sha256(self.path.name.encode() + self.data_path.encode()).digest()[:7]
        )
        with closing(psycopg2.connect(self.catalogue)) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, false)", [f"{self.lock_timeout_seconds:.0f}s"]
                )
                try:
                    cursor.execute("SELECT pg_advisory_lock(%s)", [number])
                except psycopg2.errors.LockNotAvailable as error:
                    raise WarehouseBusyError(
                        f"{self.path.name} was held by another writer for more than {self.lock_timeout_seconds:g} "
                        "seconds; find it in pg_stat_activity or raise warehouse.lock_timeout_seconds, then run "
                        "again: nothing was written"
                    ) from error
                yield

    def _attached(self) -> LakeConnection:
        key = (self.catalogue, self.data_path)
        known = _kept.by_lake.get(key)
        if known is not None:
            return known
        connection = duckdb.connect(config=dict(self.connection_config))
        for name in _EXTENSIONS:
            connection.execute(f"LOAD '{quoted(extension_file(name))}'")
        try:
            connection.execute(
                f"ATTACH 'ducklake:postgres:{self.catalogue}' AS lake (DATA_PATH '{quoted(Path(self.data_path))}/')"
            )
        except duckdb.Error as error:
            raise WarehouseError(
                f"the lake could not be attached; is its PostgreSQL server up, and does {self.data_path} exist? "
                f"{type(error).__name__}: {_without_password(str(error))}"
            ) from None
        connection.execute("USE lake")
        connection.execute("SET TimeZone = 'UTC'")
        _kept.by_lake[key] = LakeConnection(connection)
        return _kept.by_lake[key]


def extension_file(name: str) -> Path:
    """The extension of this DuckDB's version from the package ``duckdb-extension-…``.

    Raises
    ------
    WarehouseError
        There is none for this version; the message says which to install.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    wanted = f"v{duckdb.__version__}"
    for folder in folders:
        path = Path(folder) / "extensions" / wanted / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    raise WarehouseError(
        f"DuckDB {duckdb.__version__} has no extension {name} here; install duckdb and duckdb-extension-"
        f"{name.replace('_', '-')} of one version, in an environment of their own (docs/lake.md)"
    )


def _without_password(text: str) -> str:
    words = (("password=***" if word.startswith("password=") else word) for word in text.split())
    return " ".join(words)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
