"""Runs that begin in a fork of a warm process: executed, interrupted, told from dead ones."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from nextgen_resources.warm_launcher import Nursery, WarmRunLauncher
from tests.graph.servers import PROJECT, polling
from tests.orchestration import toy_location

MODULE = "tests.orchestration.toy_location"
HOME = """
telemetry: {enabled: false}
run_launcher: {module: nextgen_resources.warm_launcher, class: WarmRunLauncher}
"""
FAILED, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance with the launcher, whose one warm process serves all tests of this file."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text(HOME)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(PROJECT))
        environment.setenv("PYTHONWARNINGS", "ignore")
        with dg.DagsterInstance.from_config(str(home)) as found:
            yield found


def launched(instance: dg.DagsterInstance, job: str) -> str:
    """The id of a new run of the toy location."""
    pointer = ModuleCodePointer(MODULE, "defs", working_directory=str(PROJECT))
    origin = JobPythonOrigin(job, RepositoryPythonOrigin(sys.executable, pointer))
    run = instance.create_run_for_job(toy_location.defs.resolve_job_def(job), job_code_origin=origin)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run.run_id


def ended(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    for _ in polling(60, f"run {run_id} to end", 0.1):
        run = instance.get_run_by_id(run_id)
        if run is not None and run.is_finished:
            return run
    raise AssertionError


def process_of(instance: dg.DagsterInstance, run_id: str) -> int:
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    for _ in polling(60, "the run to tell its process", 0.05):
        if told := launcher._told(run_id):
            return told[0]
    raise AssertionError


def test_runs_begin_in_forks_of_one_warm_process(instance: dg.DagsterInstance) -> None:
    run_ids = [launched(instance, "where") for _ in range(2)]
    assert [ended(instance, run_id).status for run_id in run_ids] == [SUCCESS] * 2
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    said = [
        instance.get_records_for_run(run_id, of_type=kind).records[0].asset_materialization.metadata
        for run_id in run_ids
    ]
    assert said[0]["pid"] != said[1]["pid"], "each run has a process of its own"
    assert said[0]["parent"] == said[1]["parent"], "and both were forked from the same"
    assert said[0]["parent"].value != os.getpid()


def test_terminated_run_is_interrupted_and_killed_one_is_told_dead(instance: dg.DagsterInstance) -> None:
    run_id = launched(instance, "wait")
    for _ in polling(60, "the run to start", 0.1):
        if instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED:
            break
    assert instance.run_launcher.terminate(run_id)
    assert ended(instance, run_id).status == dg.DagsterRunStatus.CANCELED
    assert not instance.run_launcher.terminate(run_id), "it has ended"
    other = launched(instance, "wait")
    process = process_of(instance, other)
    os.kill(process, signal.SIGKILL)
    for _ in polling(20, "the process to end", 0.05):
        if not psutil.pid_exists(process):
            break
    health = instance.run_launcher.check_run_worker_health(instance.get_run_by_id(other))
    assert health.status.name == "FAILED"


def test_warm_process_that_was_killed_fails_one_launch_and_is_replaced(instance: dg.DagsterInstance) -> None:
    launched(instance, "where")
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    (nursery,) = launcher._nurseries.values()
    os.kill(nursery._process.pid, signal.SIGKILL)
    nursery._process.wait()
    with pytest.raises(DagsterLaunchFailedError, match="the next run starts another one"):
        nursery.start("{}")
    assert ended(instance, launched(instance, "where")).status == SUCCESS


@pytest.mark.slow
def test_loading_the_code_location_leaves_no_thread_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    nursery = Nursery("nextgen_assets.definitions", "defs")
    try:
        tasks = Path(f"/proc/{nursery._process.pid}/task")
        names = sorted(path.read_text().strip() for path in tasks.glob("*/comm"))
        idle = ("jemalloc_bg_thd", "polars-ooc-clea")  # they hold no lock that a child would need
        at_work = [name for name in names if name not in idle]
        assert set(at_work) == {"python"}, "a thread pool of Polars or DuckDB does not survive a fork"
        assert len(at_work) <= (os.cpu_count() or 1), (
            "the main thread and those of OpenBLAS, which restarts them"
        )
    finally:
        nursery.close()
