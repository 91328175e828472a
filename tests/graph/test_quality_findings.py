"""The audit in the graph: planted faults become findings on their session, in one range or day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.quality_findings import of_holders
from nextgen_resources.market_data.bokeh import Provider
from tests.graph.harness import Built, built

SESSIONS = xnys().between(date(2005, 2, 14), date(2005, 2, 25))
OUT, BACK = SESSIONS[4], SESSIONS[5]
INPUTS = "security_listings", "market_prices", "corporate_actions", "quality_findings"


class PrintsBadly(Provider):
    """The embedded bars with one of IBM ten times out, and a step of the adjusted close that nothing states."""

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars with two faults."""
        bars = super().daily_bars(tickers, first, last)
        is_out = (pl.col("ticker") == "IBM") & (pl.col("session_date") == OUT)
        names = ["open", "high", "low", "close", "adjusted_close"]
        return bars.with_columns(
            pl.when(is_out).then(pl.col(name) * 10).otherwise(name).alias(name) for name in names
        )


def steps(scenario: Built, *ranges: tuple[date, date]) -> pl.DataFrame:
    job = dg.define_asset_job("audit", dg.AssetSelection.assets(*INPUTS).without_checks())
    scenario = Built(
        scenario.settings,
        scenario.warehouse,
        dg.Definitions.merge(scenario.definitions, dg.Definitions(jobs=[job])),
        scenario.instance,
    )
    for first, last in ranges:
        scenario.run("audit", first, last)
    return scenario.content("quality_findings")


def test_bars_of_the_firm_that_had_the_ticker_before_are_left_out() -> None:
    days = SESSIONS[:4]
    bars = pl.DataFrame({"ticker": ["A"] * 4 + ["B"] * 4, "session_date": [*days, *days], "close": range(8)})
    listings = pl.DataFrame(
        {
            "ticker": ["A", "A", "A", "B"],
            "valid_from": [days[0], days[1], days[3], days[0]],
            "security_id": ["old", "new", "later", "b"],
        }
    )
    kept = of_holders(bars, listings, days[2])
    assert kept["close"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert of_holders(bars, listings.clear(), days[2]).equals(bars)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    with built(tmp_path_factory.mktemp("range"), market_data=PrintsBadly()) as scenario:
        return steps(scenario, (SESSIONS[0], SESSIONS[-1]))


def test_a_bad_print_is_a_finding_of_the_session_that_shows_it(found: pl.DataFrame) -> None:
    rows = found.select("ticker", "session_date", "fault_session_date", "fault").rows()
    assert rows == [("IBM", BACK, OUT, "bad_print")]
    assert found["as_of"].to_list() == [xnys().cutoff(BACK, 30)]


@pytest.mark.slow
def test_day_by_day_gives_the_findings_of_the_range(found: pl.DataFrame, tmp_path: Path) -> None:
    with built(tmp_path, market_data=PrintsBadly()) as scenario:
        first = steps(scenario, (SESSIONS[0], OUT))
        assert first.is_empty()
        assert scenario.content("price_repairs").is_empty()  # off unless a rule is named
        assert steps(scenario, *((day, day) for day in SESSIONS[5:7])).equals(found)
