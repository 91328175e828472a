"""Dated crawls into the bitemporal tables, beside plain DuckDB inserts of the same rows into the same table.

``python -m tests.benchmarks.bench_vintages [crawls]``: the first crawls of ../shared/data/pystock_vintages_2015_2016,
all tickers. "checked" is door, rules, quarantine, versions and keys; "plain" is one INSERT per crawl into a table
with the same columns and key and no other work.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from tests.benchmarks.crawl_replay import DATA, replay, sample

_PLAIN = """
CREATE TABLE bars (ticker VARCHAR NOT NULL, session_date DATE NOT NULL, open DOUBLE NOT NULL, high DOUBLE NOT NULL,
    low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume BIGINT NOT NULL, source VARCHAR NOT NULL,
    known_at TIMESTAMPTZ NOT NULL, known_at_is_assumed BOOLEAN NOT NULL, run_id VARCHAR NOT NULL,
    PRIMARY KEY (ticker, session_date, known_at))
"""


def plain_seconds(said: pl.DataFrame, folder: Path, per_crawl: bool) -> float:
    """Seconds to insert every row, opening the file for each transaction as a scheduled run does."""
    path = folder / "plain.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(_PLAIN)
    rows = said.unique(["vintage", "symbol", "date"]).sort("vintage")
    parts = [part for _, part in rows.group_by("vintage", maintain_order=True)] if per_crawl else [rows]
    started = time.perf_counter()
    for part in parts:
        with duckdb.connect(str(path)) as connection:
            connection.register("part", part)
            connection.execute(
                "INSERT INTO bars SELECT symbol, date, open, high, low, close, volume, 'plain', "
                "vintage::TIMESTAMPTZ, FALSE, 'run' FROM part"
            )
    return time.perf_counter() - started


def main(crawls: str = "20") -> None:
    """Both ways, twice, crawl by crawl and at once."""
    if not DATA.is_file():
        print(f"skipped: the crawls are not at {DATA}")
        return
    said = sample(int(crawls), None)
    print(f"{said.height:,} rows of {said['vintage'].n_unique()} crawls")
    for order, label in (("sorted", "one crawl at a time"), ("at_once", "all crawls in one run")):
        checked, plain, parts = [], [], []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as name:
                plain.append(plain_seconds(said, Path(name), order == "sorted"))
                _, total = replay(said, Path(name), order)
            checked.append(total["judging_seconds"] + total["writing_seconds"])
            parts.append((total["judging_seconds"], total["writing_seconds"]))
        ours, theirs = statistics.median(checked), statistics.median(plain)
        judging, writing = parts[checked.index(ours)]
        print(
            f"{label:22s} checked {said.height / ours:10,.0f} rows/s (rules {judging:.2f} s, writing {writing:.2f} s)"
            f"   plain {said.height / theirs:10,.0f} rows/s   ratio {theirs / ours:.2f}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
