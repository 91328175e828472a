"""Replaying the crawls of pystock-data one by one through the asset's own steps, beside a plain oracle.

``python -m tests.benchmarks.crawl_replay [crawls or all] [tickers, 0: all] [order]`` prints one JSON object: rows, times and
whether the as-of view at each crawl day is what that crawl and the earlier ones said.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from nextgen_assets.domain.deliveries import delivery_instants, inspect_deliveries
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.market_prices import delivered_bars, stamped
from nextgen_assets.quarantine import quarantined
from nextgen_resources.market_data.vintages import Provider
from nextgen_resources.warehouse.schema import tables_in
from nextgen_resources.warehouse.slices import Slice, prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import Warehouse
from nextgen_resources.warehouse.writing import write

DATA = (
    Path(__file__).parents[3] / "shared" / "data" / "pystock_vintages_2015_2016" / "prices_vintages.parquet"
)
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CALENDAR = xnys()
VALUES = ("open", "high", "low", "close", "volume")


def sample(crawls: int | None, tickers: int | None) -> pl.DataFrame:
    """The first crawls, of tickers spread over the alphabet and of every odd name."""
    said = pl.read_parquet(DATA)
    days = said["vintage"].unique().sort()
    if crawls is not None:
        said = said.filter(pl.col("vintage") <= days[min(crawls, len(days)) - 1])
    if tickers is None:
        return said
    names = said["symbol"].unique().sort()
    kept = {*names.gather_every(max(1, len(names) // tickers)), "NAN", "TRUE", "INF", "ON", "ITEK"}
    return said.filter(pl.col("symbol").is_in(kept))


def load(warehouse: Warehouse, provider: Provider) -> dict[str, float]:
    """All that the provider has, through door, rules and writer, as the asset does it; seconds and rows."""
    tickers = provider.listings()["ticker"].to_list()
    started = time.perf_counter()
    first, last = date(2015, 3, 2), date(2017, 4, 28)
    delivered = delivered_bars(provider, tickers, first, last, CALENDAR).rows
    said_before = warehouse.read("said_before", first=first, last=last)
    inspected = inspect_deliveries(delivered, CALENDAR, NOW, said_before)
    bars = stamped(inspected.accepted, CALENDAR, provider.delay_minutes, NOW, frozenset())
    judged = time.perf_counter()
    changed = {}
    with warehouse.transaction() as connection:
        tables = tables_in(connection)
        for name, frame in (
            ("market_prices", bars.drop("raw_row")),
            ("quarantine", quarantined(inspected, "market_prices", provider.name, NOW)),
        ):
            cut = Slice(first, last, "baseline") if TABLES[name].slice_column else None
            ready = prepare(frame, tables[name], TABLES[name], cut, "replay")
            changed[name] = write(connection, ready, tables[name], TABLES[name], cut, NOW)
    return {
        "delivered": delivered.height,
        "accepted": inspected.accepted.height,
        "quarantined": inspected.rejected.height,
        "copies": inspected.duplicate_count,
        "rows_written": changed["market_prices"].rows,
        "judging_seconds": judged - started,
        "writing_seconds": time.perf_counter() - judged,
    }


def believed(said: pl.DataFrame) -> pl.DataFrame:
    """The rows that a plain reading of the rules believes, in the order of their crawls."""
    alone = said.filter(pl.len().over("vintage", "symbol", "date") == 1)
    price = pl.min_horizontal("open", "high", "low", "close")
    good = (
        (price > 0)
        & (pl.col("high") >= pl.max_horizontal("open", "close"))
        & (pl.col("low") <= pl.min_horizontal("open", "close"))
    )
    return alone.filter(good & pl.col("date").is_in(list(CALENDAR.sessions))).sort(
        "vintage", maintain_order=True
    )


def last_said(said: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """What was believed of every bar and when, from the crawls alone: the last that any of them had said.

    Parameters
    ----------
    said : polars.DataFrame
        Rows of crawls.
    refused : polars.DataFrame
        symbol, date, close of rows that were in another unit than the bars before.
    """
    key = ["symbol", "date"]
    instants = delivery_instants(said["vintage"].unique().to_list(), CALENDAR, 15)
    rows = believed(said).join(refused, on=[*key, "close"], how="anti").sort(*key, "vintage")
    is_news = pl.any_horizontal(
        (pl.col(name) != pl.col(name).shift(1).over(key)).fill_null(True) for name in VALUES
    )
    versions = rows.filter(is_news).with_columns(
        known_at=pl.col("vintage").replace_strict(instants, return_dtype=pl.Datetime("us", "UTC"))
    )
    return versions.with_columns(superseded_at=pl.col("known_at").shift(-1).over(key))


_DIGEST = "count(*) AS n, coalesce(sum(hash({values})::HUGEINT), 0) AS total"


def differing_days(warehouse: Warehouse, said: pl.DataFrame) -> list[str]:
    """Crawl days on which the as-of view is not what the crawls up to it said, told by count and sum of hashes."""
    refused = warehouse.read(
        "SELECT payload ->> 'ticker' AS symbol, (payload ->> 'session_date')::DATE AS date, "
        "(payload ->> 'close')::DOUBLE AS close FROM quarantine WHERE reason_code = 'unit_switch'"
    )
    versions = last_said(said, refused)
    crawls = delivery_instants(sorted(said["vintage"].unique().to_list()), CALENDAR, 15)
    values = ", ".join(f"{name}::{'BIGINT' if name == 'volume' else 'DOUBLE'}" for name in VALUES)
    changes: dict[datetime, list[int]] = {}
    with duckdb.connect() as memory:
        memory.register("versions", versions)
        for moment, sign in (("known_at", 1), ("superseded_at", -1)):
            digest = _DIGEST.format(values=f"symbol, date, {values}")
            sql = f"SELECT epoch_us({moment}), {digest} FROM versions WHERE {moment} IS NOT NULL GROUP BY ALL"
            for instant, count, total in memory.execute(sql).fetchall():
                change = changes.setdefault(datetime.fromtimestamp(instant / 1e6, UTC), [0, 0])
                change[0] += sign * count
                change[1] += sign * int(total)
    wrong, expected = [], [0, 0]
    digest = _DIGEST.format(values=f"ticker, session_date, {', '.join(VALUES)}")
    with warehouse.snapshot():
        for crawl, moment in crawls.items():
            count, total = changes.get(moment, [0, 0])
            expected = [expected[0] + count, expected[1] + total]
            seen = warehouse.read(
                f"SELECT n, total::VARCHAR AS total FROM (SELECT {digest} FROM market_prices_as_of($t))",
                t=moment,
            )
            if seen.rows() != [(expected[0], str(expected[1]))]:
                wrong.append(str(crawl))
    restated = int(versions["superseded_at"].is_not_null().sum())
    if warehouse.scalar("SELECT count(*) FROM market_price_revisions") != restated:
        wrong.append(f"revisions: {restated} restatements")
    return wrong


def replay(said: pl.DataFrame, folder: Path, order: str) -> tuple[Warehouse, dict[str, float]]:
    """Each crawl loaded by itself, in ``order`` (sorted or shuffled), or several together (batches, at_once, twice)."""
    warehouse = Warehouse(database=str(folder / "warehouse.duckdb"))
    warehouse.migrate()
    parts = [part for _, part in said.sort("vintage").group_by("vintage", maintain_order=True)]
    if order == "at_once":
        parts = [said]
    if order == "twice":
        parts = [said, said]
    if order in ("shuffled", "batches"):
        random.Random(3).shuffle(parts)
    if order == "batches":  # a score of folders, each with crawls of any date
        parts = [pl.concat(parts[start::20]) for start in range(min(20, len(parts)))]
    total: dict[str, float] = {}
    for number, part in enumerate(parts):
        path = folder / f"{number}.parquet"
        part.sample(fraction=1.0, shuffle=True, seed=number).write_parquet(path)
        for name, value in load(warehouse, Provider(path)).items():
            total[name] = total.get(name, 0) + value
    return warehouse, total


def main(crawls: str = "12", tickers: str = "150", order: str = "sorted") -> None:
    """Replay and check."""
    said = sample(None if crawls == "all" else int(crawls), int(tickers) or None)
    with tempfile.TemporaryDirectory() as name:
        warehouse, total = replay(said, Path(name), order)
        found: dict[str, Any] = {**total, "crawls": said["vintage"].n_unique()}
        found["differing"] = differing_days(warehouse, said)
        columns = f"ticker, session_date, {', '.join(VALUES)}, known_at"
        for table in ("market_prices", "market_price_revisions"):
            text = warehouse.read(f"SELECT {columns} FROM {table} ORDER BY ALL").write_csv()
            found[table] = [warehouse.scalar(f"SELECT count(*) FROM {table}"), hash_of(text)]
        found["odd"] = warehouse.read(
            "SELECT DISTINCT ticker FROM market_prices WHERE ticker IN ('NAN', 'TRUE', 'INF', 'ON') ORDER BY 1"
        )["ticker"].to_list()
        found["reasons"] = dict(
            warehouse.read("SELECT reason_code, count(*) FROM quarantine GROUP BY ALL").rows()
        )
        found["zero_volumes"] = [
            believed(said).filter(pl.col("volume") == 0).height,
            warehouse.scalar(
                "SELECT count(*) FROM (SELECT volume FROM market_prices UNION ALL "
                "SELECT volume FROM market_price_revisions) WHERE volume = 0"
            ),
        ]
    print(json.dumps(found))


def hash_of(text: str) -> str:
    """Fingerprint of a table."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main(*sys.argv[1:])
