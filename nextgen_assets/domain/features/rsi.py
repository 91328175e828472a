"""Relative strength index over a window, without the endless memory of Wilder's smoothing."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, ratio_or, trailing_sum
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_SESSIONS = 14


def _rsi(panel: Panel) -> Values:
    returns = panel.fields["log_return"]
    gains = trailing_sum(np.maximum(returns, 0.0), _SESSIONS)
    losses = trailing_sum(np.maximum(-returns, 0.0), _SESSIONS)
    return ratio_or(100.0 * gains, gains + losses, neutral=50.0, smallest=SMALLEST_MOVE)


FEATURE = Feature(
    name="rsi_14",
    inputs=("log_return",),
    lookback_sessions=_SESSIONS - 1,
    null_policy="null_if_any_missing",
    description="Gains in percent of gains plus losses over 14 daily log returns, 0 to 100; 50 when flat.",
    reference="Wilder (1978), New Concepts in Technical Trading Systems; plain sums after Cutler.",
    compute=_rsi,
)
