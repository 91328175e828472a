"""Schedules on the exchange calendar: each session once, each month's models once."""

from datetime import UTC, date, timedelta

import dagster as dg

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.jobs import daily_cycle, train_models
from nextgen_assets.orchestration.late_arrivals import revisit_each_morning


@dg.schedule(
    job=daily_cycle,
    cron_schedule="5 0 * * *",
    execution_timezone="UTC",
    description="In the evening in New York, when the day has ended in UTC: its session, if it was one.",
)
def after_each_session(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """In the evening in New York, when the day has ended in UTC: run its session, if it was one."""
    day = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
    if not xnys().is_session(day):
        return dg.SkipReason(f"{day} was no session of the exchange")
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


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def schedules() -> list[dg.ScheduleDefinition]:
    """Every schedule of the code location; they start stopped."""
    return [after_each_session, after_each_month, revisit_each_morning]
