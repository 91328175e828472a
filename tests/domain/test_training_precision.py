"""Precisions and devices: batches as a GPU takes them, and on real cards and cores within stated tolerances."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from nextgen_assets.domain.captured_batches import PRECISIONS, CapturedBatches, layers_on_tensor_cores
from nextgen_assets.domain.checkpoints import Checkpoint, kept_at
from nextgen_assets.domain.cudnn_layers import states_of_all_steps
from nextgen_assets.domain.gradient_descent import Optimiser
from nextgen_assets.domain.halved_batches import HalvedBatches, training_threads
from nextgen_assets.domain.lessons import Lessons
from nextgen_assets.domain.models import Arrays, LabelledWindows, ModelInputError, load_family
from nextgen_assets.domain.recurrence import Workspace, recurrent_states
from nextgen_assets.domain.recurrent_config import RecurrentConfig
from nextgen_assets.domain.recurrent_family import training_loss
from nextgen_assets.domain.recurrent_network import Network, Shape

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
TOLERANCES = dict(zip(PRECISIONS, (1e-5, 5e-4, 5e-3), strict=True))
"""Largest difference of a head from the CPU's, with the same weights."""


def part(n_windows: int = 300, seed: int = 0) -> LabelledWindows:
    rng = np.random.default_rng(seed)
    windows = rng.standard_normal((n_windows, 12, 5), dtype=np.float32)
    label = windows[:, -1, 0] + 0.5 * rng.standard_normal(n_windows)
    return LabelledWindows(windows, label.astype(np.float64), np.ones(n_windows), np.arange(n_windows))


def batches(kind: type, config: RecurrentConfig, device: str = "cpu", attention: int = 0) -> Any:
    shape = Shape(5, config.hidden_size, config.layers, 2 + len(config.quantiles), attention)
    network = Network.drawn(shape, torch.Generator().manual_seed(3)).to(device)
    lessons = Lessons.of(part(), device)
    own = (network, lessons, lessons, training_loss(config, device))
    more = {"records": device != "cpu"} if kind is CapturedBatches else {}
    return kind(*own, Optimiser(network.flat, config.passes()), **more)


@pytest.mark.parametrize("attention", [0, 4])
def test_a_pass_launched_as_on_a_gpu_descends_like_one_in_halves(attention: int) -> None:
    config = RecurrentConfig(hidden_size=8, layers=2)
    halved = batches(HalvedBatches, config, attention=attention)
    launched = batches(CapturedBatches, config, attention=attention)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    for _ in range(2):
        losses = [side.pass_over(order, 130) for side in (halved, launched)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert torch.allclose(halved.network.flat, launched.network.flat, atol=2e-5)
    assert halved.validation_loss() == pytest.approx(launched.validation_loss(), abs=1e-5)
    assert halved.optimiser.kept()[1] == launched.optimiser.kept()[1] == 6


@pytest.mark.parametrize("n_layers", [1, 3])
def test_weights_in_one_block_give_the_same_states_and_gradients(n_layers: int) -> None:
    generator = torch.Generator().manual_seed(4)
    network = Network.drawn(Shape(6, 7, n_layers, 2), generator)
    names = ("weight_ih_l{}", "weight_hh_l{}", "bias_ih_l{}", "bias_hh_l{}")
    layers: Any = [
        tuple(network.weights[f"recurrent.{name.format(layer)}"] for name in names)
        for layer in range(n_layers)
    ]
    inputs = torch.randn(9, 11, 6, generator=generator)
    expected = recurrent_states(inputs, layers, Workspace(), last_only=False)
    said = states_of_all_steps(inputs, layers)
    assert torch.allclose(said, expected, atol=2e-6)
    weights = list(itertools.chain.from_iterable(layers))
    direction = torch.randn(said.shape, generator=generator)
    wanted = torch.autograd.grad((expected * direction).sum(), weights)
    found = torch.autograd.grad((said * direction).sum(), weights)
    for left, right in zip(found, wanted, strict=True):
        assert torch.allclose(left, right, atol=2e-5)


def test_layers_have_the_type_of_autocast() -> None:
    network = Network.drawn(Shape(6, 7, 1, 2), torch.Generator().manual_seed(4))
    layers: Any = [tuple(weight for name, weight in network.weights.items() if name.startswith("recurrent"))]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert states_of_all_steps(torch.zeros(3, 2, 6), layers).dtype == torch.bfloat16
    with torch.no_grad():
        assert states_of_all_steps(torch.zeros(3, 2, 6), layers).dtype == torch.float32


def test_the_precision_of_the_layers_is_put_back() -> None:
    before = torch.backends.cudnn.rnn.fp32_precision
    for allowed, expected in ((False, "ieee"), (True, "tf32")):
        with layers_on_tensor_cores(allowed):
            assert torch.backends.cudnn.rnn.fp32_precision == expected
    assert torch.backends.cudnn.rnn.fp32_precision == before


@pytest.mark.parametrize("family", ["lstm", "attentive_lstm"])
def test_a_configuration_with_the_earlier_switch_of_precision_is_read(family: str) -> None:
    read = load_family(family).config_from
    assert read({"mixed_precision": True}) == read({"precision": "bfloat16"})
    assert read({"mixed_precision": False}) == read({})
    with pytest.raises(ModelInputError, match="precision='half'"):
        read({"precision": "half"})


@pytest.mark.parametrize("family", ["lstm", "attentive_lstm"])
def test_a_cpu_that_multiplies_in_bfloat16_ends_near_float32_with_the_same_bits_on_two_threads(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    model = load_family(family)
    sizes = {"hidden_size": 8, "layers": 2, "epochs": 3, "patience": 3, "batch_size": 150, "device": "cpu"}
    parts = part(400), part(200, seed=1)

    def trained(precision: str, threads: int) -> tuple[bytes, np.ndarray]:
        with training_threads(threads):
            fitted = model.fit(*parts, model.config_from(sizes | {"precision": precision}), 5)
        weights = b"".join(array.tobytes() for _, array in sorted(fitted.arrays().items()))
        return weights, fitted.predict(parts[1].tensor)[0]

    (exact, expected), (mixed, said) = trained("float32", 1), trained("bfloat16", 1)
    assert trained("bfloat16", 2)[0] == mixed != exact
    assert np.abs(said - expected).max() < 0.01
    assert trained("tensorfloat32", 1)[0] == exact
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert trained("bfloat16", 1)[0] == exact


@on_gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("attention", [0, 8])
def test_a_gpu_says_what_the_cpu_says_within_the_tolerance_of_its_precision(
    precision: str, attention: int
) -> None:
    network = Network.drawn(Shape(6, 24, 2, 5, attention), torch.Generator().manual_seed(9))
    inputs = torch.randn(20, 64, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), layers_on_tensor_cores(precision != "float32"):
        expected = network.heads(network.states(inputs, Workspace()))
        beside = network.to("cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            states = beside.states(inputs.cuda(), Workspace())
        said = beside.heads(states.float()).cpu()
    assert torch.allclose(said, expected, atol=TOLERANCES[precision])


@on_gpu
@pytest.mark.parametrize("attention", [0, 4])
def test_a_recorded_step_descends_like_one_that_is_launched(attention: int) -> None:
    config = RecurrentConfig(hidden_size=8, layers=2)
    recorded = batches(CapturedBatches, config, "cuda", attention)
    launched = batches(CapturedBatches, config, "cuda", attention)
    launched.records = False
    for seed in (1, 2):
        order = torch.randperm(300, generator=torch.Generator().manual_seed(seed))
        with recorded.at_work():
            losses = [side.pass_over(order, 130) for side in (recorded, launched)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert torch.allclose(recorded.network.flat, launched.network.flat, atol=1e-6)


@on_gpu
@pytest.mark.parametrize("family", ["lstm", "attentive_lstm"])
def test_training_on_a_gpu_ends_near_the_cpu_and_goes_on_after_a_stop(family: str) -> None:
    class Stopped(Exception):
        pass

    class InMemory:
        def __init__(self) -> None:
            self.arrays: dict[str, Arrays] = {}
            self.stops = True

        def load(self, key: str) -> Arrays | None:
            return self.arrays.get(key)

        def save(self, key: str, arrays: Arrays) -> None:
            self.arrays[key] = arrays
            if self.stops and arrays["numbers"][0] == 2:
                raise Stopped

    model = load_family(family)
    sizes = {"hidden_size": 8, "epochs": 4, "patience": 4, "batch_size": 100}
    parts = part(1000), part(200, seed=1)
    fitted = {
        device: model.fit(*parts, model.config_from(sizes | {"device": device}), 5)
        for device in ("cpu", "cuda")
    }
    said = {device: each.predict(parts[1].tensor)[0] for device, each in fitted.items()}
    assert np.abs(said["cpu"] - said["cuda"]).max() < 1e-4
    kept = InMemory()
    with kept_at(Checkpoint(kept, "own")):
        with pytest.raises(Stopped):
            model.fit(*parts, model.config_from(sizes | {"device": "cuda"}), 5)
        kept.stops = False
        resumed = model.fit(*parts, model.config_from(sizes | {"device": "cuda"}), 5)
    assert np.abs(resumed.predict(parts[1].tensor)[0] - said["cuda"]).max() < 1e-5
    assert len(resumed.curve) == 4
