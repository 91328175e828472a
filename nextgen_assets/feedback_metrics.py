"""How good the predictions have been lately, beside their naive baselines."""

from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.domain.drift import drift_metrics
from nextgen_assets.domain.early_estimates import estimated_performance, realised_later
from nextgen_assets.domain.feedback import feedback_metrics as score_sessions
from nextgen_assets.domain.scope_scores import MONTHLY, ends_of
from nextgen_assets.domain.validation import cutoff_frame
from nextgen_assets.drift_view import drift_rules, read_moments
from nextgen_assets.estimate_picture import estimate_picture
from nextgen_assets.metadata import record
from nextgen_assets.outcome_context import with_context
from nextgen_assets.outcome_view import (
    by_knowledge,
    feedback_rules,
    read_members,
    read_outcomes,
    read_silence,
    read_waiting,
)
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

PICTURED_SESSIONS = 250
"""Sessions that the picture shows."""


@session_asset(group="feedback", kinds={"duckdb", "polars"}, deps=["prediction_accuracy", "feature_windows"])
def feedback_metrics(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> dict[str, pl.DataFrame]:
    """One row per session, scope and metric over the trailing window of matured predictions.

    Key: session_date, scope, metric. Source: prediction_accuracy. Cadence: each session; single tickers at the last
    session of each week; sectors, regimes of the market, confidence bands, members of the ensemble and reasons of
    abstention at the last of each month. Scope unmatured is an estimate, from their confidence, of the scores of
    predictions whose targets have not closed (what came: the view estimated_and_realised). Every value stands
    beside its naive baseline and inside a day-clustered interval. Drift of features and of probabilities goes to
    drift_metrics at month ends. A re-run replaces its sessions.
    """
    watch, sessions, calendar = Stopwatch(), requested_sessions(context), calendar_of(settings)
    month_ends = ends_of(sessions, calendar, MONTHLY)
    parts, came = [], []
    with warehouse.snapshot():
        for known in by_knowledge(warehouse, settings, sessions):
            scored, later = _scores(warehouse, settings, known, watch)
            parts.append(scored)
            came.append(later)
        with watch.measure("read"):
            moments = read_moments(warehouse, settings, month_ends)
    with watch.measure("compute"):
        rows, delay = pl.concat(parts), settings.ingestion.cutoff_delay_minutes
        looks = drift_metrics(moments, month_ends if moments else [], calendar, drift_rules(settings))
        drift = looks.join(cutoff_frame(month_ends, calendar, delay, "session_date"), on="session_date")
    newest = rows.filter((pl.col("session_date") == sessions[-1]) & (pl.col("scope") == "overall"))
    figures = {row["metric"]: row["value"] for row in newest.iter_rows(named=True)}
    figures |= {"drifting": drift["is_drift"].sum()} if drift.height else {}
    pictures = picture_of(warehouse, settings, pl.concat(came), sessions[0])
    record(context, watch, rows, "session_date", figures=figures, pictures=pictures)
    return {"feedback_metrics": rows, "drift_metrics": drift}


def _scores(
    warehouse: Warehouse, settings: Settings, sessions: list[date], watch: Stopwatch
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores of sessions that knew the same of every outcome, and what came of estimates."""
    calendar, delay, rules = (
        calendar_of(settings),
        settings.ingestion.cutoff_delay_minutes,
        feedback_rules(settings),
    )
    with watch.measure("read"):
        joined = with_context(warehouse, settings, read_outcomes(warehouse, settings, sessions))
        members = read_members(warehouse, settings, sessions)
        silence = read_silence(warehouse, settings, sessions)
        waiting = read_waiting(warehouse, settings, sessions)
    with watch.measure("compute"):
        horizon = settings.models.horizon_sessions
        early = estimated_performance(joined, waiting, sessions, calendar, horizon, rules)
        rows = score_sessions(joined, sessions, calendar, delay, rules, members, silence, early)
        return rows, realised_later(early, joined)


def picture_of(warehouse: Warehouse, settings: Settings, came: pl.DataFrame, first: date) -> dict[str, str]:
    """The newest estimates whose labels have come, beside them, as Markdown."""
    begin, before = (calendar_of(settings).shift(first, -count) for count in (PICTURED_SESSIONS, 1))
    stored = warehouse.read("estimates_between", first=begin, last=before)
    known = pl.concat([stored, came.select(stored.columns)])
    newest = known["session_date"].unique().sort().tail(PICTURED_SESSIONS)
    shown = known.filter(pl.col("session_date").is_in(newest.implode()))
    return {"estimated_before_labels": estimate_picture(shown).markdown} if shown.height else {}
