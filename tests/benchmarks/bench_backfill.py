"""A backfill in separate runs, eight at a time, beside four readers, and the same sessions as one ranged run.

``python -m tests.benchmarks.bench_backfill [sessions] [at_once] [limit_seconds] [cold]``: a real daemon, queue and code
server; bars of the embedded data. With ``cold`` the separate runs are done once more with Dagster's own launcher,
which starts an interpreter for each, where the shipped one forks a warm process.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import dagster as dg

from tests.graph.backfills import Site, await_all, finished, launch, readers, sessions_of, statuses

STOCK = {"run_launcher": {"module": "nextgen_resources.run_launcher", "class": "WatchedRunLauncher"}}


def measure(
    name: str,
    folder: Path,
    count: int,
    at_once: int,
    per_run: int | None,
    limit: float,
    config: dict[str, object],
) -> tuple[float, list[tuple[object, ...]]]:
    """Seconds from the asking to the last run's end, and the rows that came of it."""
    sessions = sessions_of(count)
    site = Site.at(folder, count, at_once, per_run, **config)
    os.environ["DAGSTER_HOME"] = site.door.environment["DAGSTER_HOME"]
    with dg.DagsterInstance.get() as instance, readers(site, 4) as said, site.daemon():
        started = time.perf_counter()
        launch(instance, sessions)
        with suppress(TimeoutError):
            await_all(instance, sessions, limit)
        seconds = time.perf_counter() - started
        ended, done = statuses(instance), len(finished(instance))
    failures = [failure for outcome in said for failure in outcome["failures"]]
    reads, worst = (
        sum(outcome["done"] for outcome in said),
        max(outcome["worst_wait_seconds"] for outcome in said),
    )
    print(f"{name:34s} {seconds:8.1f} s {done} sessions {dict(ended)}", flush=True)
    print(f"{'':34s} {reads} reads, {len(failures)} failed, worst wait {worst:.2f} s", flush=True)
    assert not failures, failures[:3]
    assert done == count, "the limit came first"
    assert set(ended) == {"SUCCESS"}, ended
    rows = site.warehouse.read("SELECT * EXCLUDE (run_id) FROM market_prices ORDER BY ALL").rows()
    return seconds, rows


def main(count: str = "24", at_once: str = "8", limit: str = "7200", cold: str = "") -> None:
    """Each way in a warehouse of its own; the rows must be the same."""
    number, parallel = int(count), int(at_once)
    ways: list[tuple[str, int | None, dict[str, object]]] = [
        (f"{number} runs, {parallel} at a time", 1, {}),
        ("one ranged run", None, {}),
    ]
    if cold:
        ways.append((f"{number} runs, an interpreter each", 1, dict(STOCK)))
    taken, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        for index, (name, per_run, config) in enumerate(ways):
            way = Path(folder) / str(index)
            seconds, found = measure(name, way, number, parallel, per_run, float(limit), config)
            taken.append(seconds)
            rows.append(found)
    assert all(found == rows[0] for found in rows), "the ways differ in their rows"
    print(f"the same {len(rows[0])} rows; separate runs take {taken[0] / taken[1]:.1f} times the ranged one")
    if cold:
        print(f"runs from new interpreters take {taken[2] / taken[0]:.1f} times those from the warm process")


if __name__ == "__main__":
    main(*sys.argv[1:])
