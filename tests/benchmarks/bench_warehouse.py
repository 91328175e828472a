"""Seconds to replace a slice through the IO manager and by bare DuckDB, both in one transaction.

``python -m tests.benchmarks.bench_warehouse [tickers] [repeats]``: one session of strategic_priorities
(500 rows unless told) and a range of 250 sessions, in turn; prints the medians and their ratios.
"""

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster._core.definitions.partitions.partition_key_range import PartitionKeyRange
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder

from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.warehouse import Warehouse

TABLE = "strategic_priorities"
START = date(2005, 1, 1)
DAYS = dg.DailyPartitionsDefinition(str(START), end_date="2006-01-01", timezone="America/New_York")
# An empty mapping would make Dagster build a whole instance for each context.
NO_RESOURCES: Any = ScopedResourcesBuilder().build(None)


def slice_of(sessions: int, tickers: int) -> pl.DataFrame:
    """Rows of strategic_priorities, all columns but the run."""
    rows = pl.DataFrame({"ticker": [f"T{number}" for number in range(tickers)]})
    days = pl.DataFrame({"session_date": [START + timedelta(days=offset) for offset in range(sessions)]})
    return rows.join(days, how="cross").with_columns(
        tier=pl.lit("core"),
        score=pl.lit(0.5),
        rationale=pl.lit("liquid and much in the news"),
        factors=pl.lit('{"liquidity": 0.7}'),
        as_of=pl.lit(datetime(2005, 12, 31, tzinfo=UTC)),
    )


def through_io_manager(warehouse: Warehouse, frame: pl.DataFrame) -> None:
    """What a run does with the frame that an asset returned."""
    first, last = str(frame["session_date"].min()), str(frame["session_date"].max())
    context = dg.build_output_context(
        asset_key=TABLE,
        asset_partitions_def=DAYS,
        asset_partition_key_range=PartitionKeyRange(first, last),
        run_id="run",
        resources=NO_RESOURCES,
    )
    WarehouseIOManager(warehouse, "baseline").handle_output(context, frame)


def by_bare_duckdb(warehouse: Warehouse, frame: pl.DataFrame) -> None:
    """The least that replaces the slice: no lock, no checks, columns by position."""
    rows = frame.with_columns(run_id=pl.lit("run"))
    with duckdb.connect(warehouse.database) as connection:
        connection.register("rows", rows)
        connection.execute("BEGIN")
        bounds = [rows["session_date"].min(), rows["session_date"].max()]
        connection.execute(f"DELETE FROM {TABLE} WHERE session_date BETWEEN ? AND ?", bounds)
        connection.execute(f"INSERT INTO {TABLE} SELECT * FROM rows")
        connection.execute("COMMIT")


def compare(sessions: int, tickers: int, repeats: int) -> None:
    """Replace the slice both ways, in turn, and print what it took."""
    ways: dict[str, Callable[[Warehouse, pl.DataFrame], None]] = {
        "io manager": through_io_manager,
        "bare duckdb": by_bare_duckdb,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    frame = slice_of(sessions, tickers)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(database=str(Path(folder) / "warehouse.duckdb"))
        warehouse.migrate()
        for repeat in range(repeats + 1):
            for name, write in ways.items():
                started = time.perf_counter()
                write(warehouse, frame)
                if repeat:  # the first one loads what is loaded once
                    taken[name].append(time.perf_counter() - started)
        assert warehouse.scalar(f"SELECT count(*) FROM {TABLE}") == frame.height
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    print(f"{sessions} sessions x {tickers} tickers, {frame.height} rows, {repeats} times")
    for name, median in medians.items():
        print(f"  {name:12s} {median * 1000:9.1f} ms")
    print(f"  ratio        {medians['io manager'] / medians['bare duckdb']:9.2f}")


def main(tickers: int = 500, repeats: int = 15) -> None:
    """One session, then a range of 250."""
    logging.disable(logging.INFO)
    compare(1, tickers, repeats)
    compare(250, tickers, max(3, repeats // 5))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
