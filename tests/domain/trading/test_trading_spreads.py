"""How far from the quoted price a fill lies, where the bars say it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from nextgen_assets.domain.trading.costs import slipped_price_micros
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.rules import SPREAD_MODELS, TradingRules
from nextgen_assets.domain.trading.simulation import execute_plans
from nextgen_assets.domain.trading.spreads import fill_slippage, slippage_panel
from tests.domain.trading.trading_builders import CALENDAR, market_of, plan_rows

HIGH_LOW = TradingRules(slippage_bps=0.0, spread_model="high_low")


def quoted_market(half_spread: float, sessions: int = 120, tickers: int = 6) -> MarketData:
    """A random walk seen through trades at bid and ask only."""
    rng = np.random.default_rng(8)
    middle = 50 * np.exp(np.cumsum(rng.normal(0, 0.01 / 20, (sessions * 400, tickers)), axis=0))
    side = rng.choice([1.0 - half_spread, 1.0 + half_spread], middle.shape)
    trades = (middle * side).reshape(sessions, 400, tickers)
    market = market_of(trades[:, 0], trades[:, -1], tuple(f"T{at}" for at in range(tickers)))
    return replace(market, highs=trades.max(axis=1), lows=trades.min(axis=1))


def test_high_low_of_two_equal_sessions_by_hand() -> None:
    """With a = ln(101 / 100) on both days alpha is a, and the spread 2 (e^a - 1) / (1 + e^a) = 0.02 / 2.01."""
    closes = np.full((25, 1), 100.5)
    market = replace(market_of(closes, closes), highs=np.full((25, 1), 101.0), lows=np.full((25, 1), 100.0))
    half = slippage_panel(market, HIGH_LOW)[:, 0]
    assert half[-1] == round(1e6 * 0.01 / 2.01)
    assert half[9] == 0  # nine pairs of twenty: too few
    assert half[10] == half[-1]


@pytest.mark.parametrize("half_spread", [0.005, 0.01])
def test_high_low_finds_the_spread_that_trades_were_made_at(half_spread: float) -> None:
    """Spreads that are small beside the moves of a day are overestimated: negative estimates count as none."""
    found = slippage_panel(quoted_market(half_spread), HIGH_LOW)[40:].mean() / 1e6
    assert found == pytest.approx(half_spread, rel=0.35)


def test_a_move_between_sessions_is_not_taken_for_a_spread() -> None:
    market = quoted_market(0.002)
    jumps = np.where(np.arange(120) % 2 == 0, 1.0, 1.2)[:, None]
    moved = replace(
        market,
        **{name: getattr(market, name) * jumps for name in ("opens", "closes", "highs", "lows")},
    )
    still, jumping = (slippage_panel(each, HIGH_LOW)[40:].mean() for each in (market, moved))
    assert (
        0.3 * still < jumping < 1.2 * still
    )  # without the correction it would be none, by a negative estimate


def test_volatility_model_is_a_share_of_the_deviation_of_twenty_sessions() -> None:
    closes = 50 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, (60, 2)), axis=0))
    market = market_of(closes, closes, ("AAA", "BBB"))
    rules = TradingRules(slippage_bps=1.0, spread_model="volatility", spread_volatility_share=0.1)
    returns = np.log(closes[40:60] / closes[39:59])
    expected = 0.1 * np.sqrt((returns**2).mean(axis=0))
    assert slippage_panel(market, rules)[59].tolist() == pytest.approx((1e6 * expected).tolist(), abs=1)
    assert (slippage_panel(market, rules)[:10] == 100).all()  # the least, before there is an estimate


def test_an_estimate_is_never_below_the_least_nor_above_five_per_cent() -> None:
    closes = np.where(np.arange(60) % 2 == 0, 10.0, 90.0)[:, None]
    market = market_of(closes, closes)
    wild = TradingRules(slippage_bps=2.0, spread_model="volatility", spread_volatility_share=1.0)
    assert slippage_panel(market, wild)[-1, 0] == 50_000
    calm = market_of(np.full((60, 1), 10.0), np.full((60, 1), 10.0))
    assert slippage_panel(calm, wild)[-1, 0] == 200


@pytest.mark.parametrize("model", SPREAD_MODELS)
def test_estimates_of_a_beginning_are_the_bits_of_the_whole(model: str) -> None:
    market = quoted_market(0.003, sessions=60, tickers=2)
    rules = replace(HIGH_LOW, spread_model=model)
    whole = slippage_panel(market, rules)
    for stop in (1, 12, 45):
        part = MarketData(
            market.sessions[:stop],
            market.tickers,
            *(getattr(market, name)[:stop] for name in ("opens", "closes", "volumes", "split_ratios", "dividends_usd")),
            highs=market.highs[:stop],
            lows=market.lows[:stop],
        )  # fmt: skip
        assert (slippage_panel(part, rules) == whole[:stop]).all()


def test_a_fill_pays_the_estimate_of_the_session_before() -> None:
    market = quoted_market(0.004, sessions=40, tickers=1)
    sessions = list(market.sessions)
    plans = plan_rows((sessions[30], "T0", "buy", 10), (sessions[35], "T0", "sell", 10))
    trades, _ = execute_plans(PortfolioState("x"), plans, sessions, market, HIGH_LOW, CALENDAR)
    panel = slippage_panel(market, HIGH_LOW)
    assert panel[30, 0] > 1_000
    for trade, row in zip(trades.iter_rows(named=True), (31, 36), strict=True):
        opening = round(float(market.opens[row, 0]) * 1e6)
        price = slipped_price_micros(opening, trade["side"], int(panel[row - 1, 0]))
        assert trade["price"] == Decimal(price).scaleb(-6)
    assert (fill_slippage(market, HIGH_LOW)[1:] == panel[:-1]).all()


def test_the_model_of_highs_and_lows_is_refused_without_them() -> None:
    with pytest.raises(MarketDataError, match="needs highs and lows"):
        slippage_panel(market_of([10.0] * 3, [10.0] * 3), HIGH_LOW)
