"""Seconds for one new session of prices on a short and on a long history: does the cost follow the new work?

``python -m tests.benchmarks.bench_incremental [repeats] [full]``: market_prices and corporate_actions of one new
session in the real graph, for 500 tickers (and 5,000; with ``full`` also on the long history), on warehouses
that hold 10 and 2,500 sessions of synthetic bars, in turn. Beside it bare DuckDB inserts the same rows. ``asked``
is what the provider was asked for: one row for each ticker, however long the history.
"""

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data import ACTION_SCHEMA, LISTING_SCHEMA
from tests.graph.harness import Built, built

CALENDAR = xnys()
NEWEST = date(2013, 2, 28)


class Synthetic:
    """A provider of plain bars that counts the rows that it was asked for."""

    name = "synthetic"
    capabilities = frozenset({"daily", "actions", "universe"})
    delay_minutes = 15
    dividend_basis = "ex_close"

    def __init__(self) -> None:
        self.asked = 0

    def listings(self) -> pl.DataFrame:
        return pl.DataFrame(schema=dict(LISTING_SCHEMA))

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        days = pl.DataFrame({"session_date": CALENDAR.between(first, last)})
        rows = pl.DataFrame({"ticker": sorted(tickers)}).join(days, how="cross")
        self.asked += rows.height
        return rows.with_columns(
            open=pl.lit(10.0), high=pl.lit(11.0), low=pl.lit(9.0), close=pl.lit(10.5), volume=pl.lit(1000.0)
        )

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        return pl.DataFrame(schema=dict(ACTION_SCHEMA))


def fill(graph: Built, tickers: int, history: int, before: date) -> None:
    """Members and ``history`` sessions of bars up to the session before ``before``, straight into the tables."""
    first = CALENDAR.shift(before, -history)
    last = CALENDAR.shift(before, -1)
    days = pl.DataFrame({"session_date": CALENDAR.between(first, last)})
    with graph.warehouse.get_connection() as connection:
        connection.register("days", days)
        connection.execute(
            "INSERT INTO security_listings BY NAME SELECT printf('T%04d', i) ticker, ? valid_from, 's' || i security_id, "
            "'n' name, 'XNYS' exchange, 'USD' currency, 's' sector, 'listed' reason_in, 'synthetic' source, "
            "? known_at, 'bench' run_id FROM range(?) r(i)",
            [first, datetime.combine(first, datetime.min.time()), tickers],
        )
        connection.execute(
            "INSERT INTO market_prices BY NAME SELECT printf('T%04d', i) ticker, session_date, 10.0 open, 11.0 high, "
            "9.0 low, 10.5 close, 1000 volume, 'synthetic' source, session_date + INTERVAL 21 HOUR known_at, "
            "true known_at_is_assumed, 'bench' run_id FROM days, range(?) r(i)",
            [tickers],
        )


def run_one(graph: Built, job: Any, session: date) -> tuple[float, float]:
    """Seconds of one session through the graph, and those in which the two assets read, computed and wrote."""
    started = time.perf_counter()
    selection = [dg.AssetKey("market_prices"), dg.AssetKey("corporate_actions")]
    done = job.execute_in_process(
        instance=graph.instance, partition_key=str(session), asset_selection=selection, raise_on_error=True
    )
    seconds = time.perf_counter() - started
    own = 0.0
    for asset in selection:
        (told,) = done.asset_materializations_for_node(asset.to_user_string())
        own += sum(told.metadata["seconds"].value.values()) + told.metadata["write_seconds"].value
    return seconds, own


def bare(rows: pl.DataFrame, folder: Path) -> float:
    """Seconds in which DuckDB alone adds the same rows to a table."""
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bars AS SELECT * FROM rows LIMIT 0")
        started = time.perf_counter()
        connection.execute("INSERT INTO bars SELECT * FROM rows")
        return time.perf_counter() - started


def compare(tickers: int, histories: tuple[int, ...], repeats: int) -> None:
    """New sessions on each history in turn; medians and the ratio of the longest to the shortest."""
    first = CALENDAR.shift(NEWEST, -repeats)
    taken: dict[int, list[tuple[float, float]]] = {history: [] for history in histories}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        graphs: dict[int, tuple[Built, Any, Synthetic]] = {}
        for history in histories:
            provider = Synthetic()
            settings = {"ingestion.first_session": "2000-03-01", "ingestion.last_session": str(NEWEST)}
            graph = stack.enter_context(built(folder / str(history), settings, market_data=provider))
            fill(graph, tickers, history, first)
            job = graph.definitions.resolve_implicit_global_asset_job_def()
            graphs[history] = graph, job, provider
        for repeat, session in enumerate(CALENDAR.between(first, NEWEST)):
            for history, (graph, job, _) in graphs.items():
                both = run_one(graph, job, session)
                if repeat:  # the first one loads what is loaded once
                    taken[history].append(both)
        rows = Synthetic().daily_bars([f"T{n:04d}" for n in range(tickers)], NEWEST, NEWEST)
        least = statistics.median(bare(rows, folder) for _ in range(5))
        print(
            f"{tickers} tickers, 1 new session, {repeats} times: run, and the assets' own reads, sums and writes"
        )
        medians = {
            history: [statistics.median(column) for column in zip(*pairs, strict=True)]
            for history, pairs in taken.items()
        }
        for history, (graph, _, provider) in graphs.items():
            size = int(graph.warehouse.scalar("SELECT count(*) FROM market_prices"))
            run, own = medians[history]
            print(
                f"  history of {history:5d} sessions ({size:>10,} rows) {run:7.2f} s {own:7.3f} s, "
                f"asked for {provider.asked // (repeats + 1)} rows a session"
            )
        print(f"  bare DuckDB insert of the rows       {least:22.4f} s")
        if len(histories) > 1:
            ratios = [
                long / short
                for long, short in zip(medians[histories[-1]], medians[histories[0]], strict=True)
            ]
            print(f"  ratio of the longest to the shortest {ratios[0]:11.2f}   {ratios[1]:7.2f}")


def main(repeats: int = 3, full: str = "") -> None:
    """500 tickers on both histories, then 5,000."""
    logging.disable(logging.WARNING)
    compare(500, (10, 2_500), repeats)
    compare(5_000, (10, 2_500) if full else (10,), repeats)


if __name__ == "__main__":
    main(*[int(word) if word.isdigit() else word for word in sys.argv[1:]])
