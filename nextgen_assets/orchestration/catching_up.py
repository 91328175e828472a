"""The sensor that makes up for sessions that no schedule ran: after a pause, a failure, a hole."""

from datetime import date, timedelta

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from nextgen_assets.domain.catch_up import next_stretch
from nextgen_assets.orchestration.jobs import daily_cycle, train_models
from nextgen_assets.partitions import SESSIONS
from nextgen_resources.clock import Clock
from nextgen_resources.promised_retries import promised_retries
from nextgen_resources.settings.schema import Settings

LEFT_TO_THE_SCHEDULE = timedelta(hours=6)
"""A session that ended less than this ago is the schedule's."""
RETRY_IS_DUE = timedelta(minutes=30)
"""A failed run whose retry was promised less than this ago is waited for."""
_BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    name="catch_up",
    jobs=[daily_cycle, train_models],
    minimum_interval_seconds=30,
    description="Makes up for missed sessions: the oldest stretch first, at most scheduler.max_catch_up_sessions "
    "in one run, one run at a time, after the models that serve it.",
)
def catch_up(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Start the run that brings the warehouse nearer to the present, if one is missing and none is running."""
    now = clock.now()
    jobs = (daily_cycle.name, train_models.name)
    for job in jobs:
        busy = context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=_BUSY), limit=1)
        if busy:
            return dg.SkipReason(f"{job} is running ({busy[0].run_id}); what is missing waits for it")
        if promised := promised_retries(context.instance, now - RETRY_IS_DUE, job):
            run_id = promised[0].dagster_run.run_id  # beside its next try this sensor would do the same work
            return dg.SkipReason(f"{job} will be tried again ({run_id}); what is missing waits for it")
    keys = SESSIONS.get_partition_keys(current_time=now - LEFT_TO_THE_SCHEDULE)
    sessions = [date.fromisoformat(key) for key in keys]
    stretch = next_stretch(
        sessions,
        _days(context.instance, "system_health"),
        _days(context.instance, "model_registry"),
        settings.scheduler.max_catch_up_sessions,
    )
    if stretch is None:
        return dg.SkipReason("no session is missing since the first one that ran")
    job = daily_cycle.name if stretch.what == "sessions" else train_models.name
    return dg.RunRequest(
        # once a day: a stretch that fails although its steps and its run were tried again waits for tomorrow
        run_key=f"{job} {stretch.first}..{stretch.last} {now.date()}",
        job_name=job,
        tags={
            ASSET_PARTITION_RANGE_START_TAG: stretch.first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: stretch.last.isoformat(),
        },
    )


def _days(instance: dg.DagsterInstance, asset: str) -> set[date]:
    return {date.fromisoformat(key) for key in instance.get_materialized_partitions(dg.AssetKey(asset))}
