"""The layers of an LSTM as torch computes them, which on a GPU is by cuDNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Layers = list[tuple["torch.Tensor", "torch.Tensor", "torch.Tensor", "torch.Tensor"]]
"""Input weights, recurrent weights and two biases of each layer, bottom first."""


def states_of_all_steps(inputs: torch.Tensor, layers: Layers) -> torch.Tensor:
    """States of the top layer, (lookback, batch, hidden), from states of zeros; differentiable.

    Parameters
    ----------
    inputs : Tensor (lookback, batch, n_inputs)
        Oldest first.
    layers : Layers
        On the device of the inputs.

    Notes
    -----
    The result has the type of autocast where that is on, else of the inputs. torch by itself would take the
    layers to float16 under autocast, whatever type was asked for, so the cast is made here.
    """
    import torch

    device, hidden = inputs.device, layers[0][1].shape[1]
    is_mixed = torch.is_autocast_enabled(device.type)
    dtype = torch.get_autocast_dtype(device.type) if is_mixed else inputs.dtype
    with torch.autocast(device.type, enabled=False):
        zeros = torch.zeros(len(layers), inputs.shape[1], hidden, dtype=dtype, device=device)
        weights = _in_one_block(layers, dtype)
        trains = torch.is_grad_enabled()
        return torch.lstm(
            inputs.to(dtype), (zeros, zeros), weights, True, len(layers), 0.0, trains, False, False
        )[0]


def _in_one_block(layers: Layers, dtype: torch.dtype) -> list[torch.Tensor]:
    """Copies of the weights that lie as cuDNN keeps them: the matrices of all layers, then all biases.

    Notes
    -----
    Where they lie otherwise, torch copies them itself and warns of the memory, at every step.
    """
    import torch

    matrices = [weight for layer in layers for weight in layer[:2]]
    biases = [weight for layer in layers for weight in layer[2:]]
    block = torch.cat([weight.reshape(-1) for weight in (*matrices, *biases)]).to(dtype)
    parts = torch.split(block, [weight.numel() for weight in (*matrices, *biases)])
    placed = [part.view(weight.shape) for part, weight in zip(parts, (*matrices, *biases), strict=True)]
    pairs = [placed[place : place + 2] for place in range(0, len(placed), 2)]
    half = len(layers)
    return [
        weight for layer in range(half) for pair in (pairs[layer], pairs[half + layer]) for weight in pair
    ]
