"""A retry that the stock daemon passed by is made once, by the one that looks again."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon import controller
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._grpc.client import DagsterGrpcClient

from nextgen_resources.run_retries import RetryKeeper, keep_retries
from tests.graph.servers import PROJECT, free_port, polling
from tests.orchestration import toy_location

pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")  # Dagster's own
HOME = """
telemetry: {enabled: false}
run_retries: {enabled: true, max_retries: 2}
run_coordinator: {module: dagster, class: QueuedRunCoordinator}
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceProcessContext]:
    """An instance that retries runs, and the toy location behind a code server."""
    (tmp_path / "dagster.yaml").write_text(HOME)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    port = free_port()
    command = [
        "dagster",
        "api",
        "grpc",
        "-m",
        "tests.orchestration.toy_location",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    server = subprocess.Popen([sys.executable, "-W", "ignore", "-m", *command], cwd=PROJECT)
    try:
        client = DagsterGrpcClient(port=port, host="127.0.0.1")
        for _ in polling(120, "the code server"):
            with suppress(DagsterUserCodeUnreachableError):
                client.ping("there?")
                break
        with (
            dg.DagsterInstance.from_config(str(tmp_path)) as instance,
            WorkspaceProcessContext(instance, GrpcServerTarget("127.0.0.1", port, None, "toy")) as found,
        ):
            yield found
    finally:
        server.kill()
        server.wait()


def failed_run(context: WorkspaceProcessContext) -> dg.DagsterRun:
    """A run of the toy location whose worker is gone."""
    location = context.create_request_context().get_code_location("toy")
    job = next(iter(location.get_repositories().values())).get_full_job("where")
    run = context.instance.create_run_for_job(
        toy_location.defs.resolve_job_def("where"),
        remote_job_origin=job.get_remote_origin(),
    )
    context.instance.report_run_failed(run, "its process has ended without a word")
    return run


def look(daemon: EventLogConsumerDaemon, context: WorkspaceProcessContext) -> None:
    daemon._logger = logging.getLogger("test")
    for _ in daemon.run_iteration(context):
        pass


def retries(context: WorkspaceProcessContext, run: dg.DagsterRun) -> int:
    return sum(each.parent_run_id == run.run_id for each in context.instance.get_runs())


def test_daemon_of_the_process_keeps_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "EventLogConsumerDaemon", EventLogConsumerDaemon)  # put back afterwards
    keep_retries()
    with dg.DagsterInstance.ephemeral() as instance:
        made = controller.create_daemon_of_type(EventLogConsumerDaemon.daemon_type(), instance)
    assert isinstance(made, RetryKeeper)


@pytest.mark.slow
def test_retry_that_the_stock_daemon_passed_by_is_made_once(context: WorkspaceProcessContext) -> None:
    run = failed_run(context)
    stock = EventLogConsumerDaemon()
    for _ in range(2):  # the event is older than its first look: passed by for good, like one met too early
        look(stock, context)
    assert retries(context, run) == 0
    keeper = RetryKeeper(look_seconds=0.0)
    for _ in range(2):
        look(keeper, context)
    assert retries(context, run) == 1
    look(RetryKeeper(look_seconds=0.0), context)
    assert retries(context, run) == 1


@pytest.mark.slow
def test_run_that_shall_not_be_retried_is_left_alone(context: WorkspaceProcessContext) -> None:
    run = failed_run(context)
    context.instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
    look(RetryKeeper(look_seconds=0.0), context)
    assert retries(context, run) == 0
