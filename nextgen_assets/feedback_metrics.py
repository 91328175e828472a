"""How good the predictions have been lately, beside their naive baselines."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.feedback import feedback_metrics as score_sessions
from nextgen_assets.metadata import record
from nextgen_assets.outcome_context import with_context
from nextgen_assets.outcome_view import feedback_rules, read_outcomes
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="feedback", kinds={"duckdb", "polars"}, deps=["prediction_accuracy"])
def feedback_metrics(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> pl.DataFrame:
    """One row per session, scope and metric over the trailing window of matured predictions.

    Key: session_date, scope, metric. Source: prediction_accuracy. Cadence: each session; sectors, regimes of the
    market and confidence bands at the last session of each month. Every value stands beside its naive baseline
    and inside a day-clustered interval. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    with watch.measure("read"):
        joined = with_context(warehouse, settings, read_outcomes(warehouse, settings, sessions))
    with watch.measure("compute"):
        delay = settings.ingestion.cutoff_delay_minutes
        rows = score_sessions(joined, sessions, calendar_of(settings), delay, feedback_rules(settings))
    newest = rows.filter((pl.col("session_date") == sessions[-1]) & (pl.col("scope") == "overall"))
    figures = {row["metric"]: row["value"] for row in newest.iter_rows(named=True)}
    record(context, watch, rows, "session_date", figures=figures)
    return rows
