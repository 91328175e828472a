"""What is held at each close and what it is worth, beside buy-and-hold."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.glances import equity_glance
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.pictures import equity_curve
from nextgen_assets.policies import session_asset
from nextgen_assets.trading_view import inception_of, markets, named_ledger
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.continuing import Continued
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="trading", kinds={"duckdb", "polars"}, deps=["trades", "market_prices"])
def portfolio_holdings(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> Continued:
    """One row per scenario, session and position at the close.

    Key: scenario_id, session_date, ticker. Source: the ledger and the closes, nothing else. Cadence: each
    session. portfolio_values has one row per session: cash, net asset value, exposure, drawdown, turnover
    and the benchmark. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    until = {"scenario_id": settings.scenario_id, "last": sessions[-1]}
    with watch.measure("read"), warehouse.snapshot():
        entries = warehouse.read("ledger", **until)
        marks = (warehouse.mark("ledger_mark", **until),)
    holdings, values = [], []
    for days, market, names in markets(
        warehouse, settings, sessions, inception_of(warehouse, settings, sessions[0])
    ):
        with watch.measure("value"):
            known = named_ledger(entries, names)
            held, valued = value_portfolio(known, market, days, settings.scenario_id, calendar, delay)
            holdings.append(held)
            values.append(valued)
    rows, totals = pl.concat(holdings), pl.concat(values)
    earlier = warehouse.read(
        "portfolio_until", scenario_id=settings.scenario_id, last=calendar.shift(sessions[0], -1)
    )
    whole = pl.concat([earlier.select(totals.columns), totals])
    newest = totals.row(-1, named=True)
    figures = {
        name: float(newest[name]) for name in ("net_asset_value_usd", "benchmark_value_usd", "drawdown")
    }
    pictures = {"glance": equity_glance(whole), "equity": equity_curve(whole).markdown}
    record(context, watch, rows, "session_date", figures=figures, pictures=pictures)
    return Continued({"portfolio_holdings": rows, "portfolio_values": totals}, marks)
