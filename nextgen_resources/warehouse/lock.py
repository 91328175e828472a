"""A fair readers-writer lock on a file, freed by the kernel when its holder dies."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fasteners

from nextgen_resources.errors import WarehouseBusyError, WarehouseError

_SHORTEST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.0005, 0.02
_SHORTEST_TURN_SECONDS = 0.004
"""Of many that wait each asks no oftener: together they would take the processor from who holds the lock."""
_HALVING_WAIT_SECONDS = 0.1


class _ProcessLock:
    """What this process knows of one lock file; its handles live as long as the process.

    Notes
    -----
    POSIX record locks belong to the process, and closing *any* handle of the file drops them. A
    handle that a timed-out attempt left to the garbage collector would drop a lock taken later.
    """

    def __init__(self, path: Path) -> None:
        self.mutex = threading.RLock()
        self.turnstile = fasteners.InterProcessLock(f"{path}.turn")
        self.lock = fasteners.InterProcessReaderWriterLock(f"{path}.lock")
        self.depth = 0
        self.is_exclusive = False


_process_locks: dict[Path, _ProcessLock] = {}
_registry_lock = threading.Lock()


def _forget_locks_of_parent() -> None:
    # A forked child must not inherit a lock that a thread of its parent holds.
    global _registry_lock
    _registry_lock = threading.Lock()
    _process_locks.clear()


def _close_handles() -> None:
    for known in _process_locks.values():
        for lock in (known.turnstile, known.lock):
            if lock.lockfile is not None:
                lock.lockfile.close()


os.register_at_fork(after_in_child=_forget_locks_of_parent)
atexit.register(_close_handles)  # those that timed-out attempts left; no sooner, see _ProcessLock


class FileLock:
    """Many readers or one writer, across processes and threads.

    Parameters
    ----------
    path : Path
        The locked file; ``<path>.lock`` and ``<path>.turn`` are created beside it.
    timeout_seconds : float
        How long to wait before giving up.

    Notes
    -----
    Everybody passes a turnstile before asking for the lock proper, so that a stream of readers
    cannot starve a writer. Threads of one process take turns on a mutex of their own. A thread that
    holds the lock may enter again, as a reader or, when it writes, as a writer.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self.path = path.resolve()
        self.timeout_seconds = timeout_seconds
        with _registry_lock:
            known = _process_locks.get(self.path)
            self._process = known or _process_locks.setdefault(self.path, _ProcessLock(self.path))

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[float]:
        """Hold the lock; yields the seconds that were spent waiting.

        Raises
        ------
        WarehouseBusyError
            If the lock was not free within the time-out. It is safe to try again.
        WarehouseError
            If this thread wants to write while it still reads; end the read first.
        """
        started = time.monotonic()
        mine = self._process
        if not mine.mutex.acquire(timeout=self.timeout_seconds):
            raise self._busy("another thread of this process")
        try:
            if mine.depth == 0:
                self._acquire(started, exclusive)
                mine.is_exclusive = exclusive
            elif exclusive and not mine.is_exclusive:
                raise WarehouseError(
                    f"{self.path} is being read by this very thread; end that read, then write"
                )
            mine.depth += 1
            try:
                yield time.monotonic() - started
            finally:
                mine.depth -= 1
                if mine.depth == 0:
                    (mine.lock.release_write_lock if mine.is_exclusive else mine.lock.release_read_lock)()
        finally:
            mine.mutex.release()

    def _acquire(self, started: float, exclusive: bool) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._process.lock
        patience = {"delay": _SHORTEST_DELAY_SECONDS, "max_delay": 4 * _SHORTEST_DELAY_SECONDS}
        self._enter_turnstile(started)
        try:
            acquire = lock.acquire_write_lock if exclusive else lock.acquire_read_lock
            if not acquire(timeout=self._left(started), **patience):
                raise self._busy("a writer" if not exclusive else "a reader or writer")
        finally:
            self._process.turnstile.release()

    def _enter_turnstile(self, started: float) -> None:
        # Who has waited longer asks more often, so that newcomers rarely overtake.
        while not self._process.turnstile.acquire(blocking=False):
            if not self._left(started):
                raise self._busy("those before in the queue")
            waited = time.monotonic() - started
            time.sleep(
                max(_SHORTEST_TURN_SECONDS, _LONGEST_DELAY_SECONDS / (1 + waited / _HALVING_WAIT_SECONDS))
            )

    def _left(self, started: float) -> float:
        return max(0.0, self.timeout_seconds - (time.monotonic() - started))

    def _busy(self, holder: str) -> WarehouseBusyError:
        return WarehouseBusyError(
            f"{self.path} was held by {holder} for more than {self.timeout_seconds:g} seconds; "
            "find the process with a long transaction (fuser on the .lock file beside it) or raise "
            "warehouse.lock_timeout_seconds, then run again: nothing was written"
        )
