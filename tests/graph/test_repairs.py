"""Stated repairs in the graph: new versions with their rule, the old ones kept, nothing done twice or in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data import ACTION_SCHEMA
from nextgen_resources.market_data.bokeh import Provider
from tests.graph.harness import Built, built

SESSIONS = xnys().between(date(2005, 2, 14), date(2005, 2, 25))
PRICE_DAY, UNIT_DAY, PAID, AGAIN = SESSIONS[3], SESSIONS[5], SESSIONS[4], SESSIONS[6]
PRICES = ["open", "high", "low", "close"]
RULES = ["price_100x", "unit_switch", "dividend_doubled"]
TABLES = ("market_prices", "market_price_revisions", "corporate_actions", "corporate_action_revisions",
          "price_repairs", "action_repairs")  # fmt: skip


class Faulty(Provider):
    """The embedded bars with one price, one bar and one dividend at fault."""

    capabilities = frozenset({"daily", "actions", "universe"})
    high_factor = 100.0

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        bars = super().daily_bars(tickers, first, last)
        is_price = (pl.col("ticker") == "IBM") & (pl.col("session_date") == PRICE_DAY)
        is_bar = (pl.col("ticker") == "MSFT") & (pl.col("session_date") == UNIT_DAY)
        high = pl.when(is_price).then(pl.col("high") * self.high_factor).otherwise("high")
        bars = bars.with_columns(high=high)
        return bars.with_columns(pl.when(is_bar).then(pl.col(n) * 100).otherwise(n).alias(n) for n in PRICES)

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        rows = [("IBM", day, "dividend", None, 0.18, None) for day in (PAID, AGAIN)]
        frame = pl.DataFrame(rows, schema=dict(ACTION_SCHEMA), orient="row")
        return frame.filter(pl.col("ticker").is_in(list(tickers)) & pl.col("ex_date").is_between(first, last))


def with_job(scenario: Built) -> Built:
    assets = dg.AssetSelection.assets(
        "security_listings", "market_prices", "corporate_actions", "quality_findings"
    )
    jobs = dg.Definitions(jobs=[dg.define_asset_job("audit", assets.without_checks())])
    return replace(scenario, definitions=dg.Definitions.merge(scenario.definitions, jobs))


def bar(scenario: Built, ticker: str, day: date, source: str = "market_prices") -> tuple[object, ...] | None:
    rows = scenario.warehouse.read(
        f"SELECT open, high, low, close, source FROM {source} WHERE ticker = $ticker AND session_date = $day",
        ticker=ticker,
        day=day,
    ).rows()
    return rows[0] if rows else None


def test_faults_are_repaired_as_new_versions_that_stand_until_the_provider_says_otherwise(
    tmp_path: Path,
) -> None:
    vendor, sound = Faulty(), Provider()
    truth = {
        (row["ticker"], row["session_date"]): tuple(row[name] for name in PRICES)
        for row in sound.daily_bars(["IBM", "MSFT"], SESSIONS[0], SESSIONS[-1]).iter_rows(named=True)
    }
    with built(tmp_path, {"ingestion.repairs": RULES}, market_data=vendor) as plain:
        scenario = with_job(plain)
        scenario.run("audit", SESSIONS[0], SESSIONS[-1])
        high, unit = bar(scenario, "IBM", PRICE_DAY), bar(scenario, "MSFT", UNIT_DAY)
        assert high is not None
        assert unit is not None
        assert high[4] == "repair:price_100x"
        assert high[:4] == truth["IBM", PRICE_DAY]
        assert unit[4] == "repair:unit_switch"
        assert unit[:4] == truth["MSFT", UNIT_DAY]
        moment = xnys().cutoff(SESSIONS[-1], 30)
        then = f"market_prices_as_of(TIMESTAMPTZ '{moment.isoformat()}')"
        old = bar(scenario, "IBM", PRICE_DAY, then)
        assert old is not None
        assert old[1] == truth["IBM", PRICE_DAY][1] * 100
        assert bar(scenario, "MSFT", UNIT_DAY, then) is None  # refused then: nothing had been believed
        assert scenario.warehouse.scalar("SELECT reason_code FROM quarantine") == "unit_switch"
        (paid,) = scenario.content("corporate_actions").to_dicts()
        (phantom,) = scenario.content("corporate_action_revisions").to_dicts()
        assert {paid["ex_date"], phantom["ex_date"]} == {PAID, AGAIN}
        assert scenario.content("action_repairs")["value_after"].to_list() == [None]
        repairs = scenario.content("price_repairs")
        assert repairs.select("ticker", "rule", "was_refused").rows() == [
            ("IBM", "price_100x", False),
            ("MSFT", "unit_switch", True),
        ]
        told = scenario.instance.fetch_observations(dg.AssetKey("market_prices"), limit=5).records
        assert any("repaired by stated rules" in str(row.asset_observation.description) for row in told)
        before = {table: scenario.content(table) for table in TABLES}
        scenario.run("audit", SESSIONS[0], SESSIONS[-1])
        for table, content in before.items():
            assert scenario.content(table).equals(content), table
        vendor.high_factor = 1.01
        scenario.run("audit", PRICE_DAY, PRICE_DAY)
        corrected = bar(scenario, "IBM", PRICE_DAY)
        assert corrected is not None
        assert corrected[1] == truth["IBM", PRICE_DAY][1] * 1.01
        assert corrected[4] == "bokeh"
        assert scenario.content("market_price_revisions").height == 2
