"""The short side as the mirror of the long one: principles judge both by the same numbers.

A ticker is on the short side while its shares are sold short, or when nothing is held and its forecast says down. There
the forecast is turned round (a fall becomes a rise), weights and quantities are absolute, and so a principle sees a
position that gains when its thesis comes true, whichever side it is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.rules import TradingRules

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SESSIONS_A_YEAR: Final = 252


def on_short_side(
    held: NDArray[np.int64], numbers: Mapping[str, Floats], abstained: Flags, rules: TradingRules
) -> Flags:
    """Which tickers are on the short side.

    Parameters
    ----------
    held : int array (n_tickers,)
        Lots, negative where sold short.
    numbers : mapping of str to float array (n_tickers,)
        The forecasts: probability_up, expected_log_return; NaN where absent.
    abstained : bool array (n_tickers,)
        Whether the forecast abstained.
    rules : TradingRules
        Whether shares may be sold short.

    Notes
    -----
    A position is closed before one on the other side is opened. A forecast says down where both its probability
    and its expected return do.
    """
    if not rules.shorting:
        short: Flags = held < 0
        return short
    falls = (numbers["probability_up"] < 0.5) & (numbers["expected_log_return"] < 0.0) & ~abstained
    either: Flags = (held < 0) | ((held == 0) & falls)
    return either


def mirrored(numbers: Mapping[str, Floats], is_short: Flags) -> dict[str, Floats]:
    """Forecasts with those of the short side turned round."""
    if not is_short.any():
        return dict(numbers)
    turned = {
        "probability_up": 1.0 - numbers["probability_up"],
        "expected_log_return": -numbers["expected_log_return"],
        "lower_log_return": -numbers["upper_log_return"],
        "upper_log_return": -numbers["lower_log_return"],
    }
    return {
        name: np.where(is_short, turned[name], values) if name in turned else values
        for name, values in numbers.items()
    }


def carry_rate(is_short: Flags, rules: TradingRules) -> Floats:
    """What holding a position for the life of a thesis costs, a fraction of its value: borrowing, of short ones."""
    return np.where(is_short, rules.borrow_rate * rules.thesis_sessions / SESSIONS_A_YEAR, 0.0)
