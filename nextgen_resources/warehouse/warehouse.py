"""The warehouse resource: short connections under a fair lock, named reads, one transaction per write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from dagster_duckdb import DuckDBResource
from pydantic import Field

from nextgen_resources.errors import WarehouseError
from nextgen_resources.warehouse import migrator
from nextgen_resources.warehouse.compaction import compact_file
from nextgen_resources.warehouse.connections import (
    OpenConnection,
    connect,
    corrupt,
    is_unreadable,
    log_of,
    open_here,
)
from nextgen_resources.warehouse.continuing import Mark
from nextgen_resources.warehouse.lock import FileLock

PROJECT_ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS_DIR = PROJECT_ROOT / "sql" / "migrations"
QUERIES_DIR = PROJECT_ROOT / "sql" / "queries"


class Warehouse(DuckDBResource):
    """One DuckDB file with one writer or many readers at a time.

    Notes
    -----
    Computing happens outside the lock; reads and writes take it briefly. A reader opens the file
    read-only, so a reader can never leave it half-written; the kernel frees the lock of a process
    that dies, and DuckDB rolls its open transaction back on the next opening.
    """

    lock_timeout_seconds: float = Field(default=120.0, gt=0, description="How long to wait for the lock.")

    @classmethod
    def _is_dagster_maintained(cls) -> bool:
        return False

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self.database)

    @property
    def is_there(self) -> bool:
        """Whether it was ever made."""
        return self.path.exists()

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-write connection under the exclusive lock; inside another one, that one again."""
        with self._connection(exclusive=True) as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All or nothing: commits at the end of the block, rolls back on any error.

        Notes
        -----
        A transaction inside another one of the same thread is part of it.
        """
        with self._opened(exclusive=True) as opened:
            if opened.is_in_transaction:
                yield opened.connection
                return
            opened.connection.execute("BEGIN")
            opened.is_in_transaction = True
            try:
                yield opened.connection
                opened.connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # what failed may have ended the transaction itself
                    opened.connection.execute("ROLLBACK")
                raise
            finally:
                opened.is_in_transaction = False

    def read(self, query: str, **parameters: Any) -> pl.DataFrame:
        """Rows of a query as a Polars frame, times in UTC.

        Parameters
        ----------
        query : str
            Name of a file in ``sql/queries`` without its ending, or SQL (two words or more).
        **parameters
            Values for ``$name`` in the query. Those over time take ``as_of``.
        """
        sql = named_query(query) if re.fullmatch(r"\S+", query.strip()) else query
        with self._connection(exclusive=False) as connection:
            return frame_of(connection, sql, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside the block share one opening of the file and see one state of it.

        Notes
        -----
        Writers wait while the block lasts: read in it and compute after it.
        """
        with self._opened(exclusive=False):
            yield

    def scalar(self, query: str, **parameters: Any) -> Any:
        """First column of the first row of :meth:`read`, or None without rows."""
        frame = self.read(query, **parameters)
        return frame.item(0, 0) if frame.height else None

    def mark(self, query: str, **parameters: Any) -> Mark:
        """The one value of a named query, to tell later whether the rows it stands for are still the same."""
        return Mark(query, parameters, self.scalar(query, **parameters))

    def migrate(self, folder: Path = MIGRATIONS_DIR) -> list[str]:
        """Bring the schema up to date; returns the names of the migrations that were applied."""
        with self._connection(exclusive=True) as connection:
            applied = migrator.migrate(connection, migrator.discover(folder))
        return [migration.path.name for migration in applied]

    def is_migrated(self, folder: Path = MIGRATIONS_DIR) -> bool:
        """Whether the file exists and lacks no migration."""
        if not self.path.exists():
            return False
        exists = "SELECT count(*) FROM duckdb_tables() WHERE table_name = '_migrations'"
        if not self.scalar(exists):
            return False
        return int(self.scalar("SELECT count(*) FROM _migrations")) == len(migrator.discover(folder))

    def compact(self) -> tuple[int, int]:
        """Rewrite the file without the space of replaced rows; returns bytes before and after.

        Notes
        -----
        The copy is complete and checked before it takes the place of the file in one rename.
        """
        self._require_file()
        if self.path.resolve() in open_here.by_path:
            raise WarehouseError(
                f"{self.path.name} is open in this thread; compact it after that block has ended"
            )
        with FileLock(self.path, self.lock_timeout_seconds).hold(exclusive=True):
            return compact_file(self.path, self._connect(exclusive=True))

    def _require_file(self) -> None:
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse at {self.path.name}; run `nextgen migrate` first")

    @contextmanager
    def _connection(self, *, exclusive: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._opened(exclusive=exclusive) as opened:
            yield opened.connection

    @contextmanager
    def _opened(self, *, exclusive: bool) -> Iterator[OpenConnection]:
        path = self.path.resolve()
        outer = open_here.by_path.get(path)
        if outer is not None:
            if exclusive and not outer.is_exclusive:
                raise WarehouseError(
                    f"{self.path.name} is being read by this very thread; end that read, then write"
                )
            yield outer
            return
        if not exclusive:
            self._require_file()
            self._fold_log_of_killed_writer(path)
        with (
            FileLock(path, self.lock_timeout_seconds).hold(exclusive=exclusive),
            closing(self._connect(exclusive=exclusive)) as connection,
        ):
            open_here.by_path[path] = opened = OpenConnection(connection, exclusive)
            try:
                yield opened
            except duckdb.Error as error:
                if is_unreadable(error):
                    raise corrupt(self.path, error) from error
                raise
            finally:
                del open_here.by_path[path]

    def _fold_log_of_killed_writer(self, path: Path) -> None:
        lock = FileLock(path, self.lock_timeout_seconds)
        if not log_of(path).exists():
            return
        with lock.hold(exclusive=False):
            if not log_of(path).exists():  # it was that of a writer at work
                return
        with lock.hold(exclusive=True), closing(self._connect(exclusive=True)):
            pass

    def _connect(self, *, exclusive: bool) -> duckdb.DuckDBPyConnection:
        return connect(
            self.path,
            exclusive=exclusive,
            config=self.connection_config,
            timeout_seconds=self.lock_timeout_seconds,
        )


@lru_cache(maxsize=256)
def named_query(name: str) -> str:
    """The text of ``sql/queries/<name>.sql``.

    Raises
    ------
    WarehouseError
        If there is no such file; the message lists the near names.
    """
    path = QUERIES_DIR / f"{name}.sql"
    if not path.is_file():
        known = sorted(file.stem for file in QUERIES_DIR.glob("*.sql"))
        raise WarehouseError(f"there is no query {name!r} in sql/queries; it holds {known}")
    return path.read_text(encoding="utf-8")


def frame_of(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Result of ``sql`` as a Polars frame whose instants are Datetime('us', 'UTC')."""
    relation = connection.sql(sql, params=dict(parameters)) if parameters else connection.sql(sql)
    frame: pl.DataFrame = relation.pl()
    zoned = [
        name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone
    ]
    return frame.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in zoned)


def migrated_in_memory() -> duckdb.DuckDBPyConnection:
    """A migrated database in memory: for tests and for reading the schema of record."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    migrator.migrate(connection, migrator.discover(MIGRATIONS_DIR))
    return connection
