"""Shares sold short: what they bring in, cost and owe, and when no more may be sold."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from nextgen_assets.domain.trading.journal import Journal
from nextgen_assets.domain.trading.ledger import entries_frame, replay
from nextgen_assets.domain.trading.margin import borrow_fee_micros
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import Book, LedgerError, PortfolioState, Position
from nextgen_assets.domain.trading.rules import TradingRules, TradingRulesError
from nextgen_assets.domain.trading.simulation import execute_plans
from tests.domain.trading.trading_builders import CALENDAR, DELAY, market_of, plan_rows, sessions_from

USD = 1_000_000
EMPTY = PortfolioState("baseline")
FREE = TradingRules(
    initial_cash_usd=1_000.0, slippage_bps=0.0, commission_per_share_usd=0.0, commission_minimum_usd=0.0,
    shorting=True, borrow_rate=0.0,
)  # fmt: skip
S1, S2, S3 = sessions_from(3)


def run(
    market: MarketData, rules: TradingRules, *orders: tuple[int, str, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders of (session, side, shares) in AAA, filled at the open after their session: trades and entries."""
    plans = plan_rows(*((market.sessions[row], "AAA", side, quantity) for row, side, quantity in orders))
    return execute_plans(EMPTY, plans, list(market.sessions), market, rules, CALENDAR)


def cash(entries: pl.DataFrame, kind: str) -> list[Decimal]:
    return entries.filter((pl.col("event_kind") == kind) & (pl.col("account") == "cash"))[
        "amount_usd"
    ].to_list()


def test_a_fall_is_gained_and_a_cover_realises_it_by_average_proceeds() -> None:
    market = market_of([10.0, 10.0, 12.0, 8.0], [10.0, 11.0, 12.0, 8.0])
    trades, entries = run(market, FREE, (0, "sell", 20), (1, "sell", 10), (2, "buy", 15))
    assert trades["realized_pnl_usd"].to_list() == [
        0,
        0,
        Decimal(40),
    ]  # 15 shares sold at 10 2/3, bought at 8
    state = replay(entries, "baseline", is_margin=True)
    assert dict(state.positions) == {"AAA": Position(-15, -160 * USD, market.sessions[1])}
    assert state.cash_micros == (1_000 + 200 + 120 - 120) * USD
    holdings, values = value_portfolio(entries, market, list(market.sessions), "baseline", CALENDAR, DELAY)
    shown = holdings.select("quantity", "average_cost_usd", "market_value_usd", "unrealized_pnl_usd").rows()
    assert shown[-1] == (Decimal(-15), Decimal("10.666667"), Decimal(-120), Decimal(40))
    last = values.row(-1, named=True)
    assert (last["net_asset_value_usd"], last["cash_usd"]) == (Decimal(1_080), Decimal(1_200))
    assert (last["gross_exposure"], last["net_exposure"]) == (120 / 1_080, -120 / 1_080)


def test_borrowed_shares_cost_their_close_for_every_calendar_day() -> None:
    friday = sessions_from(6)[4]
    sessions = sessions_from(3, friday)
    market = replace(market_of([100.0] * 3, [100.0, 120.0, 90.0]), sessions=tuple(sessions))
    rules = replace(FREE, initial_cash_usd=10_000.0, borrow_rate=0.365)
    plans = plan_rows((sessions[0], "AAA", "sell", 10))
    _, entries = execute_plans(EMPTY, plans, sessions, market, rules, CALENDAR)
    # sold on Monday at 100; held over one night, at the close of 120
    assert cash(entries, "borrow") == [Decimal("-1.2")]
    assert borrow_fee_micros(1_200 * USD, 3, rules) == 3_600_000  # a weekend is three days
    assert replay(entries, "baseline", is_margin=True).borrow_micros == 1_200_000


def test_who_is_short_pays_the_dividend() -> None:
    market = market_of([10.0] * 3, [10.0] * 3, dividends={(2, 0): 0.5})
    _, entries = run(market, FREE, (0, "sell", 20))
    assert cash(entries, "dividend") == [Decimal(-10)]
    assert replay(entries, "baseline", is_margin=True).dividend_micros == -10 * USD


def test_a_split_multiplies_what_is_owed_and_a_fraction_is_owed_in_cash() -> None:
    journal = Journal(Book(PortfolioState("baseline", is_margin=True)))
    journal.deposit(S1, 1_000 * USD)
    journal.short(S1, "AAA", 5, 50 * USD)
    journal.split(S2, "AAA", Fraction(3, 2), 8 * USD)  # 7.5 owed: 7, and half a share at 8
    assert journal.book.positions["AAA"] == Position(-7, -46_666_667, S1)
    assert journal.book.cash_micros == 1_046 * USD
    assert journal.book.totals["realized_pnl"] == 4 * USD - 3_333_333  # lost: 4 paid for what brought 3.33


def test_a_delisting_is_covered_at_what_is_stated() -> None:
    market = market_of([10.0, 10.0, float("nan")], [10.0, 10.0, float("nan")])
    market = replace(market, delistings={market.sessions[2]: {"AAA": 2.0}})
    _, entries = run(market, FREE, (0, "sell", 20))
    state = replay(entries, "baseline", is_margin=True)
    assert (dict(state.positions), state.realized_micros) == ({}, 160 * USD)


def test_a_halted_share_is_neither_covered_nor_forgotten() -> None:
    market = market_of([10.0, 10.0, float("nan")], [10.0, 10.0, float("nan")])
    trades, entries = run(market, FREE, (0, "sell", 20), (1, "buy", 20))
    assert trades["reject_reason"].to_list() == [None, "no_bar"]
    assert replay(entries, "baseline", is_margin=True).positions["AAA"].quantity == -20


def test_initial_margin_limits_what_is_sold_short_and_what_is_bought_beside_it() -> None:
    market = market_of([[10.0, 10.0]] * 3, [[10.0, 10.0]] * 3, ("AAA", "BBB"))
    s0, s1, _ = market.sessions
    plans = plan_rows((s0, "AAA", "sell", 500), (s1, "BBB", "buy", 500))
    rules = replace(FREE, initial_margin=0.8)
    trades, _ = execute_plans(EMPTY, plans, list(market.sessions), market, rules, CALENDAR)
    # 1,000 is the margin of 1,250 sold short; then nothing is free
    assert trades.select("status", "reject_reason", "quantity").rows() == [
        ("partial", "margin", Decimal(125)),
        ("rejected", "cash", Decimal(0)),
    ]
    plans = plan_rows((s0, "AAA", "sell", 50), (s1, "BBB", "buy", 500))
    trades, _ = execute_plans(EMPTY, plans, list(market.sessions), market, rules, CALENDAR)
    assert trades["quantity"].to_list() == [50, 60]  # 1,500 of cash, of which 900 are tied up


def test_no_fill_crosses_zero() -> None:
    market = market_of([10.0] * 4, [10.0] * 4)
    trades, _ = run(market, FREE, (0, "buy", 10), (1, "sell", 30), (2, "sell", 5))
    assert trades["quantity"].to_list() == [10, 10, 5]
    assert trades["reject_reason"].to_list() == [None, "shares", None]


def test_a_cover_is_filled_even_if_the_cash_is_owed_for_it_and_the_debt_bears_interest() -> None:
    market = market_of([10.0, 10.0, 40.0, 40.0], [10.0, 10.0, 40.0, 40.0])
    market = market_of([[10.0, 10.0], [10.0, 10.0], [40.0, 40.0], [40.0, 40.0]],
                       [[10.0, 10.0], [10.0, 10.0], [40.0, 40.0], [40.0, 40.0]], ("AAA", "BBB"))  # fmt: skip
    s0, s1, _, _ = market.sessions
    plans = plan_rows((s0, "AAA", "sell", 40), (s0, "BBB", "buy", 70), (s1, "AAA", "buy", 40))
    rules = replace(FREE, borrow_rate=0.365)
    _, entries = execute_plans(EMPTY, plans, list(market.sessions), market, rules, CALENDAR)
    # 1,000 + 400 - 700, less a night's fee of 0.4, less 1,600 for the cover, less a night's interest on 900.40
    state = replay(entries, "baseline", is_margin=True)
    assert state.cash_micros == 1_000_000_000 - 300_000_000 - 400_000 - 1_600_000_000 - 900_400


def test_a_portfolio_that_owes_more_than_it_owns_is_refused_with_the_way_out() -> None:
    market = market_of([10.0, 10.0, 50.0], [10.0, 10.0, 50.0])
    _, entries = run(market, FREE, (0, "sell", 50))
    with pytest.raises(LedgerError, match=r"worth -1000000000 micro-dollars .* choose other limits"):
        value_portfolio(entries, market, list(market.sessions), "baseline", CALENDAR, DELAY)


def test_without_the_option_nothing_is_sold_short_and_a_ledger_that_did_is_refused() -> None:
    market = market_of([10.0] * 3, [10.0] * 3)
    trades, _ = run(market, replace(FREE, shorting=False), (0, "sell", 20))
    assert trades["reject_reason"].to_list() == ["shares"]
    journal = Journal(Book(PortfolioState("baseline", is_margin=True)))
    journal.deposit(S1, 1_000 * USD)
    journal.short(S2, "AAA", 5, 50 * USD)
    with pytest.raises(LedgerError, match=r"made with trading\.shorting"):
        replay(entries_frame(journal.entries), "baseline")


def test_maintenance_margin_must_be_below_the_initial_one() -> None:
    with pytest.raises(TradingRulesError, match="maintenance_margin"):
        TradingRules(initial_margin=0.3, maintenance_margin=0.3)
