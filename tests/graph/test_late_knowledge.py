"""Late and corrected bars: decided once with what was known, and rebuilt later with exactly that.

A vendor is lived through day by day with a clock that stands on each evening. One bar comes a day late,
two are corrected. Then derived tables are rebuilt in one range from the raw tables alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.definitions import build_definitions
from nextgen_assets.domain.sessions import NEW_YORK, xnys
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.altered_world import AlteredMarket, AlteredNews, Hole
from tests.graph.futures import HOLES, common_history, differences, known_by, report, world
from tests.graph.harness import Built

pytestmark = pytest.mark.slow
SESSIONS = xnys().between(date(2004, 11, 22), date(2004, 12, 1))
ONE, TWO, THREE, FOUR, FIVE = SESSIONS[:5]
RAW = ("security_listings", "ticker_universe", "market_prices", "market_price_revisions", "corporate_actions",
       "corporate_action_revisions", "corporate_action_coverage", "news_articles", "news_article_scores",
       "news_sentiment", "quarantine")  # fmt: skip


@dataclass
class Now:
    """A clock that a test sets."""

    instant: datetime = datetime(2004, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        self.instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@dataclass
class Vendor(AlteredMarket):
    """A market whose answers change: bars that it withholds for now, closes that it corrects."""

    withheld: set[Hole] = field(default_factory=set)
    closes: dict[Hole, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(HOLES)

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        bars = super().daily_bars(tickers, first, last)
        for (ticker, day), factor in self.closes.items():
            is_it = (pl.col("ticker") == ticker) & (pl.col("session_date") == day)
            changed = pl.col("low") + (pl.col("high") - pl.col("low")) * factor
            ratio = pl.col("adjusted_close") / pl.col("close")
            bars = bars.with_columns(
                close=pl.when(is_it).then(changed).otherwise("close"),
                adjusted_close=pl.when(is_it).then(changed * ratio).otherwise("adjusted_close"),
            )
        is_withheld = pl.struct("ticker", "session_date").map_elements(
            lambda key: (key["ticker"], key["session_date"]) in self.withheld, return_dtype=pl.Boolean
        )
        return bars.filter(~is_withheld) if self.withheld else bars


EVERY_ASSET = dg.AssetSelection.all() - dg.AssetSelection.assets("model_registry")
JOBS = {
    "live_through": EVERY_ASSET.without_checks(),
    "ask_for_prices": dg.AssetSelection.assets("market_prices").without_checks(),
    "build_features": dg.AssetSelection.assets("feature_windows"),
}
"""Jobs of this test beside those of the code location; a day without checks takes a third of the time."""


def with_jobs(scenario: Built, **resources: object) -> Built:
    """The scenario with the jobs of this test and other resources."""
    jobs = [dg.define_asset_job(name, selection) for name, selection in JOBS.items()]
    definitions = build_definitions(scenario.settings, **resources)
    return replace(scenario, definitions=dg.Definitions.merge(definitions, dg.Definitions(jobs=jobs)))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Seven sessions one by one, with a late bar and two corrections between them."""
    history = common_history(tmp_path_factory.getbasetemp())
    clock, vendor = Now(), Vendor()
    with world(tmp_path_factory.mktemp("lived") / "world", None, history) as plain:
        keeper = WarehouseIOManager(plain.warehouse, plain.settings.scenario_id, clock)
        world_then = {
            "market_data": vendor,
            "news_source": AlteredNews(),
            "clock": clock,
            "io_manager": keeper,
        }
        scenario = with_jobs(plain, **world_then)
        for session in SESSIONS:
            vendor.withheld = {("GOOG", TWO)} if session <= TWO else set()
            if session == THREE:
                clock.at(THREE, 10)
                scenario.run("ask_for_prices", TWO, TWO)
            if session == FIVE:
                clock.at(FIVE, 11)
                vendor.closes[("MSFT", FOUR)] = 0.9
                scenario.run("ask_for_prices", FOUR, FOUR)
            clock.at(session, 16, 45)
            scenario.run("live_through", session, session)
            if session == THREE:
                clock.at(THREE, 20)
                vendor.closes[("AAPL", ONE)] = 0.2
                scenario.run("ask_for_prices", ONE, ONE)
            if xnys().shift(session, 1).month != session.month:
                scenario.run("train_models", session.replace(day=1), session.replace(day=1))
        yield scenario


def test_late_and_corrected_bars_are_known_from_when_they_came(lived: Built) -> None:
    late = lived.warehouse.read(
        "SELECT known_at, known_at_is_assumed FROM market_prices WHERE ticker = 'GOOG' AND session_date = $day",
        day=TWO,
    )
    assert late.row(0) == (datetime(THREE.year, THREE.month, THREE.day, 10, tzinfo=NEW_YORK), False)
    revised = lived.warehouse.read(
        "SELECT ticker, session_date, superseded_at FROM market_price_revisions ORDER BY ALL"
    )
    assert revised.rows() == [
        ("AAPL", ONE, datetime(THREE.year, THREE.month, THREE.day, 20, tzinfo=NEW_YORK)),
        ("MSFT", FOUR, datetime(FIVE.year, FIVE.month, FIVE.day, 11, tzinfo=NEW_YORK)),
    ]


def test_late_bar_has_no_vector_and_no_prediction_on_its_session(lived: Built) -> None:
    for table in ("feature_windows", "strategic_priorities", "predictions"):
        present = known_by(lived, table, SESSIONS[-1]).filter(pl.col("ticker") == "GOOG")
        assert TWO not in present["session_date"].to_list(), table
        assert {ONE, THREE} <= set(present["session_date"]), table


@pytest.fixture(scope="module")
def rebuilt(lived: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The raw tables of ``lived`` with every derived row of its sessions built again, each asset in one range."""
    start = lived.settings.paths.data_dir.parent
    with world(tmp_path_factory.mktemp("rebuilt") / "world", None, start) as scenario:
        with scenario.warehouse.transaction() as connection:
            for spec in TABLES.values():
                if spec.name not in RAW and spec.slice_column:
                    connection.execute(f'DELETE FROM {spec.name} WHERE "{spec.slice_column}" >= ?', [ONE])
            connection.execute("DELETE FROM model_deployments WHERE live_from > ?", [ONE])
        scenario = with_jobs(scenario)
        build_derived(scenario)
        yield scenario


def build_derived(scenario: Built) -> None:
    scenario.run("build_features", SESSIONS[0], SESSIONS[-1])
    scenario.run("train_models", "2004-11-01", "2004-11-01")
    scenario.run("decide_and_trade", SESSIONS[0], SESSIONS[-1])


def test_rebuilding_in_one_range_gives_what_was_lived(lived: Built, rebuilt: Built) -> None:
    found = differences(lived, rebuilt, SESSIONS[-1])
    assert not found, report(found)


def test_running_past_sessions_again_changes_nothing(lived: Built, rebuilt: Built) -> None:
    build_derived(rebuilt)
    for session in (ONE, TWO):
        rebuilt.run("build_features", session, session)
    found = differences(lived, rebuilt, SESSIONS[-1])
    assert not found, report(found)
