"""A warehouse on a DuckLake with its catalogue in a real PostgreSQL server, in an environment with the extension.

``NEXTGEN_LAKE_PYTHON`` names the Python of that environment (docs/lake.md); without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg2
import pytest

from tests.faults.test_concurrency import race
from tests.graph.dask_cluster import cluster
from tests.graph.harness import SMALL
from tests.graph.servers import PROJECT, Door, as_variables
from tests.graph.test_ways_to_run import DAILY
from tests.resources.test_postgres import server  # noqa: F401 (a fixture)

PYTHON = os.environ.get("NEXTGEN_LAKE_PYTHON", "")
PARTITIONS = int(os.environ.get("NEXTGEN_TEST_PARTITIONS", "80"))
SPAN = {"ingestion.first_session": "2004-01-02", "ingestion.last_session": "2004-07-30"}
FIRST, LAST = "2004-01-02", "2004-02-27"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3_600),
    pytest.mark.skipif(
        not PYTHON, reason="NEXTGEN_LAKE_PYTHON does not name a Python with DuckDB's extension ducklake"
    ),
]


def catalogue_in(port: int, name: str) -> str:
    """A fresh database of the server, as the words that lead to it."""
    words = f"host=127.0.0.1 port={port} user=nextgen password=of-this-test dbname="
    session = psycopg2.connect(words + "postgres")
    session.autocommit = True
    with session.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    session.close()
    return words + name


def call(environment: Mapping[str, str], *words: str) -> str:
    """What a module prints under the Python of the lake; it must succeed."""
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-m", *words],
        env=dict(environment),
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def on_a_lake(folder: Path, catalogue: str, **settings: object) -> Door:
    """The front doors of a scenario whose warehouse is a lake."""
    lake = {"warehouse.kind": "lake", **settings}
    door = Door.to(folder, SMALL | SPAN | lake)
    return Door(folder, {**door.environment, "NEXTGEN__CREDENTIALS__LAKE_CATALOGUE": catalogue})


def content(door: Door) -> dict[str, list[object]]:
    found: dict[str, list[object]] = json.loads(call(door.environment, "tests.lake.content").splitlines()[-1])
    return found


def test_eight_processes_write_at_once_beside_four_readers(server: int, tmp_path: Path) -> None:  # noqa: F811
    path, stop = str(tmp_path / "many"), tmp_path / "stop"
    told = {"NEXTGEN_TEST_CATALOGUE": catalogue_in(server, "many")}
    code = "import sys; from tests.faults.traffic import opened; opened(sys.argv[1]).migrate()"
    made = subprocess.run([PYTHON, "-W", "ignore", "-c", code, path], cwd=PROJECT, env={**os.environ, **told})
    assert made.returncode == 0
    writing: list[tuple[object, ...]] = [("fill", path, number, 8, PARTITIONS) for number in range(8)]
    outcomes, seconds = race(writing, [("watch", path, stop)] * 4, stop, python=PYTHON, **told)
    wrote, read = (sum(outcome["done"] for outcome in part) for part in (outcomes[:8], outcomes[8:]))
    slowest = max(outcome["slowest_write_seconds"] for outcome in outcomes[:8])
    print(
        f"\n{wrote} of {PARTITIONS} in {seconds:.0f} s, {read} reads beside them, slowest write {slowest:.1f} s"
    )
    assert [failure for outcome in outcomes for failure in outcome["failures"]] == []
    assert wrote == PARTITIONS
    assert all(outcome["done"] > 0 for outcome in outcomes)


def test_range_of_the_graph_on_a_lake_gives_the_rows_of_the_file(server: int, tmp_path: Path) -> None:  # noqa: F811
    file = Door.to(tmp_path / "file", SMALL | SPAN)
    lake = on_a_lake(tmp_path / "lake", catalogue_in(server, "range"))
    words = ("asset", "materialize", "-m", "nextgen_assets.definitions", "--select", DAILY)
    for door in (file, lake):
        call(door.environment, "nextgen_assets.cli", "migrate")
        call(door.environment, "dagster", *words, "--partition-range", f"{FIRST}...{LAST}")
    expected = content(file)
    assert content(lake) == expected
    assert expected["predictions"][0]
    assert expected["market_prices"][0]


def test_run_of_the_graph_on_dask_and_a_lake_gives_the_rows_of_the_file(server: int, tmp_path: Path) -> None:  # noqa: F811
    file = Door.to(tmp_path / "file", SMALL | SPAN)
    plain = on_a_lake(tmp_path / "lake", catalogue_in(server, "dask"))
    words = ("asset", "materialize", "-m", "nextgen_assets.definitions", "--select", DAILY)
    for door in (file, plain):
        call(door.environment, "nextgen_assets.cli", "migrate")
    call(file.environment, "dagster", *words, "--partition-range", f"{FIRST}...{LAST}")
    with cluster(tmp_path, 3, plain.environment, python=PYTHON) as dask:
        told = as_variables({"execution.executor": "dask", "execution.dask_address": dask.address})
        by_dask = {**plain.environment, **told}
        call(by_dask, "dagster", *words, "--partition-range", f"{FIRST}...{LAST}")
    assert content(plain) == content(file)
