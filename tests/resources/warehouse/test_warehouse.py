"""The warehouse file: transactions, short connections, clear errors, compaction; the lock on it."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from nextgen_resources.errors import WarehouseBusyError, WarehouseCorruptError, WarehouseError
from nextgen_resources.warehouse import warehouse as warehouse_module
from nextgen_resources.warehouse.lock import FileLock
from nextgen_resources.warehouse.schema import read_tables
from nextgen_resources.warehouse.warehouse import Warehouse, frame_of, named_query
from tests.resources.warehouse.table_rows import day, priorities, signals

ROOT = Path(__file__).parents[3]
MONDAY, TUESDAY = day("2005-01-10"), day("2005-01-11")
COUNT = "SELECT count(*) FROM strategic_priorities"


def _insert(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> None:
    connection.register("rows", frame)
    connection.execute("INSERT INTO strategic_priorities BY NAME SELECT * FROM rows")
    connection.unregister("rows")


def _put(warehouse: Warehouse, frame: pl.DataFrame) -> None:
    with warehouse.transaction() as connection:
        _insert(connection, frame)


def _impatient(warehouse: Warehouse, seconds: float = 0.4) -> Warehouse:
    return Warehouse(database=warehouse.database, lock_timeout_seconds=seconds)


@pytest.fixture
def rows() -> pl.DataFrame:
    return priorities([MONDAY], run_id="run-1")


@pytest.fixture
def elsewhere(warehouse):
    """Starts another process that does ``code`` with ``path`` and waits until it says it is there."""
    started = []

    def start(code: str) -> subprocess.Popen[str]:
        waits = "print('there', flush=True)\nimport time\ntime.sleep(60)\n"
        text = f"path = {warehouse.database!r}\n{code}\n{waits}"
        process = subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "there"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


HOLD_LOCK = (
    "from pathlib import Path\nfrom nextgen_resources.warehouse.lock import FileLock\n"
    "held = FileLock(Path(path), 5).hold(exclusive={})\nheld.__enter__()"
)
FOREIGN = "import duckdb\nconnection = duckdb.connect(path, read_only={})"


# --- transactions and connections


def test_transaction_commits_at_its_end(warehouse, rows) -> None:
    _put(warehouse, rows)
    assert warehouse.scalar(COUNT) == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_transaction_is_rolled_back_by_any_error(warehouse, rows, error) -> None:
    def write() -> None:
        with warehouse.transaction() as connection:
            _insert(connection, rows)
            raise error

    with pytest.raises(error):
        write()
    assert warehouse.scalar(COUNT) == 0


def test_refused_row_rolls_the_earlier_ones_back_and_its_error_is_seen(warehouse, rows) -> None:
    bad = rows.with_columns(score=pl.lit(7.0), session_date=TUESDAY)

    def write() -> None:
        with warehouse.transaction() as connection:
            _insert(connection, rows)
            _insert(connection, bad)

    with pytest.raises(duckdb.ConstraintException, match="CHECK"):
        write()
    assert warehouse.scalar(COUNT) == 0


def test_error_of_a_block_that_ended_its_own_transaction_is_not_hidden(warehouse) -> None:
    def write() -> None:
        with warehouse.transaction() as connection:
            connection.execute("ROLLBACK")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        write()


def test_connection_inside_a_transaction_is_that_of_the_transaction(warehouse, rows) -> None:
    with warehouse.transaction() as outer:
        _insert(outer, rows)
        with warehouse.get_connection() as inner:
            assert inner is outer
        assert warehouse.scalar(COUNT) == 2, "reads inside see what was written"


def test_another_resource_on_the_same_file_shares_the_open_connection(warehouse, rows, monkeypatch) -> None:
    monkeypatch.chdir(warehouse.path.parent)
    other = Warehouse(database=warehouse.path.name)
    with warehouse.transaction() as connection:
        _insert(connection, rows)
        assert other.scalar(COUNT) == 2


def test_transaction_inside_a_transaction_is_part_of_it(warehouse, rows) -> None:
    def write() -> None:
        with warehouse.transaction():
            _put(warehouse, rows)
            raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        write()
    assert warehouse.scalar(COUNT) == 0


def test_write_inside_a_read_is_refused_at_once(warehouse) -> None:
    with (
        warehouse._connection(exclusive=False),
        pytest.raises(WarehouseError, match="being read by this very thread; end that read"),
        warehouse.transaction(),
    ):
        pass


def test_read_inside_a_read_leaves_the_lock_with_the_outer_one(warehouse) -> None:
    with warehouse._connection(exclusive=False) as outer:
        assert warehouse.scalar(COUNT) == 0
        assert outer.execute(COUNT).fetchall() == [(0,)]
        assert _refused_elsewhere(warehouse)
    assert not _refused_elsewhere(warehouse)


def test_reads_of_a_snapshot_share_one_opening_and_keep_writers_out(warehouse, rows, monkeypatch) -> None:
    _put(warehouse, rows)
    opened: list[bool] = []
    connect = Warehouse._connect
    monkeypatch.setattr(
        Warehouse,
        "_connect",
        lambda self, *, exclusive: opened.append(exclusive) or connect(self, exclusive=exclusive),
    )
    with warehouse.snapshot():
        assert warehouse.scalar("SELECT count(*) FROM strategic_priorities") == rows.height
        assert warehouse.read("SELECT * FROM strategic_priorities").height == rows.height
        assert _refused_elsewhere(warehouse)
        with pytest.raises(WarehouseError, match="end that read, then write"), warehouse.transaction():
            pass
    assert opened == [False]
    _put(warehouse, rows.clear())  # free again


def _refused_elsewhere(warehouse: Warehouse) -> bool:
    code = (
        "from pathlib import Path\nfrom nextgen_resources.errors import WarehouseBusyError\n"
        "from nextgen_resources.warehouse.lock import FileLock\n"
        f"try:\n    FileLock(Path({warehouse.database!r}), 0.2).hold(exclusive=True).__enter__()\n"
        "except WarehouseBusyError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "refused"


def test_threads_that_share_the_resource_do_not_share_a_transaction(warehouse, rows) -> None:
    written, seen = threading.Event(), []

    def read() -> None:
        written.wait(10)
        seen.append(warehouse.scalar(COUNT))

    def write() -> None:
        with warehouse.transaction() as connection:
            _insert(connection, rows)
            written.set()
            time.sleep(0.3)
            assert seen == [], "the reader waits for the writer"
            raise ValueError("taken back")

    reader = threading.Thread(target=read)
    reader.start()
    with pytest.raises(ValueError, match="taken back"):
        write()
    reader.join(10)
    assert seen == [0]


def test_connections_are_closed_after_use(warehouse, rows) -> None:
    _put(warehouse, rows)
    assert warehouse.scalar(COUNT) == 2
    with duckdb.connect(warehouse.database) as mine:  # refused while another connection is open
        assert mine.execute(COUNT).fetchall() == [(2,)]


# --- reading


def test_read_without_a_warehouse_says_how_to_make_one(tmp_path) -> None:
    absent = Warehouse(database=str(tmp_path / "warehouse.duckdb"))
    with pytest.raises(
        WarehouseError, match=r"no warehouse at warehouse\.duckdb; run `nextgen migrate` first"
    ):
        absent.read(COUNT)
    assert not absent.path.exists()


def test_unknown_query_is_named_with_those_there_are(warehouse, tmp_path, monkeypatch) -> None:
    (tmp_path / "known_one.sql").write_text("SELECT 1 AS one")
    monkeypatch.setattr(warehouse_module, "QUERIES_DIR", tmp_path)
    with pytest.raises(
        WarehouseError, match=r"no query 'unheard_of' in sql/queries; it holds \['known_one'\]"
    ):
        warehouse.read("unheard_of")


def test_named_query_is_read_with_its_parameters(warehouse, tmp_path, monkeypatch) -> None:
    (tmp_path / "sum_of_two.sql").write_text("SELECT $left + $right AS total")
    monkeypatch.setattr(warehouse_module, "QUERIES_DIR", tmp_path)
    assert warehouse.scalar("sum_of_two", left=19, right=23) == 42
    named_query.cache_clear()


def test_query_over_several_lines_is_sql(warehouse) -> None:
    assert warehouse.scalar("SELECT\n7") == 7


def test_scalar_of_no_rows_is_none(warehouse) -> None:
    assert warehouse.scalar("SELECT ticker FROM strategic_priorities") is None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_times_come_back_in_utc_whatever_the_zone_of_the_machine(warehouse, zone) -> None:
    code = (
        "from datetime import datetime\nfrom zoneinfo import ZoneInfo\n"
        "from nextgen_resources.warehouse.warehouse import Warehouse\n"
        "from tests.resources.warehouse.table_rows import priorities, day\n"
        f"warehouse = Warehouse(database={warehouse.database!r})\n"
        "instant = datetime(2005, 1, 10, 16, 30, tzinfo=ZoneInfo('America/New_York'))\n"
        "with warehouse.transaction() as connection:\n"
        "    rows = priorities([day('2005-01-10')], run_id='r', as_of=instant)\n"
        "    connection.execute('INSERT INTO strategic_priorities BY NAME SELECT * FROM rows')\n"
        "query = 'SELECT as_of, $moment AS moment FROM strategic_priorities'\n"
        "frame = warehouse.read(query, moment=instant)\n"
        "print(frame.schema, frame.row(0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": zone, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
    )
    assert done.stdout.count("time_zone='UTC'") == 2
    assert (
        done.stdout.count("datetime.datetime(2005, 1, 10, 21, 30, tzinfo=zoneinfo.ZoneInfo(key='UTC'))") == 2
    )


# --- busy, corrupt


def test_lock_held_by_another_process_is_busy_after_the_time_out(warehouse, elsewhere) -> None:
    elsewhere(HOLD_LOCK.format(True))
    started = time.monotonic()
    with pytest.raises(
        WarehouseBusyError, match=r"held .* more than 0\.4 seconds; .*nothing was written"
    ) as refusal:
        _impatient(warehouse).scalar(COUNT)
    assert 0.3 < time.monotonic() - started < 5
    assert refusal.value.is_retryable


def test_reader_elsewhere_lets_readers_in_and_keeps_writers_out(warehouse, elsewhere) -> None:
    elsewhere(HOLD_LOCK.format(False))
    assert _impatient(warehouse).scalar(COUNT) == 0
    with (
        pytest.raises(WarehouseBusyError, match="held by a reader or writer"),
        _impatient(warehouse).transaction(),
    ):
        pass


def test_lock_of_a_killed_process_is_free(warehouse, elsewhere) -> None:
    elsewhere(HOLD_LOCK.format(True)).kill()
    assert _impatient(warehouse, 5).scalar(COUNT) == 0


def test_lock_held_by_another_thread_is_busy_after_the_time_out(warehouse) -> None:
    with warehouse.transaction():
        refusals = []

        def read() -> None:
            try:
                _impatient(warehouse).scalar(COUNT)
            except WarehouseBusyError as error:
                refusals.append(str(error))

        reader = threading.Thread(target=read)
        reader.start()
        reader.join(10)
    assert len(refusals) == 1
    assert "held by another thread of this process" in refusals[0]


def test_refused_attempt_does_not_free_the_lock_of_a_later_one(warehouse, elsewhere) -> None:
    process = elsewhere(HOLD_LOCK.format(True))
    with pytest.raises(WarehouseBusyError) as refusal:  # keeps the frames of the attempt alive
        _impatient(warehouse).scalar(COUNT)
    process.kill()
    process.wait()
    with FileLock(warehouse.path, 5).hold(exclusive=True):
        del refusal
        gc.collect()
        assert _refused_elsewhere(warehouse)


def test_link_to_the_file_is_the_same_lock(warehouse, tmp_path) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(warehouse.path)
    with FileLock(link, 5).hold(exclusive=True):
        assert _refused_elsewhere(warehouse)


def test_file_open_in_a_foreign_program_is_busy(warehouse, elsewhere) -> None:
    elsewhere(FOREIGN.format(False))
    with pytest.raises(
        WarehouseBusyError, match=r"program that does not share our lock .*close it and run again"
    ):
        _impatient(warehouse).scalar(COUNT)
    with pytest.raises(WarehouseBusyError, match="does not share our lock"):
        _impatient(warehouse).compact()


def test_foreign_program_that_ends_in_time_is_waited_for(warehouse, elsewhere) -> None:
    process = elsewhere(FOREIGN.format(False))
    threading.Timer(0.5, process.kill).start()
    with _impatient(warehouse, 10).transaction() as connection:
        assert connection.execute(COUNT).fetchall() == [(0,)]


def test_file_open_with_other_settings_in_this_process_is_busy(warehouse) -> None:
    with (
        duckdb.connect(warehouse.database),
        pytest.raises(WarehouseBusyError, match="close it and run again"),
    ):
        _impatient(warehouse).scalar(COUNT)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b"this is no database" * 500,
        lambda raw: b"",
        lambda raw: raw[: len(raw) // 3],
        lambda raw: raw[:8300] + b"\xff" * 64 + raw[8364:],
    ],
    ids=["text", "empty", "cut off", "flipped bytes"],
)
@pytest.mark.parametrize("exclusive", [True, False], ids=["writing", "reading"])
def test_corrupt_file_is_named_with_what_to_do(warehouse, rows, spoil, exclusive) -> None:
    _put(warehouse, rows)
    warehouse.path.write_bytes(spoil(warehouse.path.read_bytes()))
    told = r"warehouse\.duckdb cannot be read as a warehouse; copy it aside, restore the last backup"
    with (
        pytest.raises(WarehouseCorruptError, match=told),
        warehouse._connection(exclusive=exclusive) as connection,
    ):
        connection.execute("SELECT * FROM strategic_priorities").fetchall()


def test_unknown_setting_of_the_database_is_not_called_corruption(warehouse) -> None:
    strange = Warehouse(database=warehouse.database, connection_config={"no_such_setting": 1})
    with pytest.raises(WarehouseError, match="could not be opened") as refusal:
        strange.scalar(COUNT)
    assert not isinstance(refusal.value, WarehouseCorruptError)


# --- compaction


def test_compaction_keeps_every_row_and_the_schema_and_gives_the_space_back(warehouse) -> None:
    tickers = [f"T{number}" for number in range(100)]
    for session in (MONDAY + timedelta(days=offset) for offset in range(40)):
        _put(warehouse, priorities([session], tickers, run_id="run-1", rationale="why " * 12))
    with warehouse.transaction() as connection:
        connection.register("rows", signals([MONDAY], run_id="run-1"))
        connection.execute("INSERT INTO retrain_signals BY NAME SELECT * FROM rows")

    def content() -> tuple[object, ...]:
        with warehouse._connection(exclusive=False) as connection:
            parts = ["duckdb_views() WHERE NOT internal", "duckdb_functions() WHERE NOT internal"]
            return (
                read_tables(connection),
                connection.execute(
                    "SELECT constraint_text FROM duckdb_constraints() ORDER BY ALL"
                ).fetchall(),
                [connection.execute(f"SELECT count(*) FROM {part}").fetchall() for part in parts],
                frame_of(connection, "SELECT * FROM strategic_priorities ORDER BY ALL").rows(),
                frame_of(connection, "SELECT * FROM retrain_signals").rows(),
            )

    before = content()
    size_before, size_after = warehouse.compact()
    assert content() == before
    assert size_after == warehouse.path.stat().st_size < size_before
    assert warehouse.is_migrated()
    assert {path.name.partition("duckdb")[2] for path in warehouse.path.parent.iterdir()} <= {
        "",
        ".lock",
        ".turn",
    }


def test_leftovers_of_a_killed_compaction_do_not_reach_the_next_one(warehouse, rows) -> None:
    _put(warehouse, rows)
    code = (
        "import duckdb, os, signal\n"
        f"connection = duckdb.connect({str(warehouse.path.with_suffix('.compacting'))!r})\n"
        "connection.execute('CREATE TABLE stale (a INT)')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert warehouse.path.with_name("warehouse.compacting.wal").exists()
    warehouse.compact()
    assert warehouse.scalar(COUNT) == 2
    assert not warehouse.scalar("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'stale'")


def test_compaction_of_what_a_killed_writer_left_keeps_what_was_committed(warehouse, rows) -> None:
    code = (
        "import os, signal\nfrom nextgen_resources.warehouse.warehouse import Warehouse\n"
        f"warehouse = Warehouse(database={warehouse.database!r})\n"
        "with warehouse.get_connection() as connection:\n"
        "    connection.execute('CREATE TABLE kept AS SELECT 42 AS answer')\n"
        "    connection.execute('BEGIN')\n    connection.execute('DROP TABLE kept')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert warehouse.path.with_name("warehouse.duckdb.wal").exists()
    assert warehouse.scalar("SELECT answer FROM kept") == 42, "a reader sees it before any writer came"
    warehouse.compact()
    assert warehouse.scalar("SELECT answer FROM kept") == 42


def test_compaction_inside_a_transaction_is_refused(warehouse) -> None:
    with (
        warehouse.transaction(),
        pytest.raises(WarehouseError, match="is open in this thread; compact it after"),
    ):
        warehouse.compact()


def test_compaction_without_a_warehouse_says_how_to_make_one(tmp_path) -> None:
    with pytest.raises(WarehouseError, match="run `nextgen migrate` first"):
        Warehouse(database=str(tmp_path / "warehouse.duckdb")).compact()


def test_path_with_quotes_is_compacted(tmp_path, warehouse) -> None:
    odd = tmp_path / "it's; DROP" / "warehouse.duckdb"
    odd.parent.mkdir()
    warehouse.path.rename(odd)
    assert Warehouse(database=str(odd)).compact()[1] > 0


def test_frozen_instant_survives_a_round_trip_to_the_microsecond(warehouse) -> None:
    instant = datetime(2013, 3, 1, 21, 30, 0, 123457, tzinfo=UTC)
    assert warehouse.scalar("SELECT $moment AS moment", moment=instant) == instant
