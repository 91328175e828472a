"""Ridge logistic regression on the newest vector of a window and the mean of its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.metrics import log_loss
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError, build_config
from nextgen_assets.domain.scaling import refuse_non_finite

Floats = npt.NDArray[np.float64]
_LARGEST_LOGIT = 15.0


@dataclass(frozen=True)
class LogisticConfig:
    """Settings of the fit.

    Parameters
    ----------
    ridge_windows : float
        Strength of the penalty on every slope, in windows of information; the intercept is free.
    newton_steps : int
        Fixed number of Newton steps, so that the result does not depend on a tolerance.
    """

    ridge_windows: float = 200.0
    newton_steps: int = 6

    def __post_init__(self) -> None:
        if self.ridge_windows <= 0 or self.newton_steps < 1:
            raise ModelInputError(
                f"logistic: ridge_windows={self.ridge_windows}, newton_steps={self.newton_steps}; "
                "expected more than 0 and at least 1"
            )


@dataclass(frozen=True)
class FittedLogistic:
    """Two linear maps of the same design: a logit and a standardised mean; intercepts last."""

    direction: Floats
    mean_return: Floats
    curve: tuple[CurvePoint, ...] = ()

    def predict(self, windows: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Probability and standardised mean; each row is its own sum, so the batch does not matter."""
        design = _design(windows)
        if design.shape[1] != self.direction.size:
            raise ModelInputError(
                f"logistic: windows of {windows.shape[2]} features, the model was fitted on "
                f"{(self.direction.size - 1) // 2}; use the feature set of the model"
            )
        return _sigmoid(_linear(design, self.direction)), _linear(design, self.mean_return)

    def arrays(self) -> Arrays:
        """Coefficients."""
        return {"direction": self.direction, "mean_return": self.mean_return}


class LogisticFamily:
    """Newton's method on the penalised log-likelihood; a ridge regression for the mean."""

    name = "logistic"
    selects_on_validation = False

    def config_from(self, values: Mapping[str, object]) -> LogisticConfig:
        """The configuration; unknown keys are refused."""
        return build_config(self.name, LogisticConfig, values)

    def fit(
        self,
        fit: LabelledWindows,
        validation: LabelledWindows,
        config: LogisticConfig,
        seed: int,  # noqa: ARG002
    ) -> FittedLogistic:
        """Solve; nothing is random and ``validation`` is only scored.

        Notes
        -----
        Products are summed by ``einsum`` without a BLAS, whose result may depend on the number of
        threads: the same windows give the same bytes in any process.
        """
        design, went_up = _design(fit.tensor), fit.went_up
        validation_design, validation_up = _design(validation.tensor), validation.went_up
        penalty = np.full(design.shape[1], config.ridge_windows / 4)
        penalty[-1] = 1e-9
        coefficients = np.zeros(design.shape[1])
        curve = []
        for step in range(1, config.newton_steps + 1):
            probability = _sigmoid(_linear(design, coefficients))
            weight = np.maximum(probability * (1.0 - probability), 1e-6)
            gradient = np.einsum("nf,n->f", design, probability - went_up) + penalty * coefficients
            hessian = _gram(design, weight) + np.diag(penalty)
            coefficients = coefficients - np.linalg.solve(hessian, gradient)
            losses = [
                log_loss(_sigmoid(_linear(part, coefficients)), outcome)
                for part, outcome in ((design, went_up), (validation_design, validation_up))
            ]
            curve.append(CurvePoint(step, losses[0], losses[1]))
        gram = _gram(design, np.ones(len(design))) + np.diag(penalty * 4)
        moments = np.einsum("nf,n->f", design, fit.standardised_return)
        return FittedLogistic(coefficients, np.linalg.solve(gram, moments), tuple(curve))

    def from_arrays(
        self,
        arrays: Mapping[str, npt.NDArray[Any]],
        config: LogisticConfig,  # noqa: ARG002
    ) -> FittedLogistic:
        """The model that the arrays describe."""
        direction, mean_return = arrays["direction"], arrays["mean_return"]
        return FittedLogistic(direction.astype(np.float64), mean_return.astype(np.float64))


def _design(windows: npt.NDArray[np.float32]) -> Floats:
    """(n, 2 * n_features + 1): newest vector, mean of the vectors, one."""
    refuse_non_finite(windows, "logistic windows")
    steps = windows.astype(np.float64)
    mean = steps[:, 0].copy()
    for step in range(1, steps.shape[1]):
        mean += steps[:, step]
    mean /= steps.shape[1]
    return np.concatenate([steps[:, -1], mean, np.ones((len(steps), 1))], axis=1)


def _linear(design: Floats, coefficients: Floats) -> Floats:
    total = np.zeros(len(design))
    for column in range(design.shape[1]):
        total += design[:, column] * coefficients[column]
    return total


def _gram(design: Floats, weight: Floats) -> Floats:
    return np.asarray(np.einsum("nf,ng->fg", design * weight[:, None], design))


def _sigmoid(logit: Floats) -> Floats:
    bounded = np.clip(logit, -_LARGEST_LOGIT, _LARGEST_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)))


MODEL = LogisticFamily()
