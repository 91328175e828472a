"""Files of ticks through the real warehouse: bad lines quarantined, runs resumed, nothing written twice."""

from __future__ import annotations

import json
import lzma
import shutil
import struct
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.tick_import import Tally, TickImport
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.ticks.declaration import FILE_NAME, read_declaration
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.warehouse.tick_store import TickStore
from nextgen_resources.warehouse.warehouse import Warehouse

NOW = datetime(2020, 1, 2, tzinfo=UTC)
FIRST, LAST = date(2014, 6, 2), date(2014, 7, 31)
SHARED = Path(__file__).parents[2] / "shared" / "data"
QUOTES = (
    "ticks: [{files: '*.csv*', format: generic, instrument: EURUSD, hours: fx, "
    "options: {columns: [ts, bid, ask], time: iso}}]"
)
TRADES = (
    "ticks: [{files: '*.csv', format: generic, instrument: IBM, hours: exchange, "
    "options: {columns: [ts, last, size], time: iso}}]"
)


def folder_of(path: Path, declaration: str = QUOTES, **files: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / FILE_NAME).write_text(declaration)
    for name, content in files.items():
        (path / name.replace("_csv", ".csv")).write_text(content)
    return path


def run(
    warehouse: Warehouse, folder: Path, first: date = FIRST, last: date = LAST, chunk_bytes: int = 4_096
) -> Tally:
    chosen = load_settings(overrides={"intraday.chunk_bytes": chunk_bytes}).intraday
    store = TickStore(warehouse, "run", NOW)
    task = TickImport(store, xnys(), 30, chosen, first, last, NOW)
    return task.run(folder, read_declaration(folder).ticks)


def ticks(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.read("SELECT * FROM market_ticks ORDER BY instrument, ts, sequence")


def rejected(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.read("SELECT reason_code, partition_key, payload FROM quarantine ORDER BY ALL")


def minutes(count: int, start: str = "2014-07-01T12:00:00", step_seconds: int = 60) -> list[str]:
    begin = datetime.fromisoformat(start)
    return [
        f"{(begin + timedelta(seconds=step_seconds * n)).isoformat(sep=' ')}Z,{1 + n / 8192},{1.5 + n / 8192}"
        for n in range(count)
    ]


def holds(warehouse: Warehouse) -> None:
    """The asset's own checks."""
    for path in sorted((Path(__file__).parents[1] / "sql" / "checks" / "market_ticks").glob("*.sql")):
        assert warehouse.read(path.read_text(), first=date.min, last=date.max).is_empty(), path.name


def test_ticks_keep_their_file_and_line_and_bad_lines_go_to_quarantine_whole(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    lines = minutes(8)
    lines[2] = "2014-07-01 12:02:00Z,1.5,1.4"
    lines[5] = "an error page"
    tally = run(warehouse, folder_of(tmp_path / "in", eurusd_csv="\n".join(lines)))
    assert (tally.accepted, dict(tally.reasons)) == (6, {"crossed": 1, "wrong_field_count": 1})
    found = ticks(warehouse)
    assert found["source_line"].to_list() == [1, 2, 4, 5, 7, 8]
    assert found["source_file"].unique().to_list() == ["eurusd.csv"]
    assert found["session_date"].unique().to_list() == [date(2014, 7, 1)]
    payloads = [json.loads(text) for text in rejected(warehouse)["payload"]]
    assert {"file": "eurusd.csv", "line": 6, "text": "an error page"} in payloads
    holds(warehouse)


def test_second_run_opens_nothing_and_writes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", eurusd_csv="\n".join(minutes(300)))
    run(warehouse, folder)
    before, ledger = ticks(warehouse), warehouse.read("SELECT * FROM tick_imports ORDER BY ALL")
    again = run(warehouse, folder)
    assert (again.files, again.accepted) == (0, 0)
    assert ticks(warehouse).equals(before)
    assert warehouse.read("SELECT * FROM tick_imports ORDER BY ALL").equals(ledger)


def test_same_content_under_another_name_is_the_same_file(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", a_csv="\n".join(minutes(50)))
    run(warehouse, folder)
    shutil.move(folder / "a.csv", folder / "renamed.csv")
    assert run(warehouse, folder).files == 0


def test_file_that_grew_brings_only_what_is_new(warehouse: Warehouse, tmp_path: Path) -> None:
    lines = minutes(100)
    folder = folder_of(tmp_path / "in", a_csv="\n".join(lines[:60]))
    run(warehouse, folder)
    folder_of(folder, a_csv="\n".join(lines))
    grown = run(warehouse, folder)
    assert (grown.accepted, grown.held) == (40, 60)
    assert ticks(warehouse)["ts"].n_unique() == ticks(warehouse).height == 100
    holds(warehouse)


def test_equal_trades_of_one_instant_are_all_kept_once_whatever_files_bring_them(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    at = "2014-07-01 14:00:00Z,180.5,100"
    folder = folder_of(
        tmp_path / "in",
        TRADES,
        a_csv=f"{at}\n{at}\n",
        b_csv=f"{at}\n{at}\n{at}\n2014-07-01 14:00:00Z,181,5\n",
    )
    tally = run(warehouse, folder)
    assert (tally.accepted, tally.held) == (4, 2)
    assert ticks(warehouse).select("sequence", "last").rows() == [
        (0, 180.5),
        (2, 180.5),
        (4, 180.5),
        (6, 181.0),
    ]
    holds(warehouse)


def test_sessions_one_by_one_in_any_order_give_what_one_range_gives(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    lines = minutes(400, step_seconds=1_800)
    lines[111] = lines[110].replace(",1.5", ",0.5")
    lines[200], lines[202] = lines[202], lines[200]
    folder = folder_of(tmp_path / "in", a_csv="\n".join(lines))
    whole = Warehouse(database=str(tmp_path / "whole.duckdb"))
    whole.migrate()
    run(whole, folder)
    sessions = xnys().between(date(2014, 6, 30), date(2014, 7, 14))
    for session in [*sessions[5:], *sessions[2:4], *sessions[::-1]]:
        run(warehouse, folder, session, session)
    assert ticks(warehouse).equals(ticks(whole))
    assert rejected(warehouse).equals(rejected(whole))
    assert rejected(whole).height == 3
    holds(warehouse)


@pytest.mark.parametrize(
    ("chunk_bytes", "seed"),
    [
        pytest.param(4_096, 0, marks=pytest.mark.slow),
        (5_003, 1),
        pytest.param(11_111, 2, marks=pytest.mark.slow),
    ],
)
def test_size_of_the_stretches_changes_no_row(
    chunk_bytes: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = pl.DataFrame({"n": range(900)}).with_columns(
        second=pl.col("n").shuffle(seed) // 3, wild=pl.col("n").shuffle(seed + 1)
    )
    rows = rows.with_columns(
        pl.when(pl.col("wild") < 870).then(pl.col("n") // 3).otherwise("second").alias("second")
    )
    base = datetime(2014, 7, 1, 12, tzinfo=UTC)
    lines = [
        f"{(base + timedelta(seconds=second)).isoformat(sep=' ')},{1 + wild % 7},{3 + wild % 6}"
        for second, wild in rows.select("second", "wild").rows()
    ]
    tmp = tmp_path_factory.mktemp("stretches")
    folder = folder_of(tmp / "in", a_csv="\n".join(lines))
    found = []
    for size in (chunk_bytes, 1 << 20):
        path = tmp / f"{size}.duckdb"
        warehouse = Warehouse(database=str(path))
        warehouse.migrate()
        tally = run(warehouse, folder, chunk_bytes=size)
        assert tally.accepted + sum(tally.reasons.values()) == len(lines)
        holds(warehouse)
        found.append((ticks(warehouse), rejected(warehouse)))
    assert found[0][0].equals(found[1][0])
    assert found[0][1].equals(found[1][1])


def test_binary_hours_are_imported_with_their_bad_records_and_empty_hours_are_none(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    declared = (
        "ticks: [{files: 'EURUSD/*/*/*/*.bi5', format: dukascopy_bi5, hours: fx, options: {points: 100000}}]"
    )
    folder = folder_of(tmp_path / "in", declared)
    hour = folder / "EURUSD" / "2014" / "06" / "01"  # the first of July: months are counted from 00
    hour.mkdir(parents=True)
    records = [(n * 1_000, 136_890 + n, 136_880 + n, 1.5, 2.25) for n in range(30)]
    records[4] = (4_000, 136_000, 136_880, 1.5, 2.25)
    records[9] = (3_600_001, 136_899, 136_889, 1.5, 2.25)
    packed = b"".join(struct.pack(">IIIff", *record) for record in records)
    (hour / "12h_ticks.bi5").write_bytes(lzma.compress(packed, format=lzma.FORMAT_ALONE))
    (hour / "13h_ticks.bi5").write_bytes(b"")
    tally = run(warehouse, folder)
    assert (tally.accepted, dict(tally.reasons)) == (28, {"crossed": 1, "no_such_time": 1})
    first = ticks(warehouse).row(0, named=True)
    assert first["ts"] == datetime(2014, 7, 1, 12, tzinfo=UTC)
    assert [first[name] for name in ("bid", "ask", "bid_size", "ask_size", "source_line")] == [
        1.3688, 1.3689, 2.25, 1.5, 1,
    ]  # fmt: skip
    assert json.loads(rejected(warehouse)["payload"][0])["text"] == "4000,136000,136880,1.5,2.25"
    assert run(warehouse, folder).accepted == 0
    holds(warehouse)
    (hour / "14h_ticks.bi5").write_bytes(lzma.compress(packed[:-3], format=lzma.FORMAT_ALONE))
    with pytest.raises(ProviderDataError, match=r"14h_ticks\.bi5: 17 bytes follow the last whole record"):
        run(warehouse, folder)


KILLED = """
import os, signal, sys
from pathlib import Path
from nextgen_resources.warehouse.tick_store import TickStore
from nextgen_resources.warehouse import tick_store
from tests.test_tick_import import run
from nextgen_resources.warehouse.warehouse import Warehouse
done, record = [], TickStore._record
def dying(self, *args):
    if len(done) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)   # the rows are inserted, nothing is committed
    done.append(1)
    record(self, *args)
TickStore._record = dying
run(Warehouse(database=sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("commits", [0, 3])
def test_run_that_is_killed_half_way_goes_on_where_it_stopped(
    warehouse: Warehouse, tmp_path: Path, commits: int
) -> None:
    folder = folder_of(tmp_path / "in", a_csv="\n".join(minutes(900, step_seconds=7)))
    root = Path(__file__).parents[1]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, warehouse.database, str(folder), str(commits)], cwd=root, check=False
    )
    assert killed.returncode == -9
    half = ticks(warehouse)
    assert (half.height > 0) == (commits > 0)
    assert half.height < 900
    resumed = run(warehouse, folder)
    assert resumed.accepted == 900 - half.height
    whole = Warehouse(database=str(tmp_path / "whole.duckdb"))
    whole.migrate()
    run(whole, folder)
    assert ticks(warehouse).equals(ticks(whole))
    holds(warehouse)


def test_file_that_is_mostly_no_ticks_is_refused_and_nothing_of_it_is_written(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    page = "\n".join(f"<p>line {n}</p>" for n in range(100))
    with pytest.raises(ProviderDataError, match=r"a\.csv: 100 of 100 lines.*line 1 is '<p>line 0</p>'"):
        run(warehouse, folder_of(tmp_path / "in", a_csv=page))
    assert ticks(warehouse).is_empty()
    assert rejected(warehouse).is_empty()


def test_rows_in_are_rows_accepted_and_rows_quarantined_of_real_ticks(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    originals = SHARED / "lean_intraday_tick" / "original_zips"
    if not originals.is_dir():
        pytest.skip("the data sets of ../shared/data are not beside the repository")
    declared, folder = [], tmp_path / "in"
    for security, kind, stem in (
        ("equity", "trade", "equity__usa__tick__ibm"),
        ("equity", "quote", "equity__usa__tick__ibm"),
        ("forex", "quote", "forex__fxcm__tick__eurusd"),
        ("forex", "quote", "forex__oanda__tick__eurusd"),
    ):
        pattern = rf".*__tick__(?P<instrument>[a-z]+)__(?P<day>\d{{8}})_{kind}\.zip"
        declared.append(
            f"- {{files: '{stem}*_{kind}.zip', format: lean, options: {{security: {security}, kind: {kind}}}, "
            f"pattern: '{pattern}', hours: utc}}"
        )
    folder_of(folder, "ticks:\n" + "\n".join(declared))
    lines = 0
    for path in originals.glob("*__tick__*.zip"):
        shutil.copyfile(path, folder / path.name)
        with zipfile.ZipFile(path) as archive:
            lines += sum(len(archive.read(name).splitlines()) for name in archive.namelist())
    tally = run(warehouse, folder, date(2013, 1, 2), date(2014, 12, 31), chunk_bytes=1 << 20)
    assert (tally.accepted, dict(tally.reasons)) == (165_389, {"crossed": 174, "flagged_by_source": 1})
    assert tally.accepted + sum(tally.reasons.values()) == lines
    trades = ticks(warehouse).filter(pl.col("last").is_not_null())
    frame = pl.read_parquet(SHARED / "lean_intraday_tick" / "equity_tick_trade_ny.parquet")
    day = frame.filter((pl.col("ticker") == "IBM") & (pl.col("ts").dt.date() == date(2013, 10, 7)))
    utc = day["ts"].dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
    assert trades["ts"].equals(utc.cast(trades["ts"].dtype).sort())
    assert trades["last"].sum() == pytest.approx(day["price"].sum(), rel=1e-12)
    holds(warehouse)
