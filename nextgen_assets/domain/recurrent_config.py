"""Size and training of the recurrent networks, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from nextgen_assets.domain.captured_batches import PRECISIONS
from nextgen_assets.domain.gradient_descent import Passes
from nextgen_assets.domain.models import ModelInputError, build_config

ConfigType = TypeVar("ConfigType", bound="RecurrentConfig")


@dataclass(frozen=True)
class RecurrentConfig:
    """Size and training of a network.

    Parameters
    ----------
    hidden_size, layers : int
        Width of the recurrent layers, and how many lie on top of each other.
    epochs, patience : int
        At most so many passes; training stops after ``patience`` passes without a better validation loss,
        and the best pass is kept.
    batch_size : int
        Windows per gradient step.
    learning_rate, weight_decay : float
        Of AdamW.
    return_loss_weight : float
        Weight of the Huber loss of the mean beside the cross-entropy of the direction.
    quantiles : tuple of float
        Levels of the return over volatility to learn by the pinball loss, ascending; empty: none.
    quantile_loss_weight : float
        Weight of the mean pinball loss.
    refining_epochs, refining_rate : int, float
        When training goes on from an earlier model: the most passes, and the share of ``learning_rate``.
    gradient_norm_limit : float
        Gradients are scaled down to this norm.
    device : str
        Where to train: 'auto' takes a CUDA device when there is one. Prediction is always on the CPU.
    precision : str
        Of the products in training: 'float32', 'tensorfloat32' (tensor cores of a GPU, 11 bits) or 'bfloat16' (8
        bits; on a CPU where its cores multiply in it). Where the device has none of it: float32.
    """

    hidden_size: int = 24
    layers: int = 1
    epochs: int = 8
    patience: int = 2
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    return_loss_weight: float = 0.5
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    quantile_loss_weight: float = 0.25
    refining_epochs: int = 2
    refining_rate: float = 0.3
    gradient_norm_limit: float = 1.0
    device: str = "auto"
    precision: str = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        counts = (self.hidden_size, self.layers, self.epochs, self.patience, self.batch_size)
        if min(*counts, self.refining_epochs) < 1:
            raise ModelInputError(
                f"{self}: hidden_size, layers, epochs, patience, batch_size and refining_epochs start at 1"
            )
        if min(self.learning_rate, self.gradient_norm_limit, self.refining_rate) <= 0:
            raise ModelInputError(
                f"{self}: expected a positive learning_rate, gradient_norm_limit and refining_rate"
            )
        if min(self.weight_decay, self.return_loss_weight, self.quantile_loss_weight) < 0:
            raise ModelInputError(
                f"{self}: expected no negative weight_decay, return_loss_weight or quantile_loss_weight"
            )
        if self.device not in ("auto", "cpu", "cuda"):
            raise ModelInputError(f"{self}: device={self.device!r}, expected 'auto', 'cpu' or 'cuda'")
        if self.precision not in PRECISIONS:
            raise ModelInputError(f"{self}: precision={self.precision!r}, expected one of {PRECISIONS}")
        refuse_levels(self.quantiles)

    def passes(self) -> Passes:
        """How the network is trained."""
        return Passes(
            self.epochs,
            self.patience,
            self.batch_size,
            self.learning_rate,
            self.weight_decay,
            self.gradient_norm_limit,
            self.precision,
        )


def recurrent_config(family: str, config_type: type[ConfigType], values: Mapping[str, object]) -> ConfigType:
    """A configuration from plain values; that of a model from before ``precision`` had three values is read too."""
    if "mixed_precision" in values:
        own = {name: value for name, value in values.items() if name != "mixed_precision"}
        values = own | {"precision": "bfloat16" if values["mixed_precision"] else "float32"}
    return build_config(family, config_type, values)


def refuse_levels(levels: tuple[float, ...]) -> None:
    """Raise unless the levels of quantiles ascend strictly between 0 and 1."""
    if any(not 0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
        raise ModelInputError(f"quantiles={levels}: expected ascending levels strictly between 0 and 1")
