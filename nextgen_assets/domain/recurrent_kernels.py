"""The gates of an LSTM and their gradients, compiled; the matrix products between them are somebody else's.

Every value depends on its own inputs alone, in a fixed order, so that neither the batch nor a thread moves a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nextgen_assets.domain.compilation import compiled, inner

_F = np.float32
_SATURATED = np.float32(9.0)
"""Beyond it the hyperbolic tangent is 1 to the last bit of a float32."""


@inner
def _tanh(x: Any) -> Any:
    """Lambert's continued fraction of tanh to the ninth order at x / 2, doubled; within 2e-7."""
    h = min(max(x, -_SATURATED), _SATURATED) * _F(0.5)
    s = h * h
    p = h * (_F(34459425) + s * (_F(4729725) + s * (_F(135135) + s * (_F(990) + s))))
    q = _F(34459425) + s * (_F(16216200) + s * (_F(945945) + s * (_F(13860) + s * _F(45))))
    return _F(2) * p * q / (q * q + p * p)


@inner
def _sigmoid(x: Any) -> Any:
    return _F(0.5) + _F(0.5) * _tanh(_F(0.5) * x)


@compiled
def open_gates(gates: Any, cell_before: Any, cell: Any, state: Any, cell_tanh: Any) -> None:
    """One step forward.

    Parameters
    ----------
    gates : (batch, 4 * hidden), float32
        Sums of input, forget, candidate and output gate, in that order; replaced by their activations.
    cell_before : (batch, hidden)
        Cell after the step before.
    cell, state, cell_tanh : (batch, hidden)
        Written: cell, hidden state, tanh of the cell.
    """
    n = cell.shape[1]
    for row in range(gates.shape[0]):
        inputs, forgets = gates[row, :n], gates[row, n : 2 * n]
        candidates, outputs = gates[row, 2 * n : 3 * n], gates[row, 3 * n :]
        before, now, said, bounded = cell_before[row], cell[row], state[row], cell_tanh[row]
        for j in range(n):
            i, f = _sigmoid(inputs[j]), _sigmoid(forgets[j])
            g, o = _tanh(candidates[j]), _sigmoid(outputs[j])
            c = f * before[j] + i * g
            t = _tanh(c)
            inputs[j], forgets[j], candidates[j], outputs[j] = i, f, g, o
            now[j], bounded[j], said[j] = c, t, o * t


@compiled
def gate_gradients(
    gates: Any, cell_before: Any, cell_tanh: Any, state_gradient: Any, cell_gradient: Any
) -> None:
    """One step backward.

    Parameters
    ----------
    gates : (batch, 4 * hidden), float32
        Activations from :func:`open_gates`; replaced by the gradients of the sums.
    cell_before, cell_tanh : (batch, hidden)
        As they were in the step.
    state_gradient : (batch, hidden)
        Of the loss with regard to the state of this step.
    cell_gradient : (batch, hidden)
        Of the loss with regard to the cell, from later steps; replaced by that of the step before.
    """
    n = cell_gradient.shape[1]
    one = _F(1)
    for row in range(gates.shape[0]):
        inputs, forgets = gates[row, :n], gates[row, n : 2 * n]
        candidates, outputs = gates[row, 2 * n : 3 * n], gates[row, 3 * n :]
        before, bounded = cell_before[row], cell_tanh[row]
        of_state, of_cell = state_gradient[row], cell_gradient[row]
        for j in range(n):
            i, f, g, o, t, d = inputs[j], forgets[j], candidates[j], outputs[j], bounded[j], of_state[j]
            v = of_cell[j] + d * o * (one - t * t)
            inputs[j] = v * g * i * (one - i)
            forgets[j] = v * before[j] * f * (one - f)
            candidates[j] = v * i * (one - g * g)
            outputs[j] = d * t * o * (one - o)
            of_cell[j] = v * f
