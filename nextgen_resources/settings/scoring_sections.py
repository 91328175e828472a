"""Settings of the scorers of news: fallback, budget, retries, the ensemble, the language model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nextgen_resources.settings.field_types import (
    CalendarDay,
    Name,
    RealNumber,
    Section,
    Weights,
    WholeNumber,
)

HttpAddress = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._\-/]*)?$")]


class OpenAISettings(Section):
    """The language model behind the scorer openai; the key stands in the section credentials."""

    base_url: HttpAddress = Field(description="root of an OpenAI-compatible service")
    interface: Literal["responses", "chat"] = Field(
        description="responses or chat (chat/completions), by what the service offers"
    )
    model: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,127}$", description="name of the model at the service"
    )
    knowledge_cutoff: CalendarDay | None = Field(
        description="last day that the model's training may remember; null: unknown"
    )
    prompt: Name = Field(description="file of nextgen_resources/sentiment/prompts, without its ending")
    timeout_seconds: RealNumber = Field(gt=0, le=600, description="longest wait for a reply")
    max_output_tokens: WholeNumber = Field(ge=50, le=10_000, description="limit of a reply, in tokens")
    parallel_calls: WholeNumber = Field(ge=1, le=64, description="calls that run side by side")
    input_usd_per_million: RealNumber = Field(ge=0, le=1_000, description="price of a million tokens sent")
    output_usd_per_million: RealNumber = Field(
        ge=0, le=10_000, description="price of a million tokens received"
    )


class ScoringSettings(Section):
    """What happens when a scorer costs money or fails."""

    fallback: Name | None = Field(
        description="scorer whose scores are kept beside, under its own method; null: none"
    )
    feature_method: Name | None = Field(
        description="method whose sentiment the features read; null: that of news.scorer. Never a mixture"
    )
    daily_budget_usd: RealNumber = Field(
        ge=0, le=100_000, description="US dollars that scoring may cost on one day (UTC)"
    )
    retry_minutes: WholeNumber = Field(
        ge=1, le=1_440, description="wait after a first failure; doubled each time, up to a day"
    )
    max_attempts: WholeNumber = Field(ge=1, le=100, description="failures after which an article is given up")
    ensemble_weights: Weights = Field(
        description="scorers of the ensemble and their weights; empty: classifier 2, lexicon 1"
    )
    openai: OpenAISettings

    @model_validator(mode="after")
    def _ensemble_has_members(self) -> Self:
        if "ensemble" in self.ensemble_weights:
            raise ValueError("scoring.ensemble_weights names ensemble itself; name other scorers")
        if self.ensemble_weights and sum(self.ensemble_weights.values()) <= 0:
            raise ValueError("scoring.ensemble_weights must hold a scorer with a weight above 0")
        return self
