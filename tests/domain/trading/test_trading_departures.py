"""Renames, delistings and spin-offs in the ledger: what moves, what is paid, what a replay finds."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import polars as pl

from nextgen_assets.domain.trading.ledger import replay
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.market_frames import market_from_frames
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import execute_plans
from tests.domain.trading.trading_builders import CALENDAR, market_of, plan_rows

EMPTY = PortfolioState("baseline")
RULES = TradingRules(initial_cash_usd=1_000.0, slippage_bps=0.0)
NAN = float("nan")


def run(market: MarketData, *plans: tuple) -> tuple[pl.DataFrame, pl.DataFrame]:
    return execute_plans(EMPTY, plan_rows(*plans), list(market.sessions), market, RULES, CALENDAR)


def of_kind(entries: pl.DataFrame, kind: str) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    rows = entries.filter(pl.col("event_kind") == kind).select("account", "ticker", "quantity", "amount_usd")
    return {(account, ticker): (quantity, amount) for account, ticker, quantity, amount in rows.rows()}


def test_delisting_pays_the_last_close_without_commission_and_leaves_no_shares() -> None:
    market = market_of(
        [[10.0, 5.0], [10.0, 5.0], [NAN, 5.0]], [[10.0, 5.0], [9.0, 5.0], [NAN, 5.0]], ("AAA", "BBB")
    )
    market = replace(market, delistings={market.sessions[2]: {"AAA": None, "BBB": None}})
    _, entries = run(market, (market.sessions[0], "AAA", "buy", 20))
    paid = of_kind(entries, "delisting")
    assert paid == {
        ("cash", "AAA"): (Decimal(0), Decimal(180)),
        ("positions", "AAA"): (Decimal(-20), Decimal(-200)),
        ("realized_pnl", "AAA"): (Decimal(0), Decimal(20)),
    }
    assert not replay(entries, "baseline").positions


def test_delisting_pays_what_is_stated_and_an_order_of_that_day_finds_no_bar() -> None:
    market = market_of([10.0, 10.0, NAN], [10.0, 9.0, NAN])
    market = replace(market, delistings={market.sessions[2]: {"AAA": 12.5}})
    s0, s1, s2 = market.sessions
    trades, entries = run(market, (s0, "AAA", "buy", 20), (s1, "AAA", "sell", 20))
    assert of_kind(entries, "delisting")["cash", "AAA"] == (Decimal(0), Decimal(250))
    assert trades.filter(pl.col("session_date") == s2)["reject_reason"].to_list() == ["no_bar"]


def test_rename_moves_shares_at_their_cost_and_a_replay_finds_them_under_the_new_ticker() -> None:
    market = market_of([10.0, 10.0, 11.0], [10.0, 10.0, 11.0], ("NEW",))
    s0, s1, s2 = market.sessions
    before = replace(market, sessions=(s0, s1), **{
        name: getattr(market, name)[:2] for name in ("opens", "closes", "volumes", "split_ratios", "dividends_usd")
    })  # fmt: skip
    _, bought = execute_plans(EMPTY, plan_rows((s0, "NEW", "buy", 20)), [s0, s1], before, RULES, CALENDAR)
    state = replay(bought, "baseline")
    after = replace(market, renames={s2: {"NEW": "OLD"}})
    _, entries = execute_plans(replace(state, session_date=s1), plan_rows(), [s2], after, RULES, CALENDAR)
    assert of_kind(entries, "rename") == {
        ("positions", "OLD"): (Decimal(-20), Decimal(-200)),
        ("positions", "NEW"): (Decimal(20), Decimal(200)),
    }
    as_stored = bought.with_columns(ticker=pl.col("ticker").replace("NEW", "OLD"))
    held = replay(pl.concat([as_stored, entries]), "baseline").positions
    assert {name: position.quantity for name, position in held.items()} == {"NEW": 20}


def frames() -> tuple[list, pl.DataFrame]:
    days = CALENDAR.between(CALENDAR.sessions[3000], CALENDAR.sessions[3004])
    bars = pl.DataFrame({"ticker": "AAA", "session_date": days, "open": 10.0, "close": 10.0, "volume": 1_000})
    return days, bars


def actions(*rows: tuple) -> pl.DataFrame:
    schema = {"ticker": pl.String, "ex_date": pl.Date, "kind": pl.String, "split_ratio": pl.Float64,
              "cash_amount_usd": pl.Float64, "known_at": pl.Datetime("us", "UTC")}  # fmt: skip
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def test_spin_off_is_paid_like_a_dividend_of_its_value() -> None:
    days, bars = frames()
    market = market_from_frames(
        bars, actions(("AAA", days[2], "spinoff", None, 1.5, CALENDAR.open_at(days[2]))), CALENDAR, days[-1]
    )
    assert market.dividends_usd[:, 0].tolist() == [0.0, 0.0, 1.5, 0.0, 0.0]


def test_delisting_learnt_late_takes_effect_at_the_first_open_after_it() -> None:
    days, bars = frames()
    on_time = CALENDAR.open_at(days[1])
    for known_at, session in (
        (on_time, days[1]),
        (on_time + timedelta(hours=1), days[2]),
        (CALENDAR.open_at(days[3]), days[3]),
    ):
        market = market_from_frames(
            bars, actions(("AAA", days[1], "delisting", None, 3.0, known_at)), CALENDAR, days[-1]
        )
        assert market.delistings == {session: {"AAA": 3.0}}
