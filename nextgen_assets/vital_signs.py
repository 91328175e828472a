"""Is the platform well at this moment: feeds, components, daemon, runs, alerts, as one list of findings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg

from nextgen_assets.domain.feeds import Freshness
from nextgen_assets.feeds import ASKED_EACH_SESSION, feeds_freshness
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
_FAILED_SHARE = 0.1
"""Of a provider's calls in a day, above which it is worth a warning."""


@dataclass(frozen=True)
class Sign:
    """One thing that was looked at.

    Attributes
    ----------
    subject : str
        ``feed.<asset>``, ``provider.<name>``, ``component.<name>``, ``daemon.<name>``, ``runs``, ``alerts``.
    value : float
        The figure behind the level, for a graph: sessions behind, failed calls, dead letters, failed runs; 0 or 1
        otherwise.
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
    signs = [
        *_of_warehouse(warehouse, settings, instance, now),
        *_of_daemons(instance),
        _of_runs(instance, now),
    ]
    counts = Outbox(settings.outbox_path).counts()
    level: Level = "warn" if counts["dead"] else "ok"
    message = f"{counts['pending']} deliveries wait, {counts['dead']} are dead letters"
    return [*signs, Sign("alerts", level, message, float(counts["dead"]))]


def worst(signs: list[Sign]) -> Level:
    """The level of the whole: fail before unknown before warn before ok."""
    order: tuple[Level, ...] = ("ok", "warn", "unknown", "fail")
    return max((sign.level for sign in signs), key=order.index, default="unknown")


def _of_warehouse(
    warehouse: Warehouse, settings: Settings, instance: dg.DagsterInstance, now: datetime
) -> Iterator[Sign]:
    if not warehouse.is_there:
        yield Sign(
            "feeds", "unknown", f"there is no warehouse at {warehouse.path}; run `nextgen demo` or a backfill"
        )
        return
    try:
        with warehouse.snapshot():
            feeds = feeds_freshness(warehouse, settings, instance, now)
            providers = warehouse.read("provider_health", now=now)
            components = warehouse.read(_HEALTH)
    except WarehouseBusyError as error:
        yield Sign("feeds", "unknown", str(error))
        return
    yield from map(_of_feed, feeds)
    for row in providers.iter_rows(named=True):
        yield _of_provider(**row)
    for component, session, status, message in components.iter_rows():
        level: Level = status
        yield Sign(f"component.{component}", level, f"{session}: {message}", float(LEVELS.index(level)))


def _of_feed(state: Freshness) -> Sign:
    name = state.feed.name
    if state.feed.newest is None and name in ASKED_EACH_SESSION:
        return Sign(f"feed.{name}", "unknown", f"the history of this home knows no run of {name}")
    level: Level = "ok" if state.is_fresh else "fail"
    return Sign(f"feed.{name}", level, str(state), float(state.sessions_behind))


def _of_provider(
    provider: str, calls: int, failed: int, newest_is_answer: bool, answered_at: datetime | None, reasons: str
) -> Sign:
    """Heartbeat and errors of a provider: one that gave no answer in a day of asking has failed."""
    beat = "it has never answered" if answered_at is None else f"last answer {answered_at:%Y-%m-%d %H:%M} UTC"
    if not calls:
        return Sign(f"provider.{provider}", "ok", f"not asked in the last day; {beat}")
    level: Level = "ok"
    if failed == calls:
        level = "fail"
    elif not newest_is_answer or failed > _FAILED_SHARE * calls:
        level = "warn"
    why = f" ({reasons})" if reasons else ""
    text = f"{failed} of {calls} calls failed in the last day{why}; {beat}"
    return Sign(f"provider.{provider}", level, text, float(failed))


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
