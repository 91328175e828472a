"""Dated crawls through the real graph: as-of views, revisions, order of arrival, what a crawl got wrong.

Crawls are lived through one by one as they came. A plain oracle keeps, for every bar and crawl day, what the
crawls up to that day had said last.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.checks import CHECKS_DIR, read_rule
from nextgen_assets.definitions import build_definitions
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.clock import FrozenClock
from nextgen_resources.market_data.vintages import Provider
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from tests.graph.harness import Built, built
from tests.resources.warehouse.table_rows import stays

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2012, 3, 26), date(2012, 3, 30))
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SYMBOLS = ("NAN", "TRUE", "INF", "ON")
VALUES = ["open", "high", "low", "close", "volume"]
TABLES = ("market_prices", "market_price_revisions", "market_price_confirmations", "quarantine")


def bar(crawl: date, symbol: str, day: date, close: float, volume: int = 1000) -> dict[str, Any]:
    low, high = close - 1, close + 1
    return {"vintage": crawl, "symbol": symbol, "date": day, "open": close, "high": high, "low": low,
            "close": close, "volume": volume, "adj_close": close}  # fmt: skip


def crawls() -> pl.DataFrame:
    """Five crawls of up to four sessions each; some bars are restated, and one is restated and taken back."""
    draw, rows = random.Random(11), []
    closes = {(symbol, day): float(draw.randint(20, 40)) for symbol in SYMBOLS for day in DAYS}
    for place, crawl in enumerate(DAYS):
        for day in DAYS[max(0, place - 3) : place + 1]:
            for symbol in SYMBOLS:
                if draw.random() < 0.4:
                    closes[symbol, day] += draw.choice([-0.5, 0.5])
                rows.append(bar(crawl, symbol, day, closes[symbol, day]))
    return pl.DataFrame(rows)


def oracle(said: pl.DataFrame, crawl: date) -> dict[tuple[str, date], tuple[float, ...]]:
    """What the crawls up to ``crawl`` had said last of every bar, in plain words."""
    known: dict[tuple[str, date], tuple[float, ...]] = {}
    for row in said.sort("vintage").iter_rows(named=True):
        if row["vintage"] <= crawl:
            known[row["symbol"], row["date"]] = tuple(float(row[name]) for name in VALUES)
    return known


def as_of(scenario: Built, crawl: date) -> dict[tuple[str, date], tuple[float, ...]]:
    moment = CALENDAR.close_at(crawl) + timedelta(minutes=15)
    seen = scenario.warehouse.read(
        "SELECT ticker, session_date, open, high, low, close, volume FROM market_prices_as_of($t)", t=moment
    )
    assert seen.select("ticker", "session_date").is_unique().all()
    return {(row[0], row[1]): tuple(map(float, row[2:])) for row in seen.rows()}


def content(scenario: Built) -> dict[str, pl.DataFrame]:
    return {table: scenario.content(table) for table in TABLES}


class Growing(Provider):
    """A folder that is read anew for every question."""

    _known = frozenset(SYMBOLS)

    @property
    def _deliveries(self) -> pl.DataFrame:
        return Provider._deliveries.func(self)  # type: ignore[attr-defined]


class Replay:
    """A scenario into which crawls are loaded through the graph."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder / "crawls"
        self.folder.mkdir(parents=True)
        plain = opened.enter_context(built(folder))
        with plain.warehouse.transaction() as connection:
            members = stays(SYMBOLS, valid_from=DAYS[0])
            connection.register("members", members.with_columns(run_id=pl.lit("none")))
            connection.execute("INSERT INTO security_listings BY NAME SELECT * FROM members")
        clock = FrozenClock(NOW)
        keeper = WarehouseIOManager(plain.warehouse, plain.settings.scenario_id, clock)
        market = Growing(self.folder)
        definitions = build_definitions(plain.settings, market_data=market, clock=clock, io_manager=keeper)
        job = dg.define_asset_job("ask", dg.AssetSelection.assets("market_prices").without_checks())
        self.scenario = replace(
            plain, definitions=dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        )

    def arrive(self, said: pl.DataFrame, name: str) -> None:
        """A file of crawls arrives; the sessions that it speaks of are run."""
        said.write_csv(self.folder / name)
        self.scenario.run("ask", said["date"].min(), said["date"].max())

    def forget_files(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Replay]]:
    with ExitStack() as opened:
        yield lambda: Replay(tmp_path_factory.mktemp("crawls"), opened)


@pytest.fixture(scope="module")
def orderly(replay: Callable[[], Replay]) -> Replay:
    """Every crawl loaded on its day."""
    lived = replay()
    for name, part in by_crawl(crawls()):
        lived.arrive(part, name)
    return lived


def by_crawl(said: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(f"{crawl:%Y%m%d}.csv", part) for (crawl,), part in said.sort("vintage").group_by(
        "vintage", maintain_order=True)]  # fmt: skip


def test_view_at_each_crawl_is_what_the_crawls_up_to_it_said(orderly: Replay) -> None:
    said = crawls()
    for crawl in DAYS:
        assert as_of(orderly.scenario, crawl) == oracle(said, crawl), crawl
    restated = said.sort("vintage").with_columns(
        before=pl.col("close").shift(1).over("symbol", "date")
    ).filter(pl.col("close") != pl.col("before"))  # fmt: skip
    assert 10 < restated.height == orderly.scenario.content("market_price_revisions").height
    assert orderly.scenario.content("market_price_confirmations").height > 10
    assert orderly.scenario.content("quarantine").is_empty()


def test_loading_all_crawls_again_writes_nothing(orderly: Replay) -> None:
    before = {table: orderly.scenario.warehouse.read(f"FROM {table} ORDER BY ALL") for table in TABLES}
    orderly.scenario.run("ask", DAYS[0], DAYS[-1])
    for table, rows in before.items():
        assert orderly.scenario.warehouse.read(f"FROM {table} ORDER BY ALL").equals(rows), table


@pytest.mark.slow
def test_order_of_arrival_changes_nothing(orderly: Replay, replay: Callable[[], Replay]) -> None:
    said, at_once, shuffled = crawls(), replay(), replay()
    at_once.arrive(said.sample(fraction=1.0, shuffle=True, seed=3), "all.csv")
    (last, newest), (first, oldest), *rest = random.Random(6).sample(by_crawl(said), len(DAYS))
    shuffled.arrive(newest, last)
    halves = oldest.sample(fraction=1.0, shuffle=True, seed=9)
    middle = halves.height // 2
    for part, half in (("a", halves[:middle]), ("b", halves[middle:])):
        shuffled.forget_files()  # what came before is in the warehouse only
        shuffled.arrive(half, f"{part}_{first}")
    for name, crawl in rest:
        shuffled.forget_files()
        shuffled.arrive(crawl, name)
    for table in TABLES:
        expected = orderly.scenario.content(table)
        assert at_once.scenario.content(table).equals(expected), table
        assert shuffled.scenario.content(table).equals(expected), table


def test_what_a_crawl_got_wrong_is_quarantined_with_its_reason(replay: Callable[[], Replay]) -> None:
    one, two = DAYS[0], DAYS[1]
    rows = [
        bar(one, "ON", one, 30.0, volume=0),
        bar(one, "NAN", one, 5.0),
        bar(one, "NAN", one, 6.0),
        bar(one, "TRUE", one, 7.0) | {"low": 0.0},
        bar(one, "INF", two, 8.0),
    ]
    lines = pl.DataFrame(rows).write_csv().splitlines()
    met = replay()
    text = "\n".join([*lines[:3], lines[0], *lines[3:], lines[1]])
    (met.folder / f"{one:%Y%m%d}.csv").write_text(text)
    met.scenario.run("ask", one, two)
    refused = met.scenario.warehouse.read("SELECT reason_code, payload FROM quarantine ORDER BY ALL")
    assert refused["reason_code"].to_list() == [
        "conflicting_versions",
        "conflicting_versions",
        "delivered_before_the_close",
        "price_not_positive",
        "unreadable_row",
    ]
    assert (
        "vintage symbol date open" in refused.filter(pl.col("reason_code") == "unreadable_row")["payload"][0]
    )
    assert met.scenario.warehouse.read("SELECT ticker, volume FROM market_prices").rows() == [("ON", 0)]


def test_a_delivery_that_comes_again_and_says_another_thing_is_refused(replay: Callable[[], Replay]) -> None:
    one = DAYS[0]
    met = replay()
    met.arrive(pl.DataFrame([bar(one, "ON", one, 30.0)]), f"{one:%Y%m%d}.csv")
    met.arrive(pl.DataFrame([bar(one, "ON", one, 31.0)]), f"{one:%Y%m%d}.csv")
    assert met.scenario.warehouse.scalar("SELECT close FROM market_prices") == 30.0
    assert met.scenario.warehouse.scalar("SELECT reason_code FROM quarantine") == "contradicts_its_delivery"


def test_a_restatement_is_an_event_and_a_check_lists_it(orderly: Replay) -> None:
    revised = orderly.scenario.content("market_price_revisions")
    told = orderly.scenario.instance.fetch_observations(dg.AssetKey("market_prices"), limit=100).records
    assert told
    assert all(record.asset_observation.metadata["revised"].value > 0 for record in told)
    rule = read_rule(CHECKS_DIR / "market_prices" / "bars_stand_as_first_told.sql")
    listed = orderly.scenario.warehouse.read(rule.sql, first=DAYS[0], last=DAYS[-1])
    assert not rule.is_blocking
    assert listed.height == revised.height
    assert listed.filter(pl.col("close_before") == pl.col("close_now")).height < listed.height


REAL_ROOT = Path(__file__).parents[2]
REAL = REAL_ROOT.parent / "shared" / "data" / "pystock_vintages_2015_2016"


def replayed(crawls: str, tickers: int, order: str) -> dict[str, Any]:
    """What `crawl_replay` prints: no crawl day's view and no restatement may differ from the plain oracle."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.benchmarks.crawl_replay",
        crawls,
        str(tickers),
        order,
    ]
    ran = subprocess.run(command, cwd=REAL_ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["differing"] == []
    return found


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"the crawls are not at {REAL}")
def test_real_crawls_one_by_one_give_what_they_said_in_any_order() -> None:
    orderly, shuffled = replayed("12", 150, "sorted"), replayed("12", 150, "shuffled")
    for table in ("market_prices", "market_price_revisions"):
        assert orderly[table] == shuffled[table]
    assert orderly["accepted"] + orderly["quarantined"] + orderly["copies"] == orderly["delivered"] > 2_000
    assert orderly["market_price_revisions"][0] > 20
    assert orderly["odd"] == ["INF", "NAN", "ON", "TRUE"]
    assert orderly["reasons"]["conflicting_versions"] == 8
    assert orderly["zero_volumes"][0] == orderly["zero_volumes"][1] > 0


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"the crawls are not at {REAL}")
def test_every_real_crawl_gives_what_it_said_in_mixed_batches_and_twice() -> None:
    mixed, twice = replayed("all", 40, "batches"), replayed("all", 40, "twice")
    assert mixed["crawls"] == twice["crawls"] > 250
    for table in ("market_prices", "market_price_revisions"):
        assert mixed[table] == twice[table]
    assert twice["rows_written"] == twice["accepted"] / 2
    assert twice["market_price_revisions"][0] > 100
