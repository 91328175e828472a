"""Judging what has fallen due: the predictions, what was abstained from, what was unusual, and other horizons."""

from datetime import date

import polars as pl

from nextgen_assets.domain.further_horizons import HORIZON_SCHEMA, judged_over
from nextgen_assets.domain.labels import realised_log_returns
from nextgen_assets.domain.outcome_labels import outcome_labels
from nextgen_assets.domain.silence import judge_abstentions
from nextgen_assets.domain.validation import validate_predictions
from nextgen_assets.market_view import MarketView, read_market, security_names, segments
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


def judge(
    warehouse: Warehouse, settings: Settings, sessions: list[date], watch: Stopwatch
) -> dict[str, pl.DataFrame]:
    """Rows of prediction_accuracy, abstention_outcomes, outcome_labels and horizon_outcomes with targets in ``sessions``.

    Notes
    -----
    As-of rule: each part of the range reads what was known at the cut-off of its last session, and nothing came late
    inside a part.
    """
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    horizon = settings.models.horizon_sessions
    reach = max(horizon, *settings.feedback.further_horizons, 1) + 1
    parts: dict[str, list[pl.DataFrame]] = {}
    for first, last, as_of in segments(warehouse, settings, sessions, reach):
        with watch.measure("read"):
            due = warehouse.read("predictions_due", scenario_id=settings.scenario_id, first=first, last=last)
            market = read_market(warehouse, settings, calendar.shift(first, -reach), last, as_of)
        with watch.measure("compute"):
            realised = realised_log_returns(market.panel, market.versions(calendar), horizon, last)
            inside = [day for day in sessions if first <= day <= last]
            called = security_names(warehouse, last).follow(due, "session_date")
            rows = validate_predictions(called, realised, inside, calendar, delay)
            silent = judge_abstentions(called, realised, inside, calendar, delay)
            labels = outcome_labels(called, rows, market.panel, market.actions, inside, calendar, delay)
            found = {"prediction_accuracy": rows, "abstention_outcomes": silent, "outcome_labels": labels}
            for name, frame in found.items():
                parts.setdefault(name, []).append(as_predicted(frame, due))
            others = _over_other_horizons(warehouse, settings, market, inside)
            parts.setdefault("horizon_outcomes", []).append(others)
    return {name: pl.concat(frames) for name, frames in parts.items()}


def as_predicted(judged: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Judged predictions under the ticker that their security had when they were issued."""
    tickers = said.select("prediction_id", "ticker")
    restored = judged.drop("ticker").join(tickers, on="prediction_id", how="left", maintain_order="left")
    return restored.select(judged.columns)


def _over_other_horizons(
    warehouse: Warehouse, settings: Settings, market: MarketView, inside: list[date]
) -> pl.DataFrame:
    """The directions of earlier predictions over the horizons of the settings that end in ``inside``."""
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    versions, parts = market.versions(calendar), [pl.DataFrame(schema=HORIZON_SCHEMA)]
    for horizon in settings.feedback.further_horizons:
        first, last = (calendar.shift(day, -horizon) for day in (inside[0], inside[-1]))
        said = warehouse.read("directions_said", scenario_id=settings.scenario_id, first=first, last=last)
        called = security_names(warehouse, inside[-1]).follow(said, "session_date")
        realised = realised_log_returns(market.panel, versions, horizon, inside[-1])
        parts.append(as_predicted(judged_over(called, realised, horizon, inside, calendar, delay), said))
    return pl.concat(parts)
