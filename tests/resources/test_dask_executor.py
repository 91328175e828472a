"""Steps on real workers of Dask: order, gates, tries, and a worker that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nextgen_resources.executors import executor_of
from nextgen_resources.settings.loader import load_settings
from tests.graph.dask_cluster import Cluster, cluster
from tests.graph.servers import polling
from tests.resources.chained_jobs import FOLDER_VARIABLE, chain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # the client's own threads and sockets, when it is let go
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files that tell the steps what to do."""
    return tmp_path_factory.mktemp("told")


@pytest.fixture(scope="module")
def dask(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("DAGSTER")}
    with cluster(tmp_path_factory.mktemp("dask"), 3, inherited | {FOLDER_VARIABLE: str(told)}) as found:
        yield found


@pytest.fixture
def instance(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for path in told.iterdir():
        path.unlink()
    monkeypatch.setenv(FOLDER_VARIABLE, str(told))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def run_on(dask: Cluster, instance: dg.DagsterInstance) -> bool:
    config = {"execution": {"config": {"address": dask.address}}}
    with dg.execute_job(dg.reconstructable(chain), instance, run_config=config) as result:
        return result.success


def test_steps_run_in_order_on_the_workers(dask: Cluster, instance: dg.DagsterInstance, told: Path) -> None:
    assert run_on(dask, instance)
    assert (told / "done").exists()
    (pid,) = (told / "tries").read_text().split()
    assert int(pid) in {worker.pid for worker in dask.workers}


def test_step_after_one_that_fails_for_good_is_not_run(
    dask: Cluster, instance: dg.DagsterInstance, told: Path
) -> None:
    (told / "always_fail").touch()
    assert not run_on(dask, instance)
    assert not (told / "done").exists()
    assert len((told / "tries").read_text().split()) == 2, "it was tried again once"


def test_step_that_fails_once_is_tried_again(dask: Cluster, instance: dg.DagsterInstance, told: Path) -> None:
    (told / "fail_once").touch()
    assert run_on(dask, instance)
    assert (told / "done").exists()


def test_blocking_check_keeps_the_next_step_back(
    dask: Cluster, instance: dg.DagsterInstance, told: Path
) -> None:
    (told / "closed").touch()
    assert not run_on(dask, instance)
    assert not (told / "done").exists()


def test_step_of_a_killed_worker_is_tried_again_on_another(
    dask: Cluster, instance: dg.DagsterInstance, told: Path
) -> None:
    (told / "linger").touch()
    killer = os.fork()
    if killer == 0:
        try:
            for _ in polling(60, "the step to begin", 0.05):
                if (told / "tries").exists() and (told / "tries").read_text().split():
                    break
            os.kill(int((told / "tries").read_text().split()[0]), signal.SIGKILL)
        finally:
            os._exit(0)
    assert run_on(dask, instance)
    os.waitpid(killer, 0)
    first, second = (told / "tries").read_text().split()
    assert first != second
    assert (told / "done").exists()


def test_setting_names_the_executor_and_its_cluster() -> None:
    def executor(**settings: object) -> dg.ExecutorDefinition:
        overrides = {f"execution.{name}": value for name, value in settings.items()}
        found = load_settings(environ={}, dotenv_path=Path(os.devnull), overrides=overrides)
        return executor_of(found.execution)

    assert executor() is dg.in_process_executor
    assert executor(executor="dask", dask_address="tcp://127.0.0.1:8786").name == "dask"
    assert executor(executor="celery").name == "celery"
    assert executor(executor="kubernetes").name == "k8s"
