"""SIGKILL of run workers, the daemon and the webserver at random moments of a backfill: nothing stays stuck."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from nextgen_resources.run_launcher import WatchedRunLauncher, is_alive
from tests.graph.backfills import PARTIAL, TICKERS, Site, await_all, finished, is_quiet, launch, sessions_of
from tests.graph.servers import PROJECT, free_port, polling

KILLS = int(os.environ.get("NEXTGEN_TEST_KILLS", "3"))
"""Kills of each kind; 50 take an hour."""
SEED = int(os.environ.get("NEXTGEN_TEST_SEED", "7"))
SESSIONS = sessions_of(24)
QUICK = {
    "run_monitoring": {
        "enabled": True,
        "start_timeout_seconds": 60,
        "cancel_timeout_seconds": 60,
        "poll_interval_seconds": 3,
    }
}
LONGEST_PAUSE_SECONDS = 4.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7_200),
    # Dagster asks for a deprecated selection of its own when a backfill is made
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Servers:
    """The daemon and the webserver of a site, each started again when it was killed."""

    def __init__(self, site: Site) -> None:
        where = ["-w", str(PROJECT / "workspace.yaml")]
        port = ["-h", "127.0.0.1", "-p", str(free_port())]
        self._commands = {
            "daemon": ["nextgen_resources.daemon", "run", *where],
            "webserver": ["nextgen_resources.webserver", *where, *port],
        }
        self._site = site
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Begin it, in a process group of its own."""
        with (self._site.door.folder / f"{name}.log").open("ab") as sink:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *self._commands[name]],
                env=dict(self._site.door.environment),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def kill(self, name: str) -> int:
        """SIGKILL to the process alone: its children learn of it as after a crash."""
        process = self.running[name]
        process.kill()
        process.wait()
        self.start(name)
        return process.pid

    def close(self) -> None:
        """Everything that is left of either."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def kill_a_run(instance: dg.DagsterInstance, choice: random.Random) -> str:
    """SIGKILL to the process of a run that is at work, of another backfill when one has ended; the run's id."""
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher)
    for _ in polling(300, "a run at work", 0.05):
        if is_quiet(instance):
            launch(instance, SESSIONS)
        started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        choice.shuffle(started)
        for run in started:
            told = launcher._told(run.run_id)
            if told is not None and is_alive(*told):
                with suppress(ProcessLookupError):
                    os.kill(told[0], signal.SIGKILL)
                    return run.run_id
    raise AssertionError


def test_backfill_converges_through_kills_of_runs_daemon_and_webserver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site.at(tmp_path, len(SESSIONS), 4, 1, **QUICK)
    monkeypatch.setenv("DAGSTER_HOME", site.door.environment["DAGSTER_HOME"])
    moments, killed, runs = random.Random(SEED), Counter[str](), set[str]()
    order = ["run", "daemon", "webserver"] * KILLS
    moments.shuffle(order)
    servers = Servers(site)
    with dg.DagsterInstance.get() as instance:
        kinds: dict[str, Callable[[], object]] = {
            "run": lambda: runs.add(kill_a_run(instance, moments)),
            "daemon": lambda: servers.kill("daemon"),
            "webserver": lambda: servers.kill("webserver"),
        }
        try:
            for name in ("daemon", "webserver"):
                servers.start(name)
            for kind in order:
                if is_quiet(instance):
                    launch(instance, SESSIONS)
                time.sleep(moments.uniform(0, LONGEST_PAUSE_SECONDS))
                kinds[kind]()
                killed[kind] += 1
            await_all(instance, SESSIONS, 1_200)
        finally:
            servers.close()
        ended = {run.run_id: run.status for run in instance.get_runs()}
        assert set(ended.values()) <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
        assert {str(day) for day in SESSIONS} <= finished(instance)
        failed = [run for run in runs if ended[run] == dg.DagsterRunStatus.FAILURE]
    print(
        f"\nkilled {dict(killed)}; {len(failed)} of {len(runs)} killed runs had not ended; {len(ended)} runs in all"
    )
    assert killed == Counter(dict.fromkeys(kinds, KILLS))
    assert site.warehouse.scalar(PARTIAL) == 0
    held = site.warehouse.read("SELECT session_date, count(*) AS n FROM market_prices GROUP BY 1 ORDER BY 1")
    assert held.rows() == [(day, TICKERS) for day in SESSIONS]
