"""What a GPU says beside what the CPU says: one forward pass, a whole training, twice the same, and after a kill.

``python -m tests.benchmarks.gpu_answers DIRECTORY PASSES`` trains with checkpoints in the directory, is killed for good
after so many passes (0: never), and prints a hash of the weights.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nextgen_assets.domain.captured_batches import PRECISIONS, layers_on_tensor_cores
from nextgen_assets.domain.checkpoints import Checkpoint, kept_at
from nextgen_assets.domain.models import Arrays, load_family
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_network import Network, Shape
from nextgen_resources.training_checkpoints import TrainingCheckpoints

ROOT = Path(__file__).parents[2]
OF_A_PASS = {"float32": 1e-5, "tensorfloat32": 5e-4, "bfloat16": 5e-3}
"""Largest difference of a head (logit, standardised return) from the CPU's, with the same weights."""
OF_A_TRAINING = {"float32": 1e-4, "tensorfloat32": 1e-3, "bfloat16": 0.01}
"""Largest difference of a probability from that of the network trained on the CPU from the same seed."""
EPOCHS = 4


def difference_of_a_pass(precision: str, attention_size: int = 0) -> float:
    """Largest difference of a head between the CPU and the card, 512 windows of 60 x 20."""
    network = Network.drawn(Shape(20, 64, 2, 5, attention_size), torch.Generator().manual_seed(9))
    inputs = torch.randn(60, 512, 20, generator=torch.Generator().manual_seed(1))
    is_mixed = precision == "bfloat16"
    with torch.no_grad(), layers_on_tensor_cores(precision != "float32"):
        expected = network.heads(network.states(inputs, Workspace()))
        beside = network.to("cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=is_mixed):
            states = beside.states(inputs.cuda(), Workspace())
        return float((beside.heads(states.float()).cpu() - expected).abs().max())


def trained(device: str, precision: str = "float32") -> tuple[bytes, np.ndarray, float]:
    """Bytes of the weights, probabilities of the validation windows, and the best validation loss."""
    from tests.benchmarks.bench_gpu import market, rows_of

    everything, family = market(16, 760), load_family("lstm")
    n_fit = len(everything.pooled) * 4 // 5
    parts = (
        rows_of(everything, np.arange(n_fit)),
        rows_of(everything, np.arange(n_fit, len(everything.pooled))),
    )
    sizes = {"hidden_size": 64, "layers": 2, "epochs": EPOCHS, "patience": EPOCHS, "batch_size": 500}
    config = family.config_from(sizes | {"device": device, "precision": precision})
    model = family.fit(*parts, config, 7)
    weights = b"".join(array.tobytes() for _, array in sorted(model.arrays().items()))
    return weights, model.predict(parts[1].tensor)[0], min(point.validation_loss for point in model.curve)


@dataclass(frozen=True)
class KilledAfter:
    """Checkpoints that end the process without warning once so many passes are kept."""

    kept: TrainingCheckpoints
    passes: int

    def load(self, key: str) -> Arrays | None:
        return self.kept.load(key)

    def save(self, key: str, arrays: Arrays) -> None:
        self.kept.save(key, arrays)
        if self.passes and arrays["numbers"][0] >= self.passes:
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(folder: str, passes: int) -> str:
    """What the process printed; empty when it was killed."""
    command = [sys.executable, "-m", "tests.benchmarks.gpu_answers", folder, str(passes)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        return done.stderr[-2000:]
    return done.stdout.strip()


def answers() -> int:
    """Print each comparison; how many lay outside their tolerance."""
    off = 0

    def line(what: str, found: float, limit: float) -> None:
        nonlocal off
        is_off = not found <= limit
        off += is_off
        print(f"{what}: {found:.2e} (stated: at most {limit:g}){' OFF' if is_off else ''}", flush=True)

    for precision in PRECISIONS:
        line(f"forward pass, {precision}", difference_of_a_pass(precision), OF_A_PASS[precision])
        line(
            f"forward pass with attention, {precision}",
            difference_of_a_pass(precision, 16),
            OF_A_PASS[precision],
        )
    _, expected, loss_on_cpu = trained("cpu")
    print(f"probabilities of the network trained on the CPU: standard deviation {expected.std():.3f}")
    for precision in PRECISIONS:
        weights, said, loss = trained("cuda", precision)
        line(
            f"training, {precision}, largest", float(np.abs(said - expected).max()), OF_A_TRAINING[precision]
        )
        is_same = trained("cuda", precision)[0] == weights
        print(
            f"  mean difference {np.abs(said - expected).mean():.2e}; best validation loss {loss:.6f} "
            f"(CPU {loss_on_cpu:.6f}); a second run has the same bytes: {is_same}"
        )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        killed, resumed, whole = in_a_process(folder, 2), in_a_process(folder, 0), in_a_process(other, 0)
    is_resumed = not killed and resumed == whole
    off += not is_resumed
    print(f"killed after 2 of {EPOCHS} passes and resumed: the bytes of a run that was not: {is_resumed}")
    if not is_resumed:
        print(killed, resumed, whole, sep="\n  ")
    return off


def main(folder: str, passes: str) -> None:
    """Train with checkpoints."""
    checkpoints = KilledAfter(TrainingCheckpoints(Path(folder)), int(passes))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with kept_at(Checkpoint(checkpoints, "gpu")):
        print(hashlib.sha256(trained(device)[0]).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
