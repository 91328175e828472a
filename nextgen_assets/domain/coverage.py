"""Whether the bounds hold as many returns as they promise: overall, by ticker, by regime and by year."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.clustering import clustered_mean
from nextgen_assets.domain.sessions import SessionCalendar

REGIMES = ("calm", "usual", "wild")
COVERAGE_SCHEMA: dict[str, pl.DataType] = {
    "scope": pl.String(),
    "name": pl.String(),
    "n": pl.Int64(),
    "n_sessions": pl.Int64(),
    "coverage": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
}


def coverage_table(
    judged: pl.DataFrame, calendar: SessionCalendar, block_sessions: int, minimum_n: int = 60
) -> pl.DataFrame:
    """Share of returns inside their bounds with its interval, by scope.

    Parameters
    ----------
    judged : DataFrame
        ``ticker, session_date, is_inside_interval, volatility`` of judged predictions.
    calendar : SessionCalendar
        Numbers the sessions.
    block_sessions : int
        Sessions that count as one observation: twice the horizon.
    minimum_n : int
        Groups with fewer predictions, or on a single block, are left out.

    Returns
    -------
    DataFrame
        ``COVERAGE_SCHEMA``: scope is 'all', 'ticker', 'regime' or 'year'; 95 percent intervals.

    Notes
    -----
    The regime of a prediction is the third of its forecast volatility among those of its own ticker, so that a wild
    ticker is not a wild time.
    """
    if judged.is_empty():
        return pl.DataFrame(schema=COVERAGE_SCHEMA)
    days = {day: calendar.index(day) for day in judged["session_date"].unique().to_list()}
    rank = pl.col("volatility").rank("ordinal").over("ticker") / pl.len().over("ticker")
    labelled = judged.with_columns(
        position=pl.col("session_date").replace_strict(days, return_dtype=pl.Int64),
        regime=pl.when(rank <= 1 / 3)
        .then(pl.lit(REGIMES[0]))
        .when(rank <= 2 / 3)
        .then(pl.lit(REGIMES[1]))
        .otherwise(pl.lit(REGIMES[2])),
        year=pl.col("session_date").dt.year().cast(pl.String),
        all=pl.lit("all"),
    )
    rows = [
        (scope, str(name), *_coverage(group, block_sessions))
        for scope in ("all", "ticker", "regime", "year")
        for (name,), group in sorted(labelled.group_by([scope]), key=lambda item: str(item[0][0]))
        if group.height >= minimum_n and _blocks(group, block_sessions).max() > 0
    ]
    return pl.DataFrame(rows, schema=COVERAGE_SCHEMA, orient="row")


def _coverage(group: pl.DataFrame, block_sessions: int) -> tuple[int, int, float, float, float]:
    inside = group["is_inside_interval"].cast(pl.Float64).to_numpy()
    estimate = clustered_mean(inside, _blocks(group, block_sessions))
    half = estimate.half_width(0.95)
    return (
        group.height,
        group["position"].n_unique(),
        estimate.value,
        max(0.0, estimate.value - half),
        min(1.0, estimate.value + half),
    )


def _blocks(group: pl.DataFrame, block_sessions: int) -> npt.NDArray[np.int64]:
    position = group["position"].to_numpy()
    blocks: npt.NDArray[np.int64] = (position.max() - position) // block_sessions
    return blocks
