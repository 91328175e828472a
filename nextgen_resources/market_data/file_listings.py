"""Listings of files: what the bars tell, put right by stated securities, renames and delistings."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import LISTING_SCHEMA


def described(told: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Stated securities in place of what the bars tell of their tickers; open ends are filled from the bars.

    Parameters
    ----------
    told, stated : DataFrame
        Columns of ``LISTING_SCHEMA``; sessions of ``stated`` may be null. Stated tickers without bars drop out.
    """
    spans = told.select("ticker", _first="first_session", _last="last_session")
    begins = pl.col("first_session").fill_null(date.min)
    is_last = begins == begins.max().over("ticker")
    filled = stated.join(spans, on="ticker").with_columns(
        pl.coalesce("first_session", "_first").alias("first_session"),
        pl.when(is_last).then(pl.coalesce("last_session", "_last")).otherwise("last_session"),
    )
    others = told.filter(~pl.col("ticker").is_in(stated["ticker"].implode()))
    return pl.concat([others, filled.select(told.columns)]).sort("ticker", "first_session")


def as_renamed(listings: pl.DataFrame, actions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Listings after the stated renames and delistings.

    Parameters
    ----------
    listings : DataFrame
        Columns of ``LISTING_SCHEMA``.
    actions : DataFrame
        Columns of ``ACTION_SCHEMA``.
    bars : DataFrame
        ticker and session_date of every bar: they say where a cut listing ends and begins.

    Raises
    ------
    ProviderDataError
        A rename or delisting is of a ticker that has no listing on the day before.
    """
    changes = actions.filter(pl.col("kind").is_in(["rename", "delisting"])).sort("ex_date", "kind", "ticker")
    if changes.is_empty():
        return listings
    rows = listings.rows(named=True)
    known = set(listings["ticker"])
    for action in changes.filter(pl.col("ticker").is_in(list(known))).iter_rows(named=True):
        old = _current(rows, action["ticker"], action["ex_date"])
        if old is None:
            raise ProviderDataError(
                f"files: a {action['kind']} of {action['ticker']} on {action['ex_date']} is stated, but nothing is "
                "listed under it before; correct the list of actions."
            )
        old["last_session"] = _last_bar(bars, old, action["ex_date"])
        if action["kind"] == "rename" and action["new_ticker"] in known:
            _take_over(rows, old, action, bars)
    return pl.DataFrame(rows, schema=LISTING_SCHEMA).sort("ticker", "first_session")


def _current(rows: list[dict[str, Any]], ticker: str, ex_date: date) -> dict[str, Any] | None:
    """The newest listing of ``ticker`` that began before ``ex_date``."""
    mine = [row for row in rows if row["ticker"] == ticker and row["first_session"] < ex_date]
    return max(mine, key=lambda row: row["first_session"]) if mine else None


def _take_over(
    rows: list[dict[str, Any]], old: dict[str, Any], action: dict[str, Any], bars: pl.DataFrame
) -> None:
    """The new ticker stands for the security of ``old`` from the ex-date on."""
    new_ticker, ex_date = action["new_ticker"], action["ex_date"]
    following = [row for row in rows if row["ticker"] == new_ticker and row["first_session"] >= ex_date]
    if following:
        heir = min(following, key=lambda row: row["first_session"])
        heir.update(security_id=old["security_id"], first_session=ex_date)
        return
    earlier = _current(rows, new_ticker, ex_date)
    if earlier is None:
        return
    heir = {**earlier, "security_id": old["security_id"], "first_session": ex_date}
    earlier["last_session"] = _last_bar(bars, earlier, ex_date)
    rows.append(heir)


def _last_bar(bars: pl.DataFrame, listing: dict[str, Any], ex_date: date) -> date:
    """The last bar of a listing before ``ex_date``; the day before it where it has none."""
    its = (pl.col("ticker") == listing["ticker"]) & (pl.col("session_date") < ex_date)
    newest: Any = bars.filter(its & (pl.col("session_date") >= listing["first_session"]))[
        "session_date"
    ].max()
    return newest or ex_date - timedelta(days=1)
