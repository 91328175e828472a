"""One process among many on the same warehouse: it writes its own scenario or reads everybody's.

Run as ``python -m tests.faults.traffic write PATH SCENARIO SESSIONS`` or ``... read PATH STOP_FILE``. It
says "ready", waits for a line, works, and prints one line of JSON about what happened.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

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

waits: list[float] = []


class TimedLock(FileLock):
    """Notes how long each turn was waited for."""

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[float]:
        with super().hold(exclusive=exclusive) as waited:
            waits.append(waited)
            yield waited


def write(path: str, scenario_id: str, sessions: int) -> dict[str, object]:
    """Each session in its own transaction."""
    io_manager = WarehouseIOManager(Warehouse(database=path), scenario_id)
    failures, done = [], 0
    for index in range(sessions):
        try:
            write_session(io_manager, date(2005, 1, 3) + timedelta(days=index), index + 1, scenario_id)
            done += 1
        except NextGenError as error:
            failures.append(f"{type(error).__name__}: {error}")
    return {"done": done, "failures": failures}


def read(path: str, stop: Path) -> dict[str, object]:
    """Looks for a session that is not whole, again and again until the stop file is there."""
    warehouse, failures, done = Warehouse(database=path), [], 0
    while not stop.exists():
        try:
            if torn := warehouse.scalar(TORN):
                failures.append(f"{torn} sessions were not whole")
            done += 1
        except NextGenError as error:
            failures.append(f"{type(error).__name__}: {error}")
        time.sleep(0.02)
    return {"done": done, "failures": failures}


if __name__ == "__main__":
    warehouse_module.FileLock = TimedLock  # type: ignore[misc]
    role, database, *rest = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    outcome = write(database, rest[0], int(rest[1])) if role == "write" else read(database, Path(rest[0]))
    print(json.dumps(outcome | {"worst_wait_seconds": max(waits, default=0.0)}), flush=True)
