"""The feeds of raw rows and how far each has come: what sensors, checks and monitors judge freshness by."""

from collections.abc import Iterator
from datetime import date, datetime

import dagster as dg

from nextgen_assets.domain.feeds import Feed, Freshness, freshness
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.settings.trading_sections import FEEDS
from nextgen_resources.warehouse.warehouse import Warehouse

ASKED_EACH_SESSION = ("security_listings", "ticker_universe", "corporate_actions", "news_articles")
"""A session may rightly bring no row: that its source was asked and answered is what shows."""
_NEWEST = "SELECT max(session_date) FROM {table}"


def feeds_freshness(
    warehouse: Warehouse, settings: Settings, instance: dg.DagsterInstance, now: datetime
) -> list[Freshness]:
    """The verdict on every feed that is watched, in the order of ``FEEDS``.

    Notes
    -----
    Prices and bars within the day are judged by their rows, the other feeds by the newest session for which their source
    answered. Files within the day are watched only with a budget of their own in ``scheduler.feed_budgets_minutes``: a
    folder may hold history.
    """
    calendar, ingestion = calendar_of(settings), settings.ingestion
    with warehouse.snapshot():
        feeds = list(_watched(warehouse, settings, instance))
    return [
        freshness(feed, calendar, now, ingestion.cutoff_delay_minutes, ingestion.last_session)
        for feed in feeds
    ]


def _watched(warehouse: Warehouse, settings: Settings, instance: dg.DagsterInstance) -> Iterator[Feed]:
    budgets = settings.scheduler.feed_budgets_minutes
    asked_of_provider = {"intraday_prices"} if settings.intraday.provider_interval else set()
    always = {*ASKED_EACH_SESSION, "market_prices"} | asked_of_provider
    for name in FEEDS:
        if name in always or name in budgets:
            newest = (
                _answered(instance, name)
                if name in ASKED_EACH_SESSION
                else warehouse.scalar(_NEWEST.format(table=name))
            )
            yield Feed(name, newest, int(budgets.get(name, settings.scheduler.stale_after_minutes)))


def _answered(instance: dg.DagsterInstance, asset: str) -> date | None:
    keys = instance.get_materialized_partitions(dg.AssetKey(asset))
    return date.fromisoformat(max(keys)) if keys else None
