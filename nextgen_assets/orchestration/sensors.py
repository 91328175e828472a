"""Sensors: what happens outside a schedule. They start stopped."""

from datetime import datetime, timedelta

import dagster as dg

from nextgen_assets.orchestration.answering import answer_retrain_signals
from nextgen_assets.orchestration.catching_up import catch_up
from nextgen_assets.orchestration.events import LOOKED_BACK, feed_events, row_events, run_events
from nextgen_assets.orchestration.feed_watch import watch_feeds
from nextgen_assets.orchestration.late_arrivals import new_files
from nextgen_resources.alerts.delivery import Dispatcher
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.clock import Clock
from nextgen_resources.errors import WarehouseBusyError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_OVERLAP = timedelta(minutes=10)
"""Read again on every tick: what ended while the last tick looked is not missed, and nothing is told twice."""
_PER_TICK = 100


@dg.sensor(
    name="tell_receivers",
    minimum_interval_seconds=60,
    description="Puts what happened (failures, stale feeds, predictions, trades, signals) into the outbox of "
    "alerts, and delivers what is due to the receivers of alerts.receivers, signed.",
)
def tell_receivers(
    context: dg.SensorEvaluationContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Put what happened since the last tick into the outbox and deliver what is due."""
    if not settings.alerts.receivers:
        return dg.SkipReason("alerts.receivers names nobody to tell")
    now = clock.now()
    outbox = Outbox(settings.outbox_path)
    since = _since(context.cursor, now)
    messages = run_events(context.instance, settings.scenario_id, since)
    try:
        messages += row_events(warehouse, settings, now)
        messages += feed_events(warehouse, settings, context.instance, now)
    except WarehouseBusyError as error:
        context.log.info(f"rows are looked at by the next tick: {error}")
    wanted = dict.fromkeys(settings.alerts.receivers, settings.alerts.wanted_kinds)
    added = outbox.put(messages, wanted, now)
    context.update_cursor(now.isoformat())
    secret = settings.credentials.webhook_signing_secret
    dispatcher = Dispatcher(settings.alerts, secret.get_secret_value() if secret else None, clock)
    done = dispatcher.deliver(outbox, most=_PER_TICK)
    waiting = outbox.counts()
    return dg.SkipReason(
        f"{added} new messages; {done.delivered} delivered, {done.failed} to be tried again, {done.dead} given up; "
        f"{waiting['pending']} wait, {waiting['dead']} dead letters (`nextgen alerts list`)"
    )


def _since(cursor: str | None, now: datetime) -> datetime:
    return (datetime.fromisoformat(cursor) if cursor else now - LOOKED_BACK) - _OVERLAP


def sensors() -> list[dg.SensorDefinition]:
    """Every sensor of the code location; they start stopped."""
    return [tell_receivers, catch_up, watch_feeds, new_files, answer_retrain_signals]
