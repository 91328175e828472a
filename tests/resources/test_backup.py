"""A backup holds what was committed, proves itself, and comes back equal; a damaged one is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from nextgen_assets.cli import main
from nextgen_resources.alerts.messages import Message
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.backup import back_up, contents_of, read_backup, restore
from nextgen_resources.errors import BackupError
from nextgen_resources.warehouse.warehouse import Warehouse

NOW = datetime(2024, 5, 3, 21, 0, tzinfo=UTC)


def insert(warehouse: Warehouse, day: date, n_rows: int = 3) -> None:
    rows = pl.DataFrame({"ticker": [f"T{i}" for i in range(n_rows)]})
    with warehouse.get_connection() as connection:
        connection.register("given", rows.to_arrow())
        connection.execute(
            "INSERT INTO strategic_priorities SELECT ticker, $day, 'core', 0.5, 'r', '{}', $at, 'run' FROM given",
            {"day": day, "at": NOW},
        )


@pytest.fixture
def scenario(warehouse: Warehouse) -> Warehouse:
    insert(warehouse, date(2024, 5, 1))
    models = warehouse.path.parent / "models" / "ab"
    models.mkdir(parents=True)
    (models / "manifest.json").write_text('{"family": "lstm"}')
    Outbox(warehouse.path.parent / "alerts.sqlite").put(
        [Message("run_failed", "baseline", "r", NOW, {})], {"ops": ["run_failed"]}, NOW
    )
    return warehouse


def test_backup_comes_back_equal_in_another_place(scenario: Warehouse, tmp_path: Path) -> None:
    made = back_up(scenario, "baseline", tmp_path / "backups", NOW)
    assert made.folder.name == "baseline-20240503T210000000000Z"
    assert made.contents["strategic_priorities"][0] == 3
    place = tmp_path / "elsewhere" / "baseline"
    place.parent.mkdir()
    assert restore(made.folder, place, "baseline") is None
    again = Warehouse(database=str(place / "warehouse.duckdb"))
    assert contents_of(again) == contents_of(scenario) == made.contents
    assert (place / "models" / "ab" / "manifest.json").read_text() == '{"family": "lstm"}'
    assert Outbox(place / "alerts.sqlite").counts()["pending"] == 1
    insert(again, date(2024, 5, 2))
    assert contents_of(again) != made.contents, "the hash must see a new row"


def test_hash_of_contents_sees_a_changed_value_and_not_the_order(scenario: Warehouse) -> None:
    before = contents_of(scenario)
    with scenario.get_connection() as connection:
        connection.execute(
            "CREATE TEMP TABLE moved AS SELECT * FROM strategic_priorities ORDER BY ticker DESC"
        )
        connection.execute("DELETE FROM strategic_priorities")
        connection.execute("INSERT INTO strategic_priorities SELECT * FROM moved")
    assert contents_of(scenario) == before
    with scenario.get_connection() as connection:
        connection.execute("UPDATE strategic_priorities SET score = 0.6 WHERE ticker = 'T1'")
    assert contents_of(scenario) != before


@pytest.mark.parametrize("name", ["warehouse.duckdb", "models/ab/manifest.json", "backup.json"])
def test_damaged_backup_is_refused_and_the_scenario_left_as_it_is(
    scenario: Warehouse, tmp_path: Path, name: str
) -> None:
    made = back_up(scenario, "baseline", tmp_path / "backups", NOW)
    with (made.folder / name).open("r+b") as stream:
        stream.seek(2)
        stream.write(b"\xff")
    with pytest.raises(BackupError, match=r"changed since|no backup"):
        restore(made.folder, tmp_path / "place" / "baseline", "baseline")
    assert not (tmp_path / "place").exists()


def test_missing_and_added_files_are_named(scenario: Warehouse, tmp_path: Path) -> None:
    made = back_up(scenario, "baseline", tmp_path / "backups", NOW)
    (made.folder / "models" / "ab" / "manifest.json").rename(made.folder / "stray.bin")
    with pytest.raises(BackupError, match=r"missing or added .*manifest\.json, stray\.bin"):
        read_backup(made.folder)


def test_what_is_there_is_moved_aside_and_only_on_request(scenario: Warehouse, tmp_path: Path) -> None:
    made = back_up(scenario, "baseline", tmp_path / "backups", NOW)
    place = tmp_path / "place"
    (place / "baseline").mkdir(parents=True)
    (place / "baseline" / "warehouse.duckdb").write_text("the old one")
    with pytest.raises(BackupError, match="--replace"):
        restore(made.folder, place / "baseline", "baseline")
    aside = restore(made.folder, place / "baseline", "baseline", is_replacing=True)
    assert aside is not None
    assert (aside / "warehouse.duckdb").read_text() == "the old one"
    with pytest.raises(BackupError, match="backup of baseline, not of bolder"):
        restore(made.folder, place / "bolder", "bolder")


def test_writer_that_commits_meanwhile_is_in_it_whole_or_not_at_all(
    scenario: Warehouse, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        for day in range(1, 28):
            if stop.is_set():
                return
            insert(Warehouse(database=scenario.database), date(2023, 1, day), 200)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.1)
    made = back_up(scenario, "baseline", tmp_path / "backups", NOW)
    stop.set()
    writer.join()
    place = tmp_path / "place"
    restore(made.folder, place, "baseline")
    counts = Warehouse(database=str(place / "warehouse.duckdb")).read(
        "SELECT count(*) AS n FROM strategic_priorities WHERE session_date < '2024-01-01' GROUP BY session_date"
    )
    assert set(counts["n"]) <= {200}


def test_killed_backup_leaves_no_folder_that_looks_whole(scenario: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    code = (
        "import os, signal, sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from nextgen_resources import backup; from nextgen_resources.warehouse.warehouse import Warehouse\n"
        "backup._sync = lambda folder: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.back_up(Warehouse(database=sys.argv[1]), 'baseline', Path(sys.argv[2]), datetime.now(UTC))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, scenario.database, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [name for name in os.listdir(target) if not name.startswith(".")] == []
    back_up(scenario, "baseline", target, NOW)


def test_command_line_takes_a_backup_and_brings_it_back(tmp_path: Path) -> None:
    env = {"NEXTGEN__PATHS__DATA_DIR": str(tmp_path / "data"), "NEXTGEN__SCENARIO_ID": "small"}
    runner = CliRunner()
    assert runner.invoke(main, ["migrate"], env=env).exit_code == 0
    said = runner.invoke(main, ["backup", str(tmp_path / "kept")], env=env)
    assert said.exit_code == 0, said.output
    (folder,) = (tmp_path / "kept").iterdir()
    refused = runner.invoke(main, ["restore", str(folder)], env=env)
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    said = runner.invoke(main, ["restore", str(folder), "--replace"], env=env)
    assert said.exit_code == 0, said.output
    assert "tables equal to the backup" in said.output
