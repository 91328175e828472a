"""Volatility of daily returns, and whether it is rising."""

from __future__ import annotations

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, ratio_or, trailing_deviation
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_SHORT_SESSIONS, _LONG_SESSIONS = 5, 20
_REFERENCE = "Hull, Options, Futures, and Other Derivatives, estimating volatility from historical data."


def _volatility(panel: Panel) -> Values:
    return trailing_deviation(panel.fields["log_return"], _LONG_SESSIONS)


def _volatility_ratio(panel: Panel) -> Values:
    short = trailing_deviation(panel.fields["log_return"], _SHORT_SESSIONS)
    return ratio_or(short, _volatility(panel), neutral=1.0, smallest=SMALLEST_MOVE)


FEATURES = (
    Feature(
        name="volatility_20",
        inputs=("log_return",),
        lookback_sessions=_LONG_SESSIONS - 1,
        null_policy="null_if_any_missing",
        description="Sample standard deviation of the last 20 daily log returns, per session.",
        reference=_REFERENCE,
        compute=_volatility,
    ),
    Feature(
        name="volatility_ratio_5_20",
        inputs=("log_return",),
        lookback_sessions=_LONG_SESSIONS - 1,
        null_policy="null_if_any_missing",
        description="Volatility of the last 5 sessions over that of the last 20; 1 when nothing moved.",
        reference=_REFERENCE,
        compute=_volatility_ratio,
    ),
)
