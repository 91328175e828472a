"""Is the platform well at this moment: feeds, components, daemon, runs, alerts, as one list of findings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg

from nextgen_assets.partitions import calendar_of
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.errors import WarehouseBusyError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

Level = Literal["ok", "warn", "fail", "unknown"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "fail", "unknown")
EXIT_CODES: dict[Level, int] = {"ok": 0, "warn": 1, "fail": 2, "unknown": 3}
"""As monitoring plugins expect them."""

_HEALTH = """
SELECT component, session_date, status, message FROM system_health
WHERE session_date = (SELECT max(session_date) FROM system_health) ORDER BY component
"""
_RUNS_LOOKED_AT = timedelta(days=1)


@dataclass(frozen=True)
class Sign:
    """One thing that was looked at.

    Attributes
    ----------
    subject : str
        ``feed``, ``component.<name>``, ``daemon.<name>``, ``runs``, ``alerts``.
    value : float
        The figure behind the level, for a graph: sessions behind, dead letters, failed runs; 0 or 1 otherwise.
    """

    subject: str
    level: Level
    message: str
    value: float = 0.0


def vital_signs(
    warehouse: Warehouse, settings: Settings, instance: dg.DagsterInstance, now: datetime
) -> list[Sign]:
    """What a monitor wants to know now, worst last in severity but in a fixed order of subjects.

    Notes
    -----
    A warehouse that is busy or missing is ``unknown``, never ``ok``.
    """
    signs = [*_of_warehouse(warehouse, settings, now), *_of_daemons(instance), _of_runs(instance, now)]
    counts = Outbox(settings.outbox_path).counts()
    level: Level = "warn" if counts["dead"] else "ok"
    message = f"{counts['pending']} deliveries wait, {counts['dead']} are dead letters"
    return [*signs, Sign("alerts", level, message, float(counts["dead"]))]


def worst(signs: list[Sign]) -> Level:
    """The level of the whole: fail before unknown before warn before ok."""
    order: tuple[Level, ...] = ("ok", "warn", "unknown", "fail")
    return max((sign.level for sign in signs), key=order.index, default="unknown")


def _of_warehouse(warehouse: Warehouse, settings: Settings, now: datetime) -> Iterator[Sign]:
    if not warehouse.is_there:
        yield Sign(
            "feed", "unknown", f"there is no warehouse at {warehouse.path}; run `nextgen demo` or a backfill"
        )
        return
    try:
        with warehouse.snapshot():
            newest = warehouse.scalar("SELECT max(session_date) FROM market_prices")
            components = warehouse.read(_HEALTH)
    except WarehouseBusyError as error:
        yield Sign("feed", "unknown", str(error))
        return
    calendar, last = calendar_of(settings), settings.ingestion.last_session
    budget = timedelta(minutes=settings.scheduler.stale_after_minutes)
    due = calendar.newest_due(now - budget, settings.ingestion.cutoff_delay_minutes)
    due = min(due, last) if last is not None else due
    behind = len(calendar.between(newest, due)) - 1 if newest is not None and newest < due else 0
    if newest is None:
        yield Sign("feed", "fail", f"market_prices is empty; {due} should be there", 1.0)
    elif behind:
        yield Sign("feed", "fail", f"market_prices ends on {newest}; {due} should be there", float(behind))
    else:
        yield Sign("feed", "ok", f"market_prices reaches {newest}")
    for component, session, status, message in components.iter_rows():
        level: Level = status
        yield Sign(f"component.{component}", level, f"{session}: {message}", float(LEVELS.index(level)))


def _of_daemons(instance: dg.DagsterInstance) -> Iterator[Sign]:
    statuses = instance.get_daemon_statuses()
    for name, status in sorted(statuses.items()):
        if not status.required:
            continue
        beat = status.last_heartbeat
        if status.healthy:
            yield Sign(f"daemon.{name.lower()}", "ok", "its heartbeat is fresh")
        elif beat is None:
            yield Sign(f"daemon.{name.lower()}", "warn", "it has never run; start `nextgen-daemon run`", 1.0)
        else:
            seen = datetime.fromtimestamp(beat.timestamp, UTC)
            yield Sign(
                f"daemon.{name.lower()}", "fail", f"its last heartbeat was at {seen:%Y-%m-%d %H:%M} UTC", 1.0
            )


def _of_runs(instance: dg.DagsterInstance, now: datetime) -> Sign:
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _RUNS_LOOKED_AT)
    runs = instance.get_runs(failed, limit=100)
    if not runs:
        return Sign("runs", "ok", "no run failed in the last day")
    return Sign(
        "runs", "warn", f"{len(runs)} failed in the last day, the newest {runs[0].run_id}", float(len(runs))
    )
