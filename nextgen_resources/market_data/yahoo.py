"""Yahoo Finance through the optional package yfinance (``pip install nextgen[yahoo]``), under the HTTP policy.

Yahoo's open, high, low, close, volume and dividends are already divided by every later split; they are
multiplied back here, so that bars are as traded, which needs the splits up to today: each ticker is read
from the first wanted day to the present. The answer is kept in the instance for questions about days
before its newest bar, which may still be forming. Whatever Yahoo refuses with (429, an empty 200, a web
page, a consent page, half a document, an error in a 200, 401, 404) is an error here, never "no data".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from nextgen_resources.errors import (
    ProviderDataError,
    ProviderError,
    ProviderNotFoundError,
    SettingsError,
)
from nextgen_resources.http.policy import HttpPolicy, default_http_settings
from nextgen_resources.market_data import ACTION_SCHEMA, BAR_SCHEMA, LISTING_SCHEMA, DividendBasis
from nextgen_resources.market_data.capabilities import INTRADAY_SCHEMA, QUOTE_SCHEMA
from nextgen_resources.market_data.delivery import each_ticker, whole_or_partial
from nextgen_resources.market_data.yahoo_client import YahooClient
from nextgen_resources.market_data.yahoo_frames import as_traded, no_bars, quote_row

if TYPE_CHECKING:
    import pandas as pd

_FIRST_DAY = date(1962, 1, 2)
_QUOTES_AT_ONCE = 50
_INTERVALS = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60, "90m": 90}


class Provider:
    """Daily bars, splits and dividends from Yahoo Finance.

    Parameters
    ----------
    tickers : iterable of str
        The symbols that ``listings`` describes, as Yahoo spells them (``BRK-B``).
    exchange, currency, sector : str
        Said of every listing.
    delay_minutes : int
        Stated delay of a bar after the official close.
    server, ca_file : str, optional
        ``address:port`` that answers in Yahoo's place, and certificates to trust; see `yahoo_session`.
    http : HttpPolicy, optional
        The policy of all requests; by default one of its own with the default settings.
    download : callable, optional
        ``download(ticker, first) -> pandas.DataFrame or None`` with Yahoo's columns, indexed by day, from
        ``first`` to the present; by default yfinance. None says that there are no bars.

    Notes
    -----
    Yahoo lists only what trades now: without the capability ``universe``, a history of the universe
    built from it is survivorship-biased.
    """

    name = "yahoo"
    capabilities = frozenset({"daily", "actions", "adjusted_close", "intraday", "quotes"})
    dividend_basis: DividendBasis = "previous_close"

    def __init__(
        self,
        tickers: Iterable[str] = (),
        exchange: str = "XNYS",
        currency: str = "USD",
        sector: str = "Unclassified",
        delay_minutes: int = 15,
        server: str | None = None,
        ca_file: str | None = None,
        http: HttpPolicy | None = None,
        download: Callable[[str, date], pd.DataFrame | None] | None = None,
    ) -> None:
        self.delay_minutes = delay_minutes
        self._tickers = sorted(set(tickers))
        self._labels = {"exchange": exchange, "currency": currency, "sector": sector}
        self._http = http or HttpPolicy(default_http_settings())
        folder = self._http.journal.folder
        self._client = YahooClient(self._http, server, ca_file, folder and folder / "yfinance")
        self._download = download or self._client.history
        self._kept: dict[str, tuple[date, Any]] = {}

    def listings(self) -> pl.DataFrame:
        """The tickers of the constructor, all still listed; one download of the whole history each.

        Raises
        ------
        ProviderNotFoundError
            Yahoo does not know one of them, or states no bar of it; take it out of ``tickers``.
        """
        rows = [
            {
                "ticker": ticker,
                "security_id": f"yahoo:{ticker}",
                "name": ticker,
                **self._labels,
                "first_session": self._first_session(ticker),
                "last_session": None,
            }
            for ticker in self._tickers
        ]
        return pl.DataFrame(rows, schema=dict(LISTING_SCHEMA))

    def _first_session(self, ticker: str) -> date:
        history = self._history(ticker, _FIRST_DAY, _FIRST_DAY)
        if history.empty:
            raise ProviderNotFoundError(
                f"yahoo: no bar of {ticker} at all; take it out of the option tickers"
            )
        first: date = history["session_date"].iloc[0].date()
        return first

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pd.DataFrame:
        """Bars as traded, as a pandas frame, sorted by ticker and session.

        Raises
        ------
        ProviderPartialError
            Some tickers were refused; it holds the bars of the others.
        ProviderError
            All were.
        """
        import pandas as pd

        columns = list(BAR_SCHEMA)
        parts, refused = each_ticker(tickers, lambda ticker: self._between(ticker, first, last)[columns])
        if not parts and not refused:
            raise ProviderDataError("yahoo: no tickers were asked for; name at least one")
        told = [part for part in parts.values() if not part.empty] or list(parts.values())[:1]
        bars = pd.concat(told, ignore_index=True) if told else None
        whole: pd.DataFrame = whole_or_partial(self.name, bars, parts, refused)
        return whole

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Splits and dividends by ex-date; dividends per share as paid at that time.

        Raises
        ------
        ProviderError
            As for ``daily_bars``.
        """
        parts, refused = each_ticker(tickers, lambda ticker: self._actions(ticker, first, last))
        rows = [row for part in parts.values() for row in part]
        actions = pl.DataFrame(rows, schema=dict(ACTION_SCHEMA)).sort("ticker", "ex_date", "kind")
        whole: pl.DataFrame = whole_or_partial(self.name, actions, parts, refused)
        return whole

    def _actions(self, ticker: str, first: date, last: date) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for row in self._between(ticker, first, last).itertuples(index=False):
            keys = {"ticker": ticker, "ex_date": row.session_date.date()}
            if row.dividend_amount > 0:
                rows.append({**keys, "kind": "dividend", "cash_amount_usd": float(row.dividend_amount)})
            if row.split_ratio not in (0.0, 1.0):
                rows.append({**keys, "kind": "split", "split_ratio": float(row.split_ratio)})
        return rows

    def intraday_bars(self, tickers: Iterable[str], interval: str, first: date, last: date) -> pl.DataFrame:
        """Bars within the day, as traded; Yahoo keeps minutes for a week and longer intervals for 60 days.

        Raises
        ------
        SettingsError
            Yahoo has no such interval.
        ProviderError
            As for ``daily_bars``.
        """
        if interval not in _INTERVALS:
            raise SettingsError(
                f"yahoo: no interval {interval!r}; it has {', '.join(sorted(_INTERVALS, key=_INTERVALS.__getitem__))}"
            )
        empty = pl.DataFrame(schema=dict(INTRADAY_SCHEMA))
        parts, refused = each_ticker(tickers, lambda ticker: self._intraday(ticker, interval, first, last))
        whole: pl.DataFrame = whole_or_partial(self.name, pl.concat([empty, *parts.values()]), parts, refused)
        return whole

    def _intraday(self, ticker: str, interval: str, first: date, last: date) -> pl.DataFrame:
        answer = self._client.history(ticker, first, interval)
        if answer is None:
            return pl.DataFrame(schema=dict(INTRADAY_SCHEMA))
        stamps = answer.index.tz_convert("UTC")
        day = answer.sort_index().index.tz_convert("America/New_York").tz_localize(None).normalize()
        traded = as_traded(ticker, answer).assign(session_date=day, bar_start=stamps.sort_values())
        now, length = self._http.clock.now(), pl.duration(minutes=_INTERVALS[interval])
        bars = pl.DataFrame(pl.from_pandas(traded))
        return (
            bars.filter(pl.col("session_date").cast(pl.Date).is_between(first, last))
            .with_columns(
                interval=pl.lit(interval),
                is_complete=pl.col("bar_start") + length <= now,
                source=pl.lit(self.name),
            )
            .select(pl.col(name).cast(dtype) for name, dtype in INTRADAY_SCHEMA.items())
        )

    def quotes(self, tickers: Iterable[str]) -> pl.DataFrame:
        """The newest quote of each ticker.

        Raises
        ------
        ProviderPartialError
            Yahoo does not know some tickers, or keeps a delisted one as type NONE.
        """
        wanted = sorted(set(tickers))
        batches = [wanted[at : at + _QUOTES_AT_ONCE] for at in range(0, len(wanted), _QUOTES_AT_ONCE)]
        known = {ticker: row for batch in batches for ticker, row in self._client.quotes(batch).items()}
        rows = [quote_row(ticker, known[ticker]) for ticker in wanted if ticker in known]
        refused: dict[str, ProviderError] = {
            ticker: ProviderNotFoundError(f"yahoo: no quote of {ticker}: unknown, or delisted since")
            for ticker in wanted
            if ticker not in known
        }
        frame = pl.DataFrame(rows, schema=dict(QUOTE_SCHEMA), orient="row")
        whole: pl.DataFrame = whole_or_partial(self.name, frame, known, refused)
        return whole

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _between(self, ticker: str, first: date, last: date) -> Any:
        import pandas as pd

        history = self._history(ticker, first, last)
        return history[history["session_date"].between(pd.Timestamp(first), pd.Timestamp(last))]

    def _history(self, ticker: str, first: date, last: date) -> Any:
        """Bars and actions as traded from ``first`` or earlier to the present."""
        kept_first, history = self._kept.get(ticker, (date.max, None))
        is_old = history is not None and (history.empty or history["session_date"].iloc[-1].date() <= last)
        if history is None or kept_first > first or is_old:
            answer = self._download(ticker, first)
            history = no_bars() if answer is None else as_traded(ticker, answer)
            self._kept[ticker] = (first, history)
        return history
