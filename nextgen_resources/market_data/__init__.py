"""Sources of daily bars: the contract that every provider meets, and how one is found by name.

A provider is a module of this package that exports a class named ``Provider``; its module name is its
name in the settings. A provider delivers what its source says, in these columns, and judges nothing: the
shape is checked in `door`, single rows are judged by the quality rules of the domain. Prices are as
traded (before any split), in the listing currency. Importing this package reads no file and connects to
nothing; neither does constructing a provider.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

import polars as pl

from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.plug_ins import load_plug_in, plug_in_names

TICKER_PATTERN = r"[A-Z0-9][A-Z0-9.\-^=]{0,15}"
"""Allow-list of tickers, matched in full."""

LISTING_SCHEMA = MappingProxyType(
    {
        "ticker": pl.String(),
        "security_id": pl.String(),
        "name": pl.String(),
        "exchange": pl.String(),
        "currency": pl.String(),
        "sector": pl.String(),
        "first_session": pl.Date(),
        "last_session": pl.Date(),
    }
)
BAR_SCHEMA = MappingProxyType(
    {
        "ticker": pl.String(),
        "session_date": pl.Date(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "adjusted_close": pl.Float64(),
    }
)
ACTION_SCHEMA = MappingProxyType(
    {
        "ticker": pl.String(),
        "ex_date": pl.Date(),
        "kind": pl.String(),
        "split_ratio": pl.Float64(),
        "cash_amount_usd": pl.Float64(),
        "new_ticker": pl.String(),
    }
)

REJECTED_SCHEMA = MappingProxyType(
    {
        "reason_code": pl.String(),
        "reason": pl.String(),
        "payload": pl.String(),
        "ticker": pl.String(),
        "session_date": pl.Date(),
    }
)
"""Rows that a provider could not even read; ``payload`` is a JSON object of the whole row."""

DividendBasis = Literal["ex_close", "previous_close"]


@runtime_checkable
class MarketDataProvider(Protocol):
    """What every source of daily bars offers.

    Attributes
    ----------
    name : str
        The module name, which is also the name in the settings and in ``source`` columns.
    capabilities : frozenset of str
        Names of ``capabilities.CAPABILITIES``; ``capabilities.require`` refuses a call that is not among them, in words.
    delay_minutes : int
        Minutes after the official close at which the source publishes the bar of the day.
    dividend_basis : {'ex_close', 'previous_close'}
        How the source folds a cash dividend d into its adjusted close: earlier prices are divided by
        ``1 + d / close(ex)`` or multiplied by ``1 - d / close(before)``.
    """

    name: str
    capabilities: frozenset[str]
    delay_minutes: int
    dividend_basis: DividendBasis

    def listings(self) -> pl.DataFrame:
        """Securities that the source knows, one row each, sorted by ticker and first session.

        Returns
        -------
        polars.DataFrame
            Columns of ``LISTING_SCHEMA``. ``first_session`` is the date of the first bar;
            ``last_session`` that of the last bar, null while still listed; nothing else is null.
        """
        ...  # pragma: no cover

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> Any:
        """Bars of ``tickers`` from ``first`` to ``last`` inclusive, as the source gives them.

        Returns
        -------
        polars.DataFrame or pandas.DataFrame
            Columns ticker, session_date, open, high, low, close, volume and, where the source has it,
            adjusted_close. Pass it through `door.check_bars`. A listed ticker without a bar in the range
            has no rows; a source that did not answer is an error, never an empty frame.

        Raises
        ------
        ProviderError
            The source refused, or does not know a ticker.
        """
        ...  # pragma: no cover

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame | None:
        """Actions with an ex-date from ``first`` to ``last`` inclusive, or None without the capability.

        Returns
        -------
        polars.DataFrame or None
            Columns of ``ACTION_SCHEMA``, sorted by ticker, ex_date, kind, and ``source`` where the rows have
            several; ``split_ratio`` only for splits, ``cash_amount_usd`` only for dividends, ``new_ticker``
            only for renames.
        """
        ...  # pragma: no cover


@runtime_checkable
class ReportsRejectedRows(Protocol):
    """A provider that hands over rows it cannot read, for the quarantine, instead of failing as a whole."""

    def rejected_rows(self, first: date, last: date) -> pl.DataFrame:
        """Rows of days from ``first`` to ``last``, and those without a day; columns of ``REJECTED_SCHEMA``."""
        ...  # pragma: no cover


def provider_names() -> list[str]:
    """Names of the providers of this package, ascending.

    Examples
    --------
    >>> provider_names()
    ['bokeh', 'chain', 'files', 'recorded', 'tradingview', 'vintages', 'yahoo']
    """
    return plug_in_names(__name__, "Provider")


def load_provider(name: str, http: HttpPolicy | None = None, **options: Any) -> MarketDataProvider:
    """The provider called ``name``, constructed with ``options``.

    Parameters
    ----------
    name : str
        Module name inside this package.
    http : HttpPolicy, optional
        Handed to providers that send requests.
    **options : object
        Keyword arguments of the provider's constructor.

    Raises
    ------
    SettingsError
        No such provider, or an option that it does not take; the message lists the valid ones.
    """
    provider: MarketDataProvider = load_plug_in(
        __name__, "Provider", "market data provider", name, options, {"http": http}
    )
    return provider
