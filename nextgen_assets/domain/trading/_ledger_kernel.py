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


@inner
def _parts_of(value: int, parts: int) -> int:
    """``value * parts / 1_000_000``, rounded up."""
    whole = value // 1_000_000
    return whole * parts - (-(value - whole * 1_000_000) * parts) // 1_000_000


@inner
def _borrowing(value: int, parts: int, days: int) -> int:
    """A fee of ``parts`` millionths a year for some days, rounded half to even."""
    return _share_of(value, parts * days, 365_000_000)


@inner
def _short_value(shares: Any, opens: Any, closes: Any, session: int, lots: int) -> int:
    """Value of all that is sold short, at the open or the last close known before it."""
    value = 0
    for ticker in range(shares.shape[0]):
        if shares[ticker] < 0:
            opening = opens[session, ticker]
            price = opening if opening > 0 else closes[session - 1, ticker]
            value += _worth(-shares[ticker], price, lots)
    return value


@compiled
def run(
    orders: Any,  # (n_sessions, n_tickers) int64: lots wanted, signed
    opens: Any,  # (n_sessions, n_tickers) int64: micro-dollars, 0 without a bar
    caps: Any,  # (n_sessions, n_tickers) int64: most lots the volume allows
    closes: Any,  # (n_sessions, n_tickers) int64: last known closes, micro-dollars
    days: Any,  # (n_sessions,) int64: calendar days since the session before
    deposit: int,
    slippage_ppm: Any,  # (n_sessions, n_tickers) int64: millionths of the price
    minimum: int,
    per_share: int,
    lots: int,  # in a share
    margin_ppm: int,  # initial margin of what is sold short, negative where nothing may be
    borrow_ppm: int,  # a year
    fills: Any,  # (n_sessions, n_tickers) int64, out: lots filled, signed
    cash_after: Any,  # (n_sessions,) int64, out
    value_after: Any,  # (n_sessions,) int64, out
    shares: Any,  # (n_tickers,) int64, out, zero at first
    cost: Any,  # (n_tickers,) int64, out, zero at first
    totals: Any,  # (4,) int64, out: realised gain, commission, slippage, borrowing
) -> None:
    """Fill every order at its open, sells before buys, in ticker order; value every close."""
    cash = deposit
    n_sessions, n_tickers = orders.shape
    may_short = margin_ppm >= 0
    for session in range(n_sessions):
        short = 0
        if may_short and session > 0:
            owed = max(0, -cash)
            for ticker in range(n_tickers):
                if shares[ticker] < 0:
                    value = _worth(-shares[ticker], closes[session - 1, ticker], lots)
                    fee = _borrowing(value, borrow_ppm, days[session])
                    cash -= fee
                    totals[3] += fee
            fee = _borrowing(owed, borrow_ppm, days[session])
            cash -= fee
            totals[3] += fee
            short = _short_value(shares, opens, closes, session, lots)
        for is_buying in (False, True):
            for ticker in range(n_tickers):
                wanted = orders[session, ticker]
                opening = opens[session, ticker]
                if wanted == 0 or (wanted > 0) != is_buying or opening <= 0:
                    continue
                slip = -((-opening * slippage_ppm[session, ticker]) // 1_000_000)
                quantity = min(abs(wanted), caps[session, ticker])
                held = shares[ticker]
                price = opening + slip if is_buying else opening - slip
                free = cash
                if may_short:
                    free = cash - short - _parts_of(short, margin_ppm)
                if (held < 0) if is_buying else (held > 0 or not may_short):
                    quantity = min(quantity, abs(held))
                elif is_buying:
                    quantity = min(quantity, _affordable(free, price, minimum, per_share, lots))
                else:
                    each = max(1, opening + _parts_of(opening, margin_ppm) - price)
                    quantity = min(quantity, _affordable(free, each, minimum, per_share, lots))
                if quantity <= 0:
                    continue
                gross = _worth(quantity, price, lots)
                fee = _fee(quantity, minimum, per_share, lots)
                if not is_buying and not may_short and cash + gross < fee:
                    continue
                signed = quantity if is_buying else -quantity
                if held != 0 and (held > 0) != is_buying:  # leaves a position, or a part of one
                    part = _share_of(abs(cost[ticker]), quantity, abs(held))
                    part = part if held > 0 else -part
                    cost[ticker] -= part
                    totals[0] += (gross if held > 0 else -gross) - part
                else:
                    cost[ticker] += gross if is_buying else -gross
                shares[ticker] += signed
                fills[session, ticker] = signed
                cash -= (gross if is_buying else -gross) + fee
                if may_short and (held < 0 or shares[ticker] < 0):
                    short -= _worth(-min(held, 0), opening, lots)
                    short += _worth(-min(shares[ticker], 0), opening, lots)
                totals[1] += fee
                totals[2] += _worth(quantity, slip, lots)
        value = cash
        for ticker in range(n_tickers):
            value += _worth(shares[ticker], closes[session, ticker], lots)
        cash_after[session] = cash
        value_after[session] = value
