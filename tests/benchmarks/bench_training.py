"""Training and inference of the LSTM, beside Qlib's own pytorch_lstm on the same windows, size, batch and threads.

``python -m tests.benchmarks.bench_training [windows] [batch] [threads]``: windows of 60 x 20, hidden 64, two
layers; one pass of training and one of inference each time, in turn, medians. Figures are windows per CPU
second, which other work on the machine moves least, and the share of the matrix-product peak measured in the
same run. Qlib lives in an environment of its own: name its interpreter in ``NEXTGEN_QLIB_PYTHON``; without it
torch's own nn.LSTM is the peer alone.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from nextgen_assets.domain.halved_batches import precision_on_cpu, training_threads
from nextgen_assets.domain.models import LabelledWindows, load_family
from nextgen_assets.domain.pooled_windows import PooledWindows

PEER = Path(__file__).with_name("qlib_lstm_peer.py")
LOOKBACK, N_FEATURES, HIDDEN, LAYERS = 60, 20, 64, 2
ROUNDS = 3
_FORWARD = sum(2 * 4 * HIDDEN * (below + HIDDEN) * LOOKBACK for below in (N_FEATURES, HIDDEN))
"""Multiplications and additions of the products of one window; training takes three times as many."""

Seconds = tuple[float, float]
"""CPU and wall clock."""


def timed(run: Callable[[], object]) -> Seconds:
    """What one call takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - cpu, time.perf_counter() - wall


def peak() -> float:
    """Multiplications and additions per CPU second of one large product in float32."""
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    torch.mm(left, right)
    return 2 * 1024**3 / timed(lambda: torch.mm(left, right))[0]


class Own:
    """One pass of our family over the windows, and its prediction of them."""

    def __init__(
        self, pooled: PooledWindows, labels: np.ndarray, batch: int, precision: str = "float32"
    ) -> None:
        ones, sessions = np.ones(len(pooled)), np.arange(len(pooled))
        self.pooled, self.family = pooled, load_family("lstm")
        self.part = LabelledWindows(pooled, labels, ones, sessions)
        self.few = LabelledWindows(pooled.take(np.arange(64)), labels[:64], ones[:64], sessions[:64])
        sizes = {"hidden_size": HIDDEN, "layers": LAYERS, "epochs": 1, "batch_size": batch, "device": "cpu"}
        self.config = self.family.config_from(sizes | {"precision": precision})
        self.model = self.family.fit(self.few, self.few, self.config, 1)

    def train(self) -> None:
        self.model = self.family.fit(self.part, self.few, self.config, 1)

    def predict(self) -> None:
        for rows in np.array_split(np.arange(len(self.pooled)), max(1, len(self.pooled) // 500)):
            self.model.predict(self.pooled.take(rows).whole())


class Plain:
    """The same with torch's nn.LSTM and its optimiser, batches cut out of one tensor."""

    def __init__(self, windows: np.ndarray, labels: np.ndarray, batch: int) -> None:
        self.windows, self.labels, self.batch = torch.tensor(windows), torch.tensor(labels).float(), batch
        self.layers = torch.nn.LSTM(N_FEATURES, HIDDEN, LAYERS, batch_first=True)
        self.head = torch.nn.Linear(HIDDEN, 1)
        self.weights = [*self.layers.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(self.weights, foreach=True)

    def said(self, rows: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.windows[rows])[0][:, -1])[:, 0]

    def train(self) -> None:
        for rows in torch.split(torch.randperm(len(self.windows)), self.batch):
            self.optimiser.zero_grad()
            (self.said(rows) - self.labels[rows]).square().mean().backward()
            self.optimiser.step()

    def predict(self) -> None:
        with torch.inference_mode():
            for rows in torch.split(torch.arange(len(self.windows)), 500):
                self.said(rows)


def qlib(folder: Path, batch: int, threads: int) -> subprocess.Popen[str] | None:
    """A process that measures Qlib once per line; None where there is no Qlib."""
    python = os.environ.get("NEXTGEN_QLIB_PYTHON")
    if not python:
        print("Qlib: left out, NEXTGEN_QLIB_PYTHON names no interpreter that has pyqlib")
        return None
    packages = str(Path(torch.__file__).parents[1])
    return subprocess.Popen(
        [python, "-W", "ignore", str(PEER), str(folder), packages, str(batch), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def answered(process: subprocess.Popen[str]) -> tuple[Seconds, Seconds] | None:
    """Training and inference of one round; None if the process died."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("go\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("seconds"):
            cpu, wall, more_cpu, more_wall = map(float, line.split()[1:])
            return (cpu, wall), (more_cpu, more_wall)
    print("Qlib: left out, it failed")
    return None


def main(n_windows: str = "2000", batch: str = "500", threads: str = "1") -> None:
    """Measure in turn and print the table."""
    torch.set_num_threads(int(threads))
    rng = np.random.default_rng(0)
    n_tickers = 10
    n_sessions = int(n_windows) // n_tickers + LOOKBACK - 1
    vectors = rng.standard_normal((n_tickers * n_sessions, N_FEATURES)).astype(np.float32)
    first = (np.arange(n_tickers)[:, None] * n_sessions + np.arange(n_sessions - LOOKBACK + 1)).ravel()
    pooled = PooledWindows(vectors, first.astype(np.int64), LOOKBACK)
    labels = rng.standard_normal(len(pooled))
    sides: dict[str, Own | Plain] = {
        "ours": Own(pooled, labels, int(batch)),
        "torch nn.LSTM": Plain(pooled.whole(), labels, int(batch)),
    }
    if precision_on_cpu("bfloat16") == "bfloat16":
        sides["ours, bfloat16"] = Own(pooled, labels, int(batch), "bfloat16")
    else:
        print("bfloat16: left out, the cores of this processor do not multiply in it")
    took: dict[str, list[tuple[Seconds, Seconds]]] = {name: [] for name in (*sides, "Qlib pytorch_lstm")}
    peaks = []
    with tempfile.TemporaryDirectory() as folder, training_threads(int(threads)):
        np.save(Path(folder, "windows.npy"), pooled.whole())
        np.save(Path(folder, "labels.npy"), labels)
        process = qlib(Path(folder), int(batch), int(threads))
        for number in range(ROUNDS + 1):  # the first warms up
            torch.set_num_threads(1)
            peaks.append(peak())
            torch.set_num_threads(int(threads))
            measured = {name: (timed(side.train), timed(side.predict)) for name, side in sides.items()}
            seconds = answered(process) if process else None
            measured |= {"Qlib pytorch_lstm": seconds} if seconds else {}
            for name, pair in measured.items() if number else ():
                took[name].append(pair)
        if process:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait()
    print_table(took, len(pooled), statistics.median(peaks))


def print_table(took: dict[str, list[tuple[Seconds, Seconds]]], n_windows: int, top: float) -> None:
    """Medians per side, ratios to ours, and the share of the peak."""
    print(
        f"{n_windows} windows of {LOOKBACK} x {N_FEATURES}; matrix products {top / 1e9:.0f} GFLOP per CPU second"
    )
    for phase, (name_of_phase, cost) in enumerate((("training", 3 * _FORWARD), ("inference", _FORWARD))):
        rates = {}
        for name, rounds in took.items():
            if rounds:
                cpu, wall = (statistics.median(pair[phase][kind] for pair in rounds) for kind in (0, 1))
                rates[name] = (n_windows / cpu, n_windows / wall)
        for name, (per_cpu, per_wall) in rates.items():
            ratio = rates["ours"][0] / per_cpu
            print(
                f"{name_of_phase:9s} {name:18s} {per_cpu:8.0f} windows per CPU second ({per_wall:.0f} per second of the clock), "
                f"{per_cpu * cost / top:5.0%} of the peak"
                + ("" if name == "ours" else f"; ours {ratio:.1f} times")
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
