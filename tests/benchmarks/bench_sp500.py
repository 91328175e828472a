"""A hundred of the S&P 500 over ten years through the whole graph: time by stage, memory, sizes, skill by year.

``python -m tests.benchmarks.bench_sp500 [tickers] [first_session] [last_session] [folder] [families]``: runs ``nextgen
demo`` on the files in ../shared/data/sp500_daily_2003_2017, in a folder of its own, as a user with environment variables
would. With ``folder`` what was built is kept there. ``families`` (with commas between them) are trained instead of
those of the settings, and the skill of all of them and of momentum is printed by year:
``bench_sp500 100 2003-04-01 2017-12-29 "" base_rate,logistic,lstm,gradient_boosting``.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import psutil

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "sp500_daily_2003_2017"
_SAMPLE_SECONDS = 0.25


def environment(folder: Path, tickers: str, first: str, last: str, families: str = "") -> dict[str, str]:
    """What a user would set."""
    own = {"NEXTGEN__MODELS__FAMILIES": json.dumps(families.split(","))} if families else {}
    return (
        os.environ
        | own
        | {
            "NEXTGEN__SCENARIO_ID": "sp500",
            "NEXTGEN__PATHS__DATA_DIR": str(folder / "data"),
            "NEXTGEN__INGESTION__PROVIDER": "files",
            "NEXTGEN__INGESTION__PROVIDER_OPTIONS": json.dumps({"path": str(DATA)}),
            "NEXTGEN__INGESTION__FIRST_SESSION": first,
            "NEXTGEN__INGESTION__LAST_SESSION": last,
            "NEXTGEN__INGESTION__MAX_TICKERS": tickers,
            "NEXTGEN_ROOT": str(ROOT),
            "COLUMNS": "140",
        }
    )


@dataclass
class Memory:
    """Resident bytes over time: of the process, and of it and its children together."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Sample until the process ends."""
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                own = watched.memory_info().rss
                children = sum(child.memory_info().rss for child in watched.children(recursive=True))
                self.samples.append((time.time(), own, own + children))
            except psutil.Error:  # a child that ended meanwhile
                pass
            time.sleep(_SAMPLE_SECONDS)

    def peak(self, begin: float = 0.0, end: float = float("inf")) -> tuple[int, int]:
        """The largest of both between two instants."""
        inside = [sample for sample in self.samples if begin - _SAMPLE_SECONDS <= sample[0] <= end]
        return max((s[1] for s in inside), default=0), max((s[2] for s in inside), default=0)


def print_stages(home: Path, memory: Memory) -> None:
    """Seconds and peak memory of every step, in the order in which they ran."""
    from nextgen_assets.task_history import recent_task_runs

    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.get() as instance:
        steps = recent_task_runs(instance).sort("started_at")
    print(f"{'step':60s} {'s':>8} {'peak MB':>9}")
    for step in steps.iter_rows(named=True):
        if step["ended_at"] is None:
            continue
        begin, end = step["started_at"].timestamp(), step["ended_at"].timestamp()
        print(f"{step['step_key']:60s} {end - begin:8.1f} {memory.peak(begin, end)[1] / 1e6:9.0f}")


def main(
    tickers: str = "100",
    first: str = "2005-01-03",
    last: str = "2014-12-31",
    kept: str = "",
    families: str = "",
) -> None:
    """Run once and print the summary of the run and what it took, and how each family did where they are named."""
    if not DATA.is_dir():
        print(f"skipped: the S&P 500 bars are not at {DATA}")
        return
    with contextlib.ExitStack() as stack:
        folder = Path(kept or stack.enter_context(tempfile.TemporaryDirectory()))
        memory, own = Memory(), environment(folder, tickers, first, last, families)
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "nextgen_assets.cli", "demo"],
            cwd=ROOT,
            env=own,
        ) as process:
            memory.watch(process)
        alone, together = memory.peak()
        wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        scenario = folder / "data" / "sp500"
        print(f"{tickers} tickers, {first} to {last}; exit status {process.returncode}")
        print(f"wall clock          {wall:8.0f} s")
        print(f"CPU                 {used.ru_utime + used.ru_stime:8.0f} s")
        print(
            f"peak memory         {together / 1e6:8.0f} MB ({alone / 1e6:.0f} MB without the training processes)"
        )
        print(f"warehouse           {(scenario / 'warehouse.duckdb').stat().st_size / 1e6:8.0f} MB")
        for part in ("models", "dagster_home/history"):
            size = sum(file.stat().st_size for file in (scenario / part).rglob("*") if file.is_file())
            print(f"{part:19s} {size / 1e6:8.0f} MB")
        print_stages(scenario / "dagster_home", memory)
        if families:
            command = [sys.executable, "-W", "ignore", "-m", "nextgen_assets.cli", "skill"]
            print(
                subprocess.run(
                    command, cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True, check=True
                ).stdout
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
