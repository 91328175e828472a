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
        Columns of ``join_outcomes`` and has_news: whether the session of the prediction admitted an
        article about the ticker.
    """
    calendar = calendar_of(settings)
    horizon = settings.models.horizon_sessions
    history = feedback_rules(settings).history_sessions(horizon)
    earliest = calendar.index(sessions[0]) - history
    first = calendar.sessions[max(earliest, 0)]
    span = {"scenario_id": settings.scenario_id, "first": first, "last": sessions[-1]}
    begin = calendar.sessions[max(earliest - horizon, 0)]
    with warehouse.snapshot():
        judged, said = warehouse.read("outcomes", **span), warehouse.read("predictions_due", **span)
        news = warehouse.read("news_presence", first=begin, last=sessions[-1])
    joined, news = join_outcomes(judged, said), news.with_columns(has_news=pl.lit(True))
    return joined.join(news, on=["ticker", "session_date"], how="left", maintain_order="left").with_columns(
        pl.col("has_news").fill_null(False)
    )
