import json
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.trading.attribution import CAUSES
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.reflection import ReflectionError, lesson_of, reflect
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import SessionOutcomes, execute_plans, run_sessions
from tests.domain.trading.trading_builders import (
    CALENDAR,
    DELAY,
    forecasts_of,
    market_of,
    plan_rows,
    predictions_of,
)

EMPTY = PortfolioState("baseline")
RULES = TradingRules(initial_cash_usd=10_000.0, slippage_bps=10.0, min_hold_sessions=2, thesis_sessions=3)


def _reflect_on(
    market: MarketData, plans: pl.DataFrame, lower: float = -0.5, upper: float = 0.5, horizon: int = 5
) -> list[dict]:
    sessions = list(market.sessions)
    trades, entries = execute_plans(EMPTY, plans, sessions, market, RULES, CALENDAR)
    plans = plans.with_columns(
        scenario_id=pl.lit("baseline"), prediction_id=pl.format("p-{}-{}", "session_date", "ticker")
    )
    predictions = predictions_of(forecasts_of(market), horizon).with_columns(
        expected_log_return=pl.lit(0.01), lower_log_return=pl.lit(lower), upper_log_return=pl.lit(upper)
    )
    frame = reflect(entries, trades, plans, predictions, market, sessions, "baseline", CALENDAR, DELAY)
    return frame.rows(named=True)


def _parts(row: dict) -> dict[str, Decimal]:
    return json.loads(row["attribution"], parse_float=Decimal)


def test_attribution_by_hand() -> None:
    # AAA opens at 10, closes 11, opens 12; BBB (the rest of the universe) stands still.
    market = market_of(
        [[10.0, 20.0], [10.0, 20.0], [12.0, 20.0]],
        [[10.0, 20.0], [11.0, 20.0], [12.0, 20.0]],
        ("AAA", "BBB"),
    )
    s0, s1, s2 = market.sessions
    (row,) = _reflect_on(market, plan_rows((s0, "AAA", "buy", 100), (s1, "AAA", "sell", 100)))
    # bought at 10.01, sold at 11.988, 1 commission each way
    assert row["realized_pnl_usd"] == Decimal("195.8")
    assert (row["opened_on"], row["session_date"]) == (s1, s2)
    parts = _parts(row)
    assert parts["cost"] == Decimal("-4.2")  # slippage 1.00 + 1.20, commission 2.00
    # market: 1000 x 5 % by day, 1100 x (1/11)/2 by night = 100; the other half is selection
    assert parts["market"] == Decimal(100)
    assert parts["selection"] == Decimal(100)
    assert parts["timing"] == 0
    assert parts["luck"] == 0
    assert row["as_of"] == CALENDAR.cutoff(s2, DELAY)
    assert "AAA: up with probability" in row["thesis"]
    assert row["outcome"].startswith("gained 195.80 USD (+19.56% of the 1001.00 USD bought) after 1 sessions")
    # one close of five seen: 11 over 10 where 0.01 was expected in five sessions, and 0.5 bounded 90 %
    width = 0.49 / NormalDist().inv_cdf(0.95) * 0.2**0.5
    assert row["outcome_quantile"] == pytest.approx(NormalDist().cdf((np.log(1.1) - 0.002) / width))
    assert row["outcome_chance"] == pytest.approx(1 - row["outcome_quantile"])


def test_a_move_beyond_the_bounds_is_luck() -> None:
    market = market_of([10.0, 10.0, 12.0], [10.0, 11.0, 12.0])
    s0, s1, _ = market.sessions
    upper = float(np.log(1.05))
    (row,) = _reflect_on(market, plan_rows((s0, "AAA", "buy", 100), (s1, "AAA", "sell", 100)), -0.1, upper)
    parts = _parts(row)
    assert float(parts["luck"]) == pytest.approx(150.0, abs=1e-5)  # +20 % where at most +5 % was foreseen
    assert float(parts["market"]) == pytest.approx(200.0)  # alone in its universe
    assert float(parts["selection"]) == pytest.approx(-150.0, abs=1e-5)


def test_holding_beyond_the_target_is_timing() -> None:
    flat = [20.0] * 5
    opens = np.column_stack([[10.0, 10.0, 10.0, 10.0, 8.0], flat])
    market = market_of(opens, np.column_stack([[10.0, 10.0, 10.0, 10.0, 8.0], flat]), ("AAA", "BBB"))
    plans = plan_rows((market.sessions[0], "AAA", "buy", 100), (market.sessions[3], "AAA", "sell", 100))
    (row,) = _reflect_on(market, plans, horizon=2)
    parts = _parts(row)
    assert parts["timing"] == Decimal(-100)  # half of the fall of 200 after the target; the rest is market
    assert parts["selection"] == 0
    assert row["realized_pnl_usd"] == sum(parts.values())


def test_dividends_and_a_split_belong_to_the_result() -> None:
    market = market_of(
        [10.0, 10.0, 5.0, 5.0], [10.0, 10.0, 5.0, 5.0], splits={(2, 0): 2.0}, dividends={(2, 0): 0.3}
    )
    plans = plan_rows((market.sessions[0], "AAA", "buy", 100), (market.sessions[2], "AAA", "sell", 200))
    (row,) = _reflect_on(market, plans)
    parts = _parts(row)
    assert row["realized_pnl_usd"] == Decimal(30) + parts["cost"]
    assert parts["market"] == Decimal(30)
    assert parts["luck"] == 0


def _history(seed: int) -> tuple[MarketData, SessionOutcomes, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    closes = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, (60, 4)), axis=0))
    opens = closes * np.exp(rng.normal(0, 0.01, closes.shape))
    closes[20:, 1], opens[20:, 1] = closes[20:, 1] / 1.5, opens[20:, 1] / 1.5
    market = market_of(
        opens,
        closes,
        ("AAA", "BBB", "CCC", "DDD"),
        splits={(20, 1): 1.5},
        dividends={(9, 0): 0.2, (30, 2): 0.4},
    )
    forecasts = forecasts_of(market, seed)
    out = run_sessions(EMPTY, list(market.sessions), market, forecasts, RULES, CALENDAR, DELAY)
    return market, out, predictions_of(forecasts)


@pytest.mark.parametrize("seed", range(4))
def test_causes_sum_to_the_result_exactly_and_results_to_the_ledger(seed: int) -> None:
    market, out, predictions = _history(seed)
    frame = reflect(
        out.entries,
        out.trades,
        out.plans,
        predictions,
        market,
        list(market.sessions),
        "baseline",
        CALENDAR,
        DELAY,
    )
    assert frame.height > 5
    for row in frame.rows(named=True):
        parts = _parts(row)
        assert tuple(parts) == CAUSES
        assert sum(parts.values()) == row["realized_pnl_usd"]
        assert row["opened_on"] < row["session_date"]
    state = out.state
    open_tickers = set(state.positions)
    cash = out.entries.filter((pl.col("account") == "cash") & pl.col("ticker").is_not_null())
    closed_only = cash.filter(~pl.col("ticker").is_in(open_tickers))["amount_usd"].sum()
    reflected = frame.filter(~pl.col("ticker").is_in(open_tickers))["realized_pnl_usd"].sum()
    assert closed_only == reflected


def test_a_range_of_reflections_equals_its_sessions_one_by_one() -> None:
    market, out, predictions = _history(1)
    arguments = (out.entries, out.trades, out.plans, predictions, market)
    whole = reflect(*arguments, list(market.sessions), "baseline", CALENDAR, DELAY)
    singles = [reflect(*arguments, [session], "baseline", CALENDAR, DELAY) for session in market.sessions]
    assert whole.equals(pl.concat(singles))
    assert whole["reflection_id"].n_unique() == whole.height


def test_a_missing_opening_plan_is_refused() -> None:
    market, out, predictions = _history(1)
    with pytest.raises(ReflectionError, match="from the opening on"):
        reflect(
            out.entries,
            out.trades,
            out.plans.clear(),
            predictions,
            market,
            list(market.sessions),
            "baseline",
            CALENDAR,
            DELAY,
        )


def test_the_lesson_follows_the_heaviest_cause_in_the_direction_of_the_result() -> None:
    parts = {"market": 5, "selection": -9, "timing": 1, "cost": -1, "luck": 0}
    assert lesson_of(parts, -4).startswith("The thesis failed")
    assert lesson_of(parts, 4).startswith("The market carried it")
