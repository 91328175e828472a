"""Where the predictions are wrong, found by a systematic and corrected search, and tested again later."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.curiosity import CuriositySettings, Findings, find_insights
from nextgen_assets.domain.insight_retests import RetestRules, continued
from nextgen_assets.metadata import record
from nextgen_assets.outcome_context import with_context
from nextgen_assets.outcome_view import by_knowledge, read_closed, read_issued, read_outcomes
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="feedback", kinds={"duckdb", "polars"}, deps=["prediction_accuracy", "trade_reflections"]
)
def learning_insights(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> dict[str, pl.DataFrame]:
    """One row per finding: a slice in which predictions lose, surprise or abstain more, or positions fall short, than elsewhere.

    Key: insight_id. Source: prediction_accuracy, predictions and trade_reflections, and the findings before. Cadence: the last
    session of each month. p-values are corrected for every slice that was looked at. What stands is tested again on
    later predictions and retired when it fails (insight_retests). A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    month_ends = [day for day in sessions if calendar.shift(day, 1).month != day.month]
    rules = curiosity_rules(settings)
    parts: list[Findings] = []
    with warehouse.snapshot():
        earlier = warehouse.read("findings_before", first=sessions[0])
        for known in by_knowledge(warehouse, settings, sessions):
            ends = [day for day in month_ends if day in known]
            if parts and not ends:
                continue
            with watch.measure("read"):
                joined, issued = (
                    with_context(warehouse, settings, read(warehouse, settings, ends or known[-1:]))
                    for read in (read_outcomes, read_issued)
                )
                closed = with_context(warehouse, settings, read_closed(warehouse, settings, ends))
            with watch.measure("compute"):
                parts.append(find_insights(joined, ends, calendar, delay, rules, issued, earlier, closed))
                earlier = continued(earlier, parts[-1].insights, parts[-1].retests)
    insights = pl.concat([part.insights for part in parts])
    retests = pl.concat([part.retests for part in parts])
    figures = {str(verdict): n for verdict, n in retests["verdict"].value_counts().rows()}
    record(context, watch, insights, "session_date", figures={"re-tests": retests.height} | figures)
    return {"learning_insights": insights, "insight_retests": retests}


def curiosity_rules(settings: Settings) -> CuriositySettings:
    """The rules of the search, as the settings say."""
    window, block = settings.feedback_window_sessions, settings.feedback_block_sessions
    blocks_of_half = -(-window // (2 * block))
    return CuriositySettings(
        window_sessions=window,
        block_sessions=block,
        maximum_q_value=settings.feedback.insight_q,
        retests=RetestRules(
            retest_sessions=blocks_of_half * block, window_sessions=window, block_sessions=block
        ),
    )
