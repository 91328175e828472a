"""The network of the lstm family, and the single thread it computes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.models import ModelInputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Network:
    """LSTM over (batch, lookback, n_features), then a linear map of its last state to two heads."""

    recurrent: torch.nn.LSTM
    heads: torch.nn.Linear

    @classmethod
    def empty(cls, n_features: int, hidden_size: int) -> Network:
        """A network whose weights are not set yet; draws nothing from the global generator."""
        import torch

        recurrent = torch.nn.LSTM(n_features, hidden_size, batch_first=True, device="meta")
        heads = torch.nn.Linear(hidden_size, 2, device="meta")
        return cls(recurrent.to_empty(device="cpu"), heads.to_empty(device="cpu"))

    def weights(self) -> dict[str, torch.Tensor]:
        """Every parameter by name, in a fixed order."""
        modules = {"recurrent": self.recurrent, "heads": self.heads}
        return {
            f"{prefix}.{name}": weight
            for prefix, module in modules.items()
            for name, weight in module.named_parameters()
        }

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Logit and standardised mean, (batch, 2)."""
        states, _ = self.recurrent(windows)  # (batch, lookback, hidden_size)
        heads: torch.Tensor = self.heads(states[:, -1])
        return heads

    def refuse_misfit(self, windows: npt.NDArray[np.float32]) -> None:
        """Raise when the windows do not have the features of the network."""
        if windows.ndim != 3 or windows.shape[2] != self.recurrent.input_size:
            raise ModelInputError(
                f"lstm: windows of shape {windows.shape}, expected (n, lookback, "
                f"{self.recurrent.input_size}); use the feature set of the model"
            )

    def move(self, device: str) -> None:
        """Move the parameters, in place."""
        self.recurrent.to(device)
        self.heads.to(device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside, then on as many as before: more threads may change the last bits."""
    import torch

    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def initialise(network: Network, hidden_size: int, generator: torch.Generator) -> None:
    """Draw weights uniformly within one over the root of the width; forget gates start open."""
    import torch

    bound = hidden_size**-0.5
    with torch.no_grad():
        for weight in network.weights().values():
            torch.nn.init.uniform_(weight, -bound, bound, generator=generator)
        network.heads.bias.zero_()
        network.weights()["recurrent.bias_ih_l0"][hidden_size : 2 * hidden_size] = 1.0


def network_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Network:
    """The network whose weights these are; its sizes are those of the arrays."""
    import torch

    hidden_size, n_features = (
        arrays["recurrent.weight_hh_l0"].shape[1],
        arrays["recurrent.weight_ih_l0"].shape[1],
    )
    network = Network.empty(n_features, hidden_size)
    with torch.no_grad():
        for name, weight in network.weights().items():
            weight.copy_(torch.tensor(np.asarray(arrays[name], dtype=np.float32)))
    return network
