"""Micro-dollars: the only place where float dollars become integers and integers become Decimals."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

MICROS_PER_USD: Final = 1_000_000
MONEY: Final = pl.Decimal(20, 6)
_WIDE_MONEY: Final = pl.Decimal(38, 6)
_ONE_MICRO: Final = Decimal("0.000001")


class MoneyError(ValueError):
    """An amount cannot be expressed in whole micro-dollars."""


def to_micros(amount_usd: float) -> int:
    """Dollars to micro-dollars, rounded half to even.

    Raises
    ------
    MoneyError
        If the amount is not finite.

    Examples
    --------
    >>> to_micros(19.99)
    19990000
    """
    if not math.isfinite(amount_usd):
        raise MoneyError(f"found an amount of {amount_usd} US dollars; expected a finite number")
    return round(amount_usd * MICROS_PER_USD)


def to_micros_array(amounts_usd: NDArray[np.float64]) -> NDArray[np.int64]:
    """Dollars to micro-dollars, elementwise the same as :func:`to_micros`; NaN becomes 0.

    Callers must have dealt with NaN before: a zero price is only ever multiplied by zero shares.
    """
    return np.rint(np.nan_to_num(amounts_usd, nan=0.0) * MICROS_PER_USD).astype(np.int64)


def to_usd(micros: int) -> Decimal:
    """Micro-dollars to an exact Decimal with six places.

    Examples
    --------
    >>> to_usd(-1234567)
    Decimal('-1.234567')
    """
    return Decimal(micros).scaleb(-6)


def money_series(name: str, micros: Sequence[int] | NDArray[np.int64]) -> pl.Series:
    """Micro-dollars as a Decimal(20, 6) column, exactly."""
    wide = pl.Series(name, micros, dtype=pl.Int64).cast(pl.Decimal(38, 0)).cast(_WIDE_MONEY).to_frame()
    return wide.select((pl.col(name) * pl.lit(_ONE_MICRO, dtype=_WIDE_MONEY)).cast(MONEY)).to_series()


def series_to_micros(series: pl.Series) -> pl.Series:
    """A decimal column with up to six places as Int64 micro-dollars, exactly.

    Raises
    ------
    MoneyError
        If the column is not decimal, or holds nulls.
    """
    if not isinstance(series.dtype, pl.Decimal):
        raise MoneyError(f"column {series.name} is {series.dtype}; expected Decimal(20, 6) dollars")
    if series.null_count():
        raise MoneyError(f"column {series.name} holds {series.null_count()} nulls; money is never null")
    return series.cast(MONEY).to_physical().cast(pl.Int64)


def divide_half_even(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded half to even, in exact integers; ``denominator > 0``.

    Examples
    --------
    >>> divide_half_even(5, 2), divide_half_even(7, 2), divide_half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient


def content_id(kind: str, *parts: object) -> str:
    """Identifier of a row by what it says: 32 hexadecimal characters of BLAKE2b.

    Floats enter by ``repr`` (shortest text that reads back to the same double), the rest by ``str``.
    """
    text = "\x1f".join([kind, *(repr(part) if isinstance(part, float) else str(part) for part in parts)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
