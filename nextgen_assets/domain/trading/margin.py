"""What a margin account must keep: the cash that shares sold short tie up, and what borrowing them costs.

The rule is that of Regulation T, without lending against long positions: what is sold short stays in the account as
cash, and with it a share of its value. An order may add to a position only as far as

    cash >= (1 + initial margin) * value of the shares sold short

holds after it, with these shares at the open. Long positions are therefore paid in full. Below
``(1 + maintenance margin)`` at a close, shares are bought in at the next open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nextgen_assets.domain.trading.money import divide_half_even
from nextgen_assets.domain.trading.portfolio import Book
from nextgen_assets.domain.trading.quantities import worth_micros
from nextgen_assets.domain.trading.rules import TradingRules

DAYS_A_YEAR: Final = 365
_PARTS: Final = 1_000_000


def margin_micros(value_micros: int, rules: TradingRules) -> int:
    """Initial margin of shares sold short of this value, rounded up to the micro-dollar."""
    return -(-value_micros * rules.initial_margin_parts_per_million // _PARTS)


def free_cash_micros(book: Book, price_micros: Callable[[str], int], rules: TradingRules) -> int:
    """Cash that no shares sold short tie up, micro-dollars; all of it where nothing is.

    Parameters
    ----------
    book : Book
        Balances.
    price_micros : callable
        From a ticker to the price at which its shares count.
    rules : TradingRules
        Initial margin.
    """
    value = sum(
        worth_micros(-position.quantity, price_micros(ticker))
        for ticker, position in book.positions.items()
        if position.quantity < 0
    )
    return book.cash_micros - value - margin_micros(value, rules)


def margin_per_share_micros(opening_micros: int, price_micros: int, rules: TradingRules) -> int:
    """What each share sold short at ``price_micros`` takes of the free cash, at least one micro-dollar."""
    return max(1, opening_micros + margin_micros(opening_micros, rules) - price_micros)


def borrow_fee_micros(value_micros: int, days: int, rules: TradingRules) -> int:
    """Fee of borrowing this value for some calendar days, rounded half to even.

    Examples
    --------
    >>> borrow_fee_micros(36_500_000_000, 3, TradingRules(shorting=True, borrow_rate=0.01))
    3000000
    """
    parts = value_micros * rules.borrow_parts_per_million * days
    return divide_half_even(parts, DAYS_A_YEAR * _PARTS)
