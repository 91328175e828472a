"""Schedules on the exchange calendar: each session once, each month's models once."""

from datetime import date, timedelta

import dagster as dg

from nextgen_assets.domain.sessions import NEW_YORK, xnys
from nextgen_assets.orchestration.jobs import daily_cycle, train_models


@dg.schedule(
    job=daily_cycle,
    cron_schedule="5 0 * * *",
    execution_timezone=str(NEW_YORK),
    description="Just after midnight in New York: the session that ended, if the day was one.",
)
def after_each_session(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Just after midnight in New York: run the session that ended, if the day was one."""
    day = context.scheduled_execution_time.astimezone(NEW_YORK).date() - timedelta(days=1)
    if not xnys().is_session(day):
        return dg.SkipReason(f"{day} was no session of the exchange")
    return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())


@dg.schedule(
    job=train_models,
    cron_schedule="30 0 1 * *",
    execution_timezone=str(NEW_YORK),
    description="On the first of the month: the models that serve it, cut off at the month that ended.",
)
def after_each_month(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """On the first of the month: train the models that serve it, cut off at the month that ended."""
    month = _month_before(context.scheduled_execution_time.astimezone(NEW_YORK).date())
    return dg.RunRequest(run_key=month.isoformat(), partition_key=month.isoformat())


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def schedules() -> list[dg.ScheduleDefinition]:
    """Every schedule of the code location; they start stopped."""
    return [after_each_session, after_each_month]
