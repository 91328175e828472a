"""How far from the quoted price a fill lies: fixed, or estimated from the sessions before."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.market import MarketData, MarketDataError, Panel
from nextgen_assets.domain.trading.rules import TradingRules

Counts = NDArray[np.int64]

ESTIMATE_SESSIONS: Final = 20
LARGEST_PARTS_PER_MILLION: Final = 50_000
"""Five per cent: an estimate above it says that the bars are wrong rather than that the spread is so wide."""

_CORWIN_SCHULTZ: Final = 3.0 - 2.0 * math.sqrt(2.0)


def slippage_panel(market: MarketData, rules: TradingRules) -> Counts:
    """Distance of a fill from the quoted price as estimated after each session, in millionths of the price.

    Parameters
    ----------
    market : MarketData
        Panels; with highs and lows where the model is 'high_low'.
    rules : TradingRules
        ``spread_model``, and ``slippage_bps``: the distance itself if it is fixed, else the least.

    Returns
    -------
    int array (n_sessions, n_tickers)
        Row S rests on bars up to S: it is for orders that fill after S. Where there are fewer than twenty
        sessions to estimate from, the least.

    Raises
    ------
    MarketDataError
        If the model needs highs and lows and the panels have none.

    Notes
    -----
    Means run over the sessions in their order, so that a row is the same bits in a pass of any length.
    """
    least = rules.slippage_parts_per_million
    if rules.spread_model == "fixed":
        return np.broadcast_to(np.int64(least), market.closes.shape)
    if rules.spread_model == "volatility":
        half = rules.spread_volatility_share * _deviation(market.log_returns)
    else:
        half = 0.5 * _trailing_mean(_two_session_spreads(market))
    parts = np.where(np.isfinite(half), np.rint(np.nan_to_num(half) * 1e6), 0.0)
    return np.clip(parts, least, max(LARGEST_PARTS_PER_MILLION, least)).astype(np.int64)


def fill_slippage(market: MarketData, rules: TradingRules) -> Counts:
    """The distance at which the fills of each session are done: the estimate after the session before.

    Returns
    -------
    int array (n_sessions, n_tickers)
        Millionths of the price; the least on the first session.
    """
    first = np.full((1, len(market.tickers)), rules.slippage_parts_per_million, dtype=np.int64)
    return np.concatenate([first, slippage_panel(market, rules)[:-1]])


def _two_session_spreads(market: MarketData) -> Panel:
    """Spread over price from the highs and lows of each session and the one before; NaN without both bars.

    References
    ----------
    Corwin and Schultz (2012), "A simple way to estimate bid-ask spreads from daily high and low prices",
    Journal of Finance 67(2): equations 14 and 18, with their correction of moves between sessions; a negative
    estimate counts as none.
    """
    if market.highs is None or market.lows is None:
        raise MarketDataError(
            "the spread model high_low needs highs and lows; build the market panels from bars with high and low"
        )
    spreads = np.full(market.closes.shape, np.nan)
    ratio = market.split_ratios[1:]
    high, low = market.highs[1:], market.lows[1:]
    high_before, low_before = market.highs[:-1] / ratio, market.lows[:-1] / ratio
    close_before = market.closes[:-1] / ratio
    jump = np.maximum(low - close_before, 0.0) + np.minimum(high - close_before, 0.0)
    high, low = high - jump, low - jump
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = np.log(high / low) ** 2 + np.log(high_before / low_before) ** 2
        gamma = np.log(np.maximum(high, high_before) / np.minimum(low, low_before)) ** 2
        alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / _CORWIN_SCHULTZ - np.sqrt(gamma / _CORWIN_SCHULTZ)
        spreads[1:] = np.maximum(2.0 * np.expm1(alpha) / (1.0 + np.exp(alpha)), 0.0)
    return spreads


def _trailing_mean(values: Panel) -> Panel:
    """Mean of the last twenty sessions, those without a value left out; NaN until half of them have one."""
    total, count = np.zeros(values.shape), np.zeros(values.shape)
    for back in range(min(ESTIMATE_SESSIONS, len(values))):
        shifted = values[: len(values) - back]
        total[back:] += np.nan_to_num(shifted, nan=0.0)
        count[back:] += np.isfinite(shifted)
    return np.where(count >= ESTIMATE_SESSIONS / 2, total / np.maximum(count, 1.0), np.nan)


def _deviation(returns: Panel) -> Panel:
    """Root of the mean squared log return of the last twenty sessions."""
    deviation: Panel = np.sqrt(_trailing_mean(returns**2))
    return deviation
