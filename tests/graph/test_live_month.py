"""A month lived session by session, and the same month replayed in one backfill from what had been recorded.

Bars come late and are corrected while the month goes on. Predictions, plans, trades, ledger and portfolio of the
replay are those of the month, byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.futures import HISTORY, common_history, exact_text, known_by, world
from tests.graph.harness import Built
from tests.graph.living import RAW, TRADES_DAILY, Now, Vendor, living, with_jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

CALENDAR = xnys()
MONTH = CALENDAR.between(date(2004, 11, 22), date(2004, 12, 21))
BEFORE = CALENDAR.between(date(2004, 9, 20), HISTORY[1])
"""Sessions decided in one run before the month, so that it begins with calibrated predictions and holdings."""
LATE = {("GOOG", MONTH[1]): MONTH[2], ("AAPL", MONTH[9]): MONTH[11]}
"""Bars that are missing at first, and the session in whose morning they are told."""
CORRECTED = {
    ("MSFT", MONTH[3]): (MONTH[4], 0.9),
    ("AAPL", MONTH[0]): (MONTH[6], 0.2),
    ("GOOG", MONTH[5]): (MONTH[15], 0.7),
}
"""Closes that are restated: in the morning of which session, and where between low and high they lie then."""
PROVEN = ("predictions", "prediction_accuracy", "trade_plans", "trades", "ledger_entries", "portfolio_holdings",
          "portfolio_values", "trade_reflections")  # fmt: skip
TRADING = dg.AssetSelection.assets("trade_reflections").upstream() - dg.AssetSelection.assets(
    "model_registry"
)
INGESTED = dg.AssetSelection.groups("ingestion")
JOBS = [
    dg.define_asset_job("trade_through", TRADING.without_checks()),
    dg.define_asset_job("decide", (TRADING - INGESTED).without_checks()),
    dg.define_asset_job("ask_for_prices", dg.AssetSelection.assets("market_prices").without_checks()),
]


def train_if_month_ends(scenario: Built, session: date) -> None:
    if CALENDAR.shift(session, 1).month != session.month:
        scenario.run("train_models", session.replace(day=1), session.replace(day=1))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The history up to the month, decided in one run."""
    history = common_history(tmp_path_factory.getbasetemp())
    with world(tmp_path_factory.mktemp("begun") / "world", None, history, **TRADES_DAILY) as plain:
        scenario = with_jobs(plain, JOBS)
        scenario.run("decide", BEFORE[0], BEFORE[-1])
        return scenario


@pytest.fixture(scope="module")
def lived(begun: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The month, session by session, as the vendor told it."""
    clock, vendor = Now(), Vendor()
    start = begun.settings.paths.data_dir.parent
    with world(tmp_path_factory.mktemp("lived") / "world", None, start, **TRADES_DAILY) as plain:
        scenario = with_jobs(plain, JOBS, **living(clock, vendor, plain))
        for session in MONTH:
            vendor.withheld = {hole for hole, told in LATE.items() if session < told}
            clock.at(session, 10)
            for (_, day), told in LATE.items():
                if told == session:
                    scenario.run("ask_for_prices", day, day)
            for hole, (told, place) in CORRECTED.items():
                if told == session:
                    vendor.closes[hole] = place
                    scenario.run("ask_for_prices", hole[1], hole[1])
            clock.at(session, 16, 45)
            scenario.run("trade_through", session, session)
            train_if_month_ends(scenario, session)
        yield scenario


@pytest.fixture(scope="module")
def replayed(lived: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """What the month recorded, with everything derived from it gone and built again in one range."""
    start = lived.settings.paths.data_dir.parent
    with world(tmp_path_factory.mktemp("replayed") / "world", None, start, **TRADES_DAILY) as plain:
        with plain.warehouse.transaction() as connection:
            for spec in TABLES.values():
                if spec.name not in RAW and spec.slice_column:
                    connection.execute(
                        f'DELETE FROM {spec.name} WHERE "{spec.slice_column}" >= ?', [MONTH[0]]
                    )
            connection.execute("DELETE FROM model_deployments WHERE live_from > ?", [MONTH[0]])
        scenario = with_jobs(plain, JOBS)
        scenario.run("decide", MONTH[0], MONTH[5])  # then the models of November, as the schedule would
        train_if_month_ends(scenario, MONTH[5])
        scenario.run("decide", MONTH[6], MONTH[-1])
        yield scenario


def digest(scenario: Built, table: str) -> str:
    """A hash of every reproducible column of every row of the table, in a fixed order."""
    return hashlib.sha256(exact_text(known_by(scenario, table, MONTH[-1])).encode()).hexdigest()


def test_month_was_lived_with_late_and_restated_bars_and_traded(lived: Built) -> None:
    assert MONTH[5].month != MONTH[6].month
    within = pl.col("session_date").is_between(MONTH[0], MONTH[-1])
    late = lived.warehouse.read(
        "SELECT ticker, session_date FROM market_prices WHERE NOT known_at_is_assumed"
    )
    assert set(LATE) <= set(late.rows())
    revised = lived.warehouse.read("SELECT ticker, session_date FROM market_price_revisions")
    assert set(revised.rows()) == set(CORRECTED)
    assert not known_by(lived, "predictions", MONTH[-1]).filter(within)["abstained"].all()
    for table in PROVEN:
        assert known_by(lived, table, MONTH[-1]).filter(within).height, table
    fills = known_by(lived, "trades", MONTH[-1]).filter(within, pl.col("quantity") > 0)
    print(f"\n{fills.height} fills on {fills['session_date'].n_unique()} of {len(MONTH)} sessions")
    assert fills["session_date"].n_unique() > len(MONTH) // 2
    assert set(fills["side"]) == {"buy", "sell"}


@pytest.mark.parametrize("table", PROVEN)
def test_replaying_the_recorded_inputs_gives_the_bytes_of_the_month(
    lived: Built, replayed: Built, table: str
) -> None:
    assert digest(replayed, table) == digest(lived, table)
