"""Several live models as one forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.calibration import logit, sigmoid
from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.members import packed
from nextgen_assets.domain.thresholds import DISSIMILARITY, Overrides

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EnsembleConfig:
    """How the live models are joined.

    Parameters
    ----------
    weights : mapping of str to float
        Weight by family, not negative; a family that is not named has weight 1.
    champion_family : str
        The family whose model gives the prediction its ``model_id``; where it is not live, the first one.
    learning_rate : float
        How fast the weights follow matured forecasts; 0 keeps them, 1 is the mixture of Bayes.
    maximum_dissimilarity : float or None
        A window further from the training windows, in units of their own limit, is abstained from; None: never.
    overrides : Overrides
        What holds instead of ``maximum_dissimilarity`` from a session on.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    champion_family: str = "lstm"
    learning_rate: float = 0.0
    maximum_dissimilarity: float | None = None
    overrides: Overrides = field(default_factory=Overrides)

    def __post_init__(self) -> None:
        if not 0.0 <= self.learning_rate <= 10.0:
            raise ValueError(f"ensemble learning_rate={self.learning_rate}, expected 0 to 10")
        negative = {family: weight for family, weight in self.weights.items() if not weight >= 0}
        if negative:
            raise ValueError(f"ensemble weights {negative}: expected numbers that are not negative")

    def limit_at(self, session: date) -> float | None:
        """The dissimilarity from which a window of ``session`` is abstained from; None: never."""
        return self.overrides.value_at(DISSIMILARITY, session, self.maximum_dissimilarity)

    def normalised(self, models: Sequence[LiveModel]) -> list[float]:
        """Weights of these models, adding up to 1.

        Raises
        ------
        ValueError
            If all of them are zero.
        """
        weights = [float(self.weights.get(model.family, 1.0)) for model in models]
        total = sum(weights)
        if total <= 0:
            families = ", ".join(model.family for model in models)
            raise ValueError(f"the ensemble weights of {families} are all zero; give one a weight")
        return [weight / total for weight in weights]

    def champion(self, models: Sequence[LiveModel]) -> LiveModel:
        """The model that a prediction is filed under."""
        return next((model for model in models if model.family == self.champion_family), models[0])


@dataclass(frozen=True, eq=False)
class EnsembleForecast:
    """The ensemble over the windows of one session."""

    model_id: str
    probability_up: Floats
    standardised_mean: Floats
    ensemble: list[str]


def join_models(
    tensor: npt.NDArray[np.float32], models: Sequence[LiveModel], config: EnsembleConfig
) -> EnsembleForecast:
    """Average the logits and the standardised means of the models by weight.

    Parameters
    ----------
    tensor : ndarray of float32, shape (n_windows, lookback, n_features)
        Raw complete windows of one session, by ticker.
    models : sequence of LiveModel
        At least one.
    config : EnsembleConfig
        Weights and champion.

    Raises
    ------
    ValueError
        If the models have several horizons or feature sets, or all weights are zero.
    """
    kinds = {(model.horizon_sessions, model.feature_set_id) for model in models}
    if len(kinds) != 1:
        raise ValueError(
            f"the live models {[model.model_id for model in models]} have the horizons and feature sets "
            f"{sorted(kinds)}, expected one of each; correct model_deployments"
        )
    weights = config.normalised(models)
    said = [model.predict(tensor) for model in models]
    log_odds, mean = np.zeros(len(tensor)), np.zeros(len(tensor))
    for weight, (probability_up, standardised_mean) in zip(weights, said, strict=True):
        log_odds += weight * logit(probability_up)
        mean += weight * standardised_mean
    members = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(tensor)), len(models)),
            "model_id": [model.model_id for model in models] * len(tensor),
            "family": [model.family for model in models] * len(tensor),
            "weight": weights * len(tensor),
            "probability_up": np.stack([probability_up for probability_up, _ in said], axis=1).ravel(),
            "standardised_mean": np.stack([mean for _, mean in said], axis=1).ravel(),
        }
    )
    ensemble = packed(members, len(tensor)).to_list()
    return EnsembleForecast(config.champion(models).model_id, sigmoid(log_odds), mean, ensemble)
