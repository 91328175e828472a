"""An executor that has the workers of a Dask cluster execute the steps of a run.

Steps are handed out by Dagster's own step-delegating executor, as on Celery and Kubernetes: a step begins when those
before it have succeeded and their blocking checks have passed, failures are tried again by policy, a worker that dies fails
its step. The executor of the package ``dagster-dask`` leaves the order to Dask instead, which does not know what a failure
is: there the step after a failed one is executed all the same (seen with 0.29.27), and two runs of one job on a shared
scheduler are taken for one because their tasks have the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._config import Noneable
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.tags import get_tag_concurrency_limits_config
from dagster._core.executor.init import InitExecutorContext
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandler,
    StepHandlerContext,
)
from dagster._serdes import serialize_value

from nextgen_resources.errors import SettingsError

if TYPE_CHECKING:
    from distributed import Client, Future

_HEALTH_SECONDS = 5
_CONNECT_SECONDS = 20
_RESOURCES_TAG = re.compile(r"nextgen/dask/([A-Za-z0-9_-]{1,40})")


def execute_step(serialised: str) -> None:
    """Execute one step in the process of a worker, as ``dagster api execute_step`` does; events go to the history."""
    from dagster._cli.api import execute_step_command

    callback = execute_step_command.callback
    assert callback is not None
    callback(input_json=serialised, compressed_input_json=None)


class DaskStepHandler(StepHandler):
    """Hands steps to the workers of a cluster and looks after them.

    Parameters
    ----------
    address : str or None
        The scheduler's; None makes a cluster of this machine that ends with the run.
    workers : int
        Processes of that cluster.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address, self._workers = address, workers
        self._client: Client | None = None
        self._futures: dict[tuple[str, int], Future[None]] = {}
        self._seen_finished: set[tuple[str, int]] = set()

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "DaskStepHandler"

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Hand the step to the cluster under a name of this run and try alone."""
        key, attempt = _step_of(step_handler_context)
        run_id = step_handler_context.execute_step_args.run_id
        tags = step_handler_context.step_tags[key]
        yield DagsterEvent.step_worker_starting(
            step_handler_context.get_step_context(key), f"Handing {key} to Dask.", metadata={}
        )
        self._futures[key, attempt] = self._cluster().submit(
            execute_step,
            serialize_value(step_handler_context.execute_step_args),
            key=f"{run_id}.{key}.{attempt}",
            pure=False,
            retries=0,
            resources=resources_of(tags),
        )

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Unhealthy when the task has failed or was lost: the worker died, or the cluster did.

        Notes
        -----
        Dask gives the task of a dead worker to another one, which finds that the step has begun before and leaves it. So
        a task that is still finished at the next look, without an end of its step, has told all it will tell.
        """
        step = _step_of(step_handler_context)
        future = self._futures.get(step)
        if future is None:
            return CheckStepHealthResult.unhealthy("Dask was never given the step")
        if future.status == "cancelled" or future.client.status != "running":
            return CheckStepHealthResult.unhealthy("Dask has cancelled the step, or its scheduler is gone")
        if future.status == "error":
            return CheckStepHealthResult.unhealthy(f"its task failed on Dask: {future.exception()!r}")  # type: ignore[no-untyped-call]
        if future.status == "finished":
            if step in self._seen_finished:
                return CheckStepHealthResult.unhealthy(
                    "its worker died; Dask gave it to another, which left it"
                )
            self._seen_finished.add(step)
        return CheckStepHealthResult.healthy()

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Take the step back. Dask cannot interrupt one that a worker has begun; the run does not wait for it."""
        key, attempt = _step_of(step_handler_context)
        future = self._futures.get((key, attempt))
        if future is not None:
            with suppress(CancelledError):
                future.cancel()  # type: ignore[no-untyped-call]
        yield DagsterEvent.engine_event(
            step_handler_context.get_step_context(key), "Took the step back from Dask.", EngineEventData()
        )

    def _cluster(self) -> Client:
        if self._client is None:
            try:
                from distributed import Client
            except ModuleNotFoundError as error:
                raise SettingsError(
                    "execution.executor is dask, which is not installed: pip install -e '.[dask]' -c constraints.txt"
                ) from error
            # the scheduler keeps no code of ours and a worker takes one step at a time: Dagster is not thread-safe
            where: dict[str, Any] = (
                {"address": self._address}
                if self._address
                else {
                    "n_workers": self._workers,
                    "threads_per_worker": 1,
                    "processes": True,
                    "dashboard_address": None,
                }
            )
            try:
                self._client = Client(timeout=_CONNECT_SECONDS, **where)  # type: ignore[no-untyped-call]
            except OSError as error:
                raise SettingsError(
                    f"no scheduler of Dask answers at {self._address}; start it, or correct execution.dask_address: {error}"
                ) from error
        return self._client


def resources_of(tags: Any) -> dict[str, float] | None:
    """What the worker of a step must have: the tags ``nextgen/dask/NAME`` of its asset, such as ``nextgen/dask/GPU``."""
    found = {match[1]: float(text) for tag, text in tags.items() if (match := _RESOURCES_TAG.fullmatch(tag))}
    return found or None


def _step_of(context: StepHandlerContext) -> tuple[str, int]:
    arguments = context.execute_step_args
    (key,) = arguments.step_keys_to_execute or [""]
    state = arguments.known_state
    return key, state.get_retry_state().get_attempt_count(key) if state else 0


@dg.executor(
    name="dask",
    requirements=multiple_process_executor_requirements(),
    config_schema={
        "address": dg.Field(Noneable(dg.StringSource), is_required=False, default_value=None),
        "workers": dg.Field(dg.IntSource, is_required=False, default_value=2),
        "max_concurrent": dg.Field(Noneable(dg.IntSource), is_required=False, default_value=None),
        "retries": get_retries_config(),  # type: ignore[no-untyped-call]
        "tag_concurrency_limits": get_tag_concurrency_limits_config(),  # type: ignore[no-untyped-call]
    },
)
def dask_executor(init_context: InitExecutorContext) -> StepDelegatingExecutor:
    """Steps on the workers of Dask; every worker sees the same folder, settings and code."""
    config: Any = init_context.executor_config
    return StepDelegatingExecutor(
        DaskStepHandler(config["address"], config["workers"]),
        retries=RetryMode.from_config(config["retries"]) or RetryMode.ENABLED,
        max_concurrent=config["max_concurrent"],
        tag_concurrency_limits=config.get("tag_concurrency_limits"),
        check_step_health_interval_seconds=_HEALTH_SECONDS,
        sleep_seconds=0.2,
        should_verify_step=True,
    )
