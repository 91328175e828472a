"""Gradient-boosted trees on the newest vector of a window and the mean and spread of its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.boosted_trees import Trees
from nextgen_assets.domain.metrics import log_loss
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError, build_config
from nextgen_assets.domain.recurrent_config import refuse_levels
from nextgen_assets.domain.scaling import refuse_non_finite

Floats = npt.NDArray[np.float64]
_LARGEST_LOGIT = 15.0


@dataclass(frozen=True)
class GradientBoostingConfig:
    """Settings of the trees.

    Parameters
    ----------
    iterations : int
        Trees that are grown; those after the lowest validation loss are dropped.
    learning_rate, ridge : float
        Shrinkage of each tree; L2 penalty of its leaves.
    leaves, minimum_leaf_windows : int
        Of each tree.
    quantiles : tuple of float
        Levels of the return over volatility to learn by the pinball loss, ascending; empty: none.
    """

    iterations: int = 80
    learning_rate: float = 0.06
    leaves: int = 15
    minimum_leaf_windows: int = 60
    ridge: float = 10.0
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if self.iterations < 1 or self.leaves < 2 or self.minimum_leaf_windows < 1:
            raise ModelInputError(f"{self}: iterations and minimum_leaf_windows start at 1, leaves at 2")
        if not 0 < self.learning_rate <= 1 or self.ridge < 0:
            raise ModelInputError(f"{self}: expected 0 < learning_rate <= 1 and no negative ridge")
        refuse_levels(self.quantiles)


@dataclass(frozen=True, eq=False)
class FittedGradientBoosting:
    """One sum of trees for the logit, one for the mean, one for each quantile."""

    n_features: int
    direction: Trees
    mean_return: Trees
    spread: tuple[Trees, ...]
    quantile_levels: tuple[float, ...]
    curve: tuple[CurvePoint, ...] = ()

    def predict(self, windows: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Probability and standardised mean; each row is its own sum, so the batch does not matter."""
        design = self._design(windows)
        return _sigmoid(self.direction.total(design)), self.mean_return.total(design)

    def predict_quantiles(self, windows: npt.NDArray[np.float32]) -> Floats:
        """Quantiles of the return over volatility, (n_windows, n_levels); crossed ones are put in order."""
        design = self._design(windows)
        said = [trees.total(design) for trees in self.spread]
        return np.sort(np.stack(said, axis=1), axis=1) if said else np.zeros((len(design), 0))

    def arrays(self) -> Arrays:
        """The trees of every output."""
        outputs = {"direction": self.direction, "mean_return": self.mean_return}
        outputs |= {f"quantile{number}": trees for number, trees in enumerate(self.spread)}
        named: Arrays = {"n_features": np.array([self.n_features], dtype=np.int64)}
        for prefix, trees in outputs.items():
            named |= trees.arrays(prefix)
        return named

    def _design(self, windows: npt.NDArray[np.float32]) -> Floats:
        if windows.shape[2] != self.n_features:
            raise ModelInputError(
                f"gradient_boosting: windows of {windows.shape[2]} features, the model was fitted on "
                f"{self.n_features}; use the feature set of the model"
            )
        return _design(windows)


class GradientBoostingFamily:
    """Log loss for the direction, squared error for the mean, pinball loss for the quantiles.

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine.
    Ke, G. et al. (2017). LightGBM: a highly efficient gradient boosting decision tree (histograms).
    """

    name = "gradient_boosting"
    selects_on_validation = True

    def config_from(self, values: Mapping[str, object]) -> GradientBoostingConfig:
        """The configuration; unknown keys are refused."""
        return build_config(self.name, GradientBoostingConfig, values)

    def fit(
        self, fit: LabelledWindows, validation: LabelledWindows, config: GradientBoostingConfig, seed: int
    ) -> FittedGradientBoosting:
        """Grow, and keep as many trees as validate best; the seed chooses the rows that set the histograms.

        Notes
        -----
        One thread computes: the sums of gradients over rows depend on how many share them.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        design, checked = _design(fit.tensor), _design(validation.tensor)
        common = {
            "learning_rate": config.learning_rate,
            "max_leaf_nodes": config.leaves,
            "min_samples_leaf": config.minimum_leaf_windows,
            "l2_regularization": config.ridge,
            "early_stopping": False,
            "random_state": seed,
        }
        with threadpool_limits(limits=1):
            said = fit.went_up if 0 < fit.went_up.mean() < 1 else np.arange(len(design)) % 2  # one class only
            direction = Trees.grown(
                HistGradientBoostingClassifier(max_iter=config.iterations, **common).fit(design, said)
            )
            curve = _curve(direction, (design, fit.went_up), (checked, validation.went_up))
            kept = 1 + int(np.argmin([point.validation_loss for point in curve]))
            target = fit.standardised_return
            others: list[dict[str, Any]] = [{"loss": "squared_error"}]
            others += [{"loss": "quantile", "quantile": level} for level in config.quantiles]
            mean, *spread = (
                Trees.grown(
                    HistGradientBoostingRegressor(max_iter=count, **loss, **common).fit(design, target)
                )
                for loss, count in zip(
                    others, [kept] + [config.iterations] * len(config.quantiles), strict=True
                )
            )
        n_features = fit.pooled.shape[2]
        return FittedGradientBoosting(
            n_features, direction.first(kept), mean, tuple(spread), config.quantiles, curve
        )

    def from_arrays(
        self, arrays: Mapping[str, npt.NDArray[Any]], config: GradientBoostingConfig
    ) -> FittedGradientBoosting:
        """The model that the arrays describe."""
        direction, mean, *spread = (
            Trees.from_arrays(arrays, prefix)
            for prefix in (
                "direction", "mean_return", *(f"quantile{number}" for number in range(len(config.quantiles)))
            )
        )  # fmt: skip
        n_features = int(arrays["n_features"][0])
        return FittedGradientBoosting(n_features, direction, mean, tuple(spread), config.quantiles)


def _curve(
    direction: Trees, fit: tuple[Floats, Floats], validation: tuple[Floats, Floats]
) -> tuple[CurvePoint, ...]:
    losses = [
        [log_loss(_sigmoid(total), outcome) for total in direction.staged(design)]
        for design, outcome in (fit, validation)
    ]
    return tuple(
        CurvePoint(number, fitted, checked)
        for number, (fitted, checked) in enumerate(zip(*losses, strict=True), start=1)
    )


def _design(windows: npt.NDArray[np.float32]) -> Floats:
    """(n, 3 * n_features): newest vector, mean and standard deviation of the vectors."""
    refuse_non_finite(windows, "gradient_boosting windows")
    steps = windows.astype(np.float64)
    mean, square = steps[:, 0].copy(), np.square(steps[:, 0])
    for step in range(1, steps.shape[1]):
        mean += steps[:, step]
        square += np.square(steps[:, step])
    mean /= steps.shape[1]
    spread = np.sqrt(np.maximum(square / steps.shape[1] - np.square(mean), 0.0))
    return np.ascontiguousarray(np.concatenate([steps[:, -1], mean, spread], axis=1))


def _sigmoid(logit: Floats) -> Floats:
    bounded = np.clip(logit, -_LARGEST_LOGIT, _LARGEST_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)))


MODEL = GradientBoostingFamily()
