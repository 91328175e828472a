"""A process that is killed at any moment leaves every session whole: the old version or the new one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nextgen_resources.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
LONGEST_MILLISECONDS = 120.0
STATE = """
SELECT session_date, count(*) AS holdings, count(DISTINCT ticker) AS tickers,
       min(h.close) AS oldest, max(h.close) AS newest, min(v.benchmark_value_usd) AS portfolio,
       count(DISTINCT h.run_id) AS runs
FROM portfolio_holdings h JOIN portfolio_values v USING (scenario_id, session_date)
GROUP BY session_date ORDER BY session_date
"""


@pytest.fixture(scope="module")
def nursery():
    """Asks the warm process to start some work, to kill it, and to say where it was."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def kill(work: str, path: Path, milliseconds: float, first_version: int = 0) -> dict[str, Any]:
        request = {
            "work": work,
            "path": str(path),
            "milliseconds": milliseconds,
            "first_version": first_version,
        }
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the nursery ended; see its error above"
        return json.loads(answer)

    yield kill
    process.communicate(timeout=10)


def _fill(warehouse: Warehouse) -> None:
    from nextgen_resources.warehouse.io_manager import WarehouseIOManager
    from tests.faults.nursery import SESSIONS, write_session

    for session in SESSIONS:
        write_session(WarehouseIOManager(warehouse, "baseline"), session, 1)


def _check_whole(warehouse: Warehouse, acknowledged: list[int]) -> int:
    """Assert that every session has all its rows in one version; returns the newest version."""
    from tests.faults.nursery import SESSIONS, TICKERS

    state = warehouse.read(STATE)
    assert state["session_date"].to_list() == SESSIONS, "a session lost its rows"
    assert state["holdings"].to_list() == [len(TICKERS)] * len(SESSIONS), "rows lost, partial or doubled"
    assert state["tickers"].to_list() == [len(TICKERS)] * len(SESSIONS)
    assert state["oldest"].equals(state["newest"].alias("oldest")), "two versions in one session"
    assert state["oldest"].equals(state["portfolio"].alias("oldest")), "the tables of one asset differ"
    assert state["runs"].to_list() == [1] * len(SESSIONS)
    for stored, returned in zip(state["newest"], acknowledged, strict=True):
        assert stored >= returned, "a write that had returned is gone"
    return int(state["newest"].max())


def _kill_writers(nursery, warehouse: Warehouse, kills: int, seed: int) -> Counter[str]:
    moments = random.Random(seed)
    _fill(warehouse)
    phases: Counter[str] = Counter()
    newest, written = 1, 0
    for _ in range(kills):
        killed = nursery("write", warehouse.path, moments.uniform(0, LONGEST_MILLISECONDS), newest + 1)
        phases[killed["phase"]] += 1
        written += sum(version > 0 for version in killed["acknowledged"])
        newest = _check_whole(warehouse, killed["acknowledged"])
    print(
        f"\n{kills} kills, {written} writes returned, 0 rows lost, partial or doubled; killed {dict(phases)}"
    )
    return phases


def test_twelve_killed_writers_leave_every_session_whole(nursery, warehouse) -> None:
    """So few may all hit the time between two transactions; the two hundred may not."""
    _kill_writers(nursery, warehouse, 12, seed=15)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_killed_writers_leave_every_session_whole(nursery, warehouse) -> None:
    phases = _kill_writers(nursery, warehouse, 200, seed=200)
    assert phases["inside a transaction"] + phases["committing"] >= 50


def _kill_compactions(nursery, warehouse: Warehouse, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    _fill(warehouse)
    for _ in range(kills):
        nursery("compact", warehouse.path, moments.uniform(0, LONGEST_MILLISECONDS))
        assert _check_whole(warehouse, [1] * 20) == 1
    warehouse.compact()
    assert _check_whole(warehouse, [1] * 20) == 1


def test_killed_compactions_leave_every_row(nursery, warehouse) -> None:
    _kill_compactions(nursery, warehouse, 6, seed=6)


@pytest.mark.slow
def test_many_killed_compactions_leave_every_row(nursery, warehouse) -> None:
    _kill_compactions(nursery, warehouse, 60, seed=60)


def _kill_migrations(nursery, tmp_path: Path, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    for kill in range(kills):
        fresh = Warehouse(database=str(tmp_path / f"{kill}" / "warehouse.duckdb"))
        nursery("migrate", fresh.path, moments.uniform(0, LONGEST_MILLISECONDS))
        fresh.migrate()
        assert fresh.is_migrated()


def test_killed_first_migration_is_finished_by_the_next_one(nursery, tmp_path) -> None:
    _kill_migrations(nursery, tmp_path, 6, seed=6)


@pytest.mark.slow
def test_many_killed_first_migrations_are_finished_by_the_next_one(nursery, tmp_path) -> None:
    _kill_migrations(nursery, tmp_path, 60, seed=60)
