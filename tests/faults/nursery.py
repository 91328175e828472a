"""A warm process that has imported everything and opened nothing: it forks writers and kills them.

Run as ``python -m tests.faults.nursery``. It reads one JSON request a line, ``{"work", "path",
"milliseconds", "first_version"}``, forks a child that does the work over and over, kills it with
SIGKILL that long after it began, and answers ``{"phase", "acknowledged"}``: where the child was, and
for each session the last version whose write had returned.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder

from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.warehouse import Warehouse

SESSIONS = [date(2005, 1, 3) + timedelta(days=offset) for offset in range(20)]
TICKERS = [f"T{number:02d}" for number in range(50)]
PHASES = ("outside a transaction", "inside a transaction", "committing")
PARTITIONS = dg.DailyPartitionsDefinition("2005-01-01", end_date="2005-03-01", timezone="America/New_York")

# An empty mapping would make Dagster build a whole instance for each context.
_NO_RESOURCES: Any = ScopedResourcesBuilder().build(None)
_board = mmap.mmap(-1, 8 + 8 * len(SESSIONS))


def frames_of(session: date, version: int, scenario_id: str = "baseline") -> dict[str, pl.DataFrame]:
    """The two tables of the portfolio of one session; every row carries the version."""
    as_of = datetime(2005, 6, 1, tzinfo=UTC)
    common = {"scenario_id": scenario_id, "session_date": session, "as_of": as_of}
    holding = {"quantity": 5, "average_cost_usd": 10, "close": float(version), "close_session_date": session}
    holding |= {"market_value_usd": 55, "unrealized_pnl_usd": 5, "weight": 0.1}
    money = {
        "cash_usd": 100,
        "net_asset_value_usd": 100,
        "daily_pnl_usd": 0,
        "benchmark_value_usd": float(version),
    }
    money |= {"gross_exposure": 0.0, "net_exposure": 0.0, "drawdown": 0.0, "turnover": 0.0}
    return {
        "portfolio_holdings": pl.DataFrame([common | holding | {"ticker": ticker} for ticker in TICKERS]),
        "portfolio_values": pl.DataFrame([common | money]),
    }


def write_session(
    io_manager: WarehouseIOManager, session: date, version: int, scenario_id: str = "baseline"
) -> None:
    """Materialise one session through the IO manager."""
    context = dg.build_output_context(
        asset_key="portfolio_holdings",
        partition_key=str(session),
        asset_partitions_def=PARTITIONS,
        run_id=f"run-{version}",
        resources=_NO_RESOURCES,
    )
    io_manager.handle_output(context, frames_of(session, version, scenario_id))


class WatchedWarehouse(Warehouse):
    """Notes on the shared board whether a transaction is open."""

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with super().transaction() as connection:
                _board[0] = 1
                yield connection
                _board[0] = 2
        finally:
            _board[0] = 0


def _write_sessions(path: str, first_version: int, begin: Callable[[], None]) -> None:
    io_manager = WarehouseIOManager(WatchedWarehouse(database=path), "baseline")
    for version in count(first_version):
        for index, session in enumerate(SESSIONS):
            write_session(io_manager, session, version)
            struct.pack_into("<q", _board, 8 + 8 * index, version)
            if index == 0 and version == first_version:
                begin()  # the first write loads what is loaded once


def _compact(path: str, first_version: int, begin: Callable[[], None]) -> None:
    begin()
    while True:
        Warehouse(database=path).compact()


def _migrate(path: str, first_version: int, begin: Callable[[], None]) -> None:
    begin()
    Warehouse(database=path).migrate()
    time.sleep(60)


WORK = {"write": _write_sessions, "compact": _compact, "migrate": _migrate}


def _in_child(request: dict[str, object], ready: int) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    work = WORK[str(request["work"])]
    work(str(request["path"]), int(str(request["first_version"])), lambda: os.write(ready, b"!") and None)


def kill_one(request: dict[str, object]) -> dict[str, object]:
    """Fork a child for the request, kill it when its time has come, and say where it was."""
    _board[:] = bytes(len(_board))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _in_child(request, writing)
        finally:
            os._exit(1)
    os.close(writing)
    begun = os.read(reading, 1) == b"!"
    os.close(reading)
    time.sleep(float(str(request["milliseconds"])) / 1000)
    phase = PHASES[_board[0]]
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not begun or not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended by itself with status {status} at {request}")
    return {"phase": phase, "acknowledged": list(struct.unpack_from(f"<{len(SESSIONS)}q", _board, 8))}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(kill_one(json.loads(line))), flush=True)
