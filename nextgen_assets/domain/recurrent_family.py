"""What the recurrent families share: their heads and losses, and a fitted network that predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.captured_batches import PRECISIONS
from nextgen_assets.domain.checkpoints import current_checkpoint
from nextgen_assets.domain.gradient_descent import Passes, Progress
from nextgen_assets.domain.lessons import Lessons, Loss
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError, build_config
from nextgen_assets.domain.recurrent_network import Network, Shape
from nextgen_assets.domain.recurrent_training import Trainer
from nextgen_assets.domain.scaling import refuse_non_finite

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]
_LARGEST_LOGIT = 15.0
ConfigType = TypeVar("ConfigType", bound="RecurrentConfig")
_POINT_HEADS = 2
"""Logit of up, and the standardised mean; the quantiles follow."""


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
        Of the products on a CUDA device: 'float32', 'tensorfloat32' (tensor cores, 11 bits) or 'bfloat16' (8
        bits); a CPU computes in float32.
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


@dataclass(frozen=True, eq=False)
class FittedRecurrent:
    """A network on the CPU, ready to predict."""

    family: str
    network: Network
    quantile_levels: tuple[float, ...]
    curve: tuple[CurvePoint, ...] = ()

    def predict(self, windows: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """One forward pass over exactly these windows, on one thread.

        Notes
        -----
        The last bits of a matrix product may depend on the rows beside a row. Callers that need the same
        bytes again pass the same windows together: those of one session, sorted by ticker.
        """
        heads = self._heads(windows)
        bounded = np.clip(heads[:, 0], -_LARGEST_LOGIT, _LARGEST_LOGIT)
        return 1.0 / (1.0 + np.exp(-bounded)), np.ascontiguousarray(heads[:, 1])

    def predict_quantiles(self, windows: npt.NDArray[np.float32]) -> Floats:
        """Quantiles of the return over volatility, (n_windows, n_levels); crossed ones are put in order."""
        return np.sort(self._heads(windows)[:, _POINT_HEADS:], axis=1)

    def arrays(self) -> Arrays:
        """Weights by name, float32."""
        return dict(self.network.arrays())

    def _heads(self, windows: npt.NDArray[np.float32]) -> Floats:
        refuse_non_finite(windows, f"{self.family} windows")
        return self.network.predict(windows, self.family)


def fit_network(
    family: str,
    fit: LabelledWindows,
    validation: LabelledWindows,
    config: RecurrentConfig,
    seed: int,
    attention_size: int = 0,
) -> FittedRecurrent:
    """Train from scratch; the validation part decides only when to stop.

    Raises
    ------
    ModelInputError
        If no pass gives a finite validation loss: lower ``learning_rate``.

    Notes
    -----
    Weights and shuffles are drawn from a generator of their own, and sums have a fixed order: on a CPU the
    same windows, configuration and seed give the same bytes, on one thread and on two. CUDA kernels do not
    promise that.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    n_heads = _POINT_HEADS + len(config.quantiles)
    shape = Shape(fit.pooled.shape[2], config.hidden_size, config.layers, n_heads, attention_size)
    network = Network.drawn(shape, generator)
    return _trained(family, network, (fit, validation), config, config.passes(), generator)


def refine_network(
    family: str,
    start: Mapping[str, npt.NDArray[Any]],
    fit: LabelledWindows,
    validation: LabelledWindows,
    config: RecurrentConfig,
    seed: int,
) -> FittedRecurrent:
    """Go on from the weights of ``start``; they stay where no pass lowers the validation loss.

    Raises
    ------
    ModelInputError
        If the windows do not have the features of the start, or the configuration other quantiles.
    """
    import torch

    network = Network.from_arrays(start)
    wanted = (fit.pooled.shape[2], _POINT_HEADS + len(config.quantiles))
    found = (network.shape.n_features, network.shape.n_heads)
    if found != wanted:
        raise ModelInputError(
            f"{family}: the model to go on from has {found[0]} features and {found[1]} heads, the windows and "
            f"the configuration have {wanted[0]} and {wanted[1]}; use the feature set and quantiles of the model"
        )
    passes = replace(
        config.passes(),
        epochs=config.refining_epochs,
        learning_rate=config.learning_rate * config.refining_rate,
    )
    generator = torch.Generator().manual_seed(seed)
    return _trained(family, network, (fit, validation), config, passes, generator, keeps_start=True)


def _trained(
    family: str,
    network: Network,
    parts: tuple[LabelledWindows, LabelledWindows],
    config: RecurrentConfig,
    passes: Passes,
    generator: torch.Generator,
    *,
    keeps_start: bool = False,
) -> FittedRecurrent:
    """The best pass, going on from a checkpoint where there is one."""
    import torch

    device, checkpoint = _device(family, config), current_checkpoint()
    fit, validation = (Lessons.of(part, device) for part in parts)
    trainer = Trainer(network.to(device), fit, validation, training_loss(config, device), passes, generator)
    found, fresh = checkpoint.load(), trainer.started if keeps_start else Progress
    progress = trainer.run(fresh() if found is None else trainer.resumed(found), checkpoint.save)
    if progress.best is None:
        raise ModelInputError(
            f"{family}: the validation loss was never finite in {len(progress.curve)} epochs at "
            f"learning_rate={config.learning_rate}; lower it"
        )
    best = Network.over(network.shape, torch.tensor(progress.best))
    levels = config.quantiles if network.shape.n_heads > _POINT_HEADS else ()
    return FittedRecurrent(family, best, levels, tuple(progress.curve))


def read_network(
    family: str, arrays: Mapping[str, npt.NDArray[Any]], config: RecurrentConfig
) -> FittedRecurrent:
    """The network that the arrays describe; its sizes are those of the arrays."""
    network = Network.from_arrays(arrays)
    has_quantiles = network.shape.n_heads > _POINT_HEADS
    return FittedRecurrent(family, network, config.quantiles if has_quantiles else ())


def _device(family: str, config: RecurrentConfig) -> str:
    import torch

    if config.device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if config.device == "cuda":
        raise ModelInputError(f"{family}: device='cuda', but torch finds no CUDA device; use 'auto' or 'cpu'")
    return "cpu"


def training_loss(config: RecurrentConfig, device: str) -> Loss:
    """Cross-entropy of the direction, Huber loss of the mean, pinball loss of the quantiles."""
    import torch
    from torch.nn import functional

    levels = torch.tensor(config.quantiles, device=device)

    def loss(states: torch.Tensor, targets: torch.Tensor, network: Network) -> torch.Tensor:
        heads = network.heads(states)
        total = functional.binary_cross_entropy_with_logits(heads[:, 0], targets[:, 0])
        total = total + config.return_loss_weight * functional.huber_loss(heads[:, 1], targets[:, 1])
        if len(levels):
            missed = targets[:, 1:2] - heads[:, _POINT_HEADS:]
            pinball = torch.maximum(levels * missed, (levels - 1) * missed).mean()
            total = total + config.quantile_loss_weight * pinball
        return total

    return loss
