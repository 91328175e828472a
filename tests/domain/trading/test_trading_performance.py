from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.trading.benchmark import benchmark_values
from nextgen_assets.domain.trading.market import MarketDataError
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import LedgerError, PortfolioState
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import execute_plans
from nextgen_assets.domain.trading.statistics import (
    TooFewSessionsError,
    compare_with_benchmark,
    summarise,
)
from tests.domain.trading.trading_builders import CALENDAR, DELAY, market_of, plan_rows, sessions_from

RULES = TradingRules(initial_cash_usd=1_000.0, slippage_bps=0.0)
EMPTY = PortfolioState("baseline")


def test_values_and_holdings_by_hand() -> None:
    market = market_of([10.0, 10.0, 11.0], [10.0, 12.0, 9.0])
    sessions = list(market.sessions)
    plans = plan_rows((sessions[0], "AAA", "buy", 50), (sessions[1], "AAA", "sell", 20))
    _, entries = execute_plans(EMPTY, plans, sessions, market, RULES, CALENDAR)
    holdings, values = value_portfolio(entries, market, sessions, "baseline", CALENDAR, DELAY)

    assert values["cash_usd"].to_list() == [Decimal(1000), Decimal(499), Decimal(718)]
    assert values["net_asset_value_usd"].to_list() == [Decimal(1000), Decimal(1099), Decimal(988)]
    assert values["daily_pnl_usd"].to_list() == [Decimal(0), Decimal(99), Decimal(-111)]
    assert values["turnover"].to_list() == [0.0, 500 / 1000, 220 / 1099]
    assert values["drawdown"].to_list() == [0.0, 0.0, pytest.approx(1 - 988 / 1099)]
    assert values["gross_exposure"].to_list() == [0.0, 600 / 1099, 270 / 988]
    assert values["benchmark_value_usd"].to_list() == pytest.approx([1000, 1200, 900])
    last = holdings.row(1, named=True)
    assert (last["quantity"], last["average_cost_usd"]) == (Decimal(30), Decimal(10))
    assert (last["market_value_usd"], last["unrealized_pnl_usd"]) == (Decimal(270), Decimal(-30))
    assert last["weight"] == 270 / 988


def test_the_benchmark_holds_inception_members_through_splits_and_keeps_dividends() -> None:
    closes = [[10.0, 20.0, np.nan], [6.0, np.nan, 5.0], [6.0, 30.0, 50.0]]
    market = market_of(closes, closes, ("AAA", "BBB", "CCC"), splits={(1, 0): 2.0}, dividends={(2, 0): 0.5})
    # 50 AAA become 100 at 6; 25 BBB stay at 20, then 30; CCC joins later and is not in it
    assert benchmark_values(market, 0, 3, 1_000.0).tolist() == [1000.0, 600.0 + 500.0, 600.0 + 50.0 + 750.0]


def test_a_dividend_on_the_split_day_is_paid_per_share_before_the_split() -> None:
    market = market_of([10.0, 5.0], [10.0, 5.0], splits={(1, 0): 2.0}, dividends={(1, 0): 1.0})
    assert benchmark_values(market, 0, 2, 1_000.0).tolist() == [1000.0, 1100.0]


def test_a_benchmark_member_without_a_close_at_inception_is_refused() -> None:
    market = market_of([[10.0, np.nan]], [[10.0, np.nan]], ("AAA", "BBB"))
    with pytest.raises(MarketDataError, match="BBB has no close"):
        benchmark_values(market, 0, 1, 1_000.0, ["AAA", "BBB"])


def test_valuing_before_inception_is_refused() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    sessions = list(market.sessions)
    _, entries = execute_plans(EMPTY, plan_rows(), sessions[1:], market, RULES, CALENDAR)
    with pytest.raises(LedgerError, match="nothing to value on 2005-01-03"):
        value_portfolio(entries, market, sessions, "baseline", CALENDAR, DELAY)


def test_summary_by_hand() -> None:
    days = [
        date(2005, 1, 3),
        date(2005, 1, 4),
        date(2005, 1, 5),
        date(2005, 1, 10),
    ]  # seven days for three returns
    summary = summarise(np.array([100.0, 110.0, 99.0, 108.9]), days)
    returns = np.array([0.1, -0.1, 0.1])
    assert summary.total_return == pytest.approx(0.089)
    assert summary.max_drawdown == pytest.approx(0.1)
    assert summary.cagr == pytest.approx(1.089 ** (365.25 / 7) - 1)
    assert summary.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * (3 * 365.25 / 7) ** 0.5)


def test_growth_follows_the_calendar_and_not_the_number_of_values() -> None:
    """A market of all days and one of five days a week that double in a year have grown alike."""
    every_day = [date(2005, 1, 1) + timedelta(days=offset) for offset in range(366)]
    weekdays = [day for day in every_day if day.weekday() < 5]
    for days in (every_day, weekdays):
        summary = summarise(np.geomspace(100.0, 200.0, len(days)), days)
        assert summary.cagr == pytest.approx(1.0, abs=0.02)
    noisy = [
        summarise(100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, len(days)))), days)
        for days in (every_day, weekdays)
    ]
    assert noisy[0].volatility == pytest.approx(0.01 * 365.25**0.5, rel=0.1)
    assert noisy[1].volatility == pytest.approx(0.01 * 261**0.5, rel=0.1)


def test_a_fall_from_the_first_value_counts_as_drawdown() -> None:
    assert summarise(np.array([100.0, 90.0, 95.0]), sessions_from(3)).max_drawdown == pytest.approx(0.1)


def test_a_flat_series_has_no_sharpe_ratio() -> None:
    assert np.isnan(summarise(np.full(5, 100.0), sessions_from(5)).sharpe)


def test_too_few_values_are_refused() -> None:
    with pytest.raises(TooFewSessionsError, match="found 2"):
        summarise(np.array([1.0, 2.0]), sessions_from(2))


def _values(ours: np.ndarray, theirs: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {"session_date": sessions_from(len(ours)), "net_asset_value_usd": ours, "benchmark_value_usd": theirs}
    )


def test_the_interval_of_a_portfolio_equal_to_its_benchmark_is_zero() -> None:
    path = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 300)))
    compared = compare_with_benchmark(_values(path, path), seed=1, n_resamples=100)
    for difference in compared.differences.values():
        assert (difference.value, difference.lower, difference.upper) == (0.0, 0.0, 0.0)


def test_a_steady_advantage_lies_above_zero_and_repeats_by_seed() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 500)
    better = 100 * np.exp(np.cumsum(noise + 0.001))
    values = _values(better, 100 * np.exp(np.cumsum(noise)))
    one = compare_with_benchmark(values, seed=1, n_resamples=200)
    assert one.differences["cagr"].lower > 0
    assert one.differences["sharpe"].lower > 0
    assert one == compare_with_benchmark(values, seed=1, n_resamples=200)
    assert one.differences != compare_with_benchmark(values, seed=2, n_resamples=200).differences
