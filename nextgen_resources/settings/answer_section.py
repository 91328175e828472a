"""Settings of what is trained in answer to a retrain signal."""

from __future__ import annotations

from pydantic import Field

from nextgen_resources.settings.field_types import RealNumber, Section, WholeNumber


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
    epochs: WholeNumber = Field(
        ge=1, le=1_000, description="most passes over the past of the ticker; the validated best is kept"
    )
    batch_size: WholeNumber = Field(ge=1, le=65_536, description="windows of the ticker per gradient step")
    learning_rate_share: RealNumber = Field(
        gt=0, le=10, description="step size as a share of the one that the network was trained with"
    )
