"""Ten real years of five companies: from the entries alone come holdings, cash and profit, to the micro-dollar."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from nextgen_assets.domain.corporate_actions import recover_actions
from nextgen_assets.domain.trading.ledger import replay, state_from_ledger
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.market_frames import market_from_frames
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import SessionOutcomes, execute_plans, run_sessions
from nextgen_resources.market_data.bokeh import Provider
from tests.domain.trading.plain_cash import cash_by_fractions
from tests.domain.trading.trading_builders import CALENDAR, DELAY, forecasts_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
FIRST, LAST = date(2003, 1, 2), date(2012, 12, 31)
USD = Decimal(1_000_000)


@pytest.fixture(scope="module")
def market() -> MarketData:
    provider = Provider()
    bars = provider.daily_bars(["AAPL", "FB", "GOOG", "IBM", "MSFT"], FIRST, LAST)
    actions = recover_actions(bars, CALENDAR, provider.name, provider.dividend_basis)
    return market_from_frames(bars, actions, CALENDAR, LAST)


def run(market: MarketData, spread_model: str) -> tuple[TradingRules, SessionOutcomes]:
    """Plans and fills of all the years by random forecasts; AAPL is held over its split of 2005-02-28."""
    rules = TradingRules(
        min_hold_sessions=2, thesis_sessions=3, spread_model=spread_model, max_volume_fraction=1e-5
    )
    forecasts = forecasts_of(market, seed=3)
    before = slice(market.row(date(2005, 2, 18)), market.row(date(2005, 3, 2)))
    eager = {
        "probability_up": 0.9,
        "expected_log_return": 0.05,
        "lower_log_return": 0.02,
        "upper_log_return": 0.08,
    }
    for name, value in eager.items():
        forecasts.numbers[name][before, market.column("AAPL")] = value
    forecasts.abstained[before, market.column("AAPL")] = False
    sessions = list(market.sessions)
    return rules, run_sessions(PortfolioState("real"), sessions, market, forecasts, rules, CALENDAR, DELAY)


@pytest.fixture(scope="module")
def plainly(market: MarketData) -> tuple[TradingRules, SessionOutcomes]:
    return run(market, "fixed")


def test_replayed_entries_give_cash_holdings_and_profit_of_ten_years(
    market: MarketData, plainly: tuple[TradingRules, SessionOutcomes]
) -> None:
    check(market, *plainly)


def test_they_do_where_spreads_are_estimated_from_highs_and_lows(market: MarketData) -> None:
    rules, out = run(market, "high_low")
    done = out.trades.filter(pl.col("quantity") > 0)
    assert (done["slippage_usd"] / done["gross_usd"]).n_unique() > 100
    check(market, rules, out)


def check(market: MarketData, rules: TradingRules, out: SessionOutcomes) -> None:
    """Entries balance, and cash, holdings, values and profit follow from them alone."""
    sessions = list(market.sessions)
    assert len(sessions) > 2_500
    kinds = set(out.entries["event_kind"])
    assert {"deposit", "trade", "fee", "dividend", "split"} <= kinds
    done = out.trades.filter(pl.col("quantity") > 0)
    assert done.height > 1_000
    assert "partial" in set(done["status"])

    sums = out.entries.group_by("event_id").agg(pl.col("amount_usd").sum())["amount_usd"]
    assert set(sums) == {Decimal(0)}
    state = replay(out.entries, "real")
    assert dict(state.positions) == dict(out.state.positions)
    assert state.cash_micros == out.state.cash_micros
    assert Fraction(state.cash_micros, 10**6) == cash_by_fractions(market, out.trades, rules)

    holdings, values = value_portfolio(out.entries, market, sessions, "real", CALENDAR, DELAY)
    assert min(values["cash_usd"]) >= 0
    worth = holdings.group_by("session_date").agg(
        pl.col("market_value_usd").sum().alias("worth"),
        pl.col("unrealized_pnl_usd").sum().alias("unrealised"),
    )
    joined = values.join(worth, on="session_date", how="left").sort("session_date")
    total = joined["cash_usd"] + joined["worth"].fill_null(Decimal(0))
    assert total.to_list() == joined["net_asset_value_usd"].to_list()
    earned = (state.realized_micros + state.dividend_micros - state.commission_micros) / USD
    unrealised = joined["unrealised"].fill_null(Decimal(0))[-1]
    assert joined["net_asset_value_usd"][-1] == rules.initial_cash_micros / USD + earned + unrealised


def test_execution_from_the_middle_of_ten_years_goes_on_as_the_whole(
    market: MarketData, plainly: tuple[TradingRules, SessionOutcomes]
) -> None:
    (rules, out), sessions, middle = plainly, list(market.sessions), 1_300
    state = state_from_ledger(out.entries, "real", sessions[middle - 1])
    trades, entries = execute_plans(state, out.plans, sessions[middle:], market, rules, CALENDAR)
    later = pl.col("session_date") >= sessions[middle]
    assert trades.equals(out.trades.filter(later))
    assert entries.equals(out.entries.filter(later))
