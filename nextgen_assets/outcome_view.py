"""Judged predictions with what they had said: the evidence that feedback and learning read."""

from datetime import date

import polars as pl

from nextgen_assets.domain.feedback import FeedbackSettings
from nextgen_assets.domain.validation import join_outcomes
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


def feedback_rules(settings: Settings) -> FeedbackSettings:
    """The rules of scoring, as the settings say."""
    feedback = settings.feedback
    return FeedbackSettings(
        window_sessions=settings.feedback_window_sessions,
        block_sessions=settings.feedback_block_sessions,
        minimum_sessions=feedback.minimum_sessions,
        n_replicates=feedback.bootstrap_samples,
    )


def read_outcomes(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """Judged predictions with targets up to the last of ``sessions``, back to where feedback looks.

    Returns
    -------
    DataFrame
        Columns of ``join_outcomes``.
    """
    span = _span(settings, sessions)
    with warehouse.snapshot():
        judged, said = warehouse.read("outcomes", **span), warehouse.read("predictions_due", **span)
    return join_outcomes(judged, said)


def read_issued(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """Every prediction of the window before the first of ``sessions`` up to the last, abstentions among them.

    Returns
    -------
    DataFrame
        ticker, session_date, volatility, abstained, abstain_reason.
    """
    calendar, window = calendar_of(settings), settings.feedback_window_sessions
    first = calendar.sessions[max(calendar.index(sessions[0]) - window, 0)]
    scenario = settings.scenario_id
    said = warehouse.read("predictions_between", scenario_id=scenario, first=first, last=sessions[-1])
    return said.select("ticker", "session_date", "volatility", "abstained", "abstain_reason")


def _span(settings: Settings, sessions: list[date]) -> dict[str, str | date]:
    """The target sessions that feedback on ``sessions`` depends on, as parameters of a query."""
    calendar = calendar_of(settings)
    history = feedback_rules(settings).history_sessions(settings.models.horizon_sessions)
    first = calendar.sessions[max(calendar.index(sessions[0]) - history, 0)]
    return {"scenario_id": settings.scenario_id, "first": first, "last": sessions[-1]}
