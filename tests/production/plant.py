"""The processes of the simulation: a real daemon with its code servers and run workers, and what kills them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import psutil

from nextgen_resources.promised_retries import promised_retries
from tests.graph.servers import PROJECT, Door
from tests.production.simulated_time import VARIABLE
from tests.production.vendor import VENDOR

_OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_WORKSPACE = """
load_from:
  - python_module: {module_name: tests.production.location, attribute: defs, location_name: nextgen}
"""


@dataclass
class Plant:
    """A daemon that is started, killed and started again.

    Attributes
    ----------
    door : Door
        Folder and environment of every process.
    """

    door: Door
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def under(cls, door: Door, clock_file: Path, vendor_url: str) -> Plant:
        """A plant whose processes know the simulated time and the vendor; runs are looked after every five seconds."""
        own = {
            VARIABLE: str(clock_file),
            VENDOR: vendor_url,
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "10000000000",
        }
        (door.folder / "workspace.yaml").write_text(_WORKSPACE)
        yaml = Path(door.environment["DAGSTER_HOME"]) / "dagster.yaml"
        text = yaml.read_text()
        assert "poll_interval_seconds: 20" in text
        yaml.write_text(text.replace("poll_interval_seconds: 20", "poll_interval_seconds: 5"))
        return cls(replace(door, environment={**door.environment, **own}))

    def command(self, *words: str) -> list[str]:
        """A command of Dagster's under the simulated clock, on the workspace of the simulation."""
        workspace = ["-w", str(self.door.folder / "workspace.yaml")]
        return [sys.executable, "-W", "ignore", "-m", "tests.production.clocked", *words, *workspace]

    def switch_on(self) -> None:
        """Start every schedule and every sensor, as an operator does."""
        done = subprocess.run(
            self.command("switch-on"),
            env=dict(self.door.environment), cwd=PROJECT, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"schedules and sensors did not start: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the daemon."""
        with (self.door.folder / "daemon.log").open("ab") as sink:
            self.process = subprocess.Popen(
                self.command("nextgen-daemon", "run"),
                env=dict(self.door.environment), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                start_new_session=True,
            )  # fmt: skip

    def kill(self, what: str, worker: int | None) -> int:
        """SIGKILL a run worker, the code servers, the daemon, or everything; how many processes that were."""
        victims = list(self._victims(what, worker))
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        if self.process is not None and what in ("daemon", "everything"):
            self.process.wait(20)
            self.process = None
        return len(victims)

    def stop(self) -> None:
        """End everything that the simulation has started, and nothing else."""
        self.kill("everything", None)

    def _victims(self, what: str, worker: int | None) -> Iterator[psutil.Process]:
        if what == "run":
            if worker is not None:
                with suppress(psutil.NoSuchProcess):
                    yield psutil.Process(worker)
        elif what == "daemon":
            if self.process is not None:
                yield psutil.Process(self.process.pid)
        else:
            ours = [each for each in psutil.process_iter(["cmdline"]) if self._is_ours(each)]
            if what == "everything":
                yield from ours
            else:
                yield from (each for each in ours if "grpc" in (each.info["cmdline"] or ()))

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process was started for this simulation: it carries the clock's file in its environment."""
        with suppress(psutil.Error):
            clock = self.door.environment[VARIABLE]
            return process.pid != psutil.Process().pid and process.environ().get(VARIABLE) == clock
        return False


def open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that have not ended, and failed ones whose next try has not been made yet."""
    waiting = [record.dagster_run for record in promised_retries(instance)]
    return [*instance.get_runs(dg.RunsFilter(statuses=_OPEN)), *waiting]


def worker_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process of a run, as it told itself."""
    kind = dg.DagsterEventType.ENGINE_EVENT
    for record in instance.get_records_for_run(run_id, of_type=kind, ascending=False).records:
        metadata = record.event_log_entry.get_dagster_event().engine_event_data.metadata
        if "pid" in metadata:
            return int(str(metadata["pid"].value))
    return None
