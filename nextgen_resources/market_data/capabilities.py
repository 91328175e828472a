"""What providers can offer beside daily bars, and the refusal to ask for what one does not offer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import polars as pl

from nextgen_resources.errors import SettingsError

QUOTE_SCHEMA = MappingProxyType(
    {
        "ticker": pl.String(),
        "quoted_at": pl.Datetime("us", "UTC"),
        "last": pl.Float64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "volume": pl.Float64(),
        "currency": pl.String(),
        "source": pl.String(),
    }
)
INTRADAY_SCHEMA = MappingProxyType(
    {
        "ticker": pl.String(),
        "interval": pl.String(),
        "bar_start": pl.Datetime("us", "UTC"),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "is_complete": pl.Boolean(),
        "source": pl.String(),
    }
)

CAPABILITIES = MappingProxyType(
    {
        "daily": "daily bars (daily_bars)",
        "actions": "an explicit list of splits and dividends (corporate_actions)",
        "adjusted_close": "an adjusted close, from which actions can be recovered",
        "universe": "listings that include securities delisted since",
        "intraday": "bars within the day (intraday_bars)",
        "quotes": "the newest quote (quotes)",
        "news": "articles (articles)",
        "vintages": "what each dated delivery said (dated_bars)",
    }
)
"""What a provider can declare to offer, in words."""


@runtime_checkable
class QuoteProvider(Protocol):
    """A source with the capability ``quotes``."""

    def quotes(self, tickers: Iterable[str]) -> pl.DataFrame:
        """The newest quote of each ticker: columns of ``QUOTE_SCHEMA``, sorted by ticker."""
        ...  # pragma: no cover


@runtime_checkable
class IntradayProvider(Protocol):
    """A source with the capability ``intraday``."""

    def intraday_bars(self, tickers: Iterable[str], interval: str, first: date, last: date) -> pl.DataFrame:
        """Bars of ``interval`` (``1m``, ``5m``, ``1h``): ``INTRADAY_SCHEMA``, sorted by ticker and start."""
        ...  # pragma: no cover


def require(provider: Any, capability: str, wanted_by: str) -> None:
    """Refuse to ask ``provider`` for what it does not offer.

    Raises
    ------
    SettingsError
        What it lacks, what it offers, and where to choose another one.
    """
    if capability not in provider.capabilities:
        offered = ", ".join(sorted(provider.capabilities)) or "nothing"
        raise SettingsError(
            f"{wanted_by} needs {CAPABILITIES[capability]}, which the provider {provider.name!r} does not offer "
            f"(it offers {offered}); set ingestion.provider to one that does, or to chain with one that does"
        )
