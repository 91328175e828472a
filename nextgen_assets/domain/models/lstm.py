"""A recurrent network over the window: one head for the direction, one for the standardised mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows, ModelInputError, build_config
from nextgen_assets.domain.recurrent_network import Network, initialise, network_of, one_thread
from nextgen_assets.domain.scaling import refuse_non_finite

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]
_LARGEST_LOGIT = 15.0


@dataclass(frozen=True)
class LstmConfig:
    """Size and training of the network.

    Parameters
    ----------
    hidden_size : int
        Width of the single recurrent layer.
    epochs, patience : int
        At most so many passes; training stops after ``patience`` passes without a better validation loss,
        and the best pass is kept.
    batch_size : int
        Windows per gradient step.
    learning_rate, weight_decay : float
        Of AdamW.
    return_loss_weight : float
        Weight of the Huber loss of the mean beside the cross-entropy of the direction.
    gradient_norm_limit : float
        Gradients are scaled down to this norm.
    device : str
        Where to train: 'auto' takes a CUDA device when there is one. Prediction is always on the CPU.
    """

    hidden_size: int = 24
    epochs: int = 8
    patience: int = 2
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    return_loss_weight: float = 0.5
    gradient_norm_limit: float = 1.0
    device: str = "auto"

    def __post_init__(self) -> None:
        if min(self.hidden_size, self.epochs, self.patience, self.batch_size) < 1:
            raise ModelInputError(f"lstm: {self}; hidden_size, epochs, patience and batch_size start at 1")
        if min(self.learning_rate, self.gradient_norm_limit) <= 0:
            raise ModelInputError(f"lstm: {self}; expected a positive learning_rate and gradient_norm_limit")
        if min(self.weight_decay, self.return_loss_weight) < 0:
            raise ModelInputError(f"lstm: {self}; expected no negative weight_decay or return_loss_weight")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ModelInputError(f"lstm: device={self.device!r}, expected 'auto', 'cpu' or 'cuda'")


@dataclass(frozen=True, eq=False)
class FittedLstm:
    """A network on the CPU, ready to predict."""

    network: Network
    curve: tuple[CurvePoint, ...] = ()

    def predict(self, windows: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """One forward pass over exactly these windows, on one thread.

        Notes
        -----
        The last bits of a matrix product may depend on the rows beside a row. Callers that need the same
        bytes again pass the same windows together: those of one session, sorted by ticker.
        """
        import torch

        refuse_non_finite(windows, "lstm windows")
        self.network.refuse_misfit(windows)
        with one_thread(), torch.inference_mode():
            heads = (
                self.network.forward(torch.tensor(np.ascontiguousarray(windows))).numpy().astype(np.float64)
            )
        bounded = np.clip(heads[:, 0], -_LARGEST_LOGIT, _LARGEST_LOGIT)
        return 1.0 / (1.0 + np.exp(-bounded)), np.ascontiguousarray(heads[:, 1])

    def arrays(self) -> Arrays:
        """Weights by name, float32."""
        return {name: weight.detach().numpy().copy() for name, weight in self.network.weights().items()}


@dataclass(eq=False)
class _BestPass:
    """The weights of the pass with the lowest validation loss so far."""

    loss: float = float("inf")
    epoch: int = 0
    weights: Arrays = field(default_factory=dict)

    def offer(self, loss: float, epoch: int, network: Network) -> None:
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.weights = {
                name: weight.detach().cpu().numpy().copy() for name, weight in network.weights().items()
            }


class LstmFamily:
    """Cross-entropy of the direction plus Huber loss of the standardised return, by AdamW.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory.
    Fischer, T. and Krauss, C. (2018). Deep learning with long short-term memory networks for financial
    market predictions.
    """

    name = "lstm"
    selects_on_validation = True

    def config_from(self, values: Mapping[str, object]) -> LstmConfig:
        """The configuration; unknown keys are refused."""
        return build_config(self.name, LstmConfig, values)

    def fit(
        self, fit: LabelledWindows, validation: LabelledWindows, config: LstmConfig, seed: int
    ) -> FittedLstm:
        """Train from scratch; the validation part decides only when to stop.

        Raises
        ------
        ModelInputError
            If no pass gives a finite validation loss: lower ``learning_rate``.

        Notes
        -----
        Weights and shuffles are drawn from a generator of their own, and one thread computes: on a CPU the
        same windows, configuration and seed give the same bytes. CUDA kernels do not promise that.
        """
        import torch

        device = _device(config)
        generator = torch.Generator().manual_seed(seed)
        network = Network.empty(fit.windows.shape[2], config.hidden_size)
        initialise(network, config.hidden_size, generator)
        with one_thread():
            network.move(device)
            best, curve = _train(
                network, _tensors(fit, device), _tensors(validation, device), config, generator
            )
        if not best.weights:
            raise ModelInputError(
                f"lstm: the validation loss was never finite in {len(curve)} epochs at learning_rate="
                f"{config.learning_rate}; lower it"
            )
        return FittedLstm(network_of(best.weights), tuple(curve))

    def from_arrays(
        self,
        arrays: Mapping[str, npt.NDArray[Any]],
        config: LstmConfig,  # noqa: ARG002
    ) -> FittedLstm:
        """The network that the arrays describe; its sizes are those of the arrays."""
        return FittedLstm(network_of(arrays))


def _device(config: LstmConfig) -> str:
    import torch

    if config.device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if config.device == "cuda":
        raise ModelInputError("lstm: device='cuda', but torch finds no CUDA device; use 'auto' or 'cpu'")
    return "cpu"


def _tensors(part: LabelledWindows, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows, and (n, 2) targets: went up, standardised return."""
    import torch

    targets = np.stack([part.went_up, part.standardised_return], axis=1).astype(np.float32)
    windows = np.ascontiguousarray(part.windows)
    return torch.tensor(windows, device=device), torch.tensor(targets, device=device)


def _loss(heads: torch.Tensor, targets: torch.Tensor, return_loss_weight: float) -> torch.Tensor:
    from torch.nn import functional

    direction = functional.binary_cross_entropy_with_logits(heads[:, 0], targets[:, 0])
    return direction + return_loss_weight * functional.huber_loss(heads[:, 1], targets[:, 1])


def _train(
    network: Network,
    fit: tuple[torch.Tensor, torch.Tensor],
    validation: tuple[torch.Tensor, torch.Tensor],
    config: LstmConfig,
    generator: torch.Generator,
) -> tuple[_BestPass, list[CurvePoint]]:
    import torch

    parameters = list(network.weights().values())
    optimiser = torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, foreach=True
    )
    best, curve = _BestPass(), []
    for epoch in range(1, config.epochs + 1):
        training_loss = 0.0
        for rows in torch.split(torch.randperm(len(fit[0]), generator=generator), config.batch_size):
            rows = rows.to(fit[0].device)
            loss = _loss(network.forward(fit[0][rows]), fit[1][rows], config.return_loss_weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, config.gradient_norm_limit, foreach=True)
            optimiser.step()
            training_loss += float(loss.detach()) * len(rows)
        with torch.inference_mode():
            validation_loss = float(
                _loss(network.forward(validation[0]), validation[1], config.return_loss_weight)
            )
        curve.append(CurvePoint(epoch, training_loss / len(fit[0]), validation_loss))
        best.offer(validation_loss, epoch, network)
        if epoch - best.epoch >= config.patience:
            break
    return best, curve


MODEL = LstmFamily()
