"""Ticks per second through the import, with every check, and bars of seven timeframes, beside raw DuckDB and Polars.

``python -m tests.benchmarks.bench_ticks [ticks] [repeats]``: CSV files of trades and quotes into market_ticks, and
by DuckDB's own ``read_csv`` with the fields and times of the file into a table on disk; then bars of 1m to 1w in days of
UTC, and by ``group_by_dynamic``; in turn, medians of wall and CPU seconds, and their ratios (peer over ours).
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from nextgen_assets.domain.bars import build_bars, ticks_as_bars
from nextgen_assets.domain.market_days import parse_timeframes
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.tick_import import TickImport
from nextgen_resources.market_data.ticks.declaration import FILE_NAME, read_declaration
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.warehouse.tick_store import TickStore
from nextgen_resources.warehouse.warehouse import Warehouse

START = 1_399_161_600_000  # Sunday 4 May 2014, in milliseconds
NOW = datetime(2020, 1, 2, tzinfo=UTC)
SETTINGS = load_settings().intraday
TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
FORMATS = {
    "binance trades, epoch ms": (
        "format: binance, options: {file: trades}, instrument: BTCUSDT",
        "SELECT * REPLACE (make_timestamptz(time * 1000) AS time) FROM read_csv('{path}', header = false, columns = "
        "{{'id': 'BIGINT', 'price': 'DOUBLE', 'qty': 'DOUBLE', 'quote': 'DOUBLE', 'time': 'BIGINT', 'a': 'VARCHAR', "
        "'b': 'VARCHAR'}})",
    ),
    "histdata quotes, readable time": (
        "format: histdata, instrument: EURUSD",
        "SELECT * REPLACE (strptime(t, '%Y%m%d %H%M%S%g') + INTERVAL 5 HOUR AS t) FROM read_csv('{path}', "
        "header = false, columns = {{'t': 'VARCHAR', 'bid': 'DOUBLE', 'ask': 'DOUBLE', 'v': 'DOUBLE'}})",
    ),
}


def ticks_of(count: int) -> pl.DataFrame:
    """A walk of prices with sizes of eighths."""
    rng = np.random.default_rng(7)
    price = np.round(1.38 + np.cumsum(rng.normal(0, 1e-5, count)), 5)
    ms = START + np.cumsum(rng.integers(1, 600, count))
    return pl.DataFrame({"ms": ms, "price": price, "size": rng.integers(1, 1_000, count) / 8})


def write_files(folder: Path, ticks: pl.DataFrame) -> None:
    """One file of each format."""
    yes = pl.lit("True")
    trades = ticks.select(
        pl.int_range(pl.len()).alias("id"), "price", "size", (pl.col("price") * pl.col("size")).alias("quote"), "ms", a=yes, b=yes
    )  # fmt: skip
    wall = (pl.col("ms") - 5 * 3_600_000).cast(pl.Datetime("ms")).dt.strftime("%Y%m%d %H%M%S%3f")
    quotes = ticks.select(wall, "price", (pl.col("price") + 0.0001).round(5).alias("ask"), volume=pl.lit(0))
    for name, frame in zip(FORMATS, (trades, quotes), strict=True):
        home = folder / name.split()[0]
        home.mkdir()
        frame.write_csv(home / "ticks.csv", include_header=False)
        (home / FILE_NAME).write_text(f"ticks: [{{files: '*.csv', hours: utc, {FORMATS[name][0]}}}]")


def imported(folder: Path, target: Path, chunk_bytes: int | None = None) -> int:
    """The import: parse, judge, number, write with its ledger."""
    overrides = {} if chunk_bytes is None else {"intraday.chunk_bytes": chunk_bytes}
    warehouse = Warehouse(database=str(target), connection_config={"threads": 2})
    task = TickImport(
        TickStore(warehouse, "run", NOW),
        xnys(),
        30,
        load_settings(overrides=overrides).intraday,
        date(2014, 1, 2),
        date(2019, 1, 2),
        NOW,
    )
    return task.run(folder, read_declaration(folder).ticks).accepted


def peak_mebibytes(home: Path, target: Path) -> float:
    """Peak memory of a process that imports the files of ``home`` in blocks of 4 MiB."""
    code = (
        "import sys; from pathlib import Path; from tests.benchmarks.bench_ticks import imported; "
        "imported(Path(sys.argv[1]), Path(sys.argv[2]), 4 << 20); "
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(home), str(target)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(ran.stdout) / 1024


def print_memory(folder: Path, empty: Path, count: int) -> None:
    """Peak memory for files of one, two and four times as many quotes: bounded means that it does not follow."""
    found = []
    for times in (1, 2, 4):
        home = folder / f"memory{times}"
        home.mkdir()
        write_files(home, ticks_of(count * times))
        target = home / "ticks.duckdb"
        shutil.copyfile(empty, target)
        found.append(f"{count * times:,} quotes {peak_mebibytes(home / 'histdata', target):,.0f} MiB")
        shutil.rmtree(home)
    print(f"peak memory of an import in blocks of 4 MiB: {', '.join(found)}")


def by_read_csv(query: str, path: Path, target: Path) -> int:
    """The least that gets the fields into a table on disk: no check, no line, no file, no order."""
    with duckdb.connect(str(target), config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE ticks AS {query.format(path=path)}")
        return int(connection.execute("SELECT count(*) FROM ticks").fetchall()[0][0])


def compare(title: str, count: int, repeats: int, ways: dict[str, Callable[[], Any]]) -> None:
    """Run the ways in turn and print medians; the first is ours, the second the peer."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            if repeat:  # the first one loads what is loaded once
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {
        name: [statistics.median(column) for column in zip(*times, strict=True)]
        for name, times in taken.items()
    }
    print(f"{title}, {count:,} ticks, {repeats} times")
    for name, (wall, cpu) in medians.items():
        print(f"  {name:24s} {count / wall / 1e6:8.2f} M ticks/s   {wall:7.3f} s wall {cpu:7.3f} s CPU")
    ours, peer = medians.values()
    print(f"  ratio                    {peer[0] / ours[0]:8.2f} by wall, {peer[1] / ours[1]:.2f} by CPU")


def main(count: int = 1_500_000, repeats: int = 3) -> None:
    """Both formats, then bars."""
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), iter(range(10_000))
        ticks = ticks_of(count)
        write_files(folder, ticks)
        empty = folder / "empty.duckdb"
        Warehouse(database=str(empty)).migrate()

        def through_import(home: Path) -> None:
            target = folder / f"{next(number)}.duckdb"
            shutil.copyfile(empty, target)
            assert imported(home, target) == count
            target.unlink()

        def through_duckdb(query: str, path: Path) -> None:
            target = folder / f"{next(number)}.duckdb"
            assert by_read_csv(query, path, target) == count
            target.unlink()

        for title, (_, query) in FORMATS.items():
            home = folder / title.split()[0]
            ways: dict[str, Callable[[], Any]] = {
                "import, all checks": lambda home=home: through_import(home),  # type: ignore[misc]
                "duckdb read_csv": lambda q=query, p=home / "ticks.csv": through_duckdb(q, p),  # type: ignore[misc]
            }
            compare(f"import, {title}", count, repeats, ways)
        print_memory(folder, empty, count // 3)
    ts, price, size = (
        (ticks[column] * (1_000 if column == "ms" else 1)).to_numpy() for column in ticks.columns
    )
    frame = ticks.select(pl.col("ms").cast(pl.Datetime("ms")).alias("ts").set_sorted(), "price", "size")
    tick, value = pl.col("ts"), pl.col("price")
    columns = [value.first().alias("open"), value.max().alias("high"), value.min().alias("low"),
               value.last().alias("close"), pl.col("size").sum(), pl.len(), tick.first().alias("first"),
               tick.last().alias("last")]  # fmt: skip
    for names in (TIMEFRAMES, ("1s",), ("1m",)):
        frames = parse_timeframes(names)
        ours = lambda frames=frames: build_bars(ticks_as_bars(ts, price, size), frames, "utc", xnys())  # noqa: E731
        polars = lambda names=names: [frame.group_by_dynamic("ts", every=n).agg(columns) for n in names]  # noqa: E731
        compare(f"bars of {', '.join(names)}", count, 3 * repeats, {"bars": ours, "polars": polars})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
