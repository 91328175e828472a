"""One clock for every process of a simulation: the machine's, moved by an offset that stands in a shared file.

Time runs at its own speed, so that time-outs, leases and heartbeats mean what they say; between the hours at which
something happens it jumps. Dagster's daemon reads it in place of the machine's.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

VARIABLE = "NEXTGEN_SIMULATED_TIME"
"""Names the shared file, for the processes that Dagster starts."""
_OFFSET = struct.Struct("<d")


class SimulatedClock:
    """The present instant of the simulation; processes that share ``file`` agree on it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def timestamp(self) -> float:
        """Seconds since 1970."""
        return time.time() + float(_OFFSET.unpack_from(self._shared)[0])

    def begin_at(self, instant: datetime) -> None:
        """Be at ``instant`` now, before anything else looks at the clock."""
        _OFFSET.pack_into(self._shared, 0, instant.timestamp() - time.time())

    def jump_to(self, instant: datetime) -> None:
        """Go on to ``instant``.

        Raises
        ------
        ValueError
            It has passed: time never goes back.
        """
        if instant < self.now():
            raise ValueError(f"it is {self.now():%Y-%m-%d %H:%M:%S}, after {instant:%Y-%m-%d %H:%M:%S}")
        self.begin_at(instant)

    @cached_property
    def _shared(self) -> mmap.mmap:
        if not self.file.exists():
            self.file.write_bytes(bytes(_OFFSET.size))
        with self.file.open("r+b") as content:
            return mmap.mmap(content.fileno(), _OFFSET.size)


def simulated_clock() -> SimulatedClock:
    """The clock that the environment names."""
    return SimulatedClock(Path(os.environ[VARIABLE]))


def dagster_looks_at(clock: SimulatedClock, *, is_daemon: bool) -> None:
    """Make Dagster read ``clock`` in this process.

    Notes
    -----
    Code servers and run workers only take the date from it: the times of their events stay those of the machine, because
    the launcher compares them with the birth of processes. The daemon looks at its schedules every second instead of at
    the full minute of a clock that jumps over it.
    """
    import dagster._time as dagster_time

    dagster_time._mockable_get_current_datetime = clock.now
    if is_daemon:
        import dagster._daemon  # noqa: F401 (the scheduler cannot be imported before it)
        import dagster._daemon.controller as controller
        import dagster._scheduler.scheduler as scheduler

        dagster_time._mockable_get_current_timestamp = clock.timestamp
        controller.get_current_timestamp = (
            time.time
        )  # it compares with the machine's clock when to load code anew
        scheduler._get_next_scheduler_iteration_time = lambda start_time: start_time + 1.0
