"""At what price an order could have been done in a session, before and after slippage."""

from __future__ import annotations

from dataclasses import dataclass

from nextgen_assets.domain.trading.costs import slipped_price_micros
from nextgen_assets.domain.trading.market import MarketDataError
from nextgen_assets.domain.trading.money import to_micros
from nextgen_assets.domain.trading.rules import TradingRules


@dataclass(frozen=True)
class SessionBar:
    """High, low and close of one session, US dollars as traded."""

    high_usd: float
    low_usd: float
    close_usd: float


def quoted_price_micros(
    side: str,
    reference_micros: int,
    open_usd: float,
    bar: SessionBar | None,
    rules: TradingRules,
    slippage_parts_per_million: int,
) -> tuple[int, int] | None:
    """Quoted price and the price paid, micro-dollars a share, or None where a limit was not reached.

    Parameters
    ----------
    side : str
        'buy' or 'sell'.
    reference_micros : int
        Close that the plan was made by, after any split; a limit rests on it.
    open_usd : float
        Opening price, > 0.
    bar : SessionBar or None
        The rest of the session.
    rules : TradingRules
        Kind of order, fill price.
    slippage_parts_per_million : int
        Distance of a market order's fill from the quoted price.

    Raises
    ------
    MarketDataError
        If the bar or the reference price is missing where it is needed.

    Notes
    -----
    A market order pays slippage on the open, or on the typical price (high + low + close) / 3 where it is
    worked over the session. An order with a limit fills at the open if that is as good, else at the limit
    if the session traded *through* it: a touch may have left us in the queue. It pays no slippage.
    """
    opening = to_micros(open_usd)
    if rules.order_kind == "market" and rules.fill_price == "open":
        return opening, slipped_price_micros(opening, side, slippage_parts_per_million)
    if bar is None:
        raise MarketDataError(
            f"{rules.order_kind} orders at the {rules.fill_price} price need highs and lows; build the market panels "
            "from bars with high and low"
        )
    if rules.order_kind == "market":
        typical = to_micros((bar.high_usd + bar.low_usd + bar.close_usd) / 3.0)
        return typical, slipped_price_micros(typical, side, slippage_parts_per_million)
    if reference_micros <= 0:
        raise MarketDataError("an order with a limit has no reference price; pass plans with reference_price")
    distance = reference_micros * rules.limit_parts_per_million // 1_000_000
    if side == "buy":
        limit = reference_micros - distance
        price = opening if opening <= limit else limit if to_micros(bar.low_usd) < limit else None
    else:
        limit = reference_micros + distance
        price = opening if opening >= limit else limit if to_micros(bar.high_usd) > limit else None
    return None if price is None or price <= 0 else (price, price)
