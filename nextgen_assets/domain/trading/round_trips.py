"""Closed positions, cut out of the ledger: from the first fill to the event that left no shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.trading.ledger import ordered_entries
from nextgen_assets.domain.trading.quantities import Quantity, from_micro_shares


@dataclass(frozen=True)
class ClosedPosition:
    """One round trip of one ticker, from zero shares to zero shares.

    A position of shares sold short begins with a sale.

    Parameters
    ----------
    ticker : str
        The security.
    opened_on, closed_on : date
        Sessions of the first fill and of the event that left no shares.
    result_micros : int
        Sum of all its cash movements: sales, dividends and cash in lieu minus purchases, commission and
        borrowing.
    is_short : bool
        Whether the shares were sold short.
    entered_micros, commission_micros, borrow_micros : int
        Gross of all fills that entered or added to it; commission of all fills; fees of borrowing.
    shares_by_session : dict of date to Quantity
        Shares after each session with a change.
    """

    ticker: str
    opened_on: date
    closed_on: date
    result_micros: int
    is_short: bool
    entered_micros: int
    commission_micros: int
    borrow_micros: int
    shares_by_session: dict[date, Quantity]


def closed_positions(entries: pl.DataFrame, first: date, last: date) -> list[ClosedPosition]:
    """The positions closed from ``first`` to ``last``, by session and ticker.

    Parameters
    ----------
    entries : DataFrame
        Columns of ``ledger_entries`` of one scenario, from inception.
    """
    rows = ordered_entries(entries, last).filter(pl.col("ticker").is_not_null())
    closed: list[ClosedPosition] = []
    columns = ("session_date", "event_id", "event_kind", "account", "micro_shares", "micros")
    for (ticker,), group in rows.group_by("ticker", maintain_order=True):
        closed += _round_trips(str(ticker), group.select(columns).rows(named=True))
    inside = [position for position in closed if first <= position.closed_on <= last]
    return sorted(inside, key=lambda position: (position.closed_on, position.ticker))


def _round_trips(ticker: str, rows: list[dict[str, Any]]) -> list[ClosedPosition]:
    """Cut the entries of one ticker where the shares are zero and the session has ended."""
    trips: list[ClosedPosition] = []
    trip: list[dict[str, Any]] = []
    shares = 0
    for at, row in enumerate(rows):
        trip.append(row)
        shares += row["micro_shares"]
        is_session_over = at + 1 == len(rows) or rows[at + 1]["session_date"] > row["session_date"]
        if shares == 0 and is_session_over:
            trips.append(_closed(ticker, trip))
            trip = []
    return trips


def _closed(ticker: str, trip: list[dict[str, Any]]) -> ClosedPosition:
    cash = [row for row in trip if row["account"] == "cash"]
    amounts: dict[str, list[int]] = {"trade": [], "fee": [], "borrow": []}
    for row in cash:
        amounts.setdefault(row["event_kind"], []).append(row["micros"])
    is_short = next(row["micro_shares"] for row in trip if row["micro_shares"]) < 0
    shares, by_session = 0, {}
    for row in trip:
        shares += row["micro_shares"]
        by_session[row["session_date"]] = from_micro_shares(shares)
    return ClosedPosition(
        ticker=ticker,
        opened_on=trip[0]["session_date"],
        closed_on=trip[-1]["session_date"],
        result_micros=sum(row["micros"] for row in cash),
        is_short=is_short,
        entered_micros=sum(abs(amount) for amount in amounts["trade"] if (amount > 0) == is_short),
        commission_micros=-sum(amounts["fee"]),
        borrow_micros=-sum(amounts["borrow"]),
        shares_by_session=by_session,
    )
