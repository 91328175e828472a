"""The compiled loop of the bare ledger: orders to fills, cash and positions in whole micro-dollars."""

from __future__ import annotations

from typing import Any

from nextgen_assets.domain.compilation import compiled, inner


@inner
def _times_over(rest: int, part: int, whole: int) -> tuple[int, int]:
    """Quotient and remainder of ``rest * part / whole``; ``0 <= rest < whole``, ``0 <= part <= whole``."""
    if whole < 3_000_000_000:
        quotient = rest * part // whole
        return quotient, rest * part - quotient * whole
    quotient, remainder = 0, 0
    for bit in range(62, -1, -1):  # long multiplication, reduced as it goes: 128 bits would be needed
        quotient, remainder = 2 * quotient, 2 * remainder
        if remainder >= whole:
            quotient, remainder = quotient + 1, remainder - whole
        if (part >> bit) & 1:
            remainder += rest
            if remainder >= whole:
                quotient, remainder = quotient + 1, remainder - whole
    return quotient, remainder


@inner
def _share_of(total: int, part: int, whole: int) -> int:
    """``total * part / whole`` rounded half to even, without leaving 64 bits; ``0 <= part <= whole``."""
    each = total // whole
    quotient, remainder = _times_over(total - each * whole, part, whole)
    result = each * part + quotient
    if 2 * remainder > whole or (2 * remainder == whole and result % 2 == 1):
        result += 1
    return result


@inner
def _worth(quantity: int, price: int, lots: int) -> int:
    """``quantity * price / lots`` rounded half to even."""
    if lots == 1:
        return quantity * price
    whole = quantity // lots
    rest = (quantity - whole * lots) * price
    floor = rest // lots
    remainder = rest - floor * lots
    result = whole * price + floor
    if 2 * remainder > lots or (2 * remainder == lots and result % 2 == 1):
        result += 1
    return result


@inner
def _lots_for(cash: int, price: int, lots: int) -> int:
    """Most lots that ``cash`` pays at ``price`` a share."""
    whole = cash // price
    return whole * lots + (cash - whole * price) * lots // price


@inner
def _affordable(cash: int, price: int, minimum: int, per_share: int, lots: int) -> int:
    if cash < minimum:
        return 0
    return min(_lots_for(cash - minimum, price, lots), _lots_for(cash, price + per_share, lots))


@inner
def _fee(quantity: int, minimum: int, per_share: int, lots: int) -> int:
    """Commission, rounded down."""
    whole = quantity // lots
    return max(minimum, whole * per_share + (quantity - whole * lots) * per_share // lots)


@compiled
def run(
    orders: Any,  # (n_sessions, n_tickers) int64: lots wanted, signed
    opens: Any,  # (n_sessions, n_tickers) int64: micro-dollars, 0 without a bar
    caps: Any,  # (n_sessions, n_tickers) int64: most lots the volume allows
    closes: Any,  # (n_sessions, n_tickers) int64: last known closes, micro-dollars
    deposit: int,
    slippage_ppm: Any,  # (n_sessions, n_tickers) int64: millionths of the price
    minimum: int,
    per_share: int,
    lots: int,  # in a share
    fills: Any,  # (n_sessions, n_tickers) int64, out: lots filled, signed
    cash_after: Any,  # (n_sessions,) int64, out
    value_after: Any,  # (n_sessions,) int64, out
    shares: Any,  # (n_tickers,) int64, out, zero at first
    cost: Any,  # (n_tickers,) int64, out, zero at first
    totals: Any,  # (3,) int64, out: realised gain, commission, slippage
) -> None:
    """Fill every order at its open, sells before buys, in ticker order; value every close."""
    cash = deposit
    n_sessions, n_tickers = orders.shape
    for session in range(n_sessions):
        for is_buying in (False, True):
            for ticker in range(n_tickers):
                wanted = orders[session, ticker]
                opening = opens[session, ticker]
                if wanted == 0 or (wanted > 0) != is_buying or opening <= 0:
                    continue
                slip = -((-opening * slippage_ppm[session, ticker]) // 1_000_000)
                quantity = min(abs(wanted), caps[session, ticker])
                if is_buying:
                    price = opening + slip
                    quantity = min(quantity, _affordable(cash, price, minimum, per_share, lots))
                else:
                    price = opening - slip
                    quantity = min(quantity, shares[ticker])
                if quantity <= 0:
                    continue
                gross = _worth(quantity, price, lots)
                fee = _fee(quantity, minimum, per_share, lots)
                if is_buying:
                    shares[ticker] += quantity
                    cost[ticker] += gross
                    cash -= gross + fee
                    fills[session, ticker] = quantity
                else:
                    if cash + gross < fee:
                        continue
                    part = _share_of(cost[ticker], quantity, shares[ticker])
                    shares[ticker] -= quantity
                    cost[ticker] -= part
                    cash += gross - fee
                    totals[0] += gross - part
                    fills[session, ticker] = -quantity
                totals[1] += fee
                totals[2] += _worth(quantity, slip, lots)
        value = cash
        for ticker in range(n_tickers):
            value += _worth(shares[ticker], closes[session, ticker], lots)
        cash_after[session] = cash
        value_after[session] = value
