"""Requests for a new model, and standing biases."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.bias import BiasRules, bias_flags
from nextgen_assets.domain.retraining import RetrainRules
from nextgen_assets.domain.retraining import retrain_signals as find_signals
from nextgen_assets.metadata import record
from nextgen_assets.outcome_view import by_knowledge, read_outcomes
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="feedback", kinds={"duckdb", "polars"})
def retrain_signals(
    context: dg.AssetExecutionContext,
    feedback_metrics: pl.DataFrame,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
) -> dict[str, pl.DataFrame]:
    """One row per request to retrain, for one ticker or (null) the universe.

    Key: signal_id. Source: feedback_metrics and drift_metrics of the session and the signals before it. Cadence: each
    session, with a cool-down. Standing biases go to bias_flags. A re-run adds nothing that is there.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    window, block = settings.feedback_window_sessions, settings.feedback_block_sessions
    rules = RetrainRules(window_sessions=window, cool_down_sessions=settings.feedback.cooldown_sessions)
    with watch.measure("read"), warehouse.snapshot():
        earlier = warehouse.read("signals_before", first=sessions[0])
        known = [
            (part, read_outcomes(warehouse, settings, part))
            for part in by_knowledge(warehouse, settings, sessions)
        ]
        drift = warehouse.read("drift_between", first=sessions[0], last=sessions[-1])
    with watch.measure("compute"):
        signals = find_signals(feedback_metrics, earlier, sessions, calendar, delay, rules, drift)
        bias = BiasRules(window, block, settings.feedback.minimum_sessions)
        flags = pl.concat([bias_flags(joined, part, calendar, delay, bias) for part, joined in known])
    record(context, watch, signals, "session_date", figures={"bias_flags": flags.height})
    return {"retrain_signals": signals, "bias_flags": flags}
