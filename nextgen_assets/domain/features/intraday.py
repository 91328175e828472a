"""What happened within the day and before it: range, close within the range, overnight gap."""

from __future__ import annotations

import math

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, ratio_or, trailing_sum
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_RANGE_SESSIONS = 10


def _log_range(panel: Panel) -> Values:
    return np.asarray(panel.fields["high_ratio"] - panel.fields["low_ratio"])


def _parkinson(panel: Panel) -> Values:
    log_range = _log_range(panel)
    squares = trailing_sum(log_range * log_range, _RANGE_SESSIONS)
    return np.asarray(np.sqrt(squares / (4.0 * math.log(2.0) * _RANGE_SESSIONS)))


def _close_location(panel: Panel) -> Values:
    return ratio_or(-panel.fields["low_ratio"], _log_range(panel), neutral=0.5, smallest=SMALLEST_MOVE)


def _overnight_gap(panel: Panel) -> Values:
    return panel.fields["open_gap"].copy()


FEATURES = (
    Feature(
        name="parkinson_10",
        inputs=("high_ratio", "low_ratio"),
        lookback_sessions=_RANGE_SESSIONS - 1,
        null_policy="null_if_any_missing",
        description="Volatility per session from the highs and lows of the last 10 sessions.",
        reference="Parkinson (1980), Extreme Value Method for Estimating the Variance, J. Business 53(1).",
        compute=_parkinson,
    ),
    Feature(
        name="close_location",
        inputs=("high_ratio", "low_ratio"),
        lookback_sessions=0,
        null_policy="null_if_any_missing",
        description="Close within the log range of its day: 0 at the low, 1 at the high; 0.5 without range.",
        reference="Williams (1979), How I Made One Million Dollars, the %R idea over one session.",
        compute=_close_location,
    ),
    Feature(
        name="overnight_gap",
        inputs=("open_gap",),
        lookback_sessions=0,
        null_policy="null_if_any_missing",
        description="Total log return from the close before to the open.",
        reference="Lou, Polk and Skouras (2019), A Tug of War: Overnight Versus Intraday, JFE 134(1).",
        compute=_overnight_gap,
    ),
)
