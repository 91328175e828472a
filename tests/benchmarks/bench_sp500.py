"""A hundred of the S&P 500 over ten years through the whole graph: time by stage, memory, sizes.

``python -m tests.benchmarks.bench_sp500 [tickers] [first_session] [last_session]``: runs ``nextgen demo`` on the files
in ../shared/data/sp500_daily_2003_2017, in a folder of its own, as a user with environment variables would.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "sp500_daily_2003_2017"
_SAMPLE_SECONDS = 0.25


def environment(folder: Path, tickers: str, first: str, last: str) -> dict[str, str]:
    """What a user would set."""
    return os.environ | {
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


def peak_while(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Largest resident bytes of the process, and of it and its children together, until it ends."""
    watched, alone, together = psutil.Process(process.pid), 0, 0
    while process.poll() is None:
        try:
            own = watched.memory_info().rss
            children = sum(child.memory_info().rss for child in watched.children(recursive=True))
        except psutil.Error:  # a child that ended meanwhile
            own = children = 0
        alone, together = max(alone, own), max(together, own + children)
        time.sleep(_SAMPLE_SECONDS)
    return alone, together


def main(tickers: str = "100", first: str = "2005-01-03", last: str = "2014-12-31") -> None:
    """Run once and print the summary of the run and what it took."""
    if not DATA.is_dir():
        print(f"skipped: the S&P 500 bars are not at {DATA}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "nextgen_assets.cli", "demo"],
            cwd=ROOT,
            env=environment(folder, tickers, first, last),
        ) as process:
            alone, together = peak_while(process)
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


if __name__ == "__main__":
    main(*sys.argv[1:])
