"""A universe drawn anew each month, in the graph: who is ranked, who is decided on, and runs in any cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from nextgen_assets.domain.sessions import xnys
from tests.graph.harness import built

FIRST, LAST = date(2005, 1, 3), date(2005, 3, 4)
SETTINGS = {
    "ingestion.first_session": FIRST,
    "ingestion.last_session": LAST,
    "ingestion.max_tickers": 2,
    "universe.review": "month",
    "universe.liquidity_sessions": 10,
}
STAYS = "SELECT ticker, valid_from, valid_to, reason_in, reason_out FROM ticker_universe ORDER BY ALL"


@pytest.mark.slow
def test_bars_are_fetched_of_everybody_and_decided_on_for_members(tmp_path: Path) -> None:
    with built(tmp_path / "whole", SETTINGS) as whole:
        whole.run("prepare_inputs", FIRST, LAST)
        whole.run("decide_and_trade", FIRST, FIRST)
        read = whole.warehouse.read
        assert read("SELECT DISTINCT ticker FROM market_prices ORDER BY 1")["ticker"].to_list() == [
            "AAPL", "GOOG", "IBM", "MSFT",
        ]  # fmt: skip
        stays = read(STAYS)
        assert set(stays["valid_from"]) <= {FIRST, date(2005, 2, 1), date(2005, 3, 1)}
        members = read("SELECT ticker FROM ticker_universe WHERE valid_from = $day ORDER BY 1", day=FIRST)
        ranked = read(
            "SELECT ticker FROM ticker_universe WHERE valid_from = $day AND median_dollar_volume_usd IS NOT NULL",
            day=FIRST,
        )
        assert members.height == ranked.height == 2
        for table in ("strategic_priorities", "predictions", "trade_plans"):
            decided = read(
                f"SELECT DISTINCT ticker FROM {table} WHERE session_date = $day ORDER BY 1", day=FIRST
            )
            assert decided["ticker"].to_list() == members["ticker"].to_list(), table
        whole.run("prepare_inputs", date(2005, 2, 1), date(2005, 2, 3))
        assert read(STAYS).equals(stays)
    with built(tmp_path / "parts", SETTINGS) as parts:
        drawn = dg.AssetSelection.assets("security_listings", "market_prices", "ticker_universe")
        jobs = dg.Definitions(jobs=[dg.define_asset_job("draw", drawn.without_checks())])
        parts = replace(parts, definitions=dg.Definitions.merge(parts.definitions, jobs))
        for first, last in (
            (FIRST, date(2005, 1, 28)),
            (date(2005, 1, 31), date(2005, 2, 28)),
            (date(2005, 3, 1), LAST),
        ):
            assert xnys().index(first)
            parts.run("draw", first, last)
        assert parts.warehouse.read(STAYS).equals(stays)
