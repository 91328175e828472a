"""The one opener of the database file: retries, clear errors, and a connection per thread."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import tenacity

from nextgen_resources.errors import WarehouseBusyError, WarehouseCorruptError, WarehouseError

_FOREIGN_LOCK = re.compile(r"could not set lock|conflicting lock|used by another process", re.IGNORECASE)
_UNREADABLE = re.compile(
    r"corrupt|not a valid duckdb|could not read enough|checksum|version number|serializ", re.IGNORECASE
)


@dataclass
class OpenConnection:
    """A connection that is open in this thread, and what it may do."""

    connection: duckdb.DuckDBPyConnection
    is_exclusive: bool
    is_in_transaction: bool = False


class _OpenHere(threading.local):
    def __init__(self) -> None:
        self.by_path: dict[Path, OpenConnection] = {}


open_here = _OpenHere()
"""The connections that this thread has open, by file: a connection never crosses a thread."""

_inherited: list[dict[Path, OpenConnection]] = []


def _leave_connections_to_parent() -> None:
    # Closing one in a forked child would write to the file of its parent; so it is kept, unused.
    _inherited.append(open_here.by_path)
    open_here.by_path = {}


os.register_at_fork(after_in_child=_leave_connections_to_parent)


def connect(
    path: Path, *, exclusive: bool, config: Mapping[str, Any], timeout_seconds: float
) -> duckdb.DuckDBPyConnection:
    """Open the file, times in UTC; the caller holds the lock.

    Raises
    ------
    WarehouseBusyError
        If a program that does not share our lock had it open for the whole time-out.
    WarehouseCorruptError
        If it is no readable DuckDB file.
    WarehouseError
        If it could not be opened for another reason, such as permissions or an unknown setting.
    """
    started = time.monotonic()

    @tenacity.retry(
        retry=tenacity.retry_if_exception(_is_foreign_lock),
        stop=tenacity.stop_after_delay(timeout_seconds),
        wait=tenacity.wait_random_exponential(multiplier=0.01, max=1.0),
        reraise=True,
    )
    def attempt() -> duckdb.DuckDBPyConnection:
        if exclusive and not path.exists():
            _create_whole(path)
        elif exclusive and log_of(path).exists():
            _fold_log_in(path)
        connection = duckdb.connect(str(path), read_only=not exclusive, config=dict(config))
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    try:
        return attempt()
    except duckdb.Error as error:
        if _is_foreign_lock(error) or isinstance(error, duckdb.ConnectionException):
            raise WarehouseBusyError(
                f"{path.name} was open in a program that does not share our lock for "
                f"{time.monotonic() - started:.0f} seconds; close it and run again: {error}"
            ) from error
        if is_unreadable(error):
            raise corrupt(path, error) from error
        raise WarehouseError(
            f"{path.name} could not be opened; remove the cause, then run again: {error}"
        ) from error


def log_of(path: Path) -> Path:
    """The write-ahead log beside a database file: there while a writer works, or after it was killed."""
    return path.with_name(f"{path.name}.wal")


def _create_whole(path: Path) -> None:
    # A process that is killed while DuckDB writes the first header leaves a file that never opens.
    new = path.with_suffix(".creating")
    for leftover in (new, log_of(new)):
        leftover.unlink(missing_ok=True)
    duckdb.connect(str(new)).close()
    new.replace(path)


def _fold_log_in(path: Path) -> None:
    # DuckDB 2.0 replays a log before its functions are loaded, and fails where a migration altered
    # a table whose CHECK calls one. A database that is attached is replayed with them.
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(path)}' AS killed")
        connection.execute("CHECKPOINT killed")
        connection.execute("DETACH killed")


def quoted(path: Path) -> str:
    """The path as it stands between single quotes in SQL."""
    return str(path).replace("'", "''")


def _is_foreign_lock(error: BaseException) -> bool:
    return isinstance(error, duckdb.IOException) and _FOREIGN_LOCK.search(str(error)) is not None


def is_unreadable(error: duckdb.Error) -> bool:
    """Whether DuckDB says that the bytes of the file are not what they should be."""
    return _UNREADABLE.search(str(error)) is not None


def corrupt(path: Path, error: duckdb.Error) -> WarehouseCorruptError:
    """The error to raise for a file that cannot be read, with what to do."""
    return WarehouseCorruptError(
        f"{path.name} cannot be read as a warehouse; copy it aside, restore the last backup and "
        f"re-materialise the sessions since (a newer DuckDB may also have written it; this is "
        f"{duckdb.__version__}): {error}"
    )
