"""Splits and dividends, with which prices are adjusted on reading."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.corporate_actions import date_actions, recover_actions
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.door import check_bars
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

CONTEXT_SESSIONS = 10
"""Sessions before the range in which the bar before an ex-date is looked for."""


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["market_prices"])
def corporate_actions(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
) -> pl.DataFrame:
    """One row per security, ex-date and kind of action.

    Key: ticker, ex_date, kind. Source: the list of the provider, or, where it has none, the steps
    between its close and its adjusted close. Cadence: each session. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar = calendar_of(settings)
    first, last = sessions[0], sessions[-1]
    with watch.measure("read"):
        tickers = warehouse.read("members", first=first, last=last)["ticker"].unique().sort().to_list()
    with watch.measure("provider"):
        stated = market_data.corporate_actions(tickers, first, last)
        before = calendar.shift(first, -CONTEXT_SESSIONS)
        bars = (
            check_bars(market_data.daily_bars(tickers, before, last), market_data.name)
            if stated is None
            else None
        )
    with watch.measure("compute"):
        if stated is not None:
            actions = date_actions(stated, calendar, market_data.name)
        else:
            assert bars is not None
            actions = recover_actions(bars, calendar, market_data.name, market_data.dividend_basis)
        actions = actions.filter(pl.col("ex_date").is_between(first, last))
    counts = dict(actions.group_by("kind").len().sort("kind").iter_rows())
    record(context, watch, actions, "ex_date", figures=counts)
    return actions
