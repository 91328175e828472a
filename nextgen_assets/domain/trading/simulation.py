"""Sessions in their fixed order: splits, dividends, fills at the open; plans after the close.

The pieces compose: drafting a range and executing its plans give the same fills, and a range gives the
same bytes as its sessions one by one, because every session starts from exact integer balances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.execution import TradingFloor
from nextgen_assets.domain.trading.fills import Order
from nextgen_assets.domain.trading.forecasts import Forecasts
from nextgen_assets.domain.trading.journal import Journal
from nextgen_assets.domain.trading.ledger import entries_frame
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.money import to_micros
from nextgen_assets.domain.trading.plan_rows import PlanRows
from nextgen_assets.domain.trading.planning import Desk, draft_session, net_asset_value_micros
from nextgen_assets.domain.trading.portfolio import Book, LedgerError, PortfolioState
from nextgen_assets.domain.trading.principles import selected
from nextgen_assets.domain.trading.quantities import stored_quantity
from nextgen_assets.domain.trading.rules import TradingRules


@dataclass(frozen=True)
class SessionOutcomes:
    """What a range of sessions produced, each frame without ``run_id``.

    Parameters
    ----------
    plans, trades, entries : DataFrame
        Columns of ``trade_plans`` (by session, ticker), ``trades`` (by session, sells before buys,
        ticker) and ``ledger_entries`` (by session, sequence, account).
    state : PortfolioState
        At the close of the last session.
    """

    plans: pl.DataFrame
    trades: pl.DataFrame
    entries: pl.DataFrame
    state: PortfolioState


def _orders_by_session(plans: pl.DataFrame) -> dict[date, list[Order]]:
    by_session: dict[date, list[Order]] = {}
    wanted = plans.filter(pl.col("action").is_in(["buy", "sell"])).sort("session_date", "ticker")
    if "reference_price" not in wanted.columns:
        wanted = wanted.with_columns(reference_price=0.0)
    names = ("plan_id", "session_date", "ticker", "action", "quantity", "reference_price")
    for plan_id, session, ticker, action, quantity, price in wanted.select(names).iter_rows():
        order = Order(plan_id, session, ticker, action, stored_quantity(quantity), to_micros(price))
        by_session.setdefault(order.plan_session_date, []).append(order)
    return by_session


def _check_range(state: PortfolioState, sessions: list[date], calendar: SessionCalendar) -> None:
    if not sessions:
        raise LedgerError("no session to simulate; pass at least one")
    if sessions != calendar.between(sessions[0], sessions[-1]):
        raise LedgerError(f"sessions {sessions[0]}..{sessions[-1]} are not consecutive; pass every session")
    if state.session_date is not None and state.session_date >= sessions[0]:
        raise LedgerError(
            f"the ledger already contains {state.session_date}; expected a state before {sessions[0]}; "
            "replace these sessions together with all later ones"
        )


def run_sessions(
    state: PortfolioState,
    sessions: list[date],
    market: MarketData,
    forecasts: Forecasts,
    rules: TradingRules,
    calendar: SessionCalendar,
    delay_minutes: int,
    pending: pl.DataFrame | None = None,
    *,
    is_recorded: bool = True,
) -> SessionOutcomes:
    """Simulate consecutive sessions: fill the plans of the session before, then draft new ones.

    Parameters
    ----------
    state : PortfolioState
        At the close of the session before the first; empty before inception, in which case the first
        session begins with the deposit. Its scenario is that of every row.
    sessions : list of date
        Consecutive sessions, ascending.
    market : MarketData
        Panels that contain the sessions and the last known close of everything held.
    forecasts : Forecasts
        Panels over ``sessions`` and the tickers of the market.
    rules : TradingRules
        Limits, costs and the principles switched on.
    calendar : SessionCalendar
        Sessions of the exchange.
    delay_minutes : int
        Minutes from the close to the knowledge cut-off; gives ``as_of``.
    pending : DataFrame, optional
        Plans of the session before the first (columns of ``trade_plans``); other sessions are ignored.
    is_recorded : bool
        False for the fills alone: the plans then hold orders only, without reasons and identity.

    Raises
    ------
    LedgerError
        If the range is empty, has gaps or starts inside the ledger, or recent values are missing.
    MarketDataError
        If a session, a ticker or a last known close is missing from the panels.

    Notes
    -----
    The plans of S read closes up to S, forecasts of S and fills up to the open of S. A plan lives for
    one session: what is not filled at the next open expires.
    """
    _check_range(state, sessions, calendar)
    if forecasts.tickers != market.tickers:
        raise MarketDataError("forecast and market panels have different tickers; build both over the same")
    if state.recent_nav_micros is None:
        raise LedgerError("the state has no recent net asset values; pass portfolio_values to its builder")
    desk = Desk(market, forecasts, rules, selected(rules), calendar, delay_minutes, is_recorded)
    forecast_rows = {session: row for row, session in enumerate(forecasts.sessions)}
    floor = TradingFloor(market, rules, calendar, Journal(Book(replace(state, is_margin=rules.shorting))))
    previous = calendar.shift(sessions[0], -1)
    orders = _orders_by_session(pending).get(previous, []) if pending is not None else []
    recent, plans, drafted = state.recent_nav_micros, PlanRows(), 0
    for session in sessions:
        floor.open(session, orders)
        book = floor.journal.book
        value = net_asset_value_micros(book, market, market.row(session))
        recent = (*recent, value)[-rules.drawdown_window_sessions :]
        draft_session(desk, book, session, forecast_rows[session], recent, plans)
        orders = plans.orders(drafted)
        drafted = plans.height
    floor.journal.book.session_date = sessions[-1]
    return SessionOutcomes(
        plans.frame(),
        floor.trades(),
        entries_frame(floor.journal.entries),
        floor.journal.book.state(recent),
    )


def draft_plans(
    state: PortfolioState,
    sessions: list[date],
    market: MarketData,
    forecasts: Forecasts,
    rules: TradingRules,
    calendar: SessionCalendar,
    delay_minutes: int,
    pending: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The plans of :func:`run_sessions`, whose fills are simulated to know the holdings.

    Returns
    -------
    DataFrame
        Columns of ``trade_plans`` without ``run_id``.
    """
    return run_sessions(state, sessions, market, forecasts, rules, calendar, delay_minutes, pending).plans


def execute_plans(
    state: PortfolioState,
    plans: pl.DataFrame,
    sessions: list[date],
    market: MarketData,
    rules: TradingRules,
    calendar: SessionCalendar,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill plans at the open of the session after theirs, and keep the ledger.

    Parameters
    ----------
    state : PortfolioState
        At the close of the session before the first; recent values are not needed.
    plans : DataFrame
        Columns of ``trade_plans``, of the session before the first up to the one before the last;
        other sessions are ignored.
    sessions, market, rules, calendar
        As in :func:`run_sessions`.

    Returns
    -------
    (DataFrame, DataFrame)
        ``trades`` and ``ledger_entries`` without ``run_id``: the fills that drafting assumed.

    Raises
    ------
    LedgerError, MarketDataError
        As in :func:`run_sessions`.
    """
    _check_range(state, sessions, calendar)
    floor = TradingFloor(market, rules, calendar, Journal(Book(replace(state, is_margin=rules.shorting))))
    by_session = _orders_by_session(plans)
    for session in sessions:
        floor.open(session, by_session.get(calendar.shift(session, -1), []))
    return floor.trades(), entries_frame(floor.journal.entries)
