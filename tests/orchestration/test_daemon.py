"""A real daemon: missed sessions are made up for in capped runs, and a killed one leaves nothing stuck."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from datetime import date
from pathlib import Path

import dagster as dg
import psutil
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.harness import SMALL
from tests.graph.servers import PROJECT, Door, polling
from tests.graph.test_ways_to_run import DAILY

FIRST, LAST = date(2005, 1, 3), date(2005, 2, 4)
SESSIONS = xnys().between(FIRST, LAST)
SPAN = {
    "ingestion.first_session": str(FIRST),
    "ingestion.last_session": str(LAST),
    "scheduler.max_catch_up_sessions": 8,
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def daemon_of(door: Door) -> list[str]:
    return ["python", "-m", "nextgen_resources.daemon", "run", "-w", str(PROJECT / "workspace.yaml")]


def kill_everything(group: int) -> None:
    """The daemon, its code servers and the run workers at once, as a power cut does."""
    children = psutil.Process(group).children(recursive=True)
    for process in [*children, psutil.Process(group)]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def finished(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey("system_health")))


def working(instance: dg.DagsterInstance) -> set[str]:
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    return {run.run_id for run in instance.get_runs(started)}


def test_missed_sessions_are_made_up_for_through_kills_of_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door.to(tmp_path, SMALL | SPAN)
    assert door.call("nextgen", "migrate").returncode == 0
    done = door.materialize(DAILY, "--partition-range", f"{SESSIONS[0]}...{SESSIONS[2]}")
    assert done.returncode == 0, done.stdout + done.stderr
    switched = door.call("dagster", "sensor", "start", "catch_up", "-w", str(PROJECT / "workspace.yaml"))
    assert switched.returncode == 0, switched.stdout + switched.stderr
    monkeypatch.setenv("DAGSTER_HOME", door.environment["DAGSTER_HOME"])
    with dg.DagsterInstance.get() as instance:
        killed: set[str] = set()
        for number in range(2):
            with door.serving(*daemon_of(door)) as process:
                for _ in polling(240, "another run to start", 0.2):
                    if started := working(instance) - killed:
                        break
                time.sleep(0.7 * number)
                kill_everything(process.pid)
                killed |= started
        with door.serving(*daemon_of(door)):
            for _ in polling(600, "every session to be made up for", 1.0):
                if len(finished(instance)) == len(SESSIONS):
                    break
            for _ in polling(120, "no run to be left open", 1.0):
                open_runs = instance.get_runs(dg.RunsFilter(statuses=[
                    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.QUEUED]))  # fmt: skip
                if not open_runs:
                    break
        assert finished(instance) == {day.isoformat() for day in SESSIONS}
        statuses: Counter[dg.DagsterRunStatus] = Counter()
        for record in instance.get_run_records():
            tags = record.dagster_run.tags
            first, last = (
                tags["dagster/asset_partition_range_start"],
                tags["dagster/asset_partition_range_end"],
            )
            days = xnys().between(date.fromisoformat(first), date.fromisoformat(last))
            assert len(days) <= 8
            statuses[record.dagster_run.status] += 1
            if record.dagster_run.run_id in killed:
                assert record.dagster_run.status == dg.DagsterRunStatus.FAILURE, (
                    "a killed run is marked failed"
                )
        assert statuses.keys() <= {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}
    warehouse = Warehouse(database=str(tmp_path / "data" / "baseline" / "warehouse.duckdb"))
    held = warehouse.read("SELECT DISTINCT session_date FROM market_prices ORDER BY 1")["session_date"]
    assert held.to_list() == SESSIONS
    values = warehouse.read("SELECT session_date, count(*) AS n FROM portfolio_values GROUP BY 1 ORDER BY 1")
    assert values["session_date"].to_list() == SESSIONS
    assert set(values["n"]) == {1}


def test_run_that_has_ended_by_a_kill_is_told_from_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door.to(tmp_path, SMALL | SPAN)
    monkeypatch.setenv("DAGSTER_HOME", door.environment["DAGSTER_HOME"])
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        assert type(launcher).__name__ == "WarmRunLauncher"
        run = instance.create_run_for_job(dg.job(name="x")(lambda: None))
        assert launcher.check_run_worker_health(run).status.name == "RUNNING"
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        from dagster._core.events import EngineEventData

        instance.report_engine_event("Started process for run", run, EngineEventData.in_process(child))
        assert launcher.check_run_worker_health(run).status.name == "RUNNING"
        os.kill(child, signal.SIGKILL)
        for _ in polling(10, "the process to end", 0.05):
            if launcher.check_run_worker_health(run).status.name == "FAILED":
                break
        os.waitpid(child, 0)
        assert launcher.check_run_worker_health(run).status.name == "FAILED"
