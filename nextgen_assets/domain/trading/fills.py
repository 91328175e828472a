"""From an order to a fill: price, affordable quantity, costs, or the reason for none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from nextgen_assets.domain.trading.costs import affordable_shares, commission_micros
from nextgen_assets.domain.trading.margin import margin_per_share_micros
from nextgen_assets.domain.trading.money import to_micros
from nextgen_assets.domain.trading.pricing import SessionBar, quoted_price_micros
from nextgen_assets.domain.trading.quantities import Quantity, normal, worth_micros
from nextgen_assets.domain.trading.rules import TradingRules


@dataclass(frozen=True)
class Order:
    """A planned trade waiting for the next open; quantity and reference price are those after any split.

    Parameters
    ----------
    reference_micros : int
        Close that the plan was made by, micro-dollars a share; 0 where not given. A limit rests on it.
    """

    plan_id: str
    plan_session_date: date
    ticker: str
    side: str
    quantity: Quantity
    reference_micros: int = 0


@dataclass(frozen=True)
class Fill:
    """What became of an order.

    Parameters
    ----------
    order : Order
        The order.
    status : str
        'filled', 'partial' or 'rejected'.
    reason : str or None
        Why less was done than asked: 'no_bar', 'limit', 'volume', 'cash', 'margin', 'shares' or
        'split_rounding'.
    quantity : Quantity
        Shares filled; 0 exactly when rejected.
    price_micros : int
        Price per share with slippage; the price quoted when rejected, 0 without a bar.
    gross_micros, commission_micros, slippage_micros : int
        Quantity times price; commission; part of the gross that is slippage.
    """

    order: Order
    status: str
    reason: str | None
    quantity: Quantity
    price_micros: int
    gross_micros: int = 0
    commission_micros: int = 0
    slippage_micros: int = 0


def fill_order(
    order: Order,
    open_usd: float,
    volume: float,
    cash_micros: int,
    quantity_held: Quantity,
    rules: TradingRules,
    bar: SessionBar | None = None,
    slippage_parts_per_million: int | None = None,
) -> Fill:
    """Fill one order in its session.

    Parameters
    ----------
    order : Order
        Side and shares.
    open_usd : float
        Opening price as traded, US dollars; NaN when the security has no bar.
    volume : float
        Shares traded in the session; NaN when unknown, which leaves the volume cap out.
    cash_micros, quantity_held : int, Quantity
        Cash that nothing ties up, and shares of the ticker, before this order.
    rules : TradingRules
        Costs, caps, the kind of order and its price.
    bar : SessionBar, optional
        High, low and close of the session; needed unless a market order fills at the open.
    slippage_parts_per_million : int, optional
        Slippage of this ticker and session; default the fixed one of the rules.

    Raises
    ------
    MarketDataError
        If the bar or the reference price is missing where the rules need it.

    Notes
    -----
    The volume cap uses the volume of the fill's own session: it limits what could have been
    executed, and no decision reads it.
    """
    if math.isnan(open_usd):
        return Fill(order, "rejected", "no_bar", 0, 0)
    slippage = slippage_parts_per_million
    if slippage is None:
        slippage = rules.slippage_parts_per_million
    priced = quoted_price_micros(order.side, order.reference_micros, open_usd, bar, rules, slippage)
    if priced is None:
        return Fill(order, "rejected", "limit", 0, to_micros(open_usd))
    quoted, price = priced
    prices = (to_micros(open_usd), price)
    quantity, reason = _possible_quantity(order, prices, volume, cash_micros, quantity_held, rules)
    if quantity == 0:
        return Fill(order, "rejected", reason, 0, price)
    return Fill(
        order,
        "filled" if quantity == order.quantity else "partial",
        None if quantity == order.quantity else reason,
        quantity,
        price,
        worth_micros(quantity, price),
        commission_micros(quantity, rules),
        worth_micros(quantity, abs(price - quoted)),
    )


def _possible_quantity(
    order: Order, prices: tuple[int, int], volume: float, cash: int, held: Quantity, rules: TradingRules
) -> tuple[Quantity, str | None]:
    """Shares that can be done, and the tightest limit where it is less than asked; no fill crosses zero shares."""
    opening, price = prices
    if order.quantity == 0:
        return 0, "split_rounding"
    limits: list[tuple[Quantity, str]] = [(order.quantity, "")]
    if not math.isnan(volume):
        lots = math.floor(volume * rules.max_volume_fraction * rules.lots_per_share)
        limits.append((normal(Fraction(lots, rules.lots_per_share)), "volume"))
    if order.side == "buy" and held < 0:
        limits.append((-held, "shares"))
    elif order.side == "buy":
        limits.append((affordable_shares(cash, price, rules) if price > 0 else 0, "cash"))
    elif held > 0 or not rules.shorting:
        limits.append((held, "shares"))
    else:
        each = margin_per_share_micros(opening, price, rules)
        limits.append((affordable_shares(cash, each, rules), "margin"))
    quantity, reason = min(limits, key=lambda limit: limit[0])
    if (
        order.side == "sell"
        and not rules.shorting
        and cash + worth_micros(quantity, price) < commission_micros(quantity, rules)
    ):
        return 0, "cash"
    return quantity, reason or None
