"""The forecaster that knows nothing but how often prices had gone up before, beside every judged prediction."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import log_loss

_NEEDED = (
    "ticker", "session_date", "target_session_date", "probability_up", "lower_log_return", "upper_log_return",
    "volatility", "interval_coverage", "realised_log_return", "is_correct", "brier_score", "log_loss",
    "is_inside_interval",
)  # fmt: skip


def with_base_rate(
    joined: pl.DataFrame, calendar: SessionCalendar, climatology_sessions: int
) -> pl.DataFrame:
    """Add what the base rate would have said: columns base_rate, base_brier_score, base_log_loss.

    Parameters
    ----------
    joined : frame
        Validated predictions of one scenario and one horizon (``validation.join_outcomes``), at most
        one per ticker and session, all that matured in the sessions looked back upon.
    climatology_sessions : int
        How many sessions of outcomes, up to the session of the prediction, make the base rate.

    Returns
    -------
    frame
        Sorted by (target_session_date, ticker). base_rate = (ups + 1) / (outcomes + 2).

    Raises
    ------
    ValueError
        If a column is missing or two rows share a ticker and a session.

    Notes
    -----
    The base rate for session S counts outcomes of all tickers whose target session is not after S: it
    never sees an outcome that it is compared on, and one up and one down stand in for no history.
    """
    _check(joined)
    rows = joined.sort("target_session_date", "ticker")
    base = base_rates(rows, rows["session_date"].unique().sort().to_list(), calendar, climatology_sessions)
    return with_base_scores(rows, base)


def base_rates(
    judged: pl.DataFrame, made_on: list[date], calendar: SessionCalendar, climatology_sessions: int
) -> pl.DataFrame:
    """Frame [session_date, base_rate]: what the outcomes known by each session of ``made_on`` say of any forecast."""
    per_target = judged.group_by("target_session_date").agg(
        n=pl.len().cast(pl.Int64), up=(pl.col("realised_log_return") > 0).sum().cast(pl.Int64)
    ).sort("target_session_date")  # fmt: skip
    targets = per_target["target_session_date"].to_list()
    cumulative = np.vstack(
        [np.zeros((1, 2), np.int64), np.cumsum(per_target.select("n", "up").to_numpy(), axis=0)]
    )
    rates = []
    for session in made_on:
        oldest = calendar.sessions[max(0, calendar.index(session) - climatology_sessions)]
        stop, start = bisect_right(targets, session), bisect_right(targets, oldest)
        n, up = (int(count) for count in cumulative[stop] - cumulative[start])
        rates.append((up + 1) / (n + 2))
    schema = {"session_date": pl.Date, "base_rate": pl.Float64}
    return pl.DataFrame({"session_date": made_on, "base_rate": rates}, schema=schema)


def with_base_scores(rows: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
    """Rows with the base rate of their session (:func:`base_rates`) and its scores, by (target_session_date, ticker)."""
    is_up = pl.col("realised_log_return") > 0
    return (
        rows.join(base, on="session_date", how="left")
        .with_columns(
            base_brier_score=(pl.col("base_rate") - is_up.cast(pl.Float64)) ** 2,
            base_log_loss=log_loss(pl.col("base_rate"), is_up),
        )
        .sort("target_session_date", "ticker")
    )


def _check(joined: pl.DataFrame) -> None:
    missing = [name for name in _NEEDED if name not in joined.columns]
    if missing:
        raise ValueError(
            f"validated predictions lack the columns {', '.join(missing)}; join prediction_accuracy with "
            f"predictions first (validation.join_outcomes)"
        )
    repeated = joined.filter(joined.select("ticker", "session_date").is_duplicated())
    if repeated.height:
        ticker, session = repeated.row(0, named=True)["ticker"], repeated.row(0, named=True)["session_date"]
        raise ValueError(
            f"{repeated.height} validated predictions share a ticker and session, first {ticker} {session}; "
            f"pass one scenario, one horizon, and the latest prediction of each session (predictions_latest)"
        )
