"""How much: the Kelly weight of a return forecast, and the shares for a target weight."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MEAN_ABSOLUTE_NORMAL: Final = math.sqrt(2.0 / math.pi)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def calibrated_edge(probability_up: Floats, expected_log_return: Floats, volatility: Floats) -> Floats:
    """Expected log return on which probability and mean forecast agree: the smaller of the two.

    ``min(expected_log_return, (2 p - 1) * volatility * sqrt(2 / pi))``: for a symmetric spread of
    moves, a direction known with probability p is worth (2 p - 1) mean absolute moves.

    Parameters
    ----------
    probability_up, expected_log_return, volatility : array (n_tickers,)
        Calibrated probability; forecast over the horizon; standard deviation over the horizon.

    Returns
    -------
    array (n_tickers,)
        NaN where any input is NaN.
    """
    return np.minimum(expected_log_return, (2.0 * probability_up - 1.0) * volatility * _MEAN_ABSOLUTE_NORMAL)


def kelly_weight(edge_log_return: Floats, cost_rate: Floats, volatility: Floats) -> Floats:
    """Growth-optimal long-only weight of an asset with the given edge net of costs.

    ``max(0, (edge + volatility**2 / 2 - cost) / volatility**2)``: mean simple return net of costs
    over variance.

    Parameters
    ----------
    edge_log_return, cost_rate, volatility : array (n_tickers,)
        Per horizon; volatility > 0.

    Returns
    -------
    array (n_tickers,)
        Unbounded above, never negative; NaN where an input is NaN.

    References
    ----------
    Thorp (2006), "The Kelly criterion in blackjack, sports betting, and the stock market", section 7.
    """
    variance = volatility * volatility
    return np.maximum(0.0, (edge_log_return + 0.5 * variance - cost_rate) / variance)


def share_changes(
    target_weight: Floats,
    current_weight: Floats,
    quantity_held: Counts,
    price_usd: Floats,
    net_asset_value_usd: float,
    lots_per_share: int = 1,
) -> Counts:
    """Lots to buy (positive) or sell (negative) to move towards the target weights.

    Parameters
    ----------
    target_weight, current_weight : array (n_tickers,)
        Fractions of the net asset value.
    quantity_held : array (n_tickers,) of int
        Lots held: shares where they are whole.
    price_usd : array (n_tickers,)
        Reference prices; NaN only where nothing is held and nothing targeted.
    net_asset_value_usd : float
        Net asset value at the reference prices.
    lots_per_share : int
        Smallest tradable quantities that make up a share.

    Returns
    -------
    array (n_tickers,) of int
        Rounded towards no trade; exactly ``-quantity_held`` where the target is zero, exactly zero
        where the target equals the current weight.
    """
    change = target_weight - current_weight
    wanted = np.where(change == 0.0, 0.0, change * net_asset_value_usd / price_usd)
    shares = np.trunc(np.nan_to_num(wanted * lots_per_share, nan=0.0)).astype(np.int64)
    return np.where(target_weight <= 0.0, -quantity_held, np.maximum(shares, -quantity_held))
