"""Dagster's own launcher of runs on this machine, which also knows whether a run's process is still alive.

Without that, a run whose process was killed together with its code server (a crash, an out-of-memory kill, a
power cut) stays "started" for ever and holds its slot of the queue: the stock launcher says of itself that it
cannot tell. Run monitoring asks this one, marks the run failed, and the retry policy takes it from there.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import psutil
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

_CLOCK_SLACK_SECONDS = 2.0


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches as the stock launcher does; the process of a run is looked up by its id and its time of birth.

    Notes
    -----
    A run tells its process id in its first engine events. An id may be given to another process later, so a
    process that was born after the run had told its id is another one. Only processes of this machine are
    seen: with daemons on several machines use a launcher that spans them.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of ``run`` lives; unknown, and left alone, while the run has not told its id."""
        told = self._told(run.run_id)
        if told is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the run has not told its process id yet")
        process_id, moment = told
        if is_alive(process_id, moment):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        told_at = datetime.fromtimestamp(moment, UTC)
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"its process {process_id}, told at {told_at:%H:%M:%S} UTC, has ended without a word",
        )

    def _told(self, run_id: str) -> tuple[int, float] | None:
        """The newest process id that the run told, and when."""
        kind = dg.DagsterEventType.ENGINE_EVENT
        for record in self._instance.get_records_for_run(run_id, of_type=kind, ascending=False).records:
            entry = record.event_log_entry
            metadata = entry.get_dagster_event().engine_event_data.metadata
            if "pid" in metadata:
                return int(str(metadata["pid"].value)), entry.timestamp
        return None


def is_alive(process_id: int, told_at: float) -> bool:
    """Whether the process that told its id at that moment (seconds since 1970) still lives."""
    try:
        process = psutil.Process(process_id)
        is_the_same = process.create_time() <= told_at + _CLOCK_SLACK_SECONDS
        return bool(is_the_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # it exists and is somebody else's
        return False
