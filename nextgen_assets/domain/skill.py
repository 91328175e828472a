"""How well forecasts order the tickers of a session, by year: information coefficient and rank IC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.clustering import clustered_mean
from nextgen_assets.domain.sessions import SessionCalendar

Floats = npt.NDArray[np.float64]
MINIMUM_NAMES = 3
SKILL_SCHEMA: dict[str, pl.DataType] = {
    "contender": pl.String(),
    "year": pl.String(),
    "n_sessions": pl.Int64(),
    "ic": pl.Float64(),
    "ic_half_width": pl.Float64(),
    "rank_ic": pl.Float64(),
    "rank_ic_half_width": pl.Float64(),
}


def skill_by_year(
    rows: pl.DataFrame, contenders: Sequence[str], calendar: SessionCalendar, block_sessions: int
) -> pl.DataFrame:
    """Mean over sessions of the correlation across tickers of signal and return, by year and overall.

    Parameters
    ----------
    rows : DataFrame
        ``ticker, session_date, realised_log_return`` and a column per contender: its signal, higher for
        a higher return; null where it was silent.
    contenders : sequence of str
        Columns.
    calendar : SessionCalendar
        Numbers the sessions.
    block_sessions : int
        Sessions that count as one observation: twice the horizon, whose returns overlap.

    Returns
    -------
    DataFrame
        ``SKILL_SCHEMA``; the year 'all' is the whole span; half widths are those of 95 percent intervals.
        Sessions with fewer than three tickers, or where one side is all equal, do not count; a contender
        without any has no row.

    References
    ----------
    Grinold, R. C. and Kahn, R. N. (2000). Active Portfolio Management, chapter 6. Spearman's rho with mean ranks of
    ties for the rank IC, Pearson's r for the IC.
    """
    records: list[tuple[object, ...]] = []
    for contender in contenders:
        sessions = session_correlations(rows, contender)
        if sessions.is_empty():
            continue
        days = {day: calendar.index(day) for day in sessions["session_date"].to_list()}
        sessions = sessions.with_columns(
            position=pl.col("session_date").replace_strict(days, return_dtype=pl.Int64),
            year=pl.col("session_date").dt.year().cast(pl.String),
        )
        groups = [("all", sessions), *((str(name), part) for (name,), part in sessions.group_by(["year"]))]
        for year, part in sorted(groups, key=lambda group: group[0]):
            values = [_mean(part, name, block_sessions) for name in ("ic", "rank_ic")]
            records.append((contender, year, part.height, *values[0], *values[1]))
    return pl.DataFrame(records, schema=SKILL_SCHEMA, orient="row")


def session_correlations(rows: pl.DataFrame, contender: str) -> pl.DataFrame:
    """``session_date, ic, rank_ic`` of the sessions at which both are defined, ascending."""
    known = rows.select("session_date", signal=contender, outcome="realised_log_return").drop_nulls()
    ranks = known.with_columns(
        signal_rank=pl.col("signal").rank("average").over("session_date"),
        outcome_rank=pl.col("outcome").rank("average").over("session_date"),
    )
    return (
        ranks.group_by("session_date")
        .agg(
            pl.len().alias("n"),
            pl.col("signal").n_unique().alias("distinct"),
            pl.corr("signal", "outcome").alias("ic"),
            pl.corr("signal_rank", "outcome_rank").alias("rank_ic"),
        )
        .filter(
            (pl.col("n") >= MINIMUM_NAMES)
            & (pl.col("distinct") > 1)
            & pl.col("ic").is_finite()
            & pl.col("rank_ic").is_finite()
        )
        .sort("session_date")
        .select("session_date", "ic", "rank_ic")
    )


def _mean(part: pl.DataFrame, name: str, block_sessions: int) -> tuple[float, float | None]:
    position = part["position"].to_numpy()
    blocks = (position.max() - position) // block_sessions
    values: Floats = part[name].to_numpy()
    if np.unique(blocks).size < 2:
        return float(values.mean()), None
    estimate = clustered_mean(values, blocks)
    return estimate.value, estimate.half_width(0.95)
