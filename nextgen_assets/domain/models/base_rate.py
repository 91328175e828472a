"""The base rate of the training past: what every other family has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.metrics import log_loss
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError, build_config
from nextgen_assets.domain.scaling import refuse_non_finite


@dataclass(frozen=True)
class BaseRateConfig:
    """``prior_count`` windows, half of them up, are added to the counts; the mean shrinks likewise."""

    prior_count: float = 20.0

    def __post_init__(self) -> None:
        if self.prior_count <= 0:
            raise ModelInputError(
                f"base_rate: prior_count={self.prior_count}, expected a positive number of windows"
            )


@dataclass(frozen=True)
class FittedBaseRate:
    """One probability and one standardised mean for every window."""

    probability_up: float
    standardised_mean: float
    curve: tuple[CurvePoint, ...] = ()

    def predict(
        self, windows: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The same two numbers for each window, whatever is in it."""
        refuse_non_finite(windows, "base_rate windows")
        n_windows = windows.shape[0]
        return np.full(n_windows, self.probability_up), np.full(n_windows, self.standardised_mean)

    def arrays(self) -> Arrays:
        """Two numbers."""
        return {"rates": np.array([self.probability_up, self.standardised_mean], dtype=np.float64)}


class BaseRateFamily:
    """Smoothed share of positive returns, and their mean over volatility."""

    name = "base_rate"
    selects_on_validation = False

    def config_from(self, values: Mapping[str, object]) -> BaseRateConfig:
        """The configuration; unknown keys are refused."""
        return build_config(self.name, BaseRateConfig, values)

    def fit(
        self,
        fit: LabelledWindows,
        validation: LabelledWindows,
        config: BaseRateConfig,
        seed: int,  # noqa: ARG002
    ) -> FittedBaseRate:
        """Count; nothing is random and ``validation`` is only scored."""
        weight = fit.went_up.size + config.prior_count
        probability = (float(fit.went_up.sum()) + config.prior_count / 2) / weight
        mean = float(fit.standardised_return.sum()) / weight
        losses = [
            log_loss(np.full(part.went_up.size, probability), part.went_up) for part in (fit, validation)
        ]
        return FittedBaseRate(probability, mean, (CurvePoint(1, losses[0], losses[1]),))

    def from_arrays(
        self,
        arrays: Mapping[str, npt.NDArray[Any]],
        config: BaseRateConfig,  # noqa: ARG002
    ) -> FittedBaseRate:
        """The model that the arrays describe."""
        rates = arrays["rates"]
        return FittedBaseRate(float(rates[0]), float(rates[1]))


MODEL = BaseRateFamily()
