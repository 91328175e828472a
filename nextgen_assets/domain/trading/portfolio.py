"""What is owned: cash, positions at cost and the running totals of the ledger's accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from nextgen_assets.domain.trading.quantities import Quantity, normal


class LedgerError(ValueError):
    """Entries that cannot be: an unbalanced event, negative cash, shares never bought."""


@dataclass(frozen=True)
class Position:
    """Shares held at their total cost.

    Parameters
    ----------
    quantity : Quantity
        Shares; negative where they were sold short, never 0.
    cost_micros : int
        What the shares cost before commission, by the average-cost method, micro-dollars; of shares sold short
        what they brought in, negative.
    opened_on : date
        Session of the fill that took the quantity from zero.
    """

    quantity: Quantity
    cost_micros: int
    opened_on: date


@dataclass(frozen=True)
class PortfolioState:
    """Balances after a session; an empty state has no ``inception_date``.

    Parameters
    ----------
    scenario_id : str
        Which set of settings the ledger belongs to.
    session_date : date or None
        Last session with an entry that is contained, None before the first.
    inception_date : date or None
        Session of the first deposit.
    cash_micros, capital_micros, realized_micros, commission_micros, dividend_micros, borrow_micros : int
        Cash; deposits; realised gains before commission; commission paid; dividends received less those owed to
        lenders of shares; fees of borrowing.
    is_margin : bool
        Whether shares may be sold short and cash may be owed.
    positions : mapping of ticker to Position
        Read-only, in ticker order.
    recent_nav_micros : tuple of int or None
        Net asset values at the closes of the last sessions, oldest first, at most the window of the
        drawdown brake; None when not known. Only drafting plans needs them.
    """

    scenario_id: str
    session_date: date | None = None
    inception_date: date | None = None
    cash_micros: int = 0
    capital_micros: int = 0
    realized_micros: int = 0
    commission_micros: int = 0
    dividend_micros: int = 0
    borrow_micros: int = 0
    is_margin: bool = False
    positions: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))
    recent_nav_micros: tuple[int, ...] | None = ()

    @property
    def is_empty(self) -> bool:
        """Whether no deposit was ever made."""
        return self.inception_date is None


class Book:
    """The balances while a session is being worked; the only place where entries change them."""

    def __init__(self, state: PortfolioState) -> None:
        self.scenario_id = state.scenario_id
        self.session_date = state.session_date
        self.inception_date = state.inception_date
        self.is_margin = state.is_margin
        self.totals = {
            "cash": state.cash_micros,
            "capital": -state.capital_micros,
            "realized_pnl": -state.realized_micros,
            "commission": state.commission_micros,
            "dividend_income": -state.dividend_micros,
            "borrow_cost": state.borrow_micros,
        }
        self.positions: dict[str, Position] = dict(state.positions)

    @property
    def cash_micros(self) -> int:
        """Cash, micro-dollars."""
        return self.totals["cash"]

    def quantity(self, ticker: str) -> Quantity:
        """Shares of ``ticker`` held; negative where sold short."""
        position = self.positions.get(ticker)
        return position.quantity if position else 0

    def apply(
        self, session: date, account: str, ticker: str | None, quantity: Quantity, amount_micros: int
    ) -> None:
        """Add one entry to the balance of its account."""
        self.session_date = session
        if account != "positions":
            self.totals[account] += amount_micros
            if account == "capital" and self.inception_date is None:
                self.inception_date = session
            return
        if ticker is None:
            raise LedgerError(f"an entry of {session} in account positions names no ticker")
        before = self.positions.get(ticker) or Position(0, 0, session)
        after = Position(
            normal(before.quantity + quantity),
            before.cost_micros + amount_micros,
            before.opened_on if before.quantity else session,
        )
        self._put(ticker, session, after)

    def _put(self, ticker: str, session: date, position: Position) -> None:
        is_short = position.quantity < 0
        if (is_short and not self.is_margin) or (position.quantity == 0 and position.cost_micros != 0):
            raise LedgerError(
                f"{ticker} would hold {position.quantity} shares at a cost of {position.cost_micros} "
                f"micro-dollars after {session}; expected shares >= 0, and no cost without shares; "
                "the entries given are incomplete or out of order, or were made with trading.shorting"
            )
        if position.quantity:
            self.positions[ticker] = position
        else:
            self.positions.pop(ticker, None)

    def check_cash(self) -> None:
        """Refuse a negative cash balance unless the account has margin.

        Raises
        ------
        LedgerError
            If cash is below zero.
        """
        if self.cash_micros < 0 and not self.is_margin:
            raise LedgerError(
                f"cash of scenario {self.scenario_id} is {self.cash_micros} micro-dollars after "
                f"{self.session_date}; expected >= 0; the entries given are incomplete or out of order"
            )

    def state(self, recent_nav_micros: tuple[int, ...] | None) -> PortfolioState:
        """The balances as an immutable value."""
        return PortfolioState(
            scenario_id=self.scenario_id,
            session_date=self.session_date,
            inception_date=self.inception_date,
            cash_micros=self.totals["cash"],
            capital_micros=-self.totals["capital"],
            realized_micros=-self.totals["realized_pnl"],
            commission_micros=self.totals["commission"],
            dividend_micros=-self.totals["dividend_income"],
            borrow_micros=self.totals["borrow_cost"],
            is_margin=self.is_margin,
            positions=MappingProxyType(dict(sorted(self.positions.items()))),
            recent_nav_micros=recent_nav_micros,
        )


def check_worth(net_micros: int, scenario_id: str, session: date) -> None:
    """Refuse a portfolio that is worth nothing.

    Raises
    ------
    LedgerError
        If it owes as much as it owns, or more: no decision can be sized by it.
    """
    if net_micros <= 0:
        raise LedgerError(
            f"the portfolio of {scenario_id} is worth {net_micros} micro-dollars at the close of {session}: shares "
            "sold short have cost everything; choose other limits for trading.shorting and run it from the start"
        )
