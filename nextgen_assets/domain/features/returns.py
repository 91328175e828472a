"""Trailing total returns: momentum over a day, a week and a month of sessions."""

from __future__ import annotations

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import trailing_sum
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel


def _trailing_return(n_sessions: int) -> Feature:
    def compute(panel: Panel) -> Values:
        return trailing_sum(panel.fields["log_return"], n_sessions)

    return Feature(
        name=f"return_{n_sessions}",
        inputs=("log_return",),
        lookback_sessions=n_sessions - 1,
        null_policy="null_if_any_missing",
        description=f"Total log return over the last {n_sessions} session(s), dividends and splits included.",
        reference="Jegadeesh and Titman (1993), Returns to Buying Winners, J. Finance 48(1).",
        compute=compute,
    )


FEATURES = (_trailing_return(1), _trailing_return(5), _trailing_return(20))
