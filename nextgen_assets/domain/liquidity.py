"""Which securities are traded most, by what was known before the first session."""

from __future__ import annotations

import polars as pl

LIQUIDITY_SESSIONS = 63
"""A quarter: sessions before the first partition whose dollar volume is compared."""


def most_liquid(listings: pl.DataFrame, earlier_bars: pl.DataFrame, count: int) -> pl.DataFrame:
    """The listings of the ``count`` tickers with the largest median dollar volume.

    Parameters
    ----------
    listings : frame
        ticker and further columns; a ticker may have several listings, which stay together.
    earlier_bars : frame
        ticker, session_date, close, volume as traded, all of them before the first session of the
        partitions: what came later must not decide who is in.
    count : int
        Tickers to keep.

    Returns
    -------
    frame
        The rows of ``listings`` of those tickers, in their order. Tickers without an earlier bar come after
        all others, ties and they among themselves by name.
    """
    dollars = earlier_bars.group_by("ticker").agg(
        (pl.col("close") * pl.col("volume")).median().alias("median_dollar_volume_usd")
    )
    ranked = (
        listings.select(pl.col("ticker").unique())
        .join(dollars, on="ticker", how="left")
        .sort("median_dollar_volume_usd", "ticker", descending=[True, False], nulls_last=True)
    )
    return listings.filter(pl.col("ticker").is_in(ranked["ticker"].head(count).implode()))
