"""Dated crawls of a user: every delivery with its day, so that history is known as it was known then.

A crawl that states only its day counts as known ``delay_minutes`` after the official close of that day
(16:00 New York on a day without trading). State the real delay: with the default, the cut-off of a session
admits the crawl of its own day. A column ``vintage`` that holds instants with a zone is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import BAR_SCHEMA, LISTING_SCHEMA, DividendBasis
from nextgen_resources.market_data.dated import DATED_BAR_SCHEMA, VINTAGES
from nextgen_resources.market_data.vintage_files import delivery_files, read_deliveries


class Provider:
    """Bars from dated crawls.

    Parameters
    ----------
    path : str or Path
        A file or a directory: Parquet or CSV with a column ``vintage``, or CSV and tar.gz (with a
        ``prices.csv``) whose names hold the day of the crawl.
    tickers : iterable of str, optional
        Only these; all when None.
    until : date or ISO text, optional
        Only deliveries up to this day exist for this instance.
    delay_minutes : int
        From the official close of a crawl's day to the moment at which it was known.
    dividend_basis : {'ex_close', 'previous_close'}
        How the adjusted close of the crawls contains dividends, where there is one.
    exchange, currency, sector : str
        Said of every listing: the files do not tell.
    delisted_after_days : int
        A ticker whose last bar is older than the newest bar by more calendar days counts as delisted.
    """

    name = "vintages"
    capabilities = frozenset({"daily", "universe", "adjusted_close", VINTAGES})

    def __init__(
        self,
        path: str | Path,
        tickers: Iterable[str] | None = None,
        until: date | str | None = None,
        delay_minutes: int = 15,
        dividend_basis: DividendBasis = "previous_close",
        exchange: str = "XNYS",
        currency: str = "USD",
        sector: str = "Unclassified",
        delisted_after_days: int = 10,
    ) -> None:
        self.path = Path(path)
        self.delay_minutes = delay_minutes
        self.dividend_basis: DividendBasis = dividend_basis
        self._tickers = None if tickers is None else sorted(set(tickers))
        try:
            self._until = date.fromisoformat(until) if isinstance(until, str) else until or date.max
        except ValueError as error:
            raise SettingsError(f"vintages: until is {until!r}, expected a date (YYYY-MM-DD)") from error
        self._labels = {"exchange": exchange, "currency": currency, "sector": sector}
        self._delisted_after = timedelta(days=delisted_after_days)

    def listings(self) -> pl.DataFrame:
        """One row per ticker; security_id is ``vintages:TICKER``, the name is the ticker."""
        spans = (
            self._deliveries.filter(pl.col("raw_row").is_null())
            .group_by("ticker")
            .agg(
                pl.col("session_date").min().alias("first_session"),
                pl.col("session_date").max().alias("last_bar"),
            )
        )
        is_gone = pl.col("last_bar").max() - pl.col("last_bar") > self._delisted_after
        return (
            spans.with_columns(
                pl.format("vintages:{}", "ticker").alias("security_id"),
                pl.col("ticker").alias("name"),
                pl.when(is_gone).then("last_bar").alias("last_session"),
                *(pl.lit(text).alias(label) for label, text in self._labels.items()),
            )
            .select(pl.col(name).cast(dtype) for name, dtype in LISTING_SCHEMA.items())
            .sort("ticker")
        )

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """The newest version of every bar of ``tickers`` from ``first`` to ``last``.

        Raises
        ------
        ProviderDataError
            A ticker is in no delivery.
        """
        is_asked = pl.col("ticker").is_in(self._known_of(tickers))
        return self._newest.filter(is_asked & pl.col("session_date").is_between(first, last))

    def dated_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """All that the deliveries said of the bars of ``tickers`` from ``first`` to ``last``.

        Raises
        ------
        ProviderDataError
            A ticker is in no delivery.
        """
        return self._between(tickers, first, last)

    def corporate_actions(
        self,
        tickers: Iterable[str],  # noqa: ARG002
        first: date,  # noqa: ARG002
        last: date,  # noqa: ARG002
    ) -> pl.DataFrame | None:
        """None: crawls of prices list no actions."""
        return None

    def _between(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        is_bar = pl.col("ticker").is_in(self._known_of(tickers))
        is_bar &= pl.col("session_date").is_between(first, last)
        is_unread = pl.col("session_date").is_null() & pl.col("delivered_on").is_between(first, last)
        return self._deliveries.filter(is_bar | is_unread)

    def _known_of(self, tickers: Iterable[str]) -> list[str]:
        wanted = sorted(set(tickers))
        if unknown := sorted(set(wanted) - self._known):
            raise ProviderDataError(
                f"vintages: no delivery up to {self._until} in {self.path} has {', '.join(unknown[:10])}; "
                f"{len(self._known)} tickers are there. Add their crawls."
            )
        return wanted

    @cached_property
    def _newest(self) -> pl.DataFrame:
        """The newest version of every bar, with one adjusted close, sorted by ticker and session.

        Notes
        -----
        Each crawl adjusts to its own day, so the adjusted closes of two crawls do not go together. Their
        steps from one session to the next do, where one crawl said both; a chain of these makes the column.
        """
        said = self._deliveries.filter(pl.col("raw_row").is_null())
        bar = ["ticker", "session_date"]
        newest = said.unique(bar, keep="last", maintain_order=True).sort(bar)
        factor = pl.col("adjusted_close") / pl.col("close")
        in_crawl = ["delivered_on", "delivered_at", "ticker"]
        steps = (
            said.sort(*in_crawl, "session_date")
            .with_columns(
                before=pl.col("session_date").shift(1).over(in_crawl),
                step=factor / factor.shift(1).over(in_crawl),
            )
            .filter(pl.col("step").is_finite() & (pl.col("step") > 0))
            .unique([*bar, "before"], keep="last", maintain_order=True)
        )
        chained = (
            newest.with_columns(before=pl.col("session_date").shift(1).over("ticker"))
            .join(steps.select(*bar, "before", "step"), on=[*bar, "before"], how="left")
            .sort(bar)
        )
        later = pl.col("step").fill_null(1.0).shift(-1, fill_value=1.0).cum_prod(reverse=True).over("ticker")
        return chained.with_columns(adjusted_close=pl.col("close") / later).select(list(BAR_SCHEMA))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._deliveries["ticker"].drop_nulls().unique().to_list())

    @cached_property
    def _deliveries(self) -> pl.DataFrame:
        """Every delivery that exists for this instance, read once, sorted by delivery, ticker, session."""
        is_unread = pl.col("session_date").is_null()
        parts = [
            part if self._tickers is None else part.filter(pl.col("ticker").is_in(self._tickers) | is_unread)
            for file in delivery_files(self.path)
            for part in read_deliveries(file, self._until)
        ]
        said = pl.concat([pl.DataFrame(schema=dict(DATED_BAR_SCHEMA)), *parts])
        if said.is_empty():
            raise ProviderDataError(
                f"vintages: no delivery in {self.path} up to {self._until} holds a bar that the options "
                "allow; widen tickers or until."
            )
        return said.sort("delivered_on", "delivered_at", "ticker", "session_date", maintain_order=True)
