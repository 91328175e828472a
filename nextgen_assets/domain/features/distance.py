"""How far the close stands from the recent high and the recent mean, in total-return terms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import earlier
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_SESSIONS = 20


def _past_log_closes(panel: Panel) -> Iterator[tuple[int, Values]]:
    """Log closes of the sessions before today, relative to today's, nearest first."""
    level = np.zeros(panel.fields["log_return"].shape)
    for offset in range(1, _SESSIONS):
        level = level - earlier(panel.fields["log_return"], offset - 1)
        yield offset, level


def _distance_from_high(panel: Panel) -> Values:
    highs = panel.fields["high_ratio"]
    highest = highs.copy()
    for offset, level in _past_log_closes(panel):
        highest = np.maximum(highest, level + earlier(highs, offset))
    return -highest


def _distance_from_mean(panel: Panel) -> Values:
    total = np.zeros(panel.fields["log_return"].shape)
    for _, level in _past_log_closes(panel):
        total = total + level
    return np.asarray(-total / _SESSIONS)


FEATURES = (
    Feature(
        name="distance_high_20",
        inputs=("log_return", "high_ratio"),
        lookback_sessions=_SESSIONS - 1,
        null_policy="null_if_any_missing",
        description="Log distance of the close from the highest price of the last 20 sessions; at most 0.",
        reference="George and Hwang (2004), The 52-Week High and Momentum Investing, J. Finance 59(5).",
        compute=_distance_from_high,
    ),
    Feature(
        name="distance_mean_20",
        inputs=("log_return",),
        lookback_sessions=_SESSIONS - 2,
        null_policy="null_if_any_missing",
        description="Log distance of the close from the mean log close of the last 20 sessions.",
        reference="Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules, J. Finance 47(5).",
        compute=_distance_from_mean,
    ),
)
