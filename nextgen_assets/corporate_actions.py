"""Splits, dividends, spin-offs, renames and delistings, with which prices are adjusted on reading."""

from collections.abc import Iterator, Mapping
from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.domain.action_coverage import stamp_late, widened
from nextgen_assets.domain.action_rules import inspect_actions
from nextgen_assets.domain.corporate_actions import date_actions, recover_actions
from nextgen_assets.domain.departures import departures
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.standing_repairs import actions_as_repaired
from nextgen_assets.market_view import segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import is_last_try, session_asset
from nextgen_assets.provider_calls import recorded_calls, tell_of_refusals
from nextgen_assets.quarantine import quarantined
from nextgen_resources.clock import Clock
from nextgen_resources.errors import ProviderError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.delivery import deliver_actions, deliver_bars
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

CONTEXT_SESSIONS = 10
"""Sessions before the range in which the bar before an ex-date is looked for."""

STORED = (
    "SELECT * EXCLUDE (run_id) FROM corporate_actions WHERE ex_date BETWEEN $first AND $last "
    "ORDER BY ticker, ex_date, kind"
)
"""Stored actions of the range: those of tickers that are not asked for stay as they are."""


@session_asset(
    group="ingestion",
    kinds={"duckdb", "polars"},
    deps=["security_listings", "market_prices"],
    is_order_free=True,
)
def corporate_actions(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
    clock: dg.ResourceParam[Clock],
    http: dg.ResourceParam[HttpPolicy],
) -> dict[str, pl.DataFrame]:
    """One row per security, ex-date and kind of action, in its current version.

    Key: ticker, ex_date, kind. Source: the list of the provider, or, where it has none, the steps
    between its close and its adjusted close; renames and delistings also from the stays of securities.
    Cadence: each session. A re-run changes nothing that is stated again. An action that changes, is taken
    back, or appears in a session asked for before, is known from now on; its old version moves to
    corporate_action_revisions. A stated split that the prices contradict goes to quarantine. Of a ticker
    that the provider refuses, what was known stays, and an event says so.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, first, last = calendar_of(settings), sessions[0], sessions[-1]
    before, now = calendar.shift(first, -1), clock.now()
    with watch.measure("read"):
        tickers = warehouse.read("listed", first=before, last=last)["ticker"].unique().sort().to_list()
        stays = warehouse.read("listings")
        covered = warehouse.read("action_coverage", first=before, last=last)
    with watch.measure("provider"), recorded_calls(context, warehouse, http) as calls:
        is_final = is_last_try(context, settings)
        stated, refused = delivered_actions(market_data, tickers, first, last, calendar, is_last_try=is_final)
    tell_of_refusals(context, refused)
    with watch.measure("compute"):
        ended = departures(stays, stated, first, last, calendar, market_data.name)
        stated = stamp_late(pl.concat([stated, ended]), covered, now)
        if settings.ingestion.repairs:
            rules = list(settings.ingestion.repairs)
            standing = warehouse.read("standing_action_repairs", first=first, last=last, rules=rules)
            stated = actions_as_repaired(stated, standing)
        inspected = [
            inspect_actions(stated.filter(pl.col("ex_date").is_between(begin, end)), bars)
            for begin, end, bars in bars_around(warehouse, settings, sessions)
        ]
        accepted = pl.concat(part.accepted for part in inspected)
        asked = [ticker for ticker in tickers if ticker not in refused]
        others = warehouse.read(STORED, first=first, last=last).filter(~pl.col("ticker").is_in(asked))
        accepted = accepted.join(others, on=["ticker", "ex_date", "kind"], how="anti")
        actions = pl.concat([accepted, others.select(accepted.columns)]).sort("ticker", "ex_date", "kind")
    rejected = pl.concat(quarantined(part, "corporate_actions", market_data.name, now) for part in inspected)
    counts = dict(actions.group_by("kind").len().sort("kind").iter_rows())
    record(context, watch, actions, "ex_date", figures={**counts, "quarantined": rejected.height})
    return {
        "corporate_actions": actions,
        "corporate_action_coverage": widened(covered, asked, first, last, calendar),
        "quarantine": rejected,
        "provider_calls": calls.rows(),
    }


def delivered_actions(
    market_data: MarketDataProvider,
    tickers: list[str],
    first: date,
    last: date,
    calendar: SessionCalendar,
    *,
    is_last_try: bool = True,
) -> tuple[pl.DataFrame, Mapping[str, ProviderError]]:
    """Actions from ``first`` to ``last``: the provider's list, or what its adjusted close implies.

    Returns
    -------
    polars.DataFrame, mapping of str to ProviderError
        The actions, and why tickers were refused.
    """
    delivery = deliver_actions(market_data, tickers, first, last, is_last_try=is_last_try)
    if delivery is not None:
        by_source = delivery.rows.partition_by("source", as_dict=True)
        parts = [date_actions(rows, calendar, str(source)) for (source,), rows in by_source.items()]
        actions = pl.concat([date_actions(delivery.rows.clear(), calendar, market_data.name), *parts])
    else:
        before = calendar.shift(first, -CONTEXT_SESSIONS)
        delivery = deliver_bars(market_data, tickers, before, last, is_last_try=is_last_try)
        actions = recover_actions(delivery.rows, calendar, market_data.name, market_data.dividend_basis)
        listed = market_data.corporate_actions(tickers, first, last)
        if listed is not None:  # renames and delistings without a list of splits and dividends
            actions = pl.concat([actions, date_actions(listed, calendar, market_data.name)])
    return actions.filter(pl.col("ex_date").is_between(first, last)), delivery.refused


def bars_around(
    warehouse: Warehouse, settings: Settings, sessions: list[date]
) -> Iterator[tuple[date, date, pl.DataFrame]]:
    """Parts of ``sessions`` with the bars, from a few sessions before, that were known in them."""
    calendar = calendar_of(settings)
    for first, last, as_of in segments(warehouse, settings, sessions, CONTEXT_SESSIONS):
        before = calendar.shift(first, -CONTEXT_SESSIONS)
        yield first, last, warehouse.read("bars", first=before, last=last, as_of=as_of)
