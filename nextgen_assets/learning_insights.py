"""Where the predictions are wrong, found by a systematic and corrected search."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.curiosity import CuriositySettings, find_insights
from nextgen_assets.metadata import record
from nextgen_assets.outcome_view import read_outcomes
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="feedback", kinds={"duckdb", "polars"}, deps=["prediction_accuracy"])
def learning_insights(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> pl.DataFrame:
    """One row per finding: a slice in which the predictions are worse than elsewhere.

    Key: insight_id. Source: prediction_accuracy. Cadence: the last session of each month. p-values are
    corrected for every slice that was looked at. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    rules = CuriositySettings(
        window_sessions=settings.feedback_window_sessions,
        block_sessions=settings.feedback_block_sessions,
        maximum_q_value=settings.feedback.insight_q,
    )
    with watch.measure("read"):
        joined = read_outcomes(warehouse, settings, sessions)
    with watch.measure("compute"):
        rows = find_insights(
            joined, sessions, calendar_of(settings), settings.ingestion.cutoff_delay_minutes, rules
        )
    record(context, watch, rows, "session_date")
    return rows
