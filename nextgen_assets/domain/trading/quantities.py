"""Shares, whole or in millionths: exact numbers, what they are worth, and how they become columns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.trading.money import MoneyError, divide_half_even, money_series

Quantity = int | Fraction
"""A number of shares: ``int`` where it is whole, else a fraction of millionths; never a float."""

MICRO_SHARES: Final = 1_000_000
"""The smallest part of a share, as parts of a whole one: what six decimals can hold."""

_Counts = NDArray[np.int64]


def normal(quantity: Quantity) -> Quantity:
    """The same number as ``int`` where it is whole, so that equal quantities have one text.

    Examples
    --------
    >>> normal(Fraction(4, 2)), normal(Fraction(1, 2))
    (2, Fraction(1, 2))
    """
    return quantity.numerator if quantity.denominator == 1 else quantity


def unsigned(quantity: Quantity) -> Quantity:
    """How many shares, whichever side they are on."""
    return -quantity if quantity < 0 else quantity


def from_micro_shares(micro_shares: int) -> Quantity:
    """A number of shares from its millionths."""
    return normal(Fraction(micro_shares, MICRO_SHARES))


def to_micro_shares(quantity: Quantity) -> int:
    """Millionths of a share.

    Raises
    ------
    MoneyError
        If the quantity is finer than a millionth.
    """
    if isinstance(quantity, int):
        return quantity * MICRO_SHARES
    micro, rest = divmod(quantity.numerator * MICRO_SHARES, quantity.denominator)
    if rest:
        raise MoneyError(f"found a quantity of {quantity} shares; expected whole millionths of a share")
    return micro


def stored_quantity(value: int | Decimal) -> Quantity:
    """A quantity as a frame or a table holds it.

    Examples
    --------
    >>> stored_quantity(Decimal("2.500000")), stored_quantity(3)
    (Fraction(5, 2), 3)
    """
    return value if isinstance(value, int) else normal(Fraction(value))


def quantity_series(name: str, quantities: Sequence[Quantity]) -> pl.Series:
    """Quantities as a Decimal(20, 6) column, exactly."""
    return money_series(name, [to_micro_shares(quantity) for quantity in quantities])


def in_lots(quantity: Quantity, lots_per_share: int) -> Quantity:
    """The largest tradable quantity that is not more than ``quantity`` on its side of zero.

    Examples
    --------
    >>> in_lots(Fraction(7, 2), 1), in_lots(Fraction(-7, 2), 1), in_lots(Fraction(1, 3), 1_000_000)
    (3, -3, Fraction(333333, 1000000))
    """
    if isinstance(quantity, int):
        return quantity
    lots = abs(quantity.numerator) * lots_per_share // quantity.denominator
    return normal(Fraction(lots if quantity > 0 else -lots, lots_per_share))


def worth_micros(quantity: Quantity, price_micros: int) -> int:
    """Quantity times price, rounded half to even to the micro-dollar.

    Examples
    --------
    >>> worth_micros(3, 19_990_000), worth_micros(Fraction(1, 3_000_000), 1_000_000)
    (59970000, 0)
    """
    if isinstance(quantity, int):
        return quantity * price_micros
    return divide_half_even(quantity.numerator * price_micros, quantity.denominator)


def part_of(total_micros: int, quantity: Quantity, held: Quantity) -> int:
    """The part of ``total_micros`` that ``quantity`` has of ``held`` shares, rounded half to even."""
    share = Fraction(quantity) / held
    return divide_half_even(total_micros * share.numerator, share.denominator)


def worth_array(micro_shares: _Counts, price_micros: _Counts) -> _Counts:
    """Elementwise :func:`worth_micros` of millionths of a share, in 64 bits."""
    whole, rest = np.divmod(micro_shares, MICRO_SHARES)
    floor, remainder = np.divmod(rest * price_micros, MICRO_SHARES)
    total = whole * price_micros + floor
    is_up = (2 * remainder > MICRO_SHARES) | ((2 * remainder == MICRO_SHARES) & (total % 2 == 1))
    rounded: _Counts = total + is_up
    return rounded
