"""One compiled pass over many rows for what the bars of a timeframe hold. Imported where rows are many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.compilation import compiled

_Floats = npt.NDArray[np.float64]
_Whole = npt.NDArray[np.int64]


@compiled
def fold_rows(
    at: _Whole, until: _Whole, high: _Floats, low: _Floats, volume: _Floats, count: _Whole,
    top: _Floats, bottom: _Floats, total: _Floats, number: _Whole,
) -> None:  # fmt: skip
    """Highest, lowest, sum of volumes in their order and sum of counts of the rows ``at <= row < until`` of each bar."""
    for bar in range(len(at)):
        highest, lowest = high[at[bar]], low[at[bar]]
        volumes, counts = 0.0, 0
        for row in range(at[bar], until[bar]):
            highest = max(highest, high[row])
            lowest = min(lowest, low[row])
            volumes += volume[row]
            counts += count[row]
        top[bar], bottom[bar], total[bar], number[bar] = highest, lowest, volumes, counts
