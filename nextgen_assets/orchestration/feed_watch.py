"""A feed that stopped turns red by itself: a check on every raw asset, evaluated without a run."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import dagster as dg

from nextgen_assets.domain.feeds import Freshness
from nextgen_assets.feeds import feeds_freshness
from nextgen_resources.clock import Clock
from nextgen_resources.errors import WarehouseBusyError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.settings.trading_sections import FEEDS
from nextgen_resources.warehouse.warehouse import Warehouse

CHECK = "is_fresh"
_SAID_AGAIN_AFTER = timedelta(hours=1)
_DESCRIPTION = (
    "The newest session that should have arrived by now has: by the exchange calendar, within the feed's budget "
    "(scheduler.stale_after_minutes, scheduler.feed_budgets_minutes)."
)


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(CHECK, asset=name, description=_DESCRIPTION) for name in FEEDS],
    name="feeds_are_fresh",
    can_subset=True,
)
def feeds_are_fresh(
    context: dg.AssetCheckExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> Iterable[dg.AssetCheckResult]:
    """Look at every feed now; one that is not watched passes and says so."""
    found = {
        state.feed.name: state
        for state in feeds_freshness(warehouse, settings, context.instance, clock.now())
    }
    for key in sorted(context.selected_asset_check_keys):
        name = key.asset_key.to_user_string()
        state = found.get(name)
        if state is None:
            text = "not watched: scheduler.feed_budgets_minutes has no budget for its files"
            yield dg.AssetCheckResult(
                asset_key=key.asset_key, check_name=CHECK, passed=True, description=text
            )
        else:
            evaluation = _evaluation(state)
            yield dg.AssetCheckResult(
                asset_key=key.asset_key, check_name=CHECK, passed=evaluation.passed, metadata=evaluation.metadata,
                description=evaluation.description,
            )  # fmt: skip


@dg.sensor(
    name="watch_feeds",
    minimum_interval_seconds=300,
    description="Judges the freshness of every raw asset by the exchange calendar, without a run: a feed that "
    "stopped turns red within its budget, and green when it is back.",
)
def watch_feeds(
    context: dg.SensorEvaluationContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Evaluate ``is_fresh`` of each feed whose verdict has changed, and of all of them once an hour."""
    now = clock.now()
    try:
        states = feeds_freshness(warehouse, settings, context.instance, now)
    except WarehouseBusyError as error:
        return dg.SkipReason(f"looked at by the next tick: {error}")
    said = json.loads(context.cursor) if context.cursor else {}
    told = [state for state in states if _is_news(state, said.get(state.feed.name), now)]
    if not told:
        return dg.SkipReason(f"{len(states)} feeds are as they were: {_summary(states)}")
    said |= {state.feed.name: [str(state), now.isoformat()] for state in told}
    return dg.SensorResult(asset_events=list(map(_evaluation, told)), cursor=json.dumps(said))


def _is_news(state: Freshness, said: list[str] | None, now: datetime) -> bool:
    if said is None or said[0] != str(state):
        return True
    return now - datetime.fromisoformat(said[1]) >= _SAID_AGAIN_AFTER


def _summary(states: list[Freshness]) -> str:
    return "; ".join(_late(states)) or "all fresh"


def _late(states: list[Freshness]) -> Iterator[str]:
    return (str(state) for state in states if not state.is_fresh)


def _evaluation(state: Freshness) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(state.feed.name),
        check_name=CHECK,
        passed=state.is_fresh,
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(state),
        metadata={
            "due": str(state.due),
            "newest": str(state.feed.newest),
            "sessions_behind": state.sessions_behind,
            "budget_minutes": state.feed.budget_minutes,
        },
    )
