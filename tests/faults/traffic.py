"""One process among many on the same warehouse: it writes its own scenario, its share of one table, or reads.

Run as ``python -m tests.faults.traffic ROLE PATH …``: ``write PATH SCENARIO SESSIONS``, ``fill PATH WORKER WORKERS
PARTITIONS``, ``read PATH STOP_FILE``, ``watch PATH STOP_FILE`` or ``look PATH STOP_FILE SQL``. It says "ready", waits for
a line, works, and prints one line of JSON about what happened.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder

from nextgen_resources.errors import NextGenError
from nextgen_resources.warehouse import warehouse as warehouse_module
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.lock import FileLock
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.faults.nursery import TICKERS, write_session

TORN = f"""
SELECT count(*) FROM (
    SELECT h.scenario_id, h.session_date FROM portfolio_holdings h
    LEFT JOIN portfolio_values v USING (scenario_id, session_date)
    GROUP BY ALL
    HAVING count(v.cash_usd) <> {len(TICKERS)} OR min(h.close) <> max(h.close)
        OR min(h.close) <> min(v.benchmark_value_usd))
"""

FILLED = dg.DailyPartitionsDefinition("2000-01-01", end_date="2012-01-01", timezone="UTC")
"""Partitions that are filled by many processes, 4,383 of them."""
BROKEN = f"""
SELECT count(*) FROM (
    SELECT session_date FROM strategic_priorities GROUP BY session_date
    HAVING count(*) <> {len(TICKERS)} OR min(score) <> max(score) OR count(DISTINCT run_id) <> 1)
"""
# An empty mapping would make Dagster build a whole instance for each context.
_NO_RESOURCES: Any = ScopedResourcesBuilder().build(None)

waits: list[float] = []


class TimedLock(FileLock):
    """Notes how long each turn was waited for."""

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[float]:
        with super().hold(exclusive=exclusive) as waited:
            waits.append(waited)
            yield waited


def opened(path: str) -> Warehouse:
    """The file, or the lake of that name where the environment tells a catalogue."""
    catalogue = os.environ.get("NEXTGEN_TEST_CATALOGUE")
    if catalogue is None:
        return Warehouse(database=path)
    from nextgen_resources.warehouse.lake import LakeWarehouse

    return LakeWarehouse(database=path, catalogue=catalogue, data_path=f"{path}.data")


def write(path: str, scenario_id: str, sessions: int) -> dict[str, object]:
    """Each session in its own transaction."""
    io_manager = WarehouseIOManager(opened(path), scenario_id)
    failures, done = [], 0
    for index in range(sessions):
        try:
            write_session(io_manager, date(2005, 1, 3) + timedelta(days=index), index + 1, scenario_id)
            done += 1
        except NextGenError as error:
            failures.append(f"{type(error).__name__}: {error}")
    return {"done": done, "failures": failures}


def partition_of(index: int) -> pl.DataFrame:
    """The rows of the partition with that number; all of them tell the number."""
    day = date(2000, 1, 1) + timedelta(days=index)
    return pl.DataFrame({"ticker": TICKERS}).with_columns(
        session_date=pl.lit(day),
        tier=pl.lit("core"),
        score=pl.lit(index % 997 / 997),
        rationale=pl.lit("liquid"),
        factors=pl.lit("{}"),
        as_of=pl.lit(datetime(2012, 1, 1, tzinfo=UTC)),
    )


def fill(path: str, worker: int, workers: int, partitions: int) -> dict[str, object]:
    """Every ``workers``-th partition of one table, as a run of its own each."""
    io_manager = WarehouseIOManager(opened(path), "baseline")
    failures, done, slowest = [], 0, 0.0
    for index in range(worker, partitions, workers):
        frame = partition_of(index)
        context = dg.build_output_context(
            asset_key="strategic_priorities",
            partition_key=str(frame.item(0, "session_date")),
            asset_partitions_def=FILLED,
            run_id=f"run-{index}",
            resources=_NO_RESOURCES,
        )
        began = time.monotonic()
        try:
            io_manager.handle_output(context, frame)
            done += 1
        except (NextGenError, duckdb.Error) as error:
            failures.append(f"{type(error).__name__}: {error}")
        slowest = max(slowest, time.monotonic() - began)
    return {"done": done, "failures": failures, "slowest_write_seconds": slowest}


def read(path: str, stop: Path, torn_sessions: str = TORN, pause_seconds: float = 0.02) -> dict[str, object]:
    """Looks for a session that is not whole, again and again until the stop file is there."""
    warehouse, failures, done = opened(path), [], 0
    while not stop.exists():
        try:
            if torn := warehouse.scalar(torn_sessions):
                failures.append(f"{torn} sessions were not whole")
            done += 1
        except (NextGenError, duckdb.Error) as error:
            failures.append(f"{type(error).__name__}: {error}")
        time.sleep(pause_seconds)
    return {"done": done, "failures": failures}


def work(role: str, path: str, rest: list[str]) -> dict[str, object]:
    """What the command line asks for."""
    match role:
        case "write":
            return write(path, rest[0], int(rest[1]))
        case "fill":
            return fill(path, *map(int, rest))
        case "watch":
            return read(path, Path(rest[0]), BROKEN, 0.5)
        case "look":
            return read(path, Path(rest[0]), rest[1], 0.25)
        case _:
            return read(path, Path(rest[0]))


if __name__ == "__main__":
    warehouse_module.FileLock = TimedLock  # type: ignore[misc]
    print("ready", flush=True)
    sys.stdin.readline()
    outcome = work(sys.argv[1], sys.argv[2], sys.argv[3:])
    print(json.dumps(outcome | {"worst_wait_seconds": max(waits, default=0.0)}), flush=True)
