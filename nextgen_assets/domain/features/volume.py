"""Unusual turnover."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import (
    SMALLEST_MOVE,
    ratio_or,
    trailing_deviation,
    trailing_mean,
)
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_SESSIONS = 20


def _dollar_volume_z(panel: Panel) -> Values:
    turnover = panel.fields["log_dollar_volume"]
    distance = np.asarray(turnover - trailing_mean(turnover, _SESSIONS))
    deviation = trailing_deviation(turnover, _SESSIONS)
    return ratio_or(distance, deviation, neutral=0.0, smallest=SMALLEST_MOVE)


FEATURE = Feature(
    name="dollar_volume_z_20",
    inputs=("log_dollar_volume",),
    lookback_sessions=_SESSIONS - 1,
    null_policy="null_if_any_missing",
    description="Log dollar volume in standard deviations from its mean over 20 sessions, today included.",
    reference="Gervais, Kaniel and Mingelgrin (2001), The High-Volume Return Premium, J. Finance 56(3).",
    compute=_dollar_volume_z,
)
