"""What each closed position was expected to do, what it did, and where the difference lies."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.trading.reflection import reflect
from nextgen_assets.explanation import explain
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.trading_view import inception_of, markets, named_ledger
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

NEWEST_JUDGED = """
SELECT a.prediction_id FROM prediction_accuracy a
LEFT JOIN trade_plans p USING (prediction_id) LEFT JOIN trades t USING (plan_id)
WHERE a.scenario_id = $scenario_id AND a.target_session_date <= $last
ORDER BY a.target_session_date DESC, t.trade_id IS NULL, a.ticker LIMIT 1
"""


@session_asset(
    group="trading", kinds={"duckdb", "python"}, deps=["portfolio_holdings", "trades", "predictions"]
)
def trade_reflections(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> pl.DataFrame:
    """One row per position closed on the session: thesis, outcome, attribution, lesson.

    Key: reflection_id. Source: the ledger, the plans and predictions behind it, and prices up to the
    close of the position. Cadence: each session. The causes add up to the result, to the micro-dollar.
    A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    scope = {"scenario_id": settings.scenario_id, "last": sessions[-1]}
    with watch.measure("read"), warehouse.snapshot():
        entries = warehouse.read("ledger", **scope)
        filled = warehouse.read("trades_until", **scope)
        plans = warehouse.read("plans_traded_until", **scope)
        said = warehouse.read("predictions_traded_until", **scope)
    parts = []
    for days, market, names in markets(
        warehouse, settings, sessions, inception_of(warehouse, settings, sessions[0])
    ):
        with watch.measure("reflect"):
            parts.append(
                reflect(
                    named_ledger(entries, names),
                    names.follow(filled, "session_date", "alias"),
                    plans,
                    said,
                    market,
                    days,
                    settings.scenario_id,
                    calendar,
                    delay,
                )
            )
    rows = pl.concat(parts)
    newest = warehouse.scalar(NEWEST_JUDGED, **scope)
    explanation = (
        {"newest_judged_prediction": explain(warehouse, newest, settings.sentiment_method)} if newest else {}
    )
    record(context, watch, rows, "session_date", pictures=explanation)
    return rows
