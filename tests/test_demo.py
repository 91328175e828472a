"""The demo on the whole embedded history, twice: the second time it changes nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[1]


def table_hashes(path: Path) -> dict[str, str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {
            name: str(connection.execute(f'SELECT count(*), bit_xor(hash(t)) FROM "{name}" t').fetchall())
            for name in names
        }


def run_count(home: Path) -> int:
    with sqlite3.connect(home / "history" / "runs.db") as connection:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_fills_every_table_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)
    environ = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "NEXTGEN__PATHS__DATA_DIR": str(tmp_path / "data"),
        "COLUMNS": "120",
    }
    command = [sys.executable, "-m", "nextgen_assets.cli", "demo"]
    started = time.monotonic()
    first = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    print(f"demo: {time.monotonic() - started:.0f} s\n{first.stdout}")
    assert first.returncode == 0, first.stdout + first.stderr
    warehouse = tmp_path / "data" / "baseline" / "warehouse.duckdb"
    before, runs = table_hashes(warehouse), run_count(home)
    empty = {name for name, content in before.items() if content.startswith("[(0,")}
    corrections = {"market_price_revisions", "market_price_confirmations", "corporate_action_revisions"}
    corrections |= {"prediction_accuracy_revisions", "threshold_overrides"}
    failures = {
        "quarantine",
        "quality_findings",
        "news_score_failures",
        "news_scoring_runs",
        "provider_calls",
    }
    repairs = {"price_repairs", "action_repairs"}
    intraday = {"market_ticks", "tick_imports", "intraday_prices", "bars_mtf", "mtf_state"}
    assert empty <= corrections | failures | intraday | repairs | {"_migrations"}
    assert "buy and hold" in first.stdout.lower().replace("-", " ")
    assert "base rate" in first.stdout
    second = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing was changed" in second.stdout
    assert table_hashes(warehouse) == before
    assert run_count(home) == runs
