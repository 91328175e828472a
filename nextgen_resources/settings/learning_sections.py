"""Settings of what is learned: models, predictions and the feedback on them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nextgen_resources.settings.field_types import (
    Name,
    Names,
    RealNumber,
    Section,
    Weights,
    WholeNumber,
)


class LstmSettings(Section):
    """Size and training of the recurrent network."""

    hidden_size: WholeNumber = Field(ge=1, le=1_024, description="units of the recurrent state")
    epochs: WholeNumber = Field(ge=1, le=1_000, description="passes over the training windows")
    patience: WholeNumber = Field(
        ge=1, le=1_000, description="epochs without a better validation loss before it stops"
    )
    batch_size: WholeNumber = Field(ge=1, le=65_536, description="windows per gradient step")
    learning_rate: RealNumber = Field(gt=0, le=1, description="step size of the optimiser")
    weight_decay: RealNumber = Field(ge=0, le=1, description="decoupled weight decay per step")
    device: Literal["auto", "cpu", "cuda"] = Field(
        description="where it trains; auto: a GPU if there is one. Only cpu gives the same bytes everywhere"
    )
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = Field(
        description="of the products in training, where the device has it: a GPU, or a CPU with bfloat16 units"
    )


class ModelSettings(Section):
    """Which families are trained, on what past, for which horizon."""

    families: Names = Field(min_length=1, description="families to train, of those discovered")
    champion: Name = Field(description="family whose deployment decides; the others are challengers")
    horizon_sessions: WholeNumber = Field(
        ge=1, le=60, description="sessions from the close of a prediction to its target close"
    )
    train_sessions: WholeNumber = Field(ge=60, le=5_000, description="sessions of the training past")
    minimum_train_windows: WholeNumber = Field(
        ge=20, le=1_000_000, description="complete windows below which no model is trained"
    )
    maximum_train_windows: WholeNumber | None = Field(
        ge=20,
        le=100_000_000,
        description="windows above which a model is trained on every k-th session of each ticker; null: no limit",
    )
    embargo_sessions: WholeNumber = Field(
        ge=0, le=60, description="sessions between the end of the last label and the first prediction"
    )
    validation_fraction: RealNumber = Field(
        gt=0, le=0.5, description="newest fraction of the training sessions kept for validation"
    )
    seed: WholeNumber = Field(ge=0, le=2**31 - 1, description="seed of everything random in training")
    warm_start_months: WholeNumber = Field(
        ge=1,
        le=120,
        description="months from one training of a network from scratch to the next; those between go on from it",
    )
    workers: WholeNumber = Field(ge=1, le=256, description="processes that train at once; changes no row")
    lstm: LstmSettings

    @model_validator(mode="after")
    def _maximum_admits_minimum(self) -> Self:
        maximum, minimum = self.maximum_train_windows, self.minimum_train_windows
        if maximum is not None and maximum < 2 * minimum:
            raise ValueError(
                f"models.maximum_train_windows {maximum} must be at least twice "
                f"models.minimum_train_windows {minimum}: thinning may leave little more than half of it"
            )
        return self

    @model_validator(mode="after")
    def _champion_is_trained(self) -> Self:
        if self.champion not in self.families:
            raise ValueError(
                f"models.champion {self.champion!r} must be one of models.families {list(self.families)}"
            )
        return self


class PredictionSettings(Section):
    """How predictions are made, combined, calibrated and bounded."""

    concurrency: WholeNumber = Field(ge=1, le=64, description="tickers predicted at once; changes no row")
    interval_coverage: RealNumber = Field(
        ge=0.5, le=0.99, description="fraction of returns that the interval should contain"
    )
    calibration_sessions: WholeNumber = Field(
        ge=20, le=2_500, description="newest sessions whose matured predictions calibrate"
    )
    minimum_calibration_count: WholeNumber = Field(
        ge=10, le=100_000, description="matured predictions below which probabilities stay uncalibrated"
    )
    member_weights: Weights = Field(
        description="weight of a family before anything is learned, 0 to 100, by name; a family without one has 1"
    )
    weight_learning_rate: RealNumber = Field(
        ge=0,
        le=10,
        description="how fast the weights follow matured forecasts; 0 keeps them, 1 is Bayes' mixture",
    )
    maximum_dissimilarity: RealNumber | None = Field(
        gt=0,
        le=1_000,
        description="distance to the training windows, in units of their own limit, beyond which it abstains; null: never",
    )
    bound_volatility_weight: RealNumber = Field(
        ge=0, le=1, description="share of the newest volatility in the size of the bounds, the rest its level"
    )
    bound_ticker_strength: RealNumber = Field(
        gt=0, le=100_000, description="predictions that draw the bounds of a ticker to those of all"
    )


class PromotionSettings(Section):
    """What a challenger has to show before it is served alone."""

    sessions: WholeNumber = Field(ge=40, le=2_500, description="newest sessions of forecasts that are judged")
    minimum_sessions: WholeNumber = Field(
        ge=20, le=2_500, description="sessions below which nothing is promoted"
    )
    level: RealNumber = Field(
        gt=0, lt=1, description="two-sided level of the paired intervals that must lie below zero"
    )
    calibration_level: RealNumber = Field(
        gt=0, lt=1, description="two-sided level at which calibration must not be rejected"
    )
    minimum_deflated_sharpe: RealNumber = Field(
        ge=0, lt=1, description="probability that its Sharpe ratio is more than the luck of all trials"
    )
    maximum_overfitting: RealNumber = Field(
        ge=0, le=1, description="highest probability of backtest overfitting among the contenders"
    )

    @model_validator(mode="after")
    def _minimum_fits(self) -> Self:
        if self.minimum_sessions > self.sessions:
            raise ValueError(
                f"promotion.minimum_sessions {self.minimum_sessions} must not exceed promotion.sessions "
                f"{self.sessions}"
            )
        return self


class FeedbackSettings(Section):
    """How past predictions are judged and what is learned from them."""

    window_sessions: WholeNumber = Field(ge=20, le=2_500, description="sessions that a metric looks back")
    minimum_sessions: WholeNumber = Field(
        ge=5, le=2_500, description="sessions below which a metric is reported as insufficient"
    )
    bootstrap_samples: WholeNumber = Field(
        ge=50, le=20_000, description="resamples of whole sessions behind each interval"
    )
    ticker_cadence: Literal["session", "week", "month"] = Field(
        description="whether single tickers are scored on each session, or on the last of each week or month"
    )
    insight_q: RealNumber = Field(
        gt=0, le=0.5, description="false-discovery rate at which an insight is reported, a fraction"
    )
    further_horizons: tuple[Annotated[WholeNumber, Field(ge=1, le=60)], ...] = Field(
        max_length=10,
        description="sessions over which the direction of each prediction is judged beside its own",
    )
    drift_false_alarms: RealNumber = Field(
        gt=0, le=0.5, description="share of month ends at which a stationary past may be called drifting"
    )
    cooldown_sessions: WholeNumber = Field(
        ge=0, le=2_500, description="sessions before the same retrain signal may be raised again"
    )

    @model_validator(mode="after")
    def _minimum_fits_window(self) -> Self:
        if self.minimum_sessions > self.window_sessions:
            raise ValueError(
                f"feedback.minimum_sessions {self.minimum_sessions} must not exceed "
                f"feedback.window_sessions {self.window_sessions}"
            )
        return self
