"""Many processes on one file: nobody fails, nobody sees half a session, nobody waits for long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nextgen_resources.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
PARTITIONS = int(os.environ.get("NEXTGEN_TEST_PARTITIONS", "400"))
"""Partitions of the proof with eight processes on one table; 3,500 take some minutes."""
LONGEST_WAIT_SECONDS = 60.0


def _start(*arguments: object, python: str = sys.executable, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-m", "tests.faults.traffic", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore", **environment},
    )


Outcome = dict[str, Any]


def race(
    writing: list[tuple[object, ...]],
    reading: list[tuple[object, ...]],
    stop: Path,
    python: str = sys.executable,
    **environment: str,
) -> tuple[list[Outcome], float]:
    """Let them all begin at once; what the writers and then the readers say, and the seconds of the writers."""
    writers, readers = (
        [_start(*arguments, python=python, **environment) for arguments in part]
        for part in (writing, reading)
    )
    try:
        for process in (*writers, *readers):
            assert process.stdout.readline().strip() == "ready"
        for process in (*writers, *readers):
            process.stdin.write("go\n")
            process.stdin.flush()
        started = time.monotonic()
        outcomes = [json.loads(process.stdout.readline()) for process in writers]
        seconds = time.monotonic() - started
        stop.touch()
        outcomes += [json.loads(process.stdout.readline()) for process in readers]
    finally:
        stop.touch()
        for process in (*writers, *readers):
            process.kill()
            process.communicate()
    return outcomes, seconds


def _rush(warehouse: Warehouse, stop: Path, *, writers: int, readers: int, sessions: int) -> list[Outcome]:
    """Writers with a scenario each beside readers; returns what the writers and then the readers say."""
    path = warehouse.database
    writing: list[tuple[object, ...]] = [
        ("write", path, f"writer-{number}", sessions) for number in range(writers)
    ]
    outcomes, seconds = race(writing, [("read", path, stop)] * readers, stop)
    wrote, read = (
        sum(outcome["done"] for outcome in part) for part in (outcomes[:writers], outcomes[writers:])
    )
    worst = max(outcome["worst_wait_seconds"] for outcome in outcomes)
    failed = sum(len(outcome["failures"]) for outcome in outcomes)
    fair = seconds / (wrote + read) * (writers + readers)
    print(
        f"\n{wrote} of {writers * sessions} writes, {read} reads, {failed} failures, "
        f"worst wait {worst:.2f} s where a turn in strict order would take {fair:.2f} s"
    )
    assert worst < 20 * fair, "somebody starved"
    return outcomes


def _check(warehouse: Warehouse, outcomes: list[dict[str, Any]], writers: int, sessions: int) -> None:
    assert [failure for outcome in outcomes for failure in outcome["failures"]] == []
    assert all(outcome["done"] > 0 for outcome in outcomes), "somebody never had a turn"
    stored = warehouse.read(
        "SELECT scenario_id, count(DISTINCT session_date) AS sessions, count(*) AS holdings "
        "FROM portfolio_holdings GROUP BY ALL ORDER BY ALL"
    )
    assert stored.rows() == [(f"writer-{number}", sessions, 50 * sessions) for number in range(writers)]


def test_three_writers_and_a_reader_get_in_each_others_way_without_failing(warehouse, tmp_path) -> None:
    outcomes = _rush(warehouse, tmp_path / "stop", writers=3, readers=1, sessions=10)
    _check(warehouse, outcomes, 3, 10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_eight_writers_and_four_readers_get_in_each_others_way_without_failing(warehouse, tmp_path) -> None:
    outcomes = _rush(warehouse, tmp_path / "stop", writers=8, readers=4, sessions=50)
    _check(warehouse, outcomes, 8, 50)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_eight_processes_fill_one_table_beside_four_readers(warehouse, tmp_path) -> None:
    path, stop, writers = warehouse.database, tmp_path / "stop", 8
    writing: list[tuple[object, ...]] = [
        ("fill", path, number, writers, PARTITIONS) for number in range(writers)
    ]
    outcomes, seconds = race(writing, [("watch", path, stop)] * 4, stop)
    wrote, read = (sum(outcome["done"] for outcome in part) for part in (outcomes[:8], outcomes[8:]))
    worst = max(outcome["worst_wait_seconds"] for outcome in outcomes)
    print(f"\n{wrote} of {PARTITIONS} partitions in {seconds:.0f} s, {read} reads, worst wait {worst:.2f} s")
    assert [failure for outcome in outcomes for failure in outcome["failures"]] == []
    assert wrote == PARTITIONS
    assert worst < LONGEST_WAIT_SECONDS
    assert all(outcome["done"] > 0 for outcome in outcomes), "somebody never had a turn"
    whole = "SELECT count(*) AS n FROM strategic_priorities GROUP BY session_date"
    assert warehouse.read(whole)["n"].to_list() == [50] * PARTITIONS
