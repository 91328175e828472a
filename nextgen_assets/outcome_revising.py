"""Judging again what a later correction touched: one row per changed outcome, nothing judged before is edited."""

from datetime import date

import polars as pl

from nextgen_assets.domain.labels import realised_log_returns
from nextgen_assets.domain.outcome_revisions import REVISION_SCHEMA, clusters, revised_outcomes, with_first
from nextgen_assets.market_view import read_market, security_names
from nextgen_assets.outcome_judging import as_predicted
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_STATED = ("probability_up", "expected_log_return", "lower_log_return", "upper_log_return", "volatility")


def revisions(
    warehouse: Warehouse, settings: Settings, sessions: list[date], judged: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Rows of prediction_accuracy_revisions of the corrections that became known at ``sessions``.

    Parameters
    ----------
    judged : dict of str to DataFrame
        What ``outcome_judging.judge`` found for the same sessions: first judgements that are not stored yet.

    Notes
    -----
    As-of rule: each session compares what was known at its cut-off with what was known at that of the session before.
    """
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    since = calendar.cutoff(calendar.shift(sessions[0], -1), delay)
    until = calendar.cutoff(sessions[-1], delay)
    learned = warehouse.read("learned_between", since=since, until=until).rows()
    late = {
        calendar.admitting(known_at, delay)
        for day, known_at in learned
        if known_at > calendar.cutoff(calendar.on_or_after(day), delay)
    }
    parts = [_of_session(warehouse, settings, day) for day in sorted(late & set(sessions))]
    found = pl.concat([_nothing(), *parts])
    if found.is_empty():
        return with_first(found, pl.DataFrame(schema=REVISION_SCHEMA))
    return with_first(found, _first_judgements(warehouse, settings, found, judged))


def _of_session(warehouse: Warehouse, settings: Settings, session: date) -> pl.DataFrame:
    """What the corrections that were known at ``session`` for the first time changed, over every horizon."""
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    before = calendar.shift(session, -1)
    moments = (calendar.cutoff(before, delay), calendar.cutoff(session, delay))
    span = {"since": moments[0], "until": moments[1], "last": before}
    corrections = warehouse.read("corrections", **span)
    own = settings.models.horizon_sessions
    horizons = sorted({own, *settings.feedback.further_horizons})
    parts = [_nothing()]
    for first, last in clusters(corrections["day"], max(horizons) + 1, before, calendar):
        names = security_names(warehouse, last)
        named = names.follow(corrections, "day")
        markets = [read_market(warehouse, settings, first, last, moment) for moment in moments]
        for horizon in horizons:
            realised = [
                realised_log_returns(market.panel, market.versions(calendar), horizon, last)
                for market in markets
            ]
            said = _said(warehouse, settings, first, last, horizon)
            called = names.follow(said, "session_date")
            found = revised_outcomes(called, realised[0], realised[1], named, session, moments[1])
            parts.append(as_predicted(found, said))
    return pl.concat(parts).unique(["prediction_id", "horizon_sessions"], maintain_order=True)


def _said(warehouse: Warehouse, settings: Settings, first: date, last: date, horizon: int) -> pl.DataFrame:
    """Predictions of sessions between two days that did not abstain; what they stated only for their own horizon."""
    scenario = settings.scenario_id
    if horizon == settings.models.horizon_sessions:
        said = warehouse.read("predictions_between", scenario_id=scenario, first=first, last=last)
        return said.filter(~pl.col("abstained")).select(
            "prediction_id", "scenario_id", "ticker", "session_date", "horizon_sessions", "direction", *_STATED
        )  # fmt: skip
    said = warehouse.read("directions_said", scenario_id=scenario, first=first, last=last)
    return said.drop("abstained").with_columns(horizon_sessions=pl.lit(horizon, pl.Int32))


def _first_judgements(
    warehouse: Warehouse, settings: Settings, found: pl.DataFrame, judged: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """What was judged first, stored or in this run, of targets of ``found``."""
    targets = found["target_session_date"]
    stored = warehouse.read(
        "first_judgements", scenario_id=settings.scenario_id, first=targets.min(), last=targets.max()
    )
    figures = ("is_correct", "brier_score", "log_loss", "is_inside_interval")
    own = judged["prediction_accuracy"].select(
        "prediction_id",
        pl.lit(settings.models.horizon_sessions, pl.Int32).alias("horizon_sessions"),
        pl.col("realised_log_return").alias("first_log_return"),
        *(pl.col(name).alias(f"first_{name}") for name in figures),
    )
    further = judged["horizon_outcomes"].select(
        "prediction_id",
        "horizon_sessions",
        pl.col("realised_log_return").alias("first_log_return"),
        pl.col("is_correct").alias("first_is_correct"),
    )
    return pl.concat([stored, own, further], how="diagonal")


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={name: kind for name, kind in REVISION_SCHEMA.items() if not name.startswith("first_")}
    )
