"""Spearman correlation across the tickers of each session, shared out among the rows of the session."""

from __future__ import annotations

import numpy as np
import polars as pl

from nextgen_assets.domain.clustering import FloatArray

_FEWEST_NAMES = 3
"""Tickers of a session below which a rank correlation across them says nothing."""


def shared_rank_correlations(
    rows: pl.DataFrame, signal: FloatArray, outcome: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What each row adds to the sum of its sessions' Spearman correlations, and to their number.

    Notes
    -----
    Sessions with fewer than three tickers, or where either side is all equal, add nothing to both.
    """
    if rows["ticker"].n_unique() < _FEWEST_NAMES:
        return np.zeros(rows.height), np.zeros(rows.height)
    session = rows["session_date"]
    ranked = pl.DataFrame({"session": session, "x": signal, "y": outcome}).select(
        *(
            pl.col(side).rank("average").over("session") - (pl.len().over("session") + 1) / 2
            for side in ("x", "y")
        ),
        n=pl.len().over("session").cast(pl.Float64),
        session="session",
    )
    places = session.rank("dense").cast(pl.Int64).to_numpy() - 1
    x, y, n = (ranked[name].to_numpy() for name in ("x", "y", "n"))
    spread_x, spread_y = (np.bincount(places, weights=side * side)[places] for side in (x, y))
    is_ranked = (n >= _FEWEST_NAMES) & (spread_x > 0) & (spread_y > 0)
    scale = np.sqrt(np.where(is_ranked, spread_x * spread_y, 1.0))
    return np.where(is_ranked, x * y / scale, 0.0), np.where(is_ranked, 1.0 / n, 0.0)
