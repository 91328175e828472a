"""What the recurrent families share: their heads and losses, and a fitted network that predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.checkpoints import current_checkpoint
from nextgen_assets.domain.gradient_descent import Passes, Progress
from nextgen_assets.domain.lessons import Lessons, Loss
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError
from nextgen_assets.domain.recurrent_config import RecurrentConfig
from nextgen_assets.domain.recurrent_network import Network, Shape
from nextgen_assets.domain.recurrent_training import Trainer
from nextgen_assets.domain.scaling import refuse_non_finite
from nextgen_assets.domain.training_progress import PassDone, tell

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]
_LARGEST_LOGIT = 15.0
_POINT_HEADS = 2
"""Logit of up, and the standardised mean; the quantiles follow."""


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
    progress = fresh() if found is None else trainer.resumed(found)

    def keep(arrays: Arrays) -> None:
        checkpoint.save(arrays)
        point = progress.curve[-1]
        tell(PassDone(family, point.epoch, passes.epochs, point.training_loss, point.validation_loss))

    trainer.run(progress, keep)
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
