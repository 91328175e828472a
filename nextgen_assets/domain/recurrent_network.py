"""The networks of the recurrent families: their weights in one block of memory, and what they compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.models import ModelInputError
from nextgen_assets.domain.recurrence import LayerWeights, Workspace, recurrent_states

if TYPE_CHECKING:
    import torch

_LAYER = ("weight_ih_l{}", "weight_hh_l{}", "bias_ih_l{}", "bias_hh_l{}")


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Parameters
    ----------
    n_features, hidden_size, layers, n_heads : int
        Of the input, the state, the stack and the output.
    attention_size : int
        Width of the attention over the states of all steps and of the map of the inputs; 0: the last state
        alone is read.
    """

    n_features: int
    hidden_size: int
    layers: int
    n_heads: int
    attention_size: int = 0

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight, in the order in which they are drawn and kept."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.attention_size:
            shapes["inputs.weight"] = (self.attention_size, self.n_features)
            shapes["inputs.bias"] = (self.attention_size,)
        for layer in range(self.layers):
            below = self.hidden_size if layer else (self.attention_size or self.n_features)
            sizes = ((below,), (self.hidden_size,), (), ())
            for name, size in zip(_LAYER, sizes, strict=True):
                shapes[f"recurrent.{name.format(layer)}"] = (4 * self.hidden_size, *size)
        width = self.hidden_size
        if self.attention_size:
            shapes["attention.weight"] = (self.attention_size, self.hidden_size)
            shapes["attention.bias"] = (self.attention_size,)
            shapes["attention.query"] = (self.attention_size,)
            width = 2 * self.hidden_size
        shapes["heads.weight"] = (self.n_heads, width)
        shapes["heads.bias"] = (self.n_heads,)
        return shapes

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Shape:
        """The sizes of a network that is kept as arrays."""
        layers = sum(name.startswith("recurrent.weight_ih_l") for name in arrays)
        has_attention = "attention.query" in arrays
        entry = arrays["inputs.weight" if has_attention else "recurrent.weight_ih_l0"]
        return cls(
            n_features=entry.shape[1],
            hidden_size=arrays["recurrent.weight_hh_l0"].shape[1],
            layers=layers,
            n_heads=arrays["heads.weight"].shape[0],
            attention_size=arrays["attention.query"].size if has_attention else 0,
        )


@dataclass(frozen=True, eq=False)
class Network:
    """An LSTM over (lookback, batch, n_features), read by linear heads.

    Without attention the heads read the last state. With it they read the weighted sum of all states beside
    the last one, ``a_t = softmax_t(query . tanh(W h_t + b))``, over inputs mapped by ``tanh(V x + c)``.

    Attributes
    ----------
    flat, flat_gradient : Tensor (n_weights,)
        All weights, and the gradients that backward passes add up; each weight is a view.

    References
    ----------
    Feng, F. et al. (2019). Enhancing stock movement prediction with adversarial training (the attentive LSTM).
    Qin, Y. et al. (2017). A dual-stage attention-based recurrent neural network for time series prediction.
    """

    shape: Shape
    flat: torch.Tensor
    flat_gradient: torch.Tensor
    weights: dict[str, torch.Tensor]

    @classmethod
    def over(cls, shape: Shape, flat: torch.Tensor) -> Network:
        """A network whose weights are ``flat``; several may share them, each with gradients of its own."""
        import torch

        gradient = torch.zeros_like(flat)
        weights, begin = {}, 0
        for name, size in shape.weights().items():
            end = begin + int(np.prod(size))
            weights[name] = flat[begin:end].view(size).detach().requires_grad_()
            weights[name].grad = gradient[begin:end].view(size)
            begin = end
        return cls(shape, flat, gradient, weights)

    @classmethod
    def drawn(cls, shape: Shape, generator: torch.Generator) -> Network:
        """Weights drawn uniformly within one over the root of the width; forget gates start open."""
        import torch

        network = cls.over(shape, torch.zeros(sum(int(np.prod(size)) for size in shape.weights().values())))
        bound, hidden = shape.hidden_size**-0.5, shape.hidden_size
        with torch.no_grad():
            for name, weight in network.weights.items():
                weight.uniform_(-bound, bound, generator=generator)
                if name.startswith("recurrent.bias_ih"):
                    weight[hidden : 2 * hidden] = 1.0
            network.weights["heads.bias"].zero_()
        return network

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Network:
        """The network whose weights these are; its sizes are those of the arrays."""
        import torch

        shape = Shape.of(arrays)
        parts = [np.asarray(arrays[name], dtype=np.float32).ravel() for name in shape.weights()]
        return cls.over(shape, torch.tensor(np.concatenate(parts)))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """A copy of every weight by name, float32."""
        return {name: weight.detach().cpu().numpy().copy() for name, weight in self.weights.items()}

    def to(self, device: str) -> Network:
        """The same weights on ``device``."""
        return Network.over(self.shape, self.flat.to(device))

    def states(self, inputs: torch.Tensor, workspace: Workspace) -> torch.Tensor:
        """What the heads read, (batch, width), of inputs (lookback, batch, n_features)."""
        import torch
        from torch.nn import functional

        w = self.weights
        layers: list[LayerWeights] = [
            (w[f"recurrent.{_LAYER[0].format(layer)}"], w[f"recurrent.{_LAYER[1].format(layer)}"],
             w[f"recurrent.{_LAYER[2].format(layer)}"], w[f"recurrent.{_LAYER[3].format(layer)}"])
            for layer in range(self.shape.layers)
        ]  # fmt: skip
        if not self.shape.attention_size:
            return recurrent_states(inputs, layers, workspace, last_only=True)
        mapped = torch.tanh(functional.linear(inputs, w["inputs.weight"], w["inputs.bias"]))
        states = recurrent_states(mapped, layers, workspace, last_only=False)
        bounded = torch.tanh(functional.linear(states, w["attention.weight"], w["attention.bias"]))
        share = torch.softmax(bounded @ w["attention.query"], dim=0)  # (lookback, batch)
        return torch.cat([(share.unsqueeze(-1) * states).sum(0), states[-1]], dim=1)

    def heads(self, states: torch.Tensor) -> torch.Tensor:
        """(batch, n_heads)."""
        from torch.nn import functional

        return functional.linear(states, self.weights["heads.weight"], self.weights["heads.bias"])

    def predict(self, windows: npt.NDArray[np.float32], family: str) -> npt.NDArray[np.float64]:
        """Heads of windows (n_windows, lookback, n_features) in one pass on one thread, (n_windows, n_heads).

        Raises
        ------
        ModelInputError
            When the windows do not have the features of the network.
        """
        import torch

        if windows.ndim != 3 or windows.shape[2] != self.shape.n_features:
            raise ModelInputError(
                f"{family}: windows of shape {windows.shape}, expected (n, lookback, "
                f"{self.shape.n_features}); use the feature set of the model"
            )
        inputs = torch.tensor(np.ascontiguousarray(windows.transpose(1, 0, 2)))
        with one_thread(), torch.no_grad():
            said = self.heads(self.states(inputs, Workspace()))
        return np.ascontiguousarray(said.numpy(), dtype=np.float64)


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
