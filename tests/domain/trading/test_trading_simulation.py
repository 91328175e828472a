import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from bokeh_sampledata.stocks import AAPL
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.trading.forecasts import ForecastError, Forecasts, forecasts_from_frames
from nextgen_assets.domain.trading.ledger import replay, state_from_ledger
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.market_frames import market_from_frames
from nextgen_assets.domain.trading.money import MONEY
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import LedgerError, PortfolioState, Position
from nextgen_assets.domain.trading.rules import SHARES, TradingRules
from nextgen_assets.domain.trading.simulation import SessionOutcomes, draft_plans, execute_plans, run_sessions
from tests.domain.trading.plain_cash import cash_by_fractions
from tests.domain.trading.trading_builders import (
    CALENDAR,
    DELAY,
    forecasts_of,
    market_of,
    plan_rows,
    predictions_of,
    sessions_from,
)

EMPTY = PortfolioState("baseline")
RULES = TradingRules(initial_cash_usd=10_000.0, min_hold_sessions=2, thesis_sessions=3)
NAN = float("nan")
USD = 1_000_000


def _random_market(seed: int, n_sessions: int = 24, n_tickers: int = 3) -> MarketData:
    """Prices with gaps, splits and dividends."""
    rng = np.random.default_rng(seed)
    shape = (n_sessions, n_tickers)
    closes = np.round(40 * np.exp(np.cumsum(rng.normal(0, 0.03, shape), axis=0)), 2)
    opens = np.round(closes * np.exp(rng.normal(0, 0.01, shape)), 2)
    missing = rng.random(shape) < 0.08
    missing[0] = False
    splits = {}
    for row, column in np.argwhere(rng.random(shape) < 0.05).tolist():
        splits[row, column] = float(rng.choice([2.0, 1.5, 0.1, 1 / 3]))
        closes[row:, column] = closes[row:, column] / splits[row, column]
        opens[row:, column] = opens[row:, column] / splits[row, column]
    dividends = dict.fromkeys(map(tuple, np.argwhere(rng.random(shape) < 0.1).tolist()), 0.37)
    opens, closes = np.where(missing, NAN, opens), np.where(missing, NAN, closes)
    return market_of(opens, closes, tuple(f"T{at}" for at in range(n_tickers)), splits, dividends)


def _run(market: MarketData, forecasts: Forecasts, rules: TradingRules = RULES) -> SessionOutcomes:
    return run_sessions(EMPTY, list(market.sessions), market, forecasts, rules, CALENDAR, DELAY)


def _same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    assert left.schema == right.schema
    assert left.height == right.height
    assert left.equals(right)
    assert left.write_csv(float_precision=17) == right.write_csv(float_precision=17)


def test_a_session_by_hand_splits_then_dividends_then_sells_then_buys() -> None:
    market = market_of(
        [[10.0, 50.0], [10.0, 50.0], [5.0, 40.0]],
        [[10.0, 50.0], [10.0, 48.0], [5.0, 41.0]],
        ("AAA", "BBB"),
        splits={(2, 0): 2.0},
        dividends={(2, 0): 0.25},
    )
    s0, s1, s2 = market.sessions
    rules = TradingRules(initial_cash_usd=1_000.0, slippage_bps=100.0)
    plans = plan_rows((s0, "AAA", "buy", 90), (s1, "AAA", "sell", 45), (s1, "BBB", "buy", 100))
    trades, entries = execute_plans(EMPTY, plans, [s0, s1, s2], market, rules, CALENDAR)

    bought, sold, rebought = trades.rows(named=True)
    assert (bought["price"], bought["gross_usd"], bought["commission_usd"]) == (
        Decimal("10.1"),
        Decimal("909"),
        Decimal("1"),
    )
    assert (sold["side"], sold["quantity"]) == ("sell", 90)  # 45 planned shares became 90
    assert sold["price"] == Decimal("4.95")
    assert sold["realized_pnl_usd"] == Decimal("445.5") - Decimal("454.5")
    # cash: 1000 - 910 + 90 x 0.25 + 445.5 - 1 = 557; 13 shares at 40.40 and 1 commission = 526.20
    assert (rebought["status"], rebought["quantity"], rebought["reject_reason"]) == ("partial", 13, "cash")
    kinds = entries.filter(pl.col("session_date") == s2).unique("sequence").sort("sequence")["event_kind"]
    assert kinds.to_list() == ["split", "dividend", "trade", "fee", "trade", "fee"]
    state = replay(entries, "baseline")
    assert state.cash_micros == 30_800_000
    assert state.positions["AAA"] == Position(90, 454_500_000, s1)
    assert trades["filled_at"][0] == CALENDAR.open_at(s1)


def test_inception_deposits_once_and_only_once() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    out = _run(market, forecasts_of(market))
    deposits = out.entries.filter(pl.col("event_kind") == "deposit")
    assert deposits["session_date"].unique().to_list() == [market.sessions[0]]
    assert deposits.filter(pl.col("account") == "cash")["amount_usd"].to_list() == [Decimal(10_000)]


def test_an_order_without_a_bar_is_rejected_and_expires() -> None:
    market = market_of([10.0, NAN, 10.0], [10.0, NAN, 10.0])
    plans = plan_rows((market.sessions[0], "AAA", "buy", 5))
    trades, entries = execute_plans(EMPTY, plans, list(market.sessions), market, RULES, CALENDAR)
    row = trades.row(0, named=True)
    assert (trades.height, row["status"], row["reject_reason"]) == (1, "rejected", "no_bar")
    assert (row["quantity"], row["filled_at"], row["price"]) == (0, None, Decimal(0))
    assert entries["event_kind"].unique().to_list() == ["deposit"]


def test_a_pending_plan_survives_the_edge_of_a_range() -> None:
    market = market_of([10.0] * 4, [10.0] * 4)
    sessions = list(market.sessions)
    plans = plan_rows((sessions[1], "AAA", "buy", 5))
    _, first = execute_plans(EMPTY, plans, sessions[:2], market, RULES, CALENDAR)
    state = state_from_ledger(first, "baseline", sessions[1])
    trades, _ = execute_plans(state, plans, sessions[2:], market, RULES, CALENDAR)
    assert trades["session_date"].to_list() == [sessions[2]]
    assert trades["plan_session_date"].to_list() == [sessions[1]]


def test_the_dividend_of_an_ex_date_goes_to_shares_held_before_the_open() -> None:
    market = market_of([10.0] * 3, [10.0] * 3, dividends={(1, 0): 0.5, (2, 0): 0.5})
    plans = plan_rows((market.sessions[0], "AAA", "buy", 100))  # filled on the first ex-date: too late
    _, entries = execute_plans(EMPTY, plans, list(market.sessions), market, RULES, CALENDAR)
    paid = entries.filter((pl.col("event_kind") == "dividend") & (pl.col("account") == "cash"))
    assert paid.select("session_date", "amount_usd").rows() == [(market.sessions[2], Decimal(50))]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_random_histories_balance_to_the_micro_dollar(seed: int, data: st.DataObject) -> None:
    market = _random_market(seed)
    sessions = list(market.sessions)
    orders = data.draw(
        st.dictionaries(
            st.tuples(st.integers(0, len(sessions) - 2), st.sampled_from(market.tickers)),
            st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 400)),
            max_size=25,
        )
    )
    rules = replace(
        RULES, shares=data.draw(st.sampled_from(SHARES)), shorting=data.draw(st.booleans()), borrow_rate=0.05
    )
    plans = plan_rows(*((sessions[row], t, side, q) for (row, t), (side, q) in orders.items()))
    if rules.shares == "fractional":
        plans = plans.with_columns(quantity=pl.col("quantity").cast(MONEY) / pl.lit(Decimal(7), dtype=MONEY))
    trades, entries = execute_plans(EMPTY, plans, sessions, market, rules, CALENDAR)

    sums = entries.group_by("event_id").agg(pl.col("amount_usd").sum())
    assert set(sums["amount_usd"].to_list()) == {Decimal(0)}
    assert entries["entry_id"].n_unique() == entries.height
    assert trades.height == len(orders)
    state = replay(entries, "baseline", is_margin=rules.shorting)
    assert Fraction(state.cash_micros, 10**6) == cash_by_fractions(market, trades, rules)
    holdings, values = value_portfolio(entries, market, sessions, "baseline", CALENDAR, DELAY)
    assert rules.shorting or min(values["cash_usd"].to_list()) >= 0
    assert rules.shorting or (holdings["quantity"] > 0).all()
    assert (values["gross_exposure"] >= values["net_exposure"].abs() - 1e-12).all()
    value = int(values["net_asset_value_usd"][-1] * USD)
    unrealised = value - state.cash_micros - sum(p.cost_micros for p in state.positions.values())
    costs = state.commission_micros + state.borrow_micros
    earned = state.realized_micros + state.dividend_micros - costs + unrealised
    assert value == state.capital_micros + earned  # nothing is lost


@pytest.mark.parametrize(
    ("seed", "shares", "shorting"),
    [(1, "whole", False), (2, "fractional", False), (3, "whole", True), (4, "fractional", True)],
)
def test_a_range_gives_the_bytes_of_its_sessions_one_by_one(seed: int, shares: str, shorting: bool) -> None:
    market, rules = _random_market(seed), replace(RULES, shares=shares, shorting=shorting)
    forecasts, sessions = forecasts_of(market, seed), list(market.sessions)
    if shorting:
        _turn_down(forecasts)
    whole = _run(market, forecasts, rules)
    whole_holdings, whole_values = value_portfolio(
        whole.entries, market, sessions, "baseline", CALENDAR, DELAY
    )
    assert whole.trades.filter(pl.col("status") == "filled").height > 5
    assert (whole.trades["quantity"] % 1 != 0).any() == (shares == "fractional")
    assert (whole_holdings["quantity"] < 0).any() == shorting

    plans = whole.plans.clear()
    trades, entries, holdings, values = [], [], [], whole_values.clear()
    for session in sessions:
        ledger = pl.concat(entries) if entries else whole.entries.clear()
        known = CALENDAR.shift(session, -1)
        state = state_from_ledger(ledger, "baseline", known, values, rules)
        past = market_until(market, session)
        fills, lines = execute_plans(state, plans, [session], past, rules, CALENDAR)
        drafted = draft_plans(state, [session], past, forecasts, rules, CALENDAR, DELAY, plans)
        plans = pl.concat([plans, drafted])
        trades.append(fills)
        entries.append(lines)
        held, value = value_portfolio(pl.concat(entries), past, [session], "baseline", CALENDAR, DELAY)
        holdings.append(held)
        values = pl.concat([values, value])
    _same(plans, whole.plans)
    _same(pl.concat(trades), whole.trades)
    _same(pl.concat(entries), whole.entries)
    _same(pl.concat(holdings), whole_holdings)
    _same(values, whole_values)
    assert state_from_ledger(pl.concat(entries), "baseline", sessions[-1], values, rules) == whole.state


def _turn_down(forecasts: Forecasts) -> None:
    """Make about half of the forecasts fall."""
    for name, change in (("expected", 0.012), ("lower", 0.012), ("upper", 0.012)):
        forecasts.numbers[f"{name}_log_return"][:] -= change
    forecasts.numbers["probability_up"][:] = np.where(
        forecasts.numbers["expected_log_return"] < 0, 0.35, 0.65
    )


def test_fractions_spend_what_whole_shares_leave_and_a_split_rounds_nothing_away() -> None:
    market = market_of([30.0] * 2 + [20.0] * 2, [30.0] * 2 + [20.0] * 2, splits={(2, 0): 1.5})
    s0, s1, s2, s3 = market.sessions
    rules = TradingRules(
        initial_cash_usd=1_000.0, slippage_bps=0.0, commission_minimum_usd=0.0, shares="fractional"
    )
    plans = plan_rows((s0, "AAA", "buy", 100), (s2, "AAA", "sell", 100))
    trades, entries = execute_plans(EMPTY, plans, [s0, s1, s2, s3], market, rules, CALENDAR)
    bought, sold = trades["quantity"].to_list()
    assert bought == Decimal("33.327778")  # 1,000 USD at 30.005 with commission
    assert trades["commission_usd"].to_list() == [Decimal("0.166638"), Decimal("0.249958")]
    assert sold == bought * Decimal("1.5")
    assert entries.filter(pl.col("event_kind") == "split")["account"].to_list() == ["positions"]
    state = replay(entries, "baseline")
    assert (dict(state.positions), state.realized_micros) == ({}, 0)
    assert state.cash_micros == 1_000 * USD - 166_638 - 249_958


def market_until(market: MarketData, last: date) -> MarketData:
    """The panels without anything after ``last``."""
    stop = market.row(last) + 1
    return MarketData(
        market.sessions[:stop],
        market.tickers,
        *(
            getattr(market, name)[:stop]
            for name in ("opens", "closes", "volumes", "split_ratios", "dividends_usd")
        ),
    )


def test_executing_drafted_plans_gives_the_fills_that_drafting_assumed() -> None:
    market = _random_market(7)
    out = _run(market, forecasts_of(market, 7))
    trades, entries = execute_plans(EMPTY, out.plans, list(market.sessions), market, RULES, CALENDAR)
    _same(trades, out.trades)
    _same(entries, out.entries)


def test_two_futures_have_an_identical_past() -> None:
    market, cut = _random_market(5), 12
    opens, closes = market.opens.copy(), market.closes.copy()
    opens[cut:], closes[cut:] = opens[cut:] * 3, closes[cut:] * 0.5
    other = replace(market, opens=opens, closes=closes)
    forecasts = forecasts_of(market, 5)
    changed = replace(
        forecasts,
        numbers={
            name: np.concatenate([panel[:cut], panel[cut:] * 0.5])
            for name, panel in forecasts.numbers.items()
        },
    )
    one, two = _run(market, forecasts), _run(other, changed)
    past = pl.col("session_date") < market.sessions[cut]
    for name in ("plans", "trades", "entries"):
        _same(getattr(one, name).filter(past), getattr(two, name).filter(past))
    assert not one.plans.equals(two.plans)


def test_plans_cover_every_priced_ticker_and_say_why() -> None:
    market = market_of([[10.0, NAN]] * 3, [[10.0, NAN]] * 3, ("AAA", "BBB"))
    plans = _run(market, forecasts_of(market)).plans
    assert plans.select("session_date", "ticker").rows() == [(s, "AAA") for s in market.sessions]
    said = json.loads(plans["principles"][0])
    assert [one["principle"] for one in said] == list(RULES.principles)
    assert all(set(one) == {"principle", "verdict", "factor", "reason"} for one in said)
    assert plans["as_of"][0] == CALENDAR.cutoff(market.sessions[0], DELAY)
    traded = plans["action"].is_in(["buy", "sell"])
    assert (traded == (plans["quantity"] > 0)).all()


def test_the_brake_releases_when_the_peak_has_left_its_window() -> None:
    closes = [100.0] * 3 + [40.0] * 12
    market = market_of(closes, closes)
    forecasts = forecasts_of(market, abstaining=0.0)
    eager = {
        "probability_up": 0.7,
        "expected_log_return": 0.03,
        "lower_log_return": 0.01,
        "upper_log_return": 0.05,
    }
    numbers = {**forecasts.numbers, **{k: np.full(market.closes.shape, v) for k, v in eager.items()}}
    rules = replace(RULES, max_weight=0.8, drawdown_window_sessions=6)
    out = run_sessions(
        EMPTY, list(market.sessions), market, replace(forecasts, numbers=numbers), rules, CALENDAR, DELAY
    )
    actions = out.plans["action"].to_list()
    assert actions[3] == "sell"  # -60 % on 80 % of the portfolio
    assert actions[4:8] == ["none"] * 4
    assert "buy" in actions[8:]


def test_aapl_two_for_one_split_leaves_the_value_unchanged() -> None:
    """2005-02-28: the close before was 88.99, the open 44.68 after two for one."""
    days = [date.fromisoformat(day) for day in AAPL["date"]]
    bars = pl.DataFrame(
        {
            "ticker": "AAPL",
            "session_date": days,
            **{name: AAPL[name] for name in ("open", "close", "volume")},
        }
    ).filter(pl.col("session_date").is_between(date(2005, 2, 23), date(2005, 3, 1)))
    actions = pl.DataFrame(
        {"ticker": ["AAPL"], "ex_date": [date(2005, 2, 28)], "kind": ["split"], "split_ratio": [2.0]}
    ).with_columns(cash_amount_usd=pl.lit(None, dtype=pl.Float64))
    market = market_from_frames(bars, actions, CALENDAR, date(2005, 3, 1))
    sessions = list(market.sessions)
    rules = TradingRules()
    _, entries = execute_plans(
        EMPTY, plan_rows((sessions[0], "AAPL", "buy", 101)), sessions, market, rules, CALENDAR
    )
    before = replay(entries, "baseline", date(2005, 2, 25))
    after = replay(entries, "baseline", date(2005, 2, 28))
    assert (before.positions["AAPL"].quantity, after.positions["AAPL"].quantity) == (101, 202)
    assert after.positions["AAPL"].cost_micros == before.positions["AAPL"].cost_micros
    assert after.cash_micros == before.cash_micros
    close = bars.filter(pl.col("session_date") == date(2005, 2, 25))["close"].item()
    unchanged = replace_close(market, date(2005, 2, 28), close / 2)
    _, values = value_portfolio(entries, unchanged, sessions, "baseline", CALENDAR, DELAY)
    at_split = values.filter(pl.col("session_date") == date(2005, 2, 28))
    assert at_split["daily_pnl_usd"].item() == 0
    _, real = value_portfolio(entries, market, sessions, "baseline", CALENDAR, DELAY)
    moved = real.filter(pl.col("session_date") == date(2005, 2, 28))["daily_pnl_usd"].item()
    assert abs(float(moved)) < 0.02 * 101 * close  # the day's own move, not half of the value


def replace_close(market: MarketData, session: date, close: float) -> MarketData:
    closes = market.closes.copy()
    closes[market.row(session), 0] = close
    return replace(market, closes=closes)


def test_a_split_on_a_day_without_a_bar_marks_at_the_old_close_over_the_ratio() -> None:
    market = market_of([10.0, 10.0, NAN, 5.0], [10.0, 10.0, NAN, 5.0], splits={(2, 0): 2.0})
    assert market.marks[:, 0].tolist() == [10.0, 10.0, 5.0, 5.0]
    plans = plan_rows((market.sessions[0], "AAA", "buy", 10))
    _, entries = execute_plans(EMPTY, plans, list(market.sessions), market, RULES, CALENDAR)
    holdings, _ = value_portfolio(entries, market, list(market.sessions), "baseline", CALENDAR, DELAY)
    row = holdings.filter(pl.col("session_date") == market.sessions[2]).row(0, named=True)
    assert (row["quantity"], row["close"], row["close_session_date"]) == (20, 5.0, market.sessions[1])


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ([], "no session"),
        ([date(2005, 1, 3), date(2005, 1, 5)], "not consecutive"),
    ],
)
def test_a_range_with_gaps_is_refused(sessions: list[date], message: str) -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    with pytest.raises(LedgerError, match=message):
        run_sessions(EMPTY, sessions, market, forecasts_of(market), RULES, CALENDAR, DELAY)


def test_sessions_already_in_the_ledger_are_refused() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    out = _run(market, forecasts_of(market))
    with pytest.raises(LedgerError, match="already contains"):
        execute_plans(out.state, out.plans, [market.sessions[1]], market, RULES, CALENDAR)


def test_a_held_ticker_without_any_known_close_is_refused() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    plans = plan_rows((market.sessions[0], "AAA", "buy", 5))
    _, entries = execute_plans(EMPTY, plans, list(market.sessions[:2]), market, RULES, CALENDAR)
    late = market_of([NAN] * 3, [NAN] * 3)
    state = state_from_ledger(entries, "baseline", market.sessions[1])
    with pytest.raises(MarketDataError, match="no known close"):
        run_sessions(
            replace(state, recent_nav_micros=(1,)),
            [market.sessions[2]],
            late,
            forecasts_of(late),
            RULES,
            CALENDAR,
            DELAY,
        )


def test_drafting_without_recent_values_is_refused() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    state = replace(EMPTY, recent_nav_micros=None)
    with pytest.raises(LedgerError, match="recent net asset values"):
        run_sessions(state, list(market.sessions), market, forecasts_of(market), RULES, CALENDAR, DELAY)


def test_panels_from_frames_equal_panels_from_arrays() -> None:
    market = _random_market(3)
    direct = forecasts_of(market, 3)
    calibration = pl.DataFrame(
        {
            "session_date": market.sessions,
            "ticker": pl.Series([None] * len(market.sessions), dtype=pl.String),
            "brier_score": 0.245,
            "baseline_brier_score": 0.25,
        }
    )
    priorities = (
        predictions_of(direct)
        .select("session_date", "ticker")
        .with_columns(score=pl.Series(direct.numbers["priority_score"].ravel()))
    )
    built = forecasts_from_frames(
        predictions_of(direct), list(market.sessions), market.tickers, calibration, priorities
    )
    _same(_run(market, built).plans, _run(market, direct).plans)


def test_two_predictions_of_one_ticker_and_session_are_refused() -> None:
    market = _random_market(3)
    twice = pl.concat([predictions_of(forecasts_of(market))] * 2)
    with pytest.raises(ForecastError, match="several predictions"):
        forecasts_from_frames(twice, list(market.sessions), market.tickers)


def test_the_calibration_of_a_ticker_goes_before_that_of_the_universe() -> None:
    sessions = sessions_from(1)
    calibration = pl.DataFrame(
        {
            "session_date": sessions * 2,
            "ticker": [None, "AAA"],
            "brier_score": [0.25, 0.30],
            "baseline_brier_score": [0.25, 0.25],
        }
    )
    market = market_of([[1.0, 1.0]], [[1.0, 1.0]], ("AAA", "BBB"))
    none = predictions_of(forecasts_of(market)).clear()
    built = forecasts_from_frames(none, sessions, market.tickers, calibration)
    assert built.numbers["brier_score"].tolist() == [[0.30, 0.25]]
    assert built.prediction_id.tolist() == [[None, None]]
