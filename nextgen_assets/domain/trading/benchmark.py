"""The benchmark: buy-and-hold of the universe at inception."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.market import MarketData, MarketDataError


def benchmark_values(
    market: MarketData, inception: int, stop: int, deposit_usd: float, members: list[str] | None = None
) -> NDArray[np.float64]:
    """Buy-and-hold of the universe at inception from the same deposit, US dollars.

    Parameters
    ----------
    market : MarketData
        Panels.
    inception, stop : int
        First row, and the row after the last.
    deposit_usd : float
        Spread in equal parts over the members at their closes of the first session, without costs.
    members : list of str, optional
        Default every ticker with a close on the first session.

    Returns
    -------
    array (stop - inception,)
        Fractional units at the last known close, plus dividends kept as cash. A ticker that joins the
        universe later is not in it; one that leaves stays at its last close.

    Raises
    ------
    MarketDataError
        If there is no member, or a member has no close on the first session.

    Notes
    -----
    Sums run ticker by ticker in ascending order from inception, so that a value does not depend on
    which sessions are asked for.
    """
    if members is None:
        names = [t for at, t in enumerate(market.tickers) if np.isfinite(market.closes[inception, at])]
    else:
        names = sorted(set(members))
    start = market.sessions[inception]
    if not names:
        raise MarketDataError(f"no ticker has a close on {start}, the inception of the ledger")
    total = np.zeros(stop - inception)
    for ticker in names:
        column = market.column(ticker)
        first_close = market.closes[inception, column]
        if not first_close > 0.0:
            raise MarketDataError(f"benchmark member {ticker} has no close on {start}; leave it out")
        splits = market.split_ratios[inception:stop, column].copy()
        splits[0] = 1.0  # bought at the close: an action of that morning is past
        units = deposit_usd / len(names) / first_close * np.cumprod(splits)
        paid = market.dividends_usd[inception:stop, column] * np.concatenate([[0.0], units[:-1]])
        total = total + (units * market.marks[inception:stop, column] + np.cumsum(paid))
    return total
