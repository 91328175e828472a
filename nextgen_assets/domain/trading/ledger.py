"""The ledger as a table: entries to a frame, and replaying the frame back to the state, exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from nextgen_assets.domain.trading.journal import Entry, check_balanced
from nextgen_assets.domain.trading.money import money_series, series_to_micros
from nextgen_assets.domain.trading.portfolio import Book, LedgerError, PortfolioState
from nextgen_assets.domain.trading.quantities import from_micro_shares, quantity_series
from nextgen_assets.domain.trading.rules import TradingRules


def entries_frame(entries: list[Entry]) -> pl.DataFrame:
    """Entries as a frame with the columns of ``ledger_entries``, in the order given."""
    return pl.DataFrame(
        [
            pl.Series("entry_id", [e.entry_id for e in entries], dtype=pl.String),
            pl.Series("scenario_id", [e.scenario_id for e in entries], dtype=pl.String),
            pl.Series("event_id", [e.event_id for e in entries], dtype=pl.String),
            pl.Series("event_kind", [e.event_kind for e in entries], dtype=pl.String),
            pl.Series("session_date", [e.session_date for e in entries], dtype=pl.Date),
            pl.Series("sequence", [e.sequence for e in entries], dtype=pl.Int32),
            pl.Series("account", [e.account for e in entries], dtype=pl.String),
            pl.Series("ticker", [e.ticker for e in entries], dtype=pl.String),
            quantity_series("quantity", [e.quantity for e in entries]),
            money_series("amount_usd", [e.amount_micros for e in entries]),
        ]
    )


def ordered_entries(entries: pl.DataFrame, up_to: date | None = None) -> pl.DataFrame:
    """Ledger entries up to a session in replay order, with integer columns ``micro_shares`` and ``micros``.

    Raises
    ------
    LedgerError
        If an event does not sum to zero.
    """
    kept = entries if up_to is None else entries.filter(pl.col("session_date") <= up_to)
    kept = kept.sort("session_date", "sequence", "account")
    kept = kept.with_columns(
        micros=series_to_micros(kept["amount_usd"]), micro_shares=series_to_micros(kept["quantity"])
    )
    sums = kept.group_by("event_id", "event_kind", "session_date").agg(pl.col("micros").sum())
    for _, kind, session, total in sums.filter(pl.col("micros") != 0).sort("session_date").head(1).rows():
        check_balanced(kind, session, total)
    return kept


def replay(
    entries: pl.DataFrame, scenario_id: str, up_to: date | None = None, is_margin: bool = False
) -> PortfolioState:
    """Rebuild every balance from the ledger, exactly.

    Parameters
    ----------
    entries : DataFrame
        Columns of ``ledger_entries`` from inception, one scenario, any order.
    scenario_id : str
        Scenario of the entries; others are refused.
    up_to : date, optional
        Last session to apply; default all.
    is_margin : bool
        Whether the ledger is that of a margin account, which may owe shares and cash.

    Returns
    -------
    PortfolioState
        With ``recent_nav_micros`` None (net asset values need prices) unless empty.

    Raises
    ------
    LedgerError
        If the entries are of another scenario, unbalanced, incomplete or make cash negative.
    """
    others = sorted(str(name) for name in set(entries["scenario_id"].to_list()) - {scenario_id})
    if others:
        raise LedgerError(f"entries of scenarios {others} among those of {scenario_id}; filter first")
    book = Book(PortfolioState(scenario_id, is_margin=is_margin))
    ordered = ordered_entries(entries, up_to)
    columns = ("session_date", "account", "ticker", "micro_shares", "micros")
    for session, account, ticker, micro_shares, micros in ordered.select(columns).iter_rows():
        book.apply(session, account, ticker, from_micro_shares(micro_shares), micros)
    book.check_cash()
    return book.state(recent_nav_micros=() if ordered.is_empty() else None)


def state_from_ledger(
    entries: pl.DataFrame,
    scenario_id: str,
    up_to: date,
    portfolio_values: pl.DataFrame | None = None,
    rules: TradingRules | None = None,
) -> PortfolioState:
    """The state at the close of ``up_to``: balances from the ledger, recent values from their table.

    Parameters
    ----------
    entries : DataFrame
        Columns of ``ledger_entries`` from inception, one scenario.
    scenario_id : str
        Scenario of the ledger.
    up_to : date
        Last session to contain.
    portfolio_values : DataFrame, optional
        Columns session_date and net_asset_value_usd of ``portfolio_values``, at least the last
        ``rules.drawdown_window_sessions`` sessions up to ``up_to`` (or all since inception). Without
        them the state can execute plans but not draft them.
    rules : TradingRules, optional
        Gives the window of the drawdown brake, and whether the account has margin.

    Raises
    ------
    LedgerError
        If the ledger is inconsistent, or the values do not reach ``up_to``.
    """
    state = replay(entries, scenario_id, up_to, is_margin=rules is not None and rules.shorting)
    if state.is_empty:
        return state
    state = replace(state, session_date=up_to)
    if portfolio_values is None:
        return state
    window = (rules or TradingRules()).drawdown_window_sessions
    recent = portfolio_values.filter(pl.col("session_date") <= up_to).sort("session_date").tail(window)
    last = recent["session_date"].max()
    if last != up_to:
        raise LedgerError(
            f"portfolio_values of {scenario_id} end on {last!s}; expected {up_to}; materialise them first"
        )
    navs = tuple(series_to_micros(recent["net_asset_value_usd"]).to_list())
    return replace(state, recent_nav_micros=navs)
