"""The compiled loop of the bare ledger: orders to fills, cash and positions in whole micro-dollars."""

from __future__ import annotations

from typing import Any

from nextgen_assets.domain.compilation import compiled, inner


@inner
def _share_of(total: int, part: int, whole: int) -> int:
    """``total * part / whole`` rounded half to even, without leaving 64 bits; ``0 <= part <= whole``."""
    each = total // whole
    rest = (total - each * whole) * part
    quotient = rest // whole
    remainder = rest - quotient * whole
    result = each * part + quotient
    if 2 * remainder > whole or (2 * remainder == whole and result % 2 == 1):
        result += 1
    return result


@inner
def _affordable(cash: int, price: int, minimum: int, per_share: int) -> int:
    if cash - minimum < price:
        return 0
    return min((cash - minimum) // price, cash // (price + per_share))


@compiled
def run(
    orders: Any,  # (n_sessions, n_tickers) int64: shares wanted, signed
    opens: Any,  # (n_sessions, n_tickers) int64: micro-dollars, 0 without a bar
    caps: Any,  # (n_sessions, n_tickers) int64: most shares the volume allows
    closes: Any,  # (n_sessions, n_tickers) int64: last known closes, micro-dollars
    deposit: int,
    slippage_ppm: Any,  # (n_sessions, n_tickers) int64: millionths of the price
    minimum: int,
    per_share: int,
    fills: Any,  # (n_sessions, n_tickers) int64, out: shares filled, signed
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
                    quantity = min(quantity, _affordable(cash, price, minimum, per_share))
                else:
                    price = opening - slip
                    quantity = min(quantity, shares[ticker])
                if quantity <= 0:
                    continue
                gross = quantity * price
                fee = max(minimum, quantity * per_share)
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
                totals[2] += quantity * slip
        value = cash
        for ticker in range(n_tickers):
            value += shares[ticker] * closes[session, ticker]
        cash_after[session] = cash
        value_after[session] = value
