"""A layer of an LSTM over a batch: compiled gates between matrix products, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_BLOCK = 256
"""Windows that inference takes through all steps together."""

LayerWeights = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor", "torch.Tensor"]
"""Input weights (4 * hidden, n_inputs), recurrent weights (4 * hidden, hidden), and two biases (4 * hidden,)."""


@dataclass(eq=False)
class Workspace:
    """Memory that is kept from one batch to the next.

    Notes
    -----
    A fresh buffer of many megabytes costs a page fault for every four kilobytes that are touched: with the
    network of the benchmark as much time as the products themselves. One computation at a time may use it.
    """

    buffers: dict[str, torch.Tensor] = field(default_factory=dict)

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """Uninitialised float32 of that shape; what stood under the name before is gone."""
        import torch

        size = 1
        for length in shape:
            size *= length
        kept = self.buffers.get(name)
        if kept is None or kept.numel() < size:
            kept = self.buffers[name] = torch.empty(size, dtype=torch.float32)
        return kept[:size].view(shape)


@dataclass(eq=False)
class _Pass:
    """What a forward pass leaves for the backward one; arrays by step, each (batch, …)."""

    inputs: torch.Tensor  # (lookback, batch, n_inputs)
    gates: torch.Tensor  # (lookback, batch, 4 * hidden)
    cells: torch.Tensor  # (lookback + 1, batch, hidden); the first is zero
    states: torch.Tensor  # (lookback + 1, batch, hidden); the first is zero
    cell_tanh: torch.Tensor  # (lookback, batch, hidden)


def run_layer(inputs: torch.Tensor, weights: LayerWeights, workspace: Workspace, name: str) -> _Pass:
    """All steps of one layer, from a state of zeros.

    Parameters
    ----------
    inputs : Tensor (lookback, batch, n_inputs), float32
        Contiguous, oldest first.
    weights : LayerWeights
        Of the layer.
    workspace, name
        Where the results are put; they last until the name is used again.

    Notes
    -----
    The products with the input of all steps are one product; only those with the state go step by step.
    """
    import torch

    from nextgen_assets.domain.recurrent_kernels import open_gates

    by_input, by_state, input_bias, state_bias = (weight.detach() for weight in weights)
    lookback, batch, n_inputs = inputs.shape
    hidden = by_state.shape[1]
    gates = workspace.take(f"{name}.gates", lookback, batch, 4 * hidden)
    cells = workspace.take(f"{name}.cells", lookback + 1, batch, hidden)
    states = workspace.take(f"{name}.states", lookback + 1, batch, hidden)
    cell_tanh = workspace.take(f"{name}.cell_tanh", lookback, batch, hidden)
    cells[0].zero_()
    states[0].zero_()
    flat = gates.view(lookback * batch, 4 * hidden)
    across = by_input.t().contiguous()
    torch.addmm(input_bias + state_bias, inputs.view(-1, n_inputs), across, out=flat)
    forth = by_state.t().contiguous()
    places = [array.numpy() for array in (gates, cells, states, cell_tanh)]
    for step in range(lookback):
        if step:
            gates[step].addmm_(states[step], forth)
        open_gates(
            places[0][step], places[1][step], places[1][step + 1], places[2][step + 1], places[3][step]
        )
    return _Pass(inputs, gates, cells, states, cell_tanh)


def layer_gradients(
    made: _Pass,
    weights: LayerWeights,
    gradient: torch.Tensor,
    workspace: Workspace,
    *,
    of_inputs: bool,
) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of a layer; the activations in ``made`` are used up.

    Parameters
    ----------
    made : _Pass
        From :func:`run_layer` with the same weights.
    gradient : Tensor (lookback, batch, hidden) or (batch, hidden)
        Of the loss with regard to every state, or to the last one alone.
    of_inputs : bool
        Whether the gradient of the inputs is wanted.

    Returns
    -------
    tuple of Tensor
        Of the inputs (or None), the input weights, the recurrent weights and either bias.
    """
    import torch

    from nextgen_assets.domain.recurrent_kernels import gate_gradients

    by_input, by_state = weights[0].detach(), weights[1].detach()
    lookback, batch, width = made.gates.shape
    state_gradient = workspace.take("state_gradient", batch, width // 4)
    cell_gradient = workspace.take("cell_gradient", batch, width // 4)
    cell_gradient.zero_()
    of_last_only = gradient.dim() == 2
    places = [array.numpy() for array in (made.gates, made.cells, made.cell_tanh)]
    ahead = (state_gradient.numpy(), cell_gradient.numpy())
    for step in range(lookback - 1, -1, -1):
        if step == lookback - 1:
            state_gradient.copy_(gradient if of_last_only else gradient[step])
        elif of_last_only:
            torch.mm(made.gates[step + 1], by_state, out=state_gradient)
        else:
            torch.addmm(gradient[step], made.gates[step + 1], by_state, out=state_gradient)
        gate_gradients(places[0][step], places[1][step], places[2][step], *ahead)
    sums = made.gates.view(lookback * batch, width)
    of_input_weights = sums.t() @ made.inputs.view(lookback * batch, -1)
    of_state_weights = sums[batch:].t() @ made.states[1:-1].view((lookback - 1) * batch, width // 4)
    inputs_gradient = (sums @ by_input).view(lookback, batch, -1) if of_inputs else None
    return inputs_gradient, of_input_weights, of_state_weights, sums.sum(0)


def last_state(inputs: torch.Tensor, layers: list[LayerWeights], workspace: Workspace) -> torch.Tensor:
    """The state of the top layer after all steps, (batch, hidden), without what a gradient would need.

    Notes
    -----
    Blocks of windows go through all steps and layers by themselves: one step of a block stays in the cache.
    """
    import torch

    from nextgen_assets.domain.recurrent_kernels import open_gates

    lookback, batch, _ = inputs.shape
    hidden = layers[0][1].shape[1]
    across = [(w[2] + w[3], w[0].t().contiguous(), w[1].t().contiguous()) for w in layers]
    last = torch.empty(batch, hidden)
    for begin in range(0, batch, _BLOCK):
        rows = min(_BLOCK, batch - begin)
        gates = workspace.take("block.gates", rows, 4 * hidden)
        memory = workspace.take(
            "block.memory", len(layers), 4, rows, hidden
        ).zero_()  # cell twice, state, tanh
        places, written = memory.numpy(), gates.numpy()
        for step in range(lookback):
            below, even = inputs[step, begin : begin + rows], step % 2
            for layer, (bias, by_input, by_state) in enumerate(across):
                torch.addmm(bias, below, by_input, out=gates)
                below, place = memory[layer, 2], places[layer]
                if step:
                    gates.addmm_(below, by_state)
                open_gates(written, place[even], place[1 - even], place[2], place[3])
        last[begin : begin + rows] = memory[-1, 2]
    return last


@lru_cache(maxsize=1)
def _recurrence() -> Any:
    """The autograd function; made on first use, because torch is imported where it is needed."""
    import torch

    class Recurrence(torch.autograd.Function):
        """One layer as a node of the graph."""

        @staticmethod
        def forward(ctx: Any, inputs: torch.Tensor, *rest: Any) -> torch.Tensor:
            *weights, workspace, name, last_only = rest
            ctx.made = run_layer(inputs.detach(), tuple(weights), workspace, name)
            ctx.weights, ctx.workspace = tuple(weights), workspace
            states: torch.Tensor = ctx.made.states
            return states[-1].clone() if last_only else states[1:].detach()

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            wanted = layer_gradients(
                ctx.made,
                ctx.weights,
                gradients[0].contiguous(),
                ctx.workspace,
                of_inputs=ctx.needs_input_grad[0],
            )
            return (*wanted, wanted[3], None, None, None)

    return Recurrence


def recurrent_states(
    inputs: torch.Tensor, layers: list[LayerWeights], workspace: Workspace, *, last_only: bool
) -> torch.Tensor:
    """States of the top layer, differentiable once.

    Parameters
    ----------
    inputs : Tensor (lookback, batch, n_inputs), float32
        Oldest first.
    layers : list of LayerWeights
        Bottom first.
    workspace : Workspace
        Holds the activations until the backward pass; the result shares its memory unless ``last_only``.
    last_only : bool
        Give the last state (batch, hidden) instead of all, (lookback, batch, hidden).

    Notes
    -----
    On a CPU the compiled gates; in another precision, and on any other device, torch's layers with the same weights.
    """
    import torch

    if inputs.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        from nextgen_assets.domain.cudnn_layers import states_of_all_steps

        states = states_of_all_steps(inputs, layers)
        return states[-1] if last_only else states
    if last_only and not torch.is_grad_enabled():
        return last_state(inputs, layers, workspace)
    states = inputs.contiguous()
    for number, weights in enumerate(layers):
        is_top = number == len(layers) - 1
        states = _recurrence().apply(states, *weights, workspace, f"layer{number}", last_only and is_top)
    return states
