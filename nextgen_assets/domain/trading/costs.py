"""What a trade costs: commission per order and slippage against us."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.quantities import Quantity, normal
from nextgen_assets.domain.trading.rules import TradingRules


def commission_micros(quantity: Quantity, rules: TradingRules) -> int:
    """Commission of one filled order: per share, at least the minimum; nothing for no shares.

    Parameters
    ----------
    quantity : Quantity
        Shares filled, >= 0.

    Returns
    -------
    int
        Micro-dollars, rounded down.
    """
    if quantity == 0:
        return 0
    return max(rules.commission_minimum_micros, math.floor(quantity * rules.commission_per_share_micros))


def slipped_price_micros(quoted_micros: int, side: str, slippage_parts_per_million: int) -> int:
    """Fill price: the quoted price moved against us, rounded against us to the micro-dollar.

    Examples
    --------
    >>> slipped_price_micros(100_000_000, "buy", 500)
    100050000
    """
    slip = -((-quoted_micros * slippage_parts_per_million) // 1_000_000)  # rounded up
    return quoted_micros + slip if side == "buy" else quoted_micros - slip


def affordable_shares(cash_micros: int, price_micros: int, rules: TradingRules) -> Quantity:
    """Most shares, in lots of the rules, whose price and commission fit into the cash.

    Parameters
    ----------
    cash_micros, price_micros : int
        Micro-dollars; the price must be positive.
    """
    after_minimum = cash_micros - rules.commission_minimum_micros
    if after_minimum < 0:
        return 0
    lots = min(
        after_minimum * rules.lots_per_share // price_micros,
        cash_micros * rules.lots_per_share // (price_micros + rules.commission_per_share_micros),
    )
    return normal(Fraction(lots, rules.lots_per_share))


def round_trip_rate(
    price_usd: NDArray[np.float64],
    value_usd: NDArray[np.float64] | None,
    rules: TradingRules,
    slippage_rate: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Cost of buying and selling again, as a fraction of the value traded once.

    Parameters
    ----------
    price_usd : array (n_tickers,)
        Reference prices; NaN gives NaN.
    value_usd : array (n_tickers,) or None
        Size of the trade; None leaves the minimum commission out (size not yet known).
    slippage_rate : array (n_tickers,), optional
        Slippage as a fraction of the price; default that of the rules.

    Returns
    -------
    array (n_tickers,)
        ``2 * (slippage + commission / value)``.
    """
    commission_rate = rules.commission_per_share_usd / price_usd
    if value_usd is not None:
        commission_rate = np.maximum(
            commission_rate, rules.commission_minimum_usd / np.maximum(value_usd, 1e-9)
        )
    slipped = rules.slippage_bps / 10_000.0 if slippage_rate is None else slippage_rate
    return 2.0 * (slipped + commission_rate)
