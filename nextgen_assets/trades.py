"""Fills of the plans at the next open, and the double-entry ledger that they make."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.trading.ledger import state_from_ledger
from nextgen_assets.domain.trading.simulation import execute_plans
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.trading_view import inception_of, markets, read_books, trading_rules
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="trading", kinds={"duckdb", "python"}, deps=["trade_plans", "market_prices", "corporate_actions"]
)
def trades(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> dict[str, pl.DataFrame]:
    """One row per order filled or rejected at the open of the session; its plan is of the session before.

    Key: trade_id. Source: trade_plans and the opening prices. Cadence: each session. Every fill, cost,
    dividend and split goes to ledger_entries, where the amounts of an event sum to zero. Fills and ledger
    are written in one transaction: a re-run that fills the same writes nothing.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, rules, scenario = calendar_of(settings), trading_rules(settings), settings.scenario_id
    with watch.measure("read"), warehouse.snapshot():
        books = read_books(warehouse, settings, sessions[0])
        before = calendar.shift(sessions[0], -1)
        plans = warehouse.read("plans_between", scenario_id=scenario, first=before, last=sessions[-1])
    state, entries = books.state, [books.entries]
    fills = []
    for days, market in markets(
        warehouse, settings, sessions, inception_of(warehouse, settings, sessions[0])
    ):
        with watch.measure("execute"):
            filled, booked = execute_plans(state, plans, days, market, rules, calendar)
            fills.append(filled)
            entries.append(booked)
            state = state_from_ledger(pl.concat(entries), scenario, days[-1])
    rows, ledger = pl.concat(fills), pl.concat(entries[1:])
    statuses = dict(rows.group_by("status").len().sort("status").iter_rows())
    record(context, watch, rows, "session_date", figures={**statuses, "ledger_entries": ledger.height})
    return {"trades": rows, "ledger_entries": ledger}
