"""Fills of the plans at the next open, and the double-entry ledger that they make."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.trading.ledger import state_from_ledger
from nextgen_assets.domain.trading.simulation import execute_plans
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.trading_view import inception_of, markets, named_ledger, read_books, trading_rules
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.continuing import Continued
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="trading", kinds={"duckdb", "python"}, deps=["trade_plans", "market_prices", "corporate_actions"]
)
def trades(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> Continued:
    """One row per order filled or rejected at the open of the session; its plan is of the session before.

    Key: trade_id. Source: trade_plans and the opening prices. Cadence: each session. Every fill, cost,
    dividend, split, rename and delisting goes to ledger_entries, where the amounts of an event sum to zero. Fills and ledger
    are written in one transaction: a re-run that fills the same writes nothing.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, rules, scenario = calendar_of(settings), trading_rules(settings), settings.scenario_id
    with watch.measure("read"), warehouse.snapshot():
        books = read_books(warehouse, settings, sessions[0])
        before = calendar.shift(sessions[0], -1)
        due = {"scenario_id": scenario, "first": before, "last": calendar.shift(sessions[-1], -1)}
        plans = warehouse.read("plans_between", **due)
        marks = (
            warehouse.mark("ledger_mark", scenario_id=scenario, last=before),
            warehouse.mark("plans_mark", **due),
        )
    entries = [books.entries]
    fills = []
    for days, market, names in markets(
        warehouse, settings, sessions, inception_of(warehouse, settings, sessions[0])
    ):
        with watch.measure("execute"):
            known = named_ledger(pl.concat(entries), names)
            state = state_from_ledger(known, scenario, calendar.shift(days[0], -1), rules=rules)
            waiting = names.follow(plans, "session_date", "alias")
            filled, booked = execute_plans(state, waiting, days, market, rules, calendar)
            fills.append(filled)
            entries.append(booked)
    rows, ledger = pl.concat(fills), pl.concat(entries[1:])
    statuses = dict(rows.group_by("status").len().sort("status").iter_rows())
    record(context, watch, rows, "session_date", figures={**statuses, "ledger_entries": ledger.height})
    return Continued({"trades": rows, "ledger_entries": ledger}, marks)
