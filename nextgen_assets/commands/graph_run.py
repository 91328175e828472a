"""Running a job of the graph over a range of partitions in this process, event by event."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.execution.api import execute_run_iterator
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from nextgen_resources.errors import NextGenError

LOCATION = "nextgen"
"""The code location of workspace.yaml, under whose jobs the UI shows a run."""


class RunFailedError(NextGenError):
    """A run of the graph failed: the message names the step and its error; the UI shows the rest."""


@dataclass
class StepTimes:
    """Seconds of each step of a run, and of the run as a whole."""

    by_step: dict[str, float] = field(default_factory=dict)
    run_seconds: float = 0.0


def missing_range(
    instance: dg.DagsterInstance, definitions: dg.Definitions, assets: list[dg.AssetKey]
) -> tuple[str, str] | None:
    """First and last partition that some asset lacks; None when all are materialised."""
    graph = definitions.resolve_asset_graph()
    lacking: list[str] = []
    for asset in assets:
        partitions = graph.get(asset).partitions_def
        if partitions is None:
            continue
        done = instance.get_materialized_partitions(asset)
        keys = partitions.get_partition_keys()
        absent = [key for key in keys if key not in done]
        if absent:
            lacking += [absent[0], absent[-1]]
    return (min(lacking), max(lacking)) if lacking else None


def run_range(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    first: str,
    last: str,
    on_step: Callable[[str, bool], None] | None = None,
) -> StepTimes:
    """Run ``job`` once over the partitions from ``first`` to ``last``, whatever executor the settings name.

    Parameters
    ----------
    on_step : callable
        Called with the name of each step and whether it has ended: once at its start, once at its end.

    Raises
    ------
    RunFailedError
        If a step fails or a blocking check does not hold.
    """
    tags = {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    started = time.perf_counter()
    times = StepTimes()
    job = job.with_executor_def(dg.in_process_executor)
    run = instance.create_run_for_job(
        job_def=job, run_config=quiet, tags=tags, remote_job_origin=_as_the_ui_names(job)
    )
    failures = []
    for event in execute_run_iterator(job=InMemoryJob(job), dagster_run=run, instance=instance):
        has_ended = event.is_step_success or event.is_step_failure
        if on_step is not None and event.step_key and (event.is_step_start or has_ended):
            on_step(event.step_key, has_ended)
        if event.is_step_success and event.step_key:
            times.by_step[event.step_key] = event.step_success_data.duration_ms / 1000
        if event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            failures.append(f"{event.step_key}: {cause.message.strip() if cause else event.message}")
    times.run_seconds = time.perf_counter() - started
    if failures:
        raise RunFailedError(
            f"{job.name} {first}..{last} failed at "
            + "; ".join(failures)
            + f" (run {run.run_id}; `nextgen ui` shows it)"
        )
    return times


def _as_the_ui_names(job: dg.JobDefinition) -> RemoteJobOrigin:
    """The job of the code location that a webserver serves; a run without it is on no page but its own."""
    target = LoadableTargetOrigin(module_name="nextgen_assets.definitions", attribute="defs")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job.name)
