"""Where the result of one closed position came from, to the micro-dollar.

A position lives in *legs*: the intraday leg of the session it was opened, then for each session the
night (last mark to open) and the day (open to close), and the night before the open at which it was
closed. A leg has an exposure (value at its start), a return of the security r, dividends included, and
a return of the universe b (equal-weighted mean over the tickers priced at both ends).

========== =============================================================================
cause      US dollars
========== =============================================================================
cost       -(commission + slippage) of every fill, and what borrowing shares cost
market     sum over legs of exposure x b: what the universe's move did to what was held
timing     sum of exposure x (r - b) over everything other than holding the opening shares
           for the horizon: shares added or trimmed, and legs after the target session
selection  opening shares x (r - b) over the horizon, without what lies outside the bounds
luck       the rest: the part of the move of the opening shares beyond the bounds that were
           issued with the prediction (and rounding, fractions of a cent)
========== =============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nextgen_assets.domain.trading.journal import exact_ratio
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.money import to_micros
from nextgen_assets.domain.trading.quantities import Quantity

CAUSES: Final = ("market", "selection", "timing", "cost", "luck")


@dataclass(frozen=True)
class Leg:
    """One stretch of holding.

    Parameters
    ----------
    is_in_horizon : bool
        Whether it ends by the target session of the opening prediction.
    exposure_usd, opening_exposure_usd : float
        Value at its start of all shares, and of the shares bought at first.
    security_return, market_return : float
        Simple returns.
    """

    is_in_horizon: bool
    exposure_usd: float
    opening_exposure_usd: float
    security_return: float
    market_return: float


@dataclass(frozen=True)
class UniverseReturns:
    """Equal-weighted simple returns of the tickers priced at both ends; 0 where there is none.

    Parameters
    ----------
    night : tuple of float, length n_sessions
        From the last known close of the session before to the open, dividends included.
    day : tuple of float, length n_sessions
        From the open to the close.
    """

    night: tuple[float, ...]
    day: tuple[float, ...]


def universe_returns(market: MarketData) -> UniverseReturns:
    """Returns of the universe for every session of the panels; each reads nothing later than its end."""
    rows = range(len(market.sessions))
    return UniverseReturns(
        night=tuple(_mean_return(market, row, is_night=True) if row else 0.0 for row in rows),
        day=tuple(_mean_return(market, row, is_night=False) for row in rows),
    )


def _mean_return(market: MarketData, row: int, is_night: bool) -> float:
    opens, closes = market.opens[row], market.closes[row]
    if is_night:
        start = market.marks[row - 1]
        end = opens * market.split_ratios[row] + market.dividends_usd[row]
    else:
        start, end = opens, closes
    both = np.isfinite(start) & np.isfinite(end)
    returns = (end[both] / start[both] - 1.0).tolist()
    return math.fsum(returns) / len(returns) if returns else 0.0


def position_legs(
    market: MarketData,
    universe: UniverseReturns,
    ticker: str,
    first_row: int,
    last_row: int,
    shares_at_close: Sequence[Quantity],
    target_row: int,
) -> list[Leg]:
    """The legs of a position.

    Parameters
    ----------
    market : MarketData
        Panels.
    universe : UniverseReturns
        From :func:`universe_returns` of the same panels.
    ticker : str
        The security held.
    first_row, last_row : int
        Rows of the sessions at whose opens it was opened and closed.
    shares_at_close : sequence of Quantity, length last_row - first_row
        Shares after the fills of each session but the last.
    target_row : int
        Row of the target session of the opening prediction.

    Notes
    -----
    A session without a bar has one leg, the night, from mark to mark: its move is zero but for dividends.
    """
    column, legs = market.column(ticker), []
    opening = float(shares_at_close[0])
    for row in range(first_row, last_row + 1):
        ratio = float(exact_ratio(float(market.split_ratios[row, column])))
        open_usd = float(market.opens[row, column])
        mark = float(market.marks[row, column])
        within = row <= target_row
        if row > first_row:
            start = float(market.marks[row - 1, column])
            end = open_usd if open_usd > 0.0 else start / ratio
            gain = (end * ratio + float(market.dividends_usd[row, column])) / start - 1.0
            held = float(shares_at_close[row - 1 - first_row])
            legs.append(Leg(within, held * start, opening * start, gain, universe.night[row]))
            opening *= ratio
        if row < last_row and open_usd > 0.0:
            held = float(shares_at_close[row - first_row])
            legs.append(
                Leg(within, held * open_usd, opening * open_usd, mark / open_usd - 1.0, universe.day[row])
            )
    return legs


def attribute(
    legs: list[Leg], result_micros: int, cost_micros: int, lower_log_return: float, upper_log_return: float
) -> dict[str, int]:
    """Split the result of a position by cause.

    Parameters
    ----------
    legs : list of Leg
        From :func:`position_legs`.
    result_micros : int
        Everything the position paid out minus everything it cost, micro-dollars.
    cost_micros : int
        Commission, slippage and fees of borrowing, >= 0.
    lower_log_return, upper_log_return : float
        Bounds of the opening prediction.

    Returns
    -------
    dict of str to int
        Micro-dollars by cause; they sum to ``result_micros`` exactly.
    """
    market = math.fsum(leg.exposure_usd * leg.market_return for leg in legs)
    relative = math.fsum(leg.exposure_usd * (leg.security_return - leg.market_return) for leg in legs)
    thesis = [leg for leg in legs if leg.is_in_horizon]
    held = math.fsum(leg.opening_exposure_usd * (leg.security_return - leg.market_return) for leg in thesis)
    growth = math.prod(1.0 + leg.security_return for leg in thesis) - 1.0
    bounded = min(max(growth, math.expm1(lower_log_return)), math.expm1(upper_log_return))
    surprise = (legs[0].opening_exposure_usd if legs else 0.0) * (growth - bounded)
    parts = {
        "market": to_micros(market),
        "selection": to_micros(held - surprise),
        "timing": to_micros(relative - held),
        "cost": -cost_micros,
    }
    return {**parts, "luck": result_micros - sum(parts.values())}
