"""Dated deliveries: what a source said of its bars on the day of each of its crawls.

A provider with the capability ``vintages`` offers, beside `daily_bars` (the newest version of every bar),
all that its deliveries said, each with the day or the instant that it states. The shape is checked here;
whether a row may be believed is for the quality rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import BAR_SCHEMA, MarketDataProvider
from nextgen_resources.market_data.door import check_bars

VINTAGES = "vintages"
"""Capability of a provider that offers `dated_bars`."""

DATED_BAR_SCHEMA = MappingProxyType(
    {
        **BAR_SCHEMA,
        "delivered_on": pl.Date(),
        "delivered_at": pl.Datetime("us", "UTC"),
        "raw_row": pl.String(),
    }
)


@runtime_checkable
class DatedProvider(MarketDataProvider, Protocol):
    """A source whose deliveries state when they were made."""

    def dated_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """What every delivery said of the bars of ``tickers`` from ``first`` to ``last`` inclusive.

        Returns
        -------
        polars.DataFrame
            Columns of ``DATED_BAR_SCHEMA``, sorted by delivery, ticker and session. ``delivered_on`` is
            the day of the delivery in New York, ``delivered_at`` its instant where the source states one.
            ``raw_row`` is the text of a row that could not be read whole, null for all others; such a row
            is there if its delivery lies in the span, whatever its ticker.
        """
        ...  # pragma: no cover


def check_dated_bars(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Check the shape of dated bars and give them their canonical types.

    Raises
    ------
    ProviderDataError
        A column is missing or of an unusable type, or a delivery has no date.
    """
    extra = ["delivered_on", "delivered_at", "raw_row"]
    if missing := [name for name in extra if name not in frame.columns]:
        raise ProviderDataError(
            f"{source}: dated bars lack the column(s) {', '.join(missing)}; found {', '.join(frame.columns)}. "
            "Correct the provider."
        )
    bars = check_bars(frame, source).with_columns(
        frame[name].cast(DATED_BAR_SCHEMA[name]).alias(name) for name in extra
    )
    if undated := bars["delivered_on"].null_count():
        raise ProviderDataError(
            f"{source}: {undated} dated bars have no delivered_on; every delivery states its day."
        )
    return bars
