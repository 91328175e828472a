"""Limits and fills over the session, by hand and through the simulation."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.trading.fills import Order, fill_order
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.pricing import SessionBar
from nextgen_assets.domain.trading.rules import TradingRules, TradingRulesError
from nextgen_assets.domain.trading.simulation import execute_plans
from tests.domain.trading.trading_builders import CALENDAR, FIRST, market_of, plan_rows

USD = 1_000_000
LIMIT = TradingRules(order_kind="limit", limit_bps=100.0, slippage_bps=5.0)
BAR = SessionBar(high_usd=102.0, low_usd=98.0, close_usd=100.0)


@pytest.mark.parametrize(
    ("side", "open_usd", "low", "high", "status", "price_usd"),
    [
        ("buy", 98.5, 98.0, 102.0, "filled", 98.5),  # opens better than the limit of 99
        ("buy", 100.0, 98.0, 102.0, "filled", 99.0),  # trades through it later
        ("buy", 100.0, 99.0, 102.0, "rejected", 100.0),  # touches it only
        ("buy", 100.0, 99.5, 102.0, "rejected", 100.0),
        ("sell", 101.5, 98.0, 102.0, "filled", 101.5),
        ("sell", 100.0, 98.0, 102.0, "filled", 101.0),
        ("sell", 100.0, 98.0, 101.0, "rejected", 100.0),
    ],
)
def test_a_limit_is_met_or_the_order_expires(
    side: str, open_usd: float, low: float, high: float, status: str, price_usd: float
) -> None:
    order = Order("p", FIRST, "AAA", side, 10, 100 * USD)
    fill = fill_order(order, open_usd, 1e9, 10_000 * USD, 10, LIMIT, SessionBar(high, low, 100.0))
    assert (fill.status, fill.price_micros) == (status, round(price_usd * USD))
    assert fill.slippage_micros == 0
    assert fill.reason == (None if status == "filled" else "limit")


def test_an_order_worked_over_the_session_pays_slippage_on_the_typical_price() -> None:
    rules = TradingRules(fill_price="typical", slippage_bps=10.0)
    fill = fill_order(Order("p", FIRST, "AAA", "buy", 10), 99.0, 1e9, 10_000 * USD, 0, rules, BAR)
    assert fill.price_micros == 100_100_000
    assert fill.slippage_micros == 10 * 100_000


def test_the_cash_and_volume_caps_hold_at_a_limit_too() -> None:
    order = Order("p", FIRST, "AAA", "buy", 1_000, 100 * USD)
    fill = fill_order(order, 100.0, 400.0, 10_000 * USD, 0, LIMIT, BAR)
    assert (fill.status, fill.reason, fill.quantity) == ("partial", "volume", 20)
    fill = fill_order(order, 100.0, 1e9, 1_000 * USD, 0, LIMIT, BAR)
    assert (fill.status, fill.reason, fill.quantity) == ("partial", "cash", 10)


def test_what_a_price_needs_and_lacks_is_said() -> None:
    order = Order("p", FIRST, "AAA", "buy", 10)
    with pytest.raises(MarketDataError, match="need highs and lows"):
        fill_order(order, 100.0, 1e9, USD, 0, TradingRules(fill_price="typical"))
    with pytest.raises(MarketDataError, match="no reference price"):
        fill_order(order, 100.0, 1e9, USD, 0, LIMIT, BAR)
    with pytest.raises(TradingRulesError, match="order_kind is 'stop'"):
        TradingRules(order_kind="stop")
    with pytest.raises(TradingRulesError, match="fill_price is 'close'"):
        TradingRules(fill_price="close")


def _market(splits: dict[tuple[int, int], float] | None = None) -> MarketData:
    market = market_of([10.0, 10.0, 5.0], [10.0, 10.0, 5.0], splits=splits)
    return replace(market, highs=market.opens * 1.05, lows=market.opens * 0.95)


def test_a_split_before_the_fill_moves_the_limit_with_the_price() -> None:
    market = _market(splits={(2, 0): 2.0})
    sessions = list(market.sessions)
    plans = plan_rows((sessions[1], "AAA", "buy", 10)).with_columns(reference_price=pl.lit(10.0))
    rules = TradingRules(order_kind="limit", limit_bps=200.0, initial_cash_usd=1_000.0)
    trades, entries = execute_plans(PortfolioState("x"), plans, sessions, market, rules, CALENDAR)
    row = trades.row(0, named=True)
    assert (row["status"], row["quantity"], row["price"]) == ("filled", 20, Decimal("4.9"))
    assert set(entries.group_by("event_id").agg(pl.col("amount_usd").sum())["amount_usd"]) == {Decimal(0)}


def test_a_halted_session_fills_nothing_and_the_order_expires() -> None:
    market = _market()
    market.opens[1], market.closes[1] = np.nan, np.nan
    sessions = list(market.sessions)
    plans = plan_rows((sessions[0], "AAA", "buy", 10)).with_columns(reference_price=pl.lit(10.0))
    rules = TradingRules(order_kind="limit")
    trades, _ = execute_plans(PortfolioState("x"), plans, sessions, market, rules, CALENDAR)
    assert trades.select("status", "reject_reason").rows() == [("rejected", "no_bar")]
