"""Events of the double-entry ledger: each becomes entries that sum to exactly zero.

Debits are positive, credits negative. Positions are carried at average cost before commission:

========  ==========================================================================
event     entries
========  ==========================================================================
deposit   cash +, capital -
buy       positions + (shares +), cash -
sell      cash +, positions - average cost (shares -), realized_pnl - gain
short     cash +, positions - (shares -)                (shares sold that were borrowed)
cover     positions + average proceeds (shares +), cash -, realized_pnl - gain
borrow    borrow_cost +, cash -                         (of shares for a night, or of cash owed)
fee       commission +, cash -                          (the commission of a trade)
dividend  cash +, dividend_income -
split     positions (shares change, cost of a lost fraction -), cash + in lieu of the
          fraction, realized_pnl - gain on the fraction
rename    positions of the old ticker - cost (shares -), of the new one + cost (shares +)
delisting cash + what is paid, positions - cost (shares -), realized_pnl - gain
========  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from nextgen_assets.domain.trading.money import content_id, divide_half_even
from nextgen_assets.domain.trading.portfolio import Book, LedgerError
from nextgen_assets.domain.trading.quantities import Quantity, in_lots, normal, part_of, worth_micros

Line = tuple[str, str | None, Quantity, int]
"""Account, ticker, change in shares, amount in micro-dollars."""

_LARGEST_SPLIT_DENOMINATOR: Final = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One line of one event; ``quantity`` moves shares, ``amount_micros`` is signed."""

    entry_id: str
    scenario_id: str
    event_id: str
    event_kind: str
    session_date: date
    sequence: int
    account: str
    ticker: str | None
    quantity: Quantity
    amount_micros: int


@dataclass
class Journal:
    """Entries in the making: posts events to a book and keeps their lines.

    Parameters
    ----------
    book : Book
        Balances that every posted event changes.
    """

    book: Book
    entries: list[Entry] = field(default_factory=list)
    _session: date | None = None
    _sequence: int = 0

    def post(self, kind: str, session: date, lines: list[Line], is_applied: bool = False) -> None:
        """Write one event and apply it, unless the book holds its effect already.

        Raises
        ------
        LedgerError
            If the amounts do not sum to zero or cash would become negative.
        """
        check_balanced(kind, session, sum(line[3] for line in lines))
        self._sequence = self._sequence + 1 if session == self._session else 0
        self._session = session
        scenario_id, sequence = self.book.scenario_id, self._sequence
        ordered = sorted(
            ((account, ticker, normal(quantity), amount) for account, ticker, quantity, amount in lines),
            key=lambda line: (line[0], line[1] or ""),
        )
        event_id = content_id("event", scenario_id, kind, session, sequence, *ordered)
        for account, ticker, quantity, amount in ordered:
            if not is_applied:
                self.book.apply(session, account, ticker, quantity, amount)
            entry_id = content_id("entry", event_id, account, ticker)
            self.entries.append(
                Entry(
                    entry_id,
                    scenario_id,
                    event_id,
                    kind,
                    session,
                    sequence,
                    account,
                    ticker,
                    quantity,
                    amount,
                )
            )
        self.book.check_cash()

    def deposit(self, session: date, amount_micros: int) -> None:
        """Cash paid in by the owner."""
        self.post(
            "deposit", session, [("cash", None, 0, amount_micros), ("capital", None, 0, -amount_micros)]
        )

    def buy(self, session: date, ticker: str, quantity: Quantity, gross_micros: int) -> None:
        """Shares bought for ``gross_micros`` before commission."""
        self.post(
            "trade",
            session,
            [("positions", ticker, quantity, gross_micros), ("cash", ticker, 0, -gross_micros)],
        )

    def sell(self, session: date, ticker: str, quantity: Quantity, gross_micros: int) -> int:
        """Shares sold for ``gross_micros`` before commission.

        Returns
        -------
        int
            Realised gain over average cost before commission, micro-dollars.
        """
        held = self.book.positions[ticker]
        cost = part_of(held.cost_micros, quantity, held.quantity)
        gain = gross_micros - cost
        self.post(
            "trade",
            session,
            [
                ("cash", ticker, 0, gross_micros),
                ("positions", ticker, -quantity, -cost),
                ("realized_pnl", ticker, 0, -gain),
            ],
        )
        return gain

    def short(self, session: date, ticker: str, quantity: Quantity, gross_micros: int) -> None:
        """Borrowed shares sold for ``gross_micros`` before commission."""
        self.buy(session, ticker, -quantity, -gross_micros)

    def cover(self, session: date, ticker: str, quantity: Quantity, gross_micros: int) -> int:
        """Shares sold short bought back for ``gross_micros`` before commission.

        Returns
        -------
        int
            Realised gain before commission, micro-dollars.
        """
        return self.sell(session, ticker, -quantity, -gross_micros)

    def borrow(self, session: date, ticker: str | None, amount_micros: int) -> None:
        """Fee of borrowing shares of ``ticker``, or cash where that is None; nothing is written for zero."""
        if amount_micros:
            lines: list[Line] = [
                ("borrow_cost", ticker, 0, amount_micros),
                ("cash", ticker, 0, -amount_micros),
            ]
            self.post("borrow", session, lines)

    def fee(self, session: date, ticker: str, amount_micros: int) -> None:
        """Commission of a trade in ``ticker``; nothing is written for zero."""
        if amount_micros:
            self.post(
                "fee",
                session,
                [("commission", ticker, 0, amount_micros), ("cash", ticker, 0, -amount_micros)],
            )

    def dividend(self, session: date, ticker: str, amount_micros: int) -> None:
        """Cash dividend received, or paid to the lender of shares sold short; nothing is written for zero."""
        if amount_micros:
            self.post(
                "dividend",
                session,
                [("cash", ticker, 0, amount_micros), ("dividend_income", ticker, 0, -amount_micros)],
            )

    def rename(self, session: date, old_ticker: str, new_ticker: str) -> None:
        """Shares of ``new_ticker`` that were held as ``old_ticker`` until now, at their cost.

        Notes
        -----
        The book keeps the position under the new ticker already (a pass reads its past under the names
        that it has now), so the entries change no balance of it; replayed without those names they do.
        """
        held = self.book.positions[new_ticker]
        lines: list[Line] = [
            ("positions", old_ticker, -held.quantity, -held.cost_micros),
            ("positions", new_ticker, held.quantity, held.cost_micros),
        ]
        self.post("rename", session, lines, is_applied=True)

    def delist(self, session: date, ticker: str, price_micros: int) -> None:
        """Shares that stopped trading, paid out at ``price_micros`` each without commission."""
        held = self.book.positions[ticker]
        paid = worth_micros(held.quantity, price_micros)
        lines: list[Line] = [
            ("cash", ticker, 0, paid),
            ("positions", ticker, -held.quantity, -held.cost_micros),
            ("realized_pnl", ticker, 0, held.cost_micros - paid),
        ]
        self.post("delisting", session, lines)

    def split(
        self, session: date, ticker: str, ratio: Fraction, price_micros: int, lots_per_share: int = 1
    ) -> None:
        """Shares multiplied by ``ratio``; a fraction of a lot is paid in cash at ``price_micros``.

        Parameters
        ----------
        ratio : Fraction
            Shares after for one share before, > 0.
        price_micros : int
            Price of one share after the split, micro-dollars.
        lots_per_share : int
            1 where shares are whole, a million where they may be fractions.

        Notes
        -----
        The whole lots keep their part of the cost; the cost of the fraction leaves the position
        and meets the cash in lieu in ``realized_pnl``.
        """
        held = self.book.positions[ticker]
        exact = held.quantity * ratio
        whole = in_lots(exact, lots_per_share)
        fraction = exact - whole
        lost_cost, in_lieu = 0, 0
        if fraction:
            share = fraction / exact
            lost_cost = divide_half_even(held.cost_micros * share.numerator, share.denominator)
            lost_cost = held.cost_micros if whole == 0 else lost_cost
            in_lieu = divide_half_even(price_micros * fraction.numerator, fraction.denominator)
        lines: list[Line] = [("positions", ticker, whole - held.quantity, -lost_cost)]
        if fraction:
            lines += [
                ("cash", ticker, 0, in_lieu),
                ("realized_pnl", ticker, 0, lost_cost - in_lieu),
            ]
        self.post("split", session, lines)


def exact_ratio(split_ratio: float) -> Fraction:
    """A split ratio as the simple fraction it stands for.

    Examples
    --------
    >>> exact_ratio(1.5), exact_ratio(0.3333333333)
    (Fraction(3, 2), Fraction(1, 3))
    """
    return Fraction(split_ratio).limit_denominator(_LARGEST_SPLIT_DENOMINATOR)


def check_balanced(kind: str, session: date, total_micros: int) -> None:
    """Refuse an event whose amounts do not sum to zero.

    Raises
    ------
    LedgerError
        With the event and its sum.
    """
    if total_micros:
        raise LedgerError(
            f"a {kind} event of {session} sums to {total_micros} micro-dollars; expected exactly 0; "
            "the entries given are incomplete or were changed"
        )
