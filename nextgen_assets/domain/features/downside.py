"""How much of the movement was downward."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, ratio_or, trailing_sum
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_SESSIONS = 20


def _downside_share(panel: Panel) -> Values:
    returns = panel.fields["log_return"]
    falls = np.minimum(returns, 0.0)
    downside = trailing_sum(falls * falls, _SESSIONS)
    whole = trailing_sum(returns * returns, _SESSIONS)
    return ratio_or(downside, whole, neutral=0.5, smallest=SMALLEST_MOVE**2)


FEATURE = Feature(
    name="downside_share_20",
    inputs=("log_return",),
    lookback_sessions=_SESSIONS - 1,
    null_policy="null_if_any_missing",
    description="Share of falls in the squared log returns of the last 20 sessions; 0.5 when nothing moved.",
    reference="Barndorff-Nielsen, Kinnebrock and Shephard (2010), Measuring Downside Risk.",
    compute=_downside_share,
)
