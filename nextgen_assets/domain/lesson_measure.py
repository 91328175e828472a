"""Which positions fall short of their predictions again and again: what trading adds to the search for weaknesses."""

from __future__ import annotations

import polars as pl

from nextgen_assets.domain.curiosity_measures import Measure, calendar_positions
from nextgen_assets.domain.sessions import SessionCalendar


def lesson_measure(closed: pl.DataFrame, calendar: SessionCalendar) -> Measure:
    """How far below its prediction each closed position came out.

    Parameters
    ----------
    closed : frame
        ticker, session_date (of the prediction that opened the position), closed_on, outcome_quantile, lesson,
        volatility, probability_up and what ``slices.dimensions`` reads; one row per position, any order.

    Returns
    -------
    Measure
        The number is one less twice the quantile of the outcome under its prediction, from -1 to 1: 0 on average
        where predictions are right, and never ruled by one crash.
    """
    rows = closed.sort("closed_on", "ticker", "session_date")
    return Measure(
        "lesson",
        "shortfall",
        "Positions opened on predictions {} fall short of them more often than the others do",
        rows,
        1.0 - 2.0 * rows["outcome_quantile"].to_numpy(),
        calendar_positions(rows["closed_on"], calendar),
        calendar_positions(rows["session_date"], calendar),
        True,
        _lessons,
    )


def _lessons(inside: pl.DataFrame) -> dict[str, object]:
    """How often each lesson came, the most frequent first."""
    counted = inside.group_by("lesson").len("times").sort(["times", "lesson"], descending=[True, False])
    return {"lessons": [f"{times} times: {lesson}" for lesson, times in counted.rows()]}
