"""Did the rows of each session arrive, and are they fit for use?"""

import dagster as dg
import polars as pl

from nextgen_assets.domain.health import assess
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.glances import health_glance
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.pictures import health_overview
from nextgen_assets.policies import session_asset
from nextgen_assets.task_history import recent_task_runs
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

EARLIER = """
SELECT component, session_date, status, last_success, last_failure FROM system_health WHERE session_date < $first
"""
PICTURED_SESSIONS = 60
"""Sessions before the range that the picture shows, so that one session alone has something to show."""


@session_asset(
    group="operations",
    kinds={"duckdb", "polars"},
    deps=[
        "portfolio_holdings",
        "trade_reflections",
        "learning_insights",
        "retrain_signals",
        "news_sentiment",
    ],
)
def system_health(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> dict[str, pl.DataFrame]:
    """One row per component of the platform and session: ok, warn or fail, with the figures.

    Key: component, session_date. Source: the rows of every other asset, as counts. Cadence: each
    session. A re-run replaces its sessions. What ran, and how it ended, goes to task_runs.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    with watch.measure("read"), warehouse.snapshot():
        cutoffs = [calendar.cutoff(session, delay) for session in sessions]
        scope = {"sessions": sessions, "cutoffs": cutoffs, "scenario_id": settings.scenario_id}
        facts = warehouse.read("health_facts", **scope)
        earlier = warehouse.read(EARLIER, first=sessions[0])
    with watch.measure("compute"):
        health = assess(with_silence(facts, calendar), earlier, sessions, calendar, delay)
    with watch.measure("task history"):
        runs = recent_task_runs(context.instance)
    counts = {status: health.filter(pl.col("status") == status).height for status in ("warn", "fail")}
    recent = earlier.filter(pl.col("session_date") >= calendar.shift(sessions[0], -PICTURED_SESSIONS))
    shown = pl.concat([recent, health.select(recent.columns)])
    record(
        context,
        watch,
        health,
        "session_date",
        figures=counts,
        pictures={"glance": health_glance(shown), "overview": health_overview(shown).markdown},
    )
    return {"system_health": health, "task_runs": runs}


def with_silence(facts: pl.DataFrame, calendar: SessionCalendar) -> pl.DataFrame:
    """Facts with the sessions since the last article in place of its session."""
    silence = [
        None if last is None else calendar.index(session) - calendar.index(last)
        for session, last in facts.select("session_date", "last_article_session").rows()
    ]
    return facts.drop("last_article_session").with_columns(
        sessions_since_last_article=pl.Series(silence, dtype=pl.Int64)
    )
