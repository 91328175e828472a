"""Judged predictions with what they had said: the evidence that feedback and learning read."""

from datetime import date

import polars as pl

from nextgen_assets.domain.scope_scores import FeedbackSettings
from nextgen_assets.domain.sessions import knowledge_segments
from nextgen_assets.domain.silence import Silence
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
        ticker_cadence=feedback.ticker_cadence,
    )


def read_outcomes(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """Judged predictions with targets up to the last of ``sessions``, back to where feedback looks.

    Returns
    -------
    DataFrame
        Columns of ``join_outcomes`` less identities, model_id and realised_direction.

    Notes
    -----
    As-of rule: outcomes as they are known at the last of ``sessions``, revised by what was corrected up to then. Pass
    one of the parts of :func:`by_knowledge`, and they were known so at each of them.
    """
    return warehouse.read("judged_and_said", **_span(settings, sessions))


def by_knowledge(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> list[list[date]]:
    """Parts of ``sessions`` in which no outcome was revised but at the first: without corrections, one part."""
    if not sessions:
        return []
    span = {"scenario_id": settings.scenario_id, "first": sessions[0], "last": sessions[-1]}
    revised = warehouse.read("revision_sessions", **span)["revised_on"].to_list()
    return [
        [day for day in sessions if first <= day <= last]
        for first, last in knowledge_segments(sessions, revised)
    ]


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


def read_members(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """What each member of the ensemble had said of the predictions of :func:`read_outcomes` in the window.

    Returns
    -------
    DataFrame
        ticker, session_date, family, probability_up.
    """
    calendar, window = calendar_of(settings), settings.feedback_window_sessions
    first = calendar.sessions[max(calendar.index(sessions[0]) - window, 0)]
    scenario = settings.scenario_id
    return warehouse.read("member_probabilities", scenario_id=scenario, first=first, last=sessions[-1])


def read_waiting(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """Probabilities issued from a horizon before the first of ``sessions`` up to the last."""
    first = calendar_of(settings).shift(sessions[0], 1 - settings.models.horizon_sessions)
    scenario = settings.scenario_id
    return warehouse.read("probabilities_issued", scenario_id=scenario, first=first, last=sessions[-1])


def read_silence(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> Silence:
    """Abstentions of the two windows up to each of ``sessions``, and what they would have scored."""
    calendar, window = calendar_of(settings), settings.feedback_window_sessions
    first = calendar.sessions[max(calendar.index(sessions[0]) - 2 * window, 0)]
    span = {"scenario_id": settings.scenario_id, "first": first, "last": sessions[-1]}
    with warehouse.snapshot():
        return Silence(
            warehouse.read("abstention_counts", **span), warehouse.read("abstentions_judged", **span)
        )


def _span(settings: Settings, sessions: list[date]) -> dict[str, str | date]:
    """The target sessions that feedback on ``sessions`` depends on, as parameters of a query."""
    calendar = calendar_of(settings)
    history = feedback_rules(settings).history_sessions(settings.models.horizon_sessions)
    first = calendar.sessions[max(calendar.index(sessions[0]) - history, 0)]
    return {"scenario_id": settings.scenario_id, "first": first, "last": sessions[-1]}


def read_closed(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> pl.DataFrame:
    """Positions closed within the window before the first of ``sessions`` up to the last; none without sessions.

    Returns
    -------
    DataFrame
        ticker, session_date of the prediction that opened it, closed_on, outcome_quantile, lesson, volatility,
        probability_up.
    """
    begin, last = date.max, date.min
    if sessions:
        calendar, window = calendar_of(settings), settings.feedback_window_sessions
        begin, last = calendar.sessions[max(calendar.index(sessions[0]) - window, 0)], sessions[-1]
    return warehouse.read("closed_predictions", scenario_id=settings.scenario_id, first=begin, last=last)
