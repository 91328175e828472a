"""``nextgen-daemon``: Dagster's daemon behind a lease, so that there is one of it and no tick is run twice.

Two stock daemons on one instance both evaluate every schedule and sensor and both take runs from the queue; Dagster
only logs an error about their heartbeats. Here the second one ends at once and says which one is at work. The lease is a
lock that dies with its holder: of the file system for a history beside it, of the server for a history in PostgreSQL,
where it also holds between machines. A stock ``dagster-daemon`` does not ask for it. Retries of runs that the stock one
loses are made up for (`run_retries`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nextgen_resources.errors import DaemonRunningError, NextGenError

if TYPE_CHECKING:
    import dagster as dg

LEASE_NAME = "daemon.lock"
_ADVISORY_KEY = 0x6E657874_67656E21
"""The lock's number in PostgreSQL; any, as long as nothing else on that database uses it."""
_LOOK_SECONDS = 5.0


@contextmanager
def lease(instance: dg.DagsterInstance) -> Iterator[None]:
    """Be the one daemon of the instance for the length of the block.

    Raises
    ------
    DaemonRunningError
        Another one is; the message says which.
    """
    url = getattr(instance.run_storage, "postgres_url", None)
    holding = held_in_postgres(url) if url else held_in_file(Path(instance.root_directory) / LEASE_NAME)
    with holding:
        yield


@contextmanager
def held_in_file(path: Path) -> Iterator[None]:
    """The lease by a lock of the file system."""
    import fasteners

    lock = fasteners.InterProcessLock(path)
    if not lock.acquire(blocking=False):
        raise _refusal(_holder_told(path), f"of {path.parent}")
    try:
        # beside the lock, not in it: closing another handle of a locked file would drop the lock
        path.with_suffix(".holder").write_text(json.dumps(_me()), encoding="utf-8")
        yield
    finally:
        lock.release()


@contextmanager
def held_in_postgres(url: str, lost: Callable[[], None] | None = None) -> Iterator[None]:
    """The lease by an advisory lock of the server; ``lost`` is called when the connection breaks."""
    import psycopg2

    name = f"nextgen-daemon {_me()['host']} {os.getpid()}"
    with closing(psycopg2.connect(url, application_name=name[:63])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ADVISORY_KEY])
            if not cursor.fetchone()[0]:
                cursor.execute(
                    "SELECT application_name, backend_start FROM pg_stat_activity WHERE pid IN "
                    "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
                    "(classid::bigint << 32 | objid::bigint) = %s)",
                    [_ADVISORY_KEY],
                )
                names = "; ".join(
                    f"{who}, since {since:%Y-%m-%d %H:%M} UTC" for who, since in cursor.fetchall()
                )
                raise _refusal(names, "of this database")
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(connection, ended, lost or _interrupt), daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()


def _watch(connection: Any, ended: threading.Event, lost: Callable[[], None]) -> None:
    """A lost connection is a lost lease: another daemon may have begun, so this one must end."""
    import psycopg2

    while not ended.wait(_LOOK_SECONDS):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            sys.stderr.write("nextgen-daemon: the connection that holds the lease is lost; ending\n")
            lost()
            return


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _me() -> dict[str, str]:
    return {
        "process": str(os.getpid()),
        "host": socket.gethostname(),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _holder_told(path: Path) -> str:
    try:
        told = json.loads(path.with_suffix(".holder").read_text(encoding="utf-8"))
        return f"process {told['process']} on {told['host']}, since {told['since']}"
    except (OSError, ValueError, KeyError):  # it has the lock and has not told yet
        return "one that has just begun"


def _refusal(holder: str, of_what: str) -> DaemonRunningError:
    return DaemonRunningError(
        f"another daemon {of_what} is at work ({holder}); two would run each tick twice. Leave it, or stop it "
        "first; a lease ends with the process that holds it"
    )


def main() -> None:
    """Run Dagster's daemon with its own options, behind the lease; other commands as they are."""
    import dagster as dg
    from dagster._daemon.cli import main as run

    if sys.argv[1:2] != ["run"]:
        run()
        return
    from nextgen_resources.run_retries import keep_retries

    keep_retries()
    # a code server that is slow to load is no reason to give a backfill up
    os.environ.setdefault("DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR", "1")
    try:
        with dg.DagsterInstance.get() as instance, lease(instance):
            run()
    except NextGenError as error:
        sys.exit(f"nextgen-daemon: {error}")


if __name__ == "__main__":
    main()
