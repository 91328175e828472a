"""What is worth telling other systems, as messages: found again and again, told once by its identity."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.feeds import feeds_freshness
from nextgen_resources.alerts.messages import Kind, Message
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

LOOKED_BACK = timedelta(days=7)
"""How far back an event is still news: what a backfill writes about older sessions is told to nobody."""
_ROWS = 200
"""Rows that one message carries; the count says how many there are."""


def row_events(warehouse: Warehouse, settings: Settings, now: datetime) -> list[Message]:
    """Messages about rows of the last days: predictions, outcomes, their revisions, trades, signals, drawdowns, failures.

    Notes
    -----
    One message per kind and session, which lists its rows. Its subject holds a digest of their ids, so that rows
    added later to the session are a message of their own.
    """
    since, first = now - LOOKED_BACK, (now - LOOKED_BACK).date()
    scenario = settings.scenario_id
    brake = settings.trading.drawdown_brake
    with warehouse.snapshot():
        found: list[tuple[Kind, str, pl.DataFrame]] = [
            (
                "prediction_issued",
                "prediction_id",
                warehouse.read("told_predictions", scenario_id=scenario, since=since),
            ),
            (
                "prediction_validated",
                "prediction_id",
                warehouse.read("told_outcomes", scenario_id=scenario, since=since),
            ),
            (
                "outcome_revised",
                "prediction_id",
                warehouse.read("told_revisions", scenario_id=scenario, since=since),
            ),
            ("trade_executed", "trade_id", warehouse.read("told_trades", scenario_id=scenario, first=first)),
            ("retrain_requested", "signal_id", warehouse.read("told_signals", first=first)),
            (
                "drawdown_brake",
                "session_date",
                warehouse.read("told_drawdowns", scenario_id=scenario, first=first, brake=brake),
            ),
            ("feed_stale", "component", warehouse.read("told_health", first=first)),
        ]
    return [message for event in found for message in _by_session(*event, scenario, now)]


def run_events(instance: dg.DagsterInstance, scenario: str, since: datetime) -> list[Message]:
    """Messages about runs that ended since then: failures, and checks that did not hold."""
    ended = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS], updated_after=since
    )
    return [
        message
        for record in instance.get_run_records(filters=ended)
        for message in _of_run(instance, record, scenario)
    ]


def _of_run(instance: dg.DagsterInstance, record: Any, scenario: str) -> Iterator[Message]:
    run = record.dagster_run
    ended_at = record.update_timestamp.replace(tzinfo=UTC)
    if run.status == dg.DagsterRunStatus.FAILURE:
        failures = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        steps = sorted({str(failure.event_log_entry.step_key) for failure in failures})
        data = {"run_id": run.run_id, "job": run.job_name, "failed_steps": steps}
        yield Message("run_failed", scenario, run.run_id, ended_at, data)
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for event in instance.get_records_for_run(run.run_id, of_type=kind).records:
        found = event.event_log_entry.get_dagster_event().asset_check_evaluation_data
        if not found.passed:
            asset = found.asset_key.to_user_string()
            data = {
                "run_id": run.run_id,
                "asset": asset,
                "check": found.check_name,
                "severity": found.severity.value,
            }
            subject = f"{asset}:{found.check_name}:{run.run_id}"
            yield Message("check_failed", scenario, subject, ended_at, data)


def _by_session(
    kind: Kind, identity: str, rows: pl.DataFrame, scenario: str, now: datetime
) -> Iterator[Message]:
    for (session,), part in rows.group_by("session_date", maintain_order=True):
        ids = "\n".join(str(value) for value in part[identity])
        digest = hashlib.sha256(ids.encode()).hexdigest()[:12]
        sent = [_plain(row) for row in part.drop("session_date").head(_ROWS).iter_rows(named=True)]
        data = {"session_date": str(session), "count": part.height, "rows": sent}
        yield Message(kind, scenario, f"{session} {digest}", now, data)


def feed_events(
    warehouse: Warehouse, settings: Settings, instance: dg.DagsterInstance, now: datetime
) -> list[Message]:
    """Messages about feeds that stopped: the newest session that should be there by now has not come.

    Notes
    -----
    Told once for each feed and session due. A feed that has never run here is none that stopped, but for prices.
    """
    found = []
    for state in feeds_freshness(warehouse, settings, instance, now):
        name, has_ended = state.feed.name, state.due == settings.ingestion.last_session
        is_new = state.feed.newest is None and name != "market_prices"
        if not (state.is_fresh or is_new or has_ended):
            data = {
                "component": name,
                "expected_session": str(state.due),
                "newest_session": str(state.feed.newest),
            }
            found.append(Message("feed_stale", settings.scenario_id, f"{name} {state.due}", now, data))
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """JSON values: money and times as text."""
    return {
        name: value if value is None or isinstance(value, bool | int | float | str) else str(value)
        for name, value in row.items()
    }
