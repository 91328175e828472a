"""Schedules on the exchange calendar: each session once, each month's models once."""

from datetime import UTC, date, timedelta

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.catching_up import LEFT_TO_THE_SCHEDULE, catch_up
from nextgen_assets.orchestration.jobs import daily_cycle, train_models
from nextgen_assets.orchestration.late_arrivals import revisit_each_morning
from nextgen_resources.clock import Clock


@dg.schedule(
    job=daily_cycle,
    cron_schedule="5 0 * * *",
    execution_timezone="UTC",
    description="In the evening in New York, when the day has ended in UTC: its session, if it was one.",
)
def after_each_session(
    context: dg.ScheduleEvaluationContext, clock: dg.ResourceParam[Clock]
) -> dg.RunRequest | dg.SkipReason:
    """In the evening in New York, when the day has ended in UTC: run its session, if it was one.

    Notes
    -----
    Sessions are decided in their order. After a pause the daemon evaluates several missed ticks at once, whose runs would
    overtake each other, and ``catch_up`` would start the same sessions: where it is switched on, a late tick and one
    whose session before has not finished are left to it.
    """
    moment = context.scheduled_execution_time.astimezone(UTC)
    day = moment.date() - timedelta(days=1)
    if not xnys().is_session(day):
        return dg.SkipReason(f"{day} was no session of the exchange")
    if _makes_up(context):
        if clock.now() - moment > LEFT_TO_THE_SCHEDULE:
            return dg.SkipReason(
                f"{day} is left to {catch_up.name}: this tick of {moment:%Y-%m-%d %H:%M} comes late"
            )
        if (before := _unfinished_before(context.instance, day)) is not None:
            return dg.SkipReason(f"{day} is left to {catch_up.name}, which finishes {before} first")
    return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())


@dg.schedule(
    job=train_models,
    cron_schedule="30 0 1 * *",
    execution_timezone="UTC",
    description="When the month has ended: the models that serve it, cut off at the month that ended.",
)
def after_each_month(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """When the month has ended: train the models that serve it, cut off at the month that ended."""
    month = _month_before(context.scheduled_execution_time.astimezone(UTC).date())
    return dg.RunRequest(run_key=month.isoformat(), partition_key=month.isoformat())


def _makes_up(context: dg.ScheduleEvaluationContext) -> bool:
    """Whether the sensor that makes up for missed sessions is switched on."""
    states = context.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    return any(state.is_running for state in states if state.instigator_name == catch_up.name)


def _unfinished_before(instance: dg.DagsterInstance, day: date) -> date | None:
    """The session before ``day``, if history had begun by then and it has not finished."""
    done = instance.get_materialized_partitions(dg.AssetKey("system_health"))
    before = xnys().shift(day, -1)
    return before if done and min(done) <= str(before) and str(before) not in done else None


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def schedules() -> list[dg.ScheduleDefinition]:
    """Every schedule of the code location; they start stopped."""
    return [after_each_session, after_each_month, revisit_each_morning]
