"""The sums of many rows, part by part: what a million rows add to their sessions never lies in memory whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from nextgen_assets.domain import scorecard
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.sessions import SessionCalendar

_ROWS_AT_ONCE = 50_000
"""Rows whose sums are in memory together, and the rest of their last session: 25 MB."""


def summed_parts(
    rows: pl.DataFrame, calendar: SessionCalendar, first: int, last: int
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Positions and ``scorecard.row_sums`` of rows with targets at ``first`` to ``last``, some whole sessions at a time.

    Parameters
    ----------
    rows : frame
        As ``base_rates.with_base_rate`` returns them.
    """
    places = scorecard.target_positions(rows, calendar)
    start, end = np.searchsorted(places, [first, last + 1]).tolist()
    if start == end:
        yield places[:0], scorecard.row_sums(rows.clear())
    while start < end:
        stop = end
        if start + _ROWS_AT_ONCE < end:  # up to the end of a session, whose ranks belong together
            stop = int(np.searchsorted(places, places[start + _ROWS_AT_ONCE], side="right"))
        yield places[start:stop], scorecard.row_sums(rows[start:stop])
        start = stop
