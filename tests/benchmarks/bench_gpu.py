"""The LSTM on a GPU: windows per second in each precision beside cuDNN's layers alone, and the CPU's answers.

``python -m tests.benchmarks.bench_gpu [short]``: windows of 60 x 20, hidden 64, two layers, on vectors of 500 tickers
over 2,579 sessions (1.26 million windows). Needs torch, numpy and numba alone, so it runs on a bare machine; without a
CUDA device it says so and ends. Rates are medians over turns, ours and cuDNN's alternating on the same windows; the
share of the peak is of the card's own matrix product of 8,192 x 8,192 in the same precision, measured here.
It ends with 1 when an answer lies outside its stated tolerance.
"""

from __future__ import annotations

import statistics
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np
import torch

from nextgen_assets.domain.captured_batches import PRECISIONS, CapturedBatches, layers_on_tensor_cores
from nextgen_assets.domain.gradient_descent import Optimiser
from nextgen_assets.domain.lessons import Lessons
from nextgen_assets.domain.models import LabelledWindows, load_family
from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_family import training_loss
from nextgen_assets.domain.recurrent_network import Network, Shape

LOOKBACK, N_FEATURES, HIDDEN, LAYERS = 60, 20, 64, 2
TICKERS, SESSIONS = 500, 2579
FORWARD = sum(2 * 4 * HIDDEN * (below + HIDDEN) * LOOKBACK for below in (N_FEATURES, HIDDEN))
"""Multiplications and additions of the products of one window; training takes three times as many."""
TURNS = 5


def market(n_tickers: int, n_sessions: int, seed: int = 0) -> LabelledWindows:
    """Windows whose label leans on their newest vectors, ordered by session and ticker."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n_tickers * n_sessions, N_FEATURES), dtype=np.float32)
    starts = np.arange(n_sessions - LOOKBACK + 1)
    first = (starts[:, None] + np.arange(n_tickers) * n_sessions).ravel().astype(np.int64)
    newest = vectors[first + LOOKBACK - 1, 0] + vectors[first + LOOKBACK - 2, 1]
    label = 0.3 * newest.astype(np.float64) + rng.standard_normal(first.size)
    pooled = PooledWindows(vectors, first, LOOKBACK)
    return LabelledWindows(pooled, label, np.ones(first.size), np.repeat(starts, n_tickers))


def rows_of(part: LabelledWindows, rows: np.ndarray) -> LabelledWindows:
    """The windows at ``rows``."""
    own = (part.forward_return[rows], part.volatility[rows], part.session_index[rows])
    return LabelledWindows(part.pooled.take(rows), *own)


def seconds(run: Callable[[], object]) -> float:
    """Of the clock, with the device idle before and after."""
    torch.cuda.synchronize()
    begin = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - begin


def rates(sides: dict[str, Callable[[], object]], n_windows: int) -> dict[str, float]:
    """Windows per second of each side, medians of alternating turns; the first warms up."""
    took: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(TURNS + 1):
        for name, run in sides.items():
            spent = seconds(run)
            if turn:
                took[name].append(spent)
    return {name: n_windows / statistics.median(spent) for name, spent in took.items()}


def matrix_peak(precision: str) -> float:
    """Multiplications and additions per second of a product of 8,192 x 8,192 random matrices."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
    torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tensorfloat32" else "ieee"
    try:
        rate = rates({"product": lambda: torch.mm(left, right)}, 1)["product"]
    finally:
        torch.backends.cuda.matmul.fp32_precision = "ieee"
    return 2 * 8192**3 * rate


class Ours:
    """Our network on the card: passes over the first windows, and what it says of them."""

    def __init__(self, lessons: Lessons, precision: str, batch: int, n_windows: int, records: bool) -> None:
        config = load_family("lstm").config_from({"hidden_size": HIDDEN, "layers": LAYERS})
        shape = Shape(N_FEATURES, HIDDEN, LAYERS, 2 + len(config.quantiles))
        network = Network.drawn(shape, torch.Generator().manual_seed(1)).to("cuda")
        optimiser = Optimiser(network.flat, config.passes())
        loss = training_loss(config, "cuda")
        self.batches = CapturedBatches(network, lessons, lessons, loss, optimiser, precision, records)
        self.order, self.batch = torch.randperm(len(lessons))[:n_windows], batch

    def train(self) -> None:
        with self.batches.at_work():
            self.batches.pass_over(self.order, self.batch)

    def predict(self) -> None:
        network, lessons = self.batches.network, self.batches.fit
        with self.batches.at_work(), torch.no_grad():
            for rows in torch.split(self.order.cuda(), self.batch):
                network.heads(self.batches.states(lessons, rows))


class Alone:
    """torch's nn.LSTM on one resident batch: forward and backward, no gathering, no loss, no optimiser."""

    def __init__(self, lessons: Lessons, precision: str, batch: int, n_windows: int) -> None:
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self.layers = torch.nn.LSTM(N_FEATURES, HIDDEN, LAYERS).to("cuda", dtype)
        self.inputs = lessons.inputs(torch.arange(batch, device="cuda"), Workspace()).to(dtype)
        self.times, self.precision = n_windows // batch, precision

    def train(self) -> None:
        with layers_on_tensor_cores(self.precision != "float32"):
            for _ in range(self.times):
                self.layers.zero_grad(set_to_none=False)
                self.layers(self.inputs)[0][-1].sum().backward()

    def predict(self) -> None:
        with layers_on_tensor_cores(self.precision != "float32"), torch.no_grad():
            for _ in range(self.times):
                self.layers(self.inputs)


def throughput(lessons: Lessons, batches: tuple[int, ...], peaks: dict[str, float]) -> None:
    """A line per precision and batch size."""
    print(
        "\nwindows per second: ours replayed | ours launched | cuDNN's layers alone (share of the matrix peak)"
    )
    for precision in PRECISIONS:
        for batch in batches:
            n_windows = batch * max(1, 65_536 // batch)
            torch.cuda.reset_peak_memory_stats()
            ours = Ours(lessons, precision, batch, n_windows, records=True)
            launched = Ours(lessons, precision, batch, n_windows, records=False)
            alone = Alone(lessons, precision, batch, n_windows)
            sides = {"ours": ours.train, "launched": launched.train, "alone": alone.train}
            train = rates(sides, n_windows)
            infer = rates({"ours": ours.predict, "alone": alone.predict}, n_windows)
            share = train["ours"] * 3 * FORWARD / peaks[precision]
            print(
                f"{precision:13s} batch {batch:6d}: train {train['ours']:10,.0f} | {train['launched']:10,.0f} | "
                f"{train['alone']:10,.0f} ({share:.1%}), {train['ours'] / train['alone']:.2f} times alone; infer "
                f"{infer['ours']:11,.0f} | {infer['alone']:11,.0f} ({infer['ours'] * FORWARD / peaks[precision]:.1%}); "
                f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB",
                flush=True,
            )


def whole_training(everything: LabelledWindows, runs: tuple[tuple[str, int, int], ...]) -> None:
    """From arrays in memory to a fitted model: 500 tickers of ten years, a tenth of the windows validating."""
    n_fit = len(everything.pooled) * 9 // 10
    parts = (
        rows_of(everything, np.arange(n_fit)),
        rows_of(everything, np.arange(n_fit, len(everything.pooled))),
    )
    family = load_family("lstm")
    print(f"\ntime to train on {n_fit:,} windows, validating on {len(parts[1].pooled):,} after each epoch")
    for precision, batch, epochs in runs:
        own = {
            "hidden_size": HIDDEN,
            "layers": LAYERS,
            "epochs": epochs,
            "patience": epochs,
            "batch_size": batch,
        }
        config = family.config_from(own | {"device": "cuda", "precision": precision})
        torch.cuda.reset_peak_memory_stats()
        models = []
        spent = seconds(lambda config=config, models=models: models.append(family.fit(*parts, config, 1)))
        best = min(point.validation_loss for point in models[0].curve)
        print(
            f"{precision:13s} batch {batch:6d}, {epochs} epochs: {spent:6.1f} s ({spent / epochs:.2f} s an epoch, "
            f"{n_fit * epochs / spent:,.0f} windows/s, all in); best validation loss {best:.5f}; "
            f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most",
            flush=True,
        )


def main(mode: str = "whole") -> int:
    """Measure, compare, and say how many answers were off."""
    if not torch.cuda.is_available():
        print("left out: torch finds no CUDA device here")
        return 0
    from tests.benchmarks.gpu_answers import answers

    card, is_short = torch.cuda.get_device_name(), mode == "short"
    print(f"{card}, torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    peaks = {precision: matrix_peak(precision) for precision in PRECISIONS}
    print(
        "matrix products: " + ", ".join(f"{name} {peak / 1e12:.0f} TFLOP/s" for name, peak in peaks.items())
    )
    off = answers()
    everything = market(TICKERS, 300 if is_short else SESSIONS)
    parts: list[Callable[[], None]] = [
        lambda: throughput(Lessons.of(everything, "cuda"), (256, 1024, 4096, 16_384, 65_536), peaks),
        lambda: whole_training(
            everything,
            (
                ("float32", 4096, 3),
                ("tensorfloat32", 4096, 3),
                ("bfloat16", 4096, 3),
                ("tensorfloat32", 256, 1),
            ),
        ),
    ]
    for part in parts:
        try:
            part()
        except Exception:  # one part that fails leaves the figures of the others
            traceback.print_exc(file=sys.stdout)
            off += 1
    return min(off, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
