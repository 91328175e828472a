"""Trailing sums over a panel, added afresh for every session in one fixed order.

Whole panels, shifted by one session after another, are added newest first. A running sum would carry
the rounding of its start, and a library's reduction may choose its own order: either would give other
bits when the pass starts elsewhere.
"""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.grid import Values

SMALLEST_MOVE = 1e-12
"""Log moves below this are rounding, not movement."""


def earlier(values: Values, n_sessions: int) -> Values:
    """The panel as it stood ``n_sessions`` rows before; NaN above the first row."""
    shifted = np.full(values.shape, np.nan)
    shifted[n_sessions:] = values[: max(len(values) - n_sessions, 0)]
    return shifted


def trailing_sum(values: Values, n_sessions: int) -> Values:
    """Sum over the last ``n_sessions`` rows, today first; NaN if any is missing."""
    total = values.copy()
    for offset in range(1, n_sessions):
        total += earlier(values, offset)
    return total


def trailing_mean(values: Values, n_sessions: int) -> Values:
    """Mean over the last ``n_sessions`` rows; NaN if any is missing."""
    return np.asarray(trailing_sum(values, n_sessions) / n_sessions)


def trailing_deviation(values: Values, n_sessions: int) -> Values:
    """Sample standard deviation (n - 1) over the last ``n_sessions`` rows; NaN if any is missing."""
    mean = trailing_mean(values, n_sessions)
    squares = np.zeros(values.shape)
    for offset in range(n_sessions):
        deviation = earlier(values, offset) - mean
        squares += deviation * deviation
    return np.asarray(np.sqrt(squares / (n_sessions - 1)))


def ratio_or(numerator: Values, denominator: Values, neutral: float, smallest: float) -> Values:
    """``numerator / denominator``, ``neutral`` where the denominator is at most ``smallest``, else NaN."""
    ratio = np.where(np.isnan(denominator), np.nan, neutral)
    np.divide(numerator, denominator, out=ratio, where=denominator > smallest)
    return ratio
