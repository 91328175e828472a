"""Settings of what is trained in answer to a retrain signal."""

from __future__ import annotations

from pydantic import Field

from nextgen_resources.settings.field_types import Section, WholeNumber


class AnswerSettings(Section):
    """How signals are answered, and what keeps the answers from storming."""

    enabled: bool = Field(description="train a model for the ticker of a signal; false: record why not")
    cooldown_sessions: WholeNumber = Field(
        ge=0, le=2_500, description="sessions after a model of a ticker in which it gets no other"
    )
    budget_models: WholeNumber = Field(
        ge=1, le=100_000, description="models of single tickers trained in any budget_sessions sessions"
    )
    budget_sessions: WholeNumber = Field(ge=1, le=2_500, description="sessions that the budget is for")
    maximum_age_sessions: WholeNumber = Field(
        ge=40,
        le=5_000,
        description="sessions after its cut-off in which the gate judges a model of one ticker",
    )
