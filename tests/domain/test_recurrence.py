"""The compiled LSTM beside torch's own, and training that can stop, go on and use two threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.recurrence import Workspace, recurrent_states
from nextgen_assets.domain.recurrent_network import Network, Shape
from nextgen_assets.domain.scaling import NonFiniteValuesError

SIZES = [(1, 1, 1, 1, 1), (3, 300, 2, 4, 2), (7, 5, 3, 4, 1), (20, 33, 6, 24, 2), (60, 8, 20, 16, 3)]
"""lookback, batch, features, hidden, layers"""


def weights(n_features: int, hidden: int, layers: int) -> list[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(4)
    shapes = ((4 * hidden, n_features), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,))
    made = []
    for layer in range(layers):
        sizes = ((4 * hidden, hidden), *shapes[1:]) if layer else shapes
        made.append(
            tuple(
                torch.empty(size).uniform_(-0.3, 0.3, generator=generator).requires_grad_() for size in sizes
            )
        )
    return made


def by_torch(inputs: torch.Tensor, layers: list[tuple[torch.Tensor, ...]]) -> torch.Tensor:
    zeros = torch.zeros(len(layers), inputs.shape[1], layers[0][1].shape[1])
    flat = list(itertools.chain.from_iterable(layers))
    return torch.lstm(inputs, (zeros, zeros), flat, True, len(layers), 0.0, True, False, False)[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("last_only", [True, False])
def test_states_and_gradients_are_those_of_torch(size: tuple[int, ...], last_only: bool) -> None:
    lookback, batch, n_features, hidden, n_layers = size
    layers = weights(n_features, hidden, n_layers)
    inputs = torch.randn(lookback, batch, n_features, generator=torch.Generator().manual_seed(1))
    inputs.requires_grad_()
    expected = by_torch(inputs, layers)
    expected = expected[-1] if last_only else expected
    said = recurrent_states(inputs, layers, Workspace(), last_only=last_only)
    assert torch.allclose(said, expected, atol=2e-6)
    with torch.no_grad():
        unlearned = recurrent_states(inputs, layers, Workspace(), last_only=last_only)
    assert torch.allclose(unlearned, expected, atol=2e-6)
    direction = torch.randn(said.shape, generator=torch.Generator().manual_seed(2))
    every = [inputs, *itertools.chain.from_iterable(layers)]
    wanted = torch.autograd.grad((expected * direction).sum(), every)
    found = torch.autograd.grad((said * direction).sum(), every)
    for left, right in zip(found, wanted, strict=True):
        assert torch.allclose(left, right, atol=2e-5 * max(1.0, float(right.abs().max())))


def test_saturated_gates_stay_finite_and_right() -> None:
    layers = weights(2, 3, 1)
    inputs = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4])[:, None, None].expand(5, 1, 2).contiguous()
    said = recurrent_states(inputs, layers, Workspace(), last_only=False)
    assert torch.allclose(said, by_torch(inputs, layers), atol=2e-6)


def test_memory_that_is_used_again_leaves_nothing_behind() -> None:
    layers, used = weights(3, 4, 2), Workspace()
    generator = torch.Generator().manual_seed(3)
    for batch in (9, 2, 9, 31, 1):
        inputs = torch.randn(6, batch, 3, generator=generator)
        again = recurrent_states(inputs, layers, used, last_only=True)
        fresh = recurrent_states(inputs, layers, Workspace(), last_only=True)
        assert torch.equal(again, fresh)


@pytest.mark.parametrize("attention_size", [0, 5])
def test_a_network_comes_back_from_its_arrays_with_its_sizes(attention_size: int) -> None:
    shape = Shape(3, 4, 2, 5, attention_size)
    network = Network.drawn(shape, torch.Generator().manual_seed(9))
    again = Network.from_arrays(network.arrays())
    assert again.shape == shape
    assert torch.equal(again.flat, network.flat)


def test_attention_weighs_the_states_as_its_formula_says() -> None:
    network = Network.drawn(Shape(3, 4, 1, 2, 5), torch.Generator().manual_seed(9))
    w = {name: array.astype(np.float64) for name, array in network.arrays().items()}
    inputs = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    mapped = torch.tensor(np.tanh(inputs @ w["inputs.weight"].T + w["inputs.bias"]), dtype=torch.float32)
    layer = tuple(value for name, value in network.weights.items() if name.startswith("recurrent"))
    states = by_torch(mapped[:, None], [layer])[:, 0].detach().numpy()
    score = np.tanh(states @ w["attention.weight"].T + w["attention.bias"]) @ w["attention.query"]
    share = np.exp(score) / np.exp(score).sum()
    read = np.concatenate([share @ states, states[-1]])
    expected = w["heads.weight"] @ read + w["heads.bias"]
    assert network.predict(inputs[None], "attentive_lstm")[0] == pytest.approx(expected, abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 17), min_size=1, max_size=30), st.integers(1, 4))
def test_pooled_windows_are_slices_of_their_vectors(first: list[int], lookback: int) -> None:
    vectors = np.arange(42, dtype=np.float32).reshape(21, 2)
    pooled = PooledWindows(vectors, np.array(first, dtype=np.int64), lookback)
    whole = pooled.whole()
    assert whole.shape == pooled.shape
    for row, begin in enumerate(first):
        assert (whole[row] == vectors[begin : begin + lookback]).all()
    rows = np.arange(len(first))[::-1]
    assert (pooled.time_major(rows) == whole[::-1].transpose(1, 0, 2)).all()
    assert (pooled.step(0) == whole[:, -1]).all()
    counted = np.zeros(21, dtype=np.int64)
    for begin in first:
        counted[begin : begin + lookback] += 1
    assert (pooled.uses() == counted).all()
    assert (PooledWindows.of(whole).whole() == whole).all()


def test_an_unknown_value_counts_once_per_window_and_not_outside_of_them() -> None:
    vectors = np.zeros((10, 2), dtype=np.float32)
    vectors[[4, 9], 1] = np.nan
    PooledWindows(vectors, np.array([0, 1, 5]), 3).refuse_non_finite("windows")
    with pytest.raises(NonFiniteValuesError, match=r"2 of 18 values"):
        PooledWindows(vectors, np.array([2, 3, 5]), 3).refuse_non_finite("windows")
