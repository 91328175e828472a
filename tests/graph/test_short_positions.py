"""Selling short and fractions of shares through the real graph: tables, checks, reflections, and the same rows in any ranges."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.graph.trading_world import SESSIONS, TABLES_TRADED, TRADED, trading_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
SETTINGS = {"trading.shorting": True, "trading.shares": "fractional", "trading.borrow_rate": 0.2}
PASSED = (*TRADED, "trade_reflections")


def test_a_world_that_sells_short_reconciles_and_gives_the_same_rows_in_parts(tmp_path: Path) -> None:
    with trading_world(tmp_path / "whole", SETTINGS, mean=-0.01) as whole:
        whole.run("decide_and_trade", SESSIONS[0], SESSIONS[-1], PASSED)
        held = whole.warehouse.read("SELECT * FROM portfolio_holdings")
        short = held.filter(pl.col("quantity") < 0)
        assert short["ticker"].n_unique() > 1
        assert (short["market_value_usd"] < 0).all()
        assert (held["quantity"] % 1 != 0).any()
        values = whole.warehouse.read("SELECT * FROM portfolio_values")
        assert (values["gross_exposure"] > values["net_exposure"]).any()
        fees = whole.warehouse.scalar(
            "SELECT sum(amount_usd) FROM ledger_entries WHERE account = 'borrow_cost'"
        )
        assert fees > 0
        said = whole.warehouse.read("SELECT * FROM trade_reflections WHERE contains(thesis, 'sold short')")
        assert said.height
        whole_rows = {table: whole.content(table) for table in (*TABLES_TRADED, "trade_reflections")}
    parts = ((0, 0), (1, 1), (2, 9), (10, len(SESSIONS) - 1))
    with trading_world(tmp_path / "parts", SETTINGS, mean=-0.01) as apart:
        for first, last in parts:
            apart.run("decide_and_trade", SESSIONS[first], SESSIONS[last], PASSED)
        for table, rows in whole_rows.items():
            assert rows.equals(apart.content(table)), table
