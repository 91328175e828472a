"""What the portfolio is worth at each close, beside buy-and-hold of the universe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.benchmark import benchmark_values
from nextgen_assets.domain.trading.ledger import ordered_entries
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.money import (
    MICROS_PER_USD,
    divide_half_even,
    money_series,
    to_micros_array,
)
from nextgen_assets.domain.trading.portfolio import LedgerError, check_worth
from nextgen_assets.domain.trading.quantities import MICRO_SHARES, worth_array

Micros = NDArray[np.int64]

_INSTANT: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class _Balances:
    """Exact balances at each close; sessions from inception, tickers as in the market panels."""

    cash: Micros  # (n_sessions,)
    deposits: Micros  # (n_sessions,) paid in during the session
    traded: Micros  # (n_sessions,) gross of buys and sells during the session
    micro_shares: Micros  # (n_sessions, n_tickers)
    cost: Micros  # (n_sessions, n_tickers)


def value_portfolio(
    entries: pl.DataFrame,
    market: MarketData,
    sessions: list[date],
    scenario_id: str,
    calendar: SessionCalendar,
    delay_minutes: int,
    benchmark_members: list[str] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Value the ledger at the close of each session; a pure function of ledger and closes.

    Parameters
    ----------
    entries : DataFrame
        Columns of ``ledger_entries`` of one scenario from inception; later sessions are ignored.
    market : MarketData
        Panels from the inception of the ledger (or earlier) to the last session.
    sessions : list of date
        Consecutive sessions to report, none before inception.
    scenario_id : str
        Scenario of the entries.
    calendar : SessionCalendar
        Sessions of the exchange.
    delay_minutes : int
        Minutes from the close to the knowledge cut-off; gives ``as_of``.
    benchmark_members : list of str, optional
        Universe at inception; default every ticker of the panels with a close on that session.

    Returns
    -------
    (DataFrame, DataFrame)
        ``portfolio_holdings`` (by session, ticker) and ``portfolio_values`` (by session), each
        without ``run_id``. Turnover is the gross value bought and sold over the net asset value of
        the close before.

    Raises
    ------
    LedgerError
        If there is no deposit, or a session lies before it.
    MarketDataError
        If the panels begin after inception, or a position or member has no known close.
    """
    ordered = ordered_entries(entries.filter(pl.col("scenario_id") == scenario_id), sessions[-1])
    if ordered.is_empty() or ordered["session_date"][0] > sessions[0]:
        start = "no entry" if ordered.is_empty() else f"its first entry on {ordered['session_date'][0]}"
        raise LedgerError(f"the ledger of {scenario_id} has {start}; nothing to value on {sessions[0]}")
    inception, stop = market.row(ordered["session_date"][0]), market.row(sessions[-1]) + 1
    balances = _balances(ordered, market, inception, stop)
    marks = market.marks[inception:stop]
    _check_marks(balances, marks, market, inception)
    values = worth_array(balances.micro_shares, to_micros_array(marks))
    net = balances.cash + values.sum(axis=1)
    check_worth(int(net.min()), scenario_id, market.sessions[inception + int(net.argmin())])
    benchmark = benchmark_values(
        market, inception, stop, int(balances.deposits[0]) / MICROS_PER_USD, benchmark_members
    )
    keep = slice(market.row(sessions[0]) - inception, stop - inception)
    as_of = [calendar.cutoff(session, delay_minutes) for session in sessions]
    shown = _values_frame(scenario_id, sessions, balances, values, net, benchmark, keep, as_of)
    return _holdings_frame(scenario_id, market, inception, balances, values, net, keep, as_of), shown


def _balances(ordered: pl.DataFrame, market: MarketData, inception: int, stop: int) -> _Balances:
    shape = (stop - inception, len(market.tickers))
    rows = np.array(
        [market.row(day) - inception for day in ordered["session_date"].to_list()], dtype=np.int64
    )
    account, kind = ordered["account"].to_numpy(), ordered["event_kind"].to_numpy()
    amounts, shares = ordered["micros"].to_numpy(), ordered["micro_shares"].to_numpy()
    cash, deposits, traded = (np.zeros(shape[0], dtype=np.int64) for _ in range(3))
    in_cash = account == "cash"
    np.add.at(cash, rows[in_cash], amounts[in_cash])
    is_deposit, is_trade = in_cash & (kind == "deposit"), in_cash & (kind == "trade")
    np.add.at(deposits, rows[is_deposit], amounts[is_deposit])
    np.add.at(traded, rows[is_trade], np.abs(amounts[is_trade]))
    moved = account == "positions"
    places = (
        rows[moved],
        np.array([market.column(t) for t in ordered["ticker"].filter(moved)], dtype=np.int64),
    )
    quantity, cost = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(quantity, places, shares[moved])
    np.add.at(cost, places, amounts[moved])
    return _Balances(np.cumsum(cash), deposits, traded, np.cumsum(quantity, axis=0), np.cumsum(cost, axis=0))


def _check_marks(balances: _Balances, marks: NDArray[np.float64], market: MarketData, inception: int) -> None:
    unpriced = np.argwhere((balances.micro_shares != 0) & ~(marks > 0.0))
    if len(unpriced):
        row, column = unpriced[0].tolist()
        raise MarketDataError(
            f"{market.tickers[column]} is held on {market.sessions[inception + row]} and has no known close; "
            "build the market panels with its bars"
        )


def _values_frame(
    scenario_id: str,
    sessions: list[date],
    balances: _Balances,
    values: Micros,
    net: Micros,
    benchmark: NDArray[np.float64],
    keep: slice,
    as_of: list[datetime],
) -> pl.DataFrame:
    before = np.concatenate([[0], net[:-1]])
    gross, invested = np.abs(values).sum(axis=1) / net, values.sum(axis=1) / net
    base = np.where(before > 0, before, net)
    return pl.DataFrame(
        [
            pl.Series("scenario_id", [scenario_id] * len(sessions), dtype=pl.String),
            pl.Series("session_date", sessions, dtype=pl.Date),
            money_series("cash_usd", balances.cash[keep]),
            money_series("net_asset_value_usd", net[keep]),
            pl.Series("gross_exposure", gross[keep]),
            pl.Series("net_exposure", invested[keep]),
            money_series("daily_pnl_usd", (net - before - balances.deposits)[keep]),
            pl.Series("drawdown", (1.0 - net / np.maximum.accumulate(net))[keep]),
            pl.Series("turnover", (balances.traded / base)[keep]),
            pl.Series("benchmark_value_usd", benchmark[keep]),
            pl.Series("as_of", as_of, dtype=_INSTANT),
        ]
    )


def _holdings_frame(
    scenario_id: str,
    market: MarketData,
    inception: int,
    balances: _Balances,
    values: Micros,
    net: Micros,
    keep: slice,
    as_of: list[datetime],
) -> pl.DataFrame:
    rows, columns = np.nonzero(balances.micro_shares[keep])
    offset = keep.start
    places = (rows + offset, columns)
    absolute = (rows + offset + inception, columns)
    shares, cost, value = balances.micro_shares[places], balances.cost[places], values[places]
    average = [
        divide_half_even(abs(c) * MICRO_SHARES, abs(q))
        for c, q in zip(cost.tolist(), shares.tolist(), strict=True)
    ]
    close_rows = market.mark_rows[absolute].tolist()
    return pl.DataFrame(
        [
            pl.Series("scenario_id", [scenario_id] * len(rows), dtype=pl.String),
            pl.Series("session_date", [market.sessions[row] for row in absolute[0].tolist()], dtype=pl.Date),
            pl.Series("ticker", [market.tickers[column] for column in columns.tolist()], dtype=pl.String),
            money_series("quantity", shares),
            money_series("average_cost_usd", average),
            pl.Series("close", market.marks[absolute]),
            pl.Series("close_session_date", [market.sessions[row] for row in close_rows], dtype=pl.Date),
            money_series("market_value_usd", value),
            money_series("unrealized_pnl_usd", value - cost),
            pl.Series("weight", value / net[places[0]]),
            pl.Series("as_of", [as_of[row] for row in rows.tolist()], dtype=_INSTANT),
        ]
    )
