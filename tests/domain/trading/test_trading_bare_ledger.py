"""Two ledgers of the same orders, one by events and one compiled, agree to the micro-dollar."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.trading.bare_ledger import BareLedger, replay_orders
from nextgen_assets.domain.trading.ledger import replay
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.money import to_usd
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import LedgerError, PortfolioState
from nextgen_assets.domain.trading.quantities import MICRO_SHARES, from_micro_shares, quantity_series
from nextgen_assets.domain.trading.rules import SHARES, SPREAD_MODELS, TradingRules
from nextgen_assets.domain.trading.simulation import execute_plans
from nextgen_assets.domain.trading.spreads import fill_slippage
from tests.domain.trading.trading_builders import CALENDAR, DELAY, market_of, plan_rows

TICKERS = ("AAA", "BBB", "CCC")
SESSIONS = 16


def history(seed: int) -> tuple[MarketData, np.ndarray, TradingRules]:
    """Prices with gaps and thin volumes, orders of any size on any day, costs of any kind."""
    rng = np.random.default_rng(seed)
    wild = rng.choice([0.05, 0.05, 0.25])
    closes = rng.uniform(0.5, 400.0, 3) * np.exp(np.cumsum(rng.normal(0, wild, (SESSIONS, 3)), axis=0))
    opens = closes * np.exp(rng.normal(0, 0.02, closes.shape))
    gone = rng.random(closes.shape) < 0.15
    gone[0] = False
    opens[gone], closes[gone] = np.nan, np.nan
    market = market_of(opens, closes, TICKERS)
    reach = np.exp(np.abs(rng.normal(0, 0.02, closes.shape)))
    market = replace(market, highs=np.maximum(opens, closes) * reach, lows=np.minimum(opens, closes) / reach)
    market.volumes[:] = np.where(gone, np.nan, rng.choice([0.0, 300.0, 1e4, 1e9], closes.shape))
    orders = np.where(rng.random(closes.shape) < 0.6, rng.integers(-400, 400, closes.shape), 0)
    orders[0] = 0  # a plan of the session before fills
    rules = TradingRules(
        initial_cash_usd=float(rng.choice([1.0, 900.0, 20_000.0, 1e9])),
        slippage_bps=float(rng.choice([0.0, 5.0, 7.31])),
        spread_model=str(rng.choice(SPREAD_MODELS)),
        spread_volatility_share=0.3,
        commission_per_share_usd=float(rng.choice([0.0, 0.005])),
        commission_minimum_usd=float(rng.choice([0.0, 1.0])),
        shares=str(rng.choice(SHARES)),
        shorting=bool(rng.random() < 0.5),
        borrow_rate=float(rng.choice([0.0, 0.01, 0.8])),
        initial_margin=float(rng.choice([0.5, 0.31])),
    )
    if rules.shorting:  # else fewer histories would stay worth something
        orders = np.where(np.abs(orders) > 300, 0, orders)
    if rules.shares == "fractional":
        orders = orders * rng.integers(1, rules.lots_per_share, orders.shape)
    return market, orders, rules


def plans_of(market: MarketData, orders: np.ndarray, rules: TradingRules) -> pl.DataFrame:
    """The orders as plans of the sessions before."""
    sessions, places = list(market.sessions), np.argwhere(orders)
    rows = [(sessions[r - 1], TICKERS[c], "buy" if orders[r, c] > 0 else "sell", 1) for r, c in places]
    lots = [abs(int(orders[r, c])) * (MICRO_SHARES // rules.lots_per_share) for r, c in places]
    return plan_rows(*rows).with_columns(quantity_series("quantity", [from_micro_shares(n) for n in lots]))


def by_events(
    market: MarketData, orders: np.ndarray, rules: TradingRules
) -> tuple[PortfolioState, pl.DataFrame]:
    """The same orders through the journal, replayed from its entries alone, and its values."""
    sessions = list(market.sessions)
    plans = plans_of(market, orders, rules)
    _, entries = execute_plans(PortfolioState("baseline"), plans, sessions, market, rules, CALENDAR)
    sums = entries.group_by("event_id").agg(pl.col("amount_usd").sum())["amount_usd"]
    assert set(sums.to_list()) == {Decimal(0)}
    _, values = value_portfolio(entries, market, sessions, "baseline", CALENDAR, DELAY)
    return replay(entries, "baseline", is_margin=rules.shorting), values


def compiled(market: MarketData, orders: np.ndarray, rules: TradingRules) -> BareLedger:
    slippage = fill_slippage(market, rules)
    days = np.diff(
        np.array(market.sessions, dtype="datetime64[D]"), prepend=np.datetime64(market.sessions[0])
    )
    return replay_orders(
        orders, market.opens, market.closes, market.volumes, rules, slippage, days.astype(np.int64)
    )


def assert_they_agree(seed: int) -> None:
    market, orders, rules = history(seed)
    bare = compiled(market, orders, rules)
    if bare.value_micros.min() <= 0:  # sold short, and lost everything: the books refuse to go on
        with pytest.raises(LedgerError, match="sold short have cost everything"):
            by_events(market, orders, rules)
        return
    state, values = by_events(market, orders, rules)
    held = {
        TICKERS[at]: (int(bare.shares[at]), int(bare.cost_micros[at])) for at in np.flatnonzero(bare.shares)
    }
    lots = rules.lots_per_share
    assert {t: (p.quantity * lots, p.cost_micros) for t, p in state.positions.items()} == held
    assert (state.realized_micros, state.commission_micros) == (bare.realized_micros, bare.commission_micros)
    assert values["cash_usd"].to_list() == [to_usd(int(cash)) for cash in bare.cash_micros]
    assert values["net_asset_value_usd"].to_list() == [to_usd(int(value)) for value in bare.value_micros]
    assert state.borrow_micros == bare.borrow_micros
    assert rules.shorting or (min(bare.cash_micros) >= 0 and min(bare.shares) >= 0)
    unrealised = int(bare.value_micros[-1]) - int(bare.cash_micros[-1]) - int(bare.cost_micros.sum())
    earned = bare.realized_micros - bare.commission_micros - bare.borrow_micros + unrealised
    assert int(bare.value_micros[-1]) == rules.initial_cash_micros + earned  # nothing is lost


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000_000))
def test_both_ledgers_agree_on_generated_histories(seed: int) -> None:
    assert_they_agree(seed)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_both_ledgers_agree_on_a_thousand_generated_histories() -> None:
    for seed in range(1_000):
        assert_they_agree(seed)


def test_histories_meet_every_limit() -> None:
    """Otherwise agreement would prove little: orders are cut by cash, by volume and by shares held."""
    cut = {"volume": 0, "cash": 0, "shares": 0, "no_bar": 0, "margin": 0}
    for seed in range(60):
        market, orders, rules = history(seed)
        sessions, plans = list(market.sessions), plans_of(market, orders, rules)
        trades, _ = execute_plans(PortfolioState("x"), plans, sessions, market, rules, CALENDAR)
        for reason in trades["reject_reason"].drop_nulls():
            cut[reason] += 1
    assert min(cut.values()) >= 20, cut


def test_histories_sell_short_pay_for_it_and_cover() -> None:
    short, paid, covered, owed = 0, 0, 0, 0
    for seed in range(60):
        market, orders, rules = history(seed)
        bare = compiled(market, orders, rules)
        held = np.cumsum(bare.fills, axis=0)
        short += int((held < 0).sum())
        covered += int(((held[:-1] < 0) & (held[1:] > held[:-1])).sum())
        paid += bare.borrow_micros > 0
        owed += bool(bare.cash_micros.min() < 0)
        assert rules.shorting or (held >= 0).all()
    assert min(short, covered) > 30, (short, covered)
    assert min(paid, owed) >= 1, (paid, owed)


def test_sums_beyond_53_bits_stay_exact() -> None:
    """A billion dollars of a thousandth of a cent: where doubles begin to lose micro-dollars."""
    closes = np.array([[0.000001], [123_456.789012], [123_456.789013]])
    rules = TradingRules(initial_cash_usd=1e12, slippage_bps=0.0, commission_minimum_usd=0.0)
    bare = replay_orders(np.array([[0], [7_999_999], [-3_333_333]]), closes, closes, None, rules)
    bought = 7_999_999 * 123_456_789_012
    fees = 7_999_999 * 5_000 + 3_333_333 * 5_000
    sold = 3_333_333 * 123_456_789_013
    assert int(bare.cash_micros[-1]) == 10**18 - bought + sold - fees
    part = (bought * 3_333_333 + 7_999_999 // 2) // 7_999_999
    assert bare.realized_micros == sold - part


def test_millionths_of_large_positions_stay_exact_where_products_leave_64_bits() -> None:
    """A part of the cost is 70 thousand million lots over 90 thousand million: their product has 73 bits."""
    price = np.array([[777.123457], [777.123457], [777.123459]])
    rules = TradingRules(
        initial_cash_usd=1e9, slippage_bps=0.0, commission_minimum_usd=0.0, shares="fractional"
    )
    bought, sold = 90_000_123_457, 70_000_000_003  # lots
    bare = replay_orders(np.array([[0], [bought], [-sold]]), price, price, None, rules)
    cost = round(Fraction(bought * 777_123_457, 10**6))
    part = round(Fraction(cost * sold, bought))
    gross = round(Fraction(sold * 777_123_459, 10**6))
    fees = bought * 5_000 // 10**6 + sold * 5_000 // 10**6
    assert (int(bare.shares[0]), int(bare.cost_micros[0])) == (bought - sold, cost - part)
    assert (bare.realized_micros, bare.commission_micros) == (gross - part, fees)
    assert int(bare.cash_micros[-1]) == 10**15 - cost + gross - fees
    assert int(bare.value_micros[-1]) == int(bare.cash_micros[-1]) + round(
        Fraction((bought - sold) * 777_123_459, 10**6)
    )


def test_panels_of_other_shapes_are_refused() -> None:
    with pytest.raises(MarketDataError, match="expected one and the same"):
        replay_orders(
            np.zeros((2, 3), dtype=np.int64), np.ones((2, 2)), np.ones((2, 3)), None, TradingRules()
        )
