"""Alpha158 and the classic indicators, beside Qlib, Polars and TA-Lib on the same bars: time, memory, agreement.

``python -m tests.benchmarks.bench_features [sessions] [tickers]``. Qlib lives in an environment of its own (it wants
other versions): name its interpreter in ``NEXTGEN_QLIB_PYTHON``; without it that line is left out and said so.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from nextgen_assets.domain.features import Feature, families, select
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.windows import Vectors, feature_vectors
from tests.benchmarks.feature_market import last_sessions, random_panel, write_for_qlib

PEER = Path(__file__).with_name("qlib_peer.py")
THREADS = os.cpu_count() or 1
MEMORY = """
import sys
from pathlib import Path
from tests.benchmarks.feature_market import random_panel, last_sessions
from nextgen_assets.domain.features import select
from nextgen_assets.domain.windows import feature_vectors
def kilobytes(name):
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])
panel, chosen = random_panel(int(sys.argv[1]), int(sys.argv[2])), select([sys.argv[3]])
feature_vectors(last_sessions(panel, 120), chosen)
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
vectors = feature_vectors(panel, chosen)
print((kilobytes("VmHWM") - before) * 1024 / vectors.nbytes)
"""
"""Peak of resident memory above what was there before, over the size of the output (Linux)."""


def median_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Median wall clock of ``repeats`` runs after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def by_turns(runs: Sequence[Callable[[], object]], repeats: int = 5) -> list[tuple[float, float]]:
    """Median wall clock and CPU seconds of each, run one after the other so that they share what else is going on."""
    for run in runs:
        run()
    times: list[list[tuple[float, float]]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, own in zip(runs, times, strict=True):
            wall, used = time.perf_counter(), time.process_time()
            run()
            own.append((time.perf_counter() - wall, time.process_time() - used))
    return [
        (statistics.median(wall for wall, _ in own), statistics.median(used for _, used in own))
        for own in times
    ]


def qlib_seconds(panel: Panel, folder: Path) -> tuple[float, np.ndarray, list[str]] | None:
    """Seconds of Qlib's full set, its values on the last three sessions and their names; None without Qlib."""
    python = os.environ.get("NEXTGEN_QLIB_PYTHON")
    if not python:
        print("Qlib: left out, NEXTGEN_QLIB_PYTHON names no interpreter that has pyqlib")
        return None
    write_for_qlib(panel, folder)
    done = subprocess.run(
        [python, "-W", "ignore", str(PEER), str(folder), str(THREADS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"Qlib: left out, it failed: {done.stderr.strip().splitlines()[-1]}")
        return None
    seconds = float(done.stdout.split("seconds")[-1])
    return seconds, np.load(folder / "values.npy"), (folder / "names.txt").read_text().split()


def print_agreement(
    vectors: Vectors, chosen: tuple[Feature, ...], values: np.ndarray, names: list[str]
) -> None:
    """Largest difference from Qlib by statistic, in units of its size, on the last three sessions."""
    own = {feature.name: number for number, feature in enumerate(chosen)}
    worst: dict[str, float] = {}
    for number, name in enumerate(names):
        ours = vectors[-3:, :, own[f"alpha_{name.lower()}"]].astype(np.float64)
        theirs = values[:, :, number].astype(np.float64)
        apart = float(np.nanmax(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)))
        stem = name.rstrip("0123456789")
        worst[stem] = max(worst.get(stem, 0.0), apart)
    ordered = sorted(worst.items(), key=lambda item: -item[1])
    print("largest differences from Qlib: " + ", ".join(f"{stem} {apart:.1e}" for stem, apart in ordered[:6]))


def polars_expressions() -> list[pl.Expr]:
    """The sixteen statistics of Alpha158 that are plain rolling expressions in Polars, over five windows."""
    close, high, low, volume = (pl.col(name) for name in ("close", "high", "low", "volume"))
    move, change = close - close.shift(1), volume - volume.shift(1)
    weighted = (close / close.shift(1) - 1).abs() * volume
    made = []
    for d in (5, 10, 20, 30, 60):
        top, bottom = high.rolling_max(d), low.rolling_min(d)
        rises, falls = (
            (move > 0).cast(pl.Float64).rolling_mean(d),
            (move < 0).cast(pl.Float64).rolling_mean(d),
        )
        gain, all_moves = move.clip(lower_bound=0).rolling_sum(d), move.abs().rolling_sum(d) + 1e-12
        grown, all_changes = change.clip(lower_bound=0).rolling_sum(d), change.abs().rolling_sum(d) + 1e-12
        made += [
            close.shift(d) / close, close.rolling_mean(d) / close, close.rolling_std(d) / close,
            top / close, bottom / close, (close - bottom) / (top - bottom + 1e-12),
            close.rolling_quantile(0.8, "linear", window_size=d) / close,
            close.rolling_quantile(0.2, "linear", window_size=d) / close,
            pl.rolling_corr(close, (volume + 1).log(), window_size=d),
            rises, falls, gain / all_moves, volume.rolling_mean(d) / volume, volume.rolling_std(d) / volume,
            weighted.rolling_std(d) / (weighted.rolling_mean(d) + 1e-12), grown / all_changes,
        ]  # fmt: skip
    return [
        expression.over("ticker").cast(pl.Float32).alias(f"f{number}")
        for number, expression in enumerate(made)
    ]


def polars_seconds(panel: Panel) -> tuple[float, int]:
    """Seconds of those expressions over all tickers, and how many they are."""
    tickers = np.repeat(np.array(panel.tickers), len(panel.sessions))
    columns = {name: panel.fields[name].T.reshape(-1) for name in ("close", "high", "low", "volume")}
    frame, made = pl.DataFrame({"ticker": tickers, **columns}), polars_expressions()
    return median_seconds(lambda: frame.select(made), repeats=1), len(made)


def talib_run(panel: Panel) -> tuple[Callable[[], None], int] | None:
    """TA-Lib's functions behind the classic set over all tickers, in one thread (it keeps the lock), and their number."""
    try:
        from talib import abstract
    except ImportError:
        print("TA-Lib: left out, not installed (pip install ta-lib)")
        return None
    names = [
        "SMA",
        "WMA",
        "TRIMA",
        "BBANDS",
        "STDDEV",
        "MIDPOINT",
        "MIDPRICE",
        "LINEARREG_SLOPE",
        "TSF",
        "AROON",
        "AROONOSC",
        "ROC",
        "STOCH",
        "WILLR",
        "CCI",
        "ULTOSC",
        "PPO",
        "APO",
        "BOP",
        "MFI",
        "TRANGE",
        "OBV",
        "AD",
        "EMA",
        "DEMA",
        "TEMA",
        "TRIX",
        "MACD",
        "RSI",
        "CMO",
        "ADX",
        "PLUS_DI",
        "MINUS_DI",
        "DX",
        "NATR",
        "ADOSC",
    ]
    functions = [abstract.Function(name) for name in names]
    fields = ("open", "high", "low", "close", "volume")
    by_ticker = [
        {name: np.ascontiguousarray(panel.fields[name][:, column]) for name in fields}
        for column in range(len(panel.tickers))
    ]

    def run() -> None:
        for bars in by_ticker:
            for function in functions:
                function(bars)

    return run, len(names)


def print_one_session(panel: Panel, chosen: tuple[Feature, ...], vectors: Vectors) -> None:
    """Time of the newest session from the history that it reads, and that it gives the bits of the whole pass."""
    longest = max(feature.lookback_sessions for feature in chosen)
    short = last_sessions(panel, longest + 1)
    alone = feature_vectors(short, chosen, first=longest)
    same = alone[-1].tobytes() == vectors[-1].tobytes()
    for n_tickers in (500, 5_000):
        wide = random_panel(longest + 1, n_tickers)
        used, repeats = time.process_time(), 5
        seconds = median_seconds(lambda wide=wide: feature_vectors(wide, chosen, first=longest), repeats)
        used = (time.process_time() - used) / (repeats + 1)
        print(f"  one new session, {n_tickers:5,} tickers      {seconds:8.4f} s   ({used:.4f} s of CPU)")
    print(f"  its bits equal those of the whole pass: {same}")


def main(n_sessions: str = "2520", n_tickers: str = "500") -> None:
    """Print every figure once."""
    panel = random_panel(int(n_sessions), int(n_tickers))
    bars = len(panel.sessions) * len(panel.tickers)
    print(f"{n_tickers} tickers x {n_sessions} sessions, {THREADS} threads; wall clock, medians")
    alpha, classic = select(["alpha158"]), select(["classic"])
    before = median_seconds(lambda: feature_vectors(panel, alpha))
    with tempfile.TemporaryDirectory() as folder:
        qlib = qlib_seconds(panel, Path(folder))
    after = median_seconds(lambda: feature_vectors(panel, alpha))
    seconds = (before + after) / 2
    vectors = feature_vectors(panel, alpha)
    per_value = seconds / bars / len(alpha)
    print(
        f"Alpha158, {len(alpha)} features              {seconds:8.3f} s   (before Qlib {before:.3f}, after it {after:.3f})"
    )
    if qlib:
        print(f"  Qlib, the same                   {qlib[0]:8.3f} s   {qlib[0] / seconds:.0f} times")
        print_agreement(vectors, alpha, qlib[1], qlib[2])
    peer, count = polars_seconds(panel)
    print(
        f"  Polars, {count} of them              {peer:8.3f} s   {peer / bars / count / per_value:.0f} times per value"
    )
    print_one_session(panel, alpha, vectors)
    del vectors
    talib = talib_run(panel)
    runs: list[Callable[[], object]] = [lambda: feature_vectors(panel, classic)]
    (seconds, used), *peers = by_turns([*runs, *([talib[0]] if talib else [])])
    print(
        f"Classic, {len(families()['classic'])} features                {seconds:8.3f} s   ({used:.3f} s of CPU)"
    )
    for wall, cpu in peers:
        print(f"  TA-Lib, {talib[1] if talib else 0} functions            {wall:8.3f} s   ({cpu:.3f} s of CPU)   "
            f"{wall / seconds:.1f} times, {cpu / used:.1f} times in CPU")  # fmt: skip
    print_one_session(panel, classic, feature_vectors(panel, classic))
    for family in ("alpha158", "classic"):
        command = [sys.executable, "-W", "ignore", "-c", MEMORY, n_sessions, n_tickers, family]
        share = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        print(f"peak memory of {family}, over the size of its output: {float(share):.2f} times")


if __name__ == "__main__":
    main(*sys.argv[1:])
