"""Renames and delistings that the stays of securities show, as corporate actions."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.corporate_actions import date_actions
from nextgen_assets.domain.sessions import SessionCalendar

_SCHEMA: dict[str, Any] = {
    "ticker": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "split_ratio": pl.Float64,
    "cash_amount_usd": pl.Float64,
    "new_ticker": pl.String,
}


def departures(
    stays: pl.DataFrame,
    stated: pl.DataFrame,
    first: date,
    last: date,
    calendar: SessionCalendar,
    source: str,
) -> pl.DataFrame:
    """Renames and delistings with an ex-date from ``first`` to ``last`` that are not stated themselves.

    Parameters
    ----------
    stays : DataFrame
        ticker, valid_from, valid_to, reason_out, security_id of the listings. A stay that ended 'renamed'
        goes on under the ticker of the stay of the same security that begins on that session; one that
        ended 'delisted' stopped trading.
    stated : DataFrame
        Columns of ``corporate_actions`` without run_id: the provider's own list.
    first, last : date
        Sessions.
    calendar : SessionCalendar
        For the opening of the ex-date.
    source : str
        Name of the provider.

    Returns
    -------
    DataFrame
        Columns of ``corporate_actions`` without run_id. A delisting has no cash amount: nothing is stated.
    """
    ended = stays.filter(pl.col("valid_to").is_between(first, last)).select(
        "ticker", "security_id", "reason_out", pl.col("valid_to").alias("ex_date")
    )
    begun = stays.select("security_id", new_ticker="ticker", ex_date="valid_from")
    renamed = (
        ended.filter(pl.col("reason_out") == "renamed")
        .join(begun, on=["security_id", "ex_date"])
        .filter(pl.col("ticker") != pl.col("new_ticker"))
        .with_columns(kind=pl.lit("rename"))
    )
    delisted = ended.filter(pl.col("reason_out") == "delisted").with_columns(
        kind=pl.lit("delisting"), new_ticker=pl.lit(None, pl.String)
    )
    columns = ("ticker", "ex_date", "kind", "new_ticker")
    found = pl.concat([renamed.select(columns), delisted.select(columns)])
    ends = stated.filter(pl.col("kind").is_in(["rename", "delisting"])).select("ticker", "ex_date")
    unstated = found.join(ends, on=["ticker", "ex_date"], how="anti").unique(["ticker", "ex_date", "kind"])
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items() if name not in columns]
    return date_actions(unstated.with_columns(absent).select(list(_SCHEMA)), calendar, source)
