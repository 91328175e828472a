"""Embedded history from the package bokeh_sampledata: five companies, 2000 to 2013, no network.

Daily bars as traded with an adjusted close: AAPL, IBM and MSFT from 2000-03-01, GOOG from its first
trading day 2004-08-19, FB from 2012-05-18, all to 2013-03-01. Names, exchanges and sectors are those of
that time. The source has no list of splits and dividends; they follow from the adjusted close, into which
a dividend is folded on the close of its ex-date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import BAR_SCHEMA, LISTING_SCHEMA, DividendBasis

_SECTOR = "Information Technology"
_COMPANIES = (
    ("AAPL", "isin:US0378331005", "Apple Inc.", "NASDAQ"),
    ("FB", "isin:US30303M1027", "Facebook, Inc. Class A", "NASDAQ"),
    ("GOOG", "isin:US38259P5089", "Google Inc. Class A", "NASDAQ"),
    ("IBM", "isin:US4592001014", "International Business Machines Corporation", "NYSE"),
    ("MSFT", "isin:US5949181045", "Microsoft Corporation", "NASDAQ"),
)


class Provider:
    """The embedded provider.

    Parameters
    ----------
    delay_minutes : int
        Stated delay of a bar after the official close; 15 is when consolidated closes were final.
    """

    name = "bokeh"
    capabilities = frozenset({"daily", "adjusted_close", "universe"})
    dividend_basis: DividendBasis = "ex_close"

    def __init__(self, delay_minutes: int = 15) -> None:
        self.delay_minutes = delay_minutes

    def listings(self) -> pl.DataFrame:
        """The five companies; none was delisted within the span."""
        companies = pl.DataFrame(
            [(*company, "USD", _SECTOR) for company in _COMPANIES],
            schema=list(LISTING_SCHEMA)[:6],
            orient="row",
        )
        first_bars = self._bars.group_by("ticker").agg(pl.col("session_date").min().alias("first_session"))
        return (
            companies.join(first_bars, on="ticker", how="left", validate="1:1")
            .with_columns(pl.lit(None, pl.Date).alias("last_session"))
            .select(list(LISTING_SCHEMA))
            .sort("ticker")
        )

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars of ``tickers`` from ``first`` to ``last``, sorted by ticker and session.

        Raises
        ------
        ProviderDataError
            A ticker is not one of the five.
        """
        wanted = sorted(set(tickers))
        known = [company[0] for company in _COMPANIES]
        unknown = [ticker for ticker in wanted if ticker not in known]
        if unknown:
            raise ProviderDataError(
                f"bokeh: no bars for {', '.join(unknown)}; the embedded data holds {', '.join(known)}. "
                "Take another provider for other tickers."
            )
        return self._bars.filter(
            pl.col("ticker").is_in(wanted) & pl.col("session_date").is_between(first, last)
        )

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> None:  # noqa: ARG002
        """None: the source has no explicit actions; recover them from the adjusted close."""
        return

    @cached_property
    def _bars(self) -> pl.DataFrame:
        from bokeh_sampledata import stocks

        parts = [
            pl.DataFrame(getattr(stocks, ticker)).with_columns(pl.lit(ticker).alias("ticker"))
            for ticker, *_ in _COMPANIES
        ]
        return (
            pl.concat(parts)
            .rename({"date": "session_date", "adj_close": "adjusted_close"})
            .with_columns(pl.col("session_date").str.to_date())
            .select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())
            .sort("ticker", "session_date")
        )
