"""What to do at the next open, and which principle said what."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.feedback import recent_calibration
from nextgen_assets.domain.thresholds import HUMILITY
from nextgen_assets.domain.trading.forecasts import forecasts_from_frames
from nextgen_assets.domain.trading.simulation import run_sessions
from nextgen_assets.metadata import record
from nextgen_assets.outcome_view import by_knowledge, read_outcomes
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.threshold_view import read_overrides
from nextgen_assets.trading_view import inception_of, markets, named_state, read_books, trading_rules
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.continuing import Continued
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="trading",
    kinds={"duckdb", "python"},
    deps=["predictions", "prediction_accuracy", "strategic_priorities"],
)
def trade_plans(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> Continued:
    """One row per ticker and session: the order for the next open, or why there is none.

    Key: plan_id; one per scenario, session and ticker. Source: the predictions of the session, how good
    they have lately been, and the holdings that follow from the ledger and the plans before. Cadence:
    each session. A re-run that decides the same writes nothing; a different decision replaces everything
    from its session on, or is refused while later sessions would stay.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    rules, before = trading_rules(settings), calendar.shift(sessions[0], -1)
    scenario, first, last = settings.scenario_id, sessions[0], sessions[-1]
    with watch.measure("read"), warehouse.snapshot():
        state = read_books(warehouse, settings, first).state
        pending = warehouse.read("plans_between", scenario_id=scenario, first=before, last=before)
        said = warehouse.read("predictions_between", scenario_id=scenario, first=first, last=last)
        priorities = warehouse.read("priorities_between", first=first, last=last)
        overrides = read_overrides(warehouse, settings, last)
        marks = (
            warehouse.mark("ledger_mark", scenario_id=scenario, last=before),
            warehouse.mark("plans_mark", scenario_id=scenario, first=before, last=before),
        )
        known = [
            (part, read_outcomes(warehouse, settings, part))
            for part in by_knowledge(warehouse, settings, sessions)
        ]
    with watch.measure("calibration"):
        lately = pl.concat([recent_calibration(found, part, calendar) for part, found in known]).select(
            "session_date",
            pl.lit(None, pl.String).alias("ticker"),
            "brier_score",
            pl.col("base_rate_brier_score").alias("baseline_brier_score"),
        )
    plans = []
    for days, market, names in markets(
        warehouse, settings, sessions, inception_of(warehouse, settings, first)
    ):
        with watch.measure("decide"):
            state = named_state(state, names, calendar.shift(days[0], -1))
            pending = names.follow(pending, "session_date", "alias")
            for part in overrides.parts(days, HUMILITY):
                forecasts = forecasts_from_frames(said, part, market.tickers, lately, priorities)
                held = overrides.rules_at(part[0], rules)
                outcome = run_sessions(state, part, market, forecasts, held, calendar, delay, pending)
                state, pending = outcome.state, outcome.plans
                plans.append(outcome.plans)
    rows = pl.concat(plans)
    orders = rows.filter(pl.col("quantity") > 0).height
    record(context, watch, rows, "session_date", figures={"orders": orders})
    return Continued({"trade_plans": rows}, marks)
