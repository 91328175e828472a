"""TradingView without an account: the screener over REST, bars and quotes over its websocket (extra ``tradingview``).

Bars are unadjusted and of the regular session, delayed by 15 minutes or as the exchange allows. There is no list of
splits and dividends and no adjusted close: for research across splits take them from another provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import polars as pl

from nextgen_resources.errors import ProviderError, ProviderNotFoundError, SettingsError
from nextgen_resources.http.answers import Answer
from nextgen_resources.http.client import HttpClient
from nextgen_resources.http.policy import HttpPolicy, Request, default_http_settings
from nextgen_resources.market_data import BAR_SCHEMA, LISTING_SCHEMA, DividendBasis
from nextgen_resources.market_data.capabilities import INTRADAY_SCHEMA, QUOTE_SCHEMA
from nextgen_resources.market_data.delivery import each_ticker, whole_or_partial
from nextgen_resources.market_data.tradingview_screener import Screener
from nextgen_resources.market_data.tradingview_socket import Socket

_HOSTS = ("tradingview.com",)
_INTERVALS = {
    "1m": ("1", 1),
    "5m": ("5", 5),
    "15m": ("15", 15),
    "30m": ("30", 30),
    "60m": ("60", 60),
    "1h": ("60", 60),
}
_WHOLE_HISTORY = 20_000
_MINUTES_OF_SESSION = 390
_FIRST_DAY = date(1962, 1, 2)


class Provider:
    """Daily and intraday bars, quotes and a screener from TradingView.

    Parameters
    ----------
    tickers : iterable of str
        What ``listings`` describes; with none, the ``top`` most traded of the market.
    top : int
        How many of the most traded the screener lists when no tickers are given.
    market : str
        The screener's market.
    exchanges : iterable of str
        Where a ticker is looked for, the preferred exchange first.
    delay_minutes : int
        Stated delay of a bar after the official close.
    scanner_url, socket_url : str
        Where to ask; a URL on this machine is for tests and mirrors.
    http : HttpPolicy, optional
        The policy of all requests; by default one of its own with the default settings.
    """

    name = "tradingview"
    capabilities = frozenset({"daily", "intraday", "quotes"})
    dividend_basis: DividendBasis = "ex_close"

    def __init__(
        self,
        tickers: Iterable[str] = (),
        top: int = 100,
        market: str = "america",
        exchanges: Iterable[str] = ("NASDAQ", "NYSE", "AMEX"),
        delay_minutes: int = 15,
        scanner_url: str = "https://scanner.tradingview.com",
        socket_url: str = "wss://data.tradingview.com/socket.io/websocket",
        http: HttpPolicy | None = None,
    ) -> None:
        self.delay_minutes = delay_minutes
        self._tickers = sorted(set(tickers))
        self._top = top
        self._exchanges = list(exchanges)
        self._socket_url = socket_url
        self._http = http or HttpPolicy(default_http_settings())
        is_here = [urlsplit(url).hostname in ("127.0.0.1", "localhost") for url in (scanner_url, socket_url)]
        hosts = (*_HOSTS, "127.0.0.1", "localhost")
        client = HttpClient(self._http, self.name, hosts, loopback_is_allowed=is_here[0])
        self._screener = Screener(client, f"{scanner_url}/{market}/scan", self._exchanges)
        self._socket = Socket(self._http, socket_url, hosts, loopback_is_allowed=is_here[1])

    def listings(self) -> pl.DataFrame:
        """The tickers of the constructor, or the most traded; the first session is that of the first bar told.

        Raises
        ------
        ProviderNotFoundError
            The screener does not know one of the tickers.
        """
        rows = self._screener.rows(self._tickers, self._top)
        if missing := sorted(set(self._tickers) - {row["name"] for row in rows}):
            raise ProviderNotFoundError(
                f"tradingview: the screener knows no {', '.join(missing[:10])} on {', '.join(self._exchanges)}; take "
                "them out of the option tickers"
            )
        found = [
            {
                "ticker": row["name"],
                "security_id": f"tradingview:{row['symbol']}",
                "name": row["description"] or row["name"],
                "exchange": row["exchange"],
                "currency": row["currency"] or "USD",
                "sector": row["sector"] or "Unclassified",
                "first_session": self._first_session(row["name"]),
                "last_session": None,
            }
            for row in rows
        ]
        return pl.DataFrame(found, schema=dict(LISTING_SCHEMA)).sort("ticker", "first_session")

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars as traded, sorted by ticker and session.

        Raises
        ------
        ProviderPartialError
            Some tickers were refused; it holds the bars of the others.
        ProviderError
            All were.
        """
        wanted = sorted(set(tickers))
        self._screener.look_up(wanted)
        empty = pl.DataFrame(schema=dict(BAR_SCHEMA))
        parts, refused = each_ticker(wanted, lambda ticker: self._daily(ticker, first, last))
        whole: pl.DataFrame = whole_or_partial(self.name, pl.concat([empty, *parts.values()]), parts, refused)
        return whole

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> None:  # noqa: ARG002
        """None: TradingView sends no list of actions without an account."""
        return

    def intraday_bars(self, tickers: Iterable[str], interval: str, first: date, last: date) -> pl.DataFrame:
        """Bars within the day, as traded.

        Raises
        ------
        SettingsError
            TradingView has no such interval here.
        ProviderError
            As for ``daily_bars``.
        """
        if interval not in _INTERVALS:
            raise SettingsError(f"tradingview: no interval {interval!r}; it has {', '.join(_INTERVALS)}")
        wanted = sorted(set(tickers))
        self._screener.look_up(wanted)
        empty = pl.DataFrame(schema=dict(INTRADAY_SCHEMA))
        parts, refused = each_ticker(wanted, lambda ticker: self._intraday(ticker, interval, first, last))
        whole: pl.DataFrame = whole_or_partial(self.name, pl.concat([empty, *parts.values()]), parts, refused)
        return whole

    def quotes(self, tickers: Iterable[str]) -> pl.DataFrame:
        """The newest quote of each ticker.

        Raises
        ------
        ProviderPartialError
            TradingView does not know some of the tickers.
        """
        wanted = sorted(set(tickers))
        self._screener.look_up(wanted)
        known = {
            self._screener.symbols[ticker]: ticker for ticker in wanted if ticker in self._screener.symbols
        }
        told = (
            self._over_socket("quotes", " ".join(known), lambda: self._socket.quotes(list(known)))
            if known
            else {}
        )
        good = {
            known[symbol]: row
            for symbol, row in told.items()
            if symbol in known and row.get("lp") is not None
        }
        refused: dict[str, ProviderError] = {
            ticker: ProviderNotFoundError(f"tradingview: no quote of {ticker}")
            for ticker in wanted
            if ticker not in good
        }
        rows = [_quote(ticker, row) for ticker, row in sorted(good.items())]
        frame = pl.DataFrame(rows, schema=dict(QUOTE_SCHEMA))
        whole: pl.DataFrame = whole_or_partial(self.name, frame, good, refused)
        return whole

    def close(self) -> None:
        """Close the connections."""
        self._screener.close()
        self._socket.close()

    def _first_session(self, ticker: str) -> date:
        bars = self._series(ticker, "1D", _FIRST_DAY, _WHOLE_HISTORY)
        if bars.is_empty():
            raise ProviderNotFoundError(
                f"tradingview: no bar of {ticker} at all; take it out of the option tickers"
            )
        first: date = bars["session_date"][0]
        return first

    def _daily(self, ticker: str, first: date, last: date) -> pl.DataFrame:
        sessions = max(1, (self._http.clock.now().date() - first).days) * 5 // 7 + 5
        bars = self._series(ticker, "1D", first, min(sessions, _WHOLE_HISTORY))
        return (
            bars.filter(pl.col("session_date").is_between(first, last))
            .with_columns(adjusted_close=pl.lit(None, pl.Float64))
            .select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())
        )

    def _intraday(self, ticker: str, interval: str, first: date, last: date) -> pl.DataFrame:
        name, minutes = _INTERVALS[interval]
        sessions = max(1, (self._http.clock.now().date() - first).days) * 5 // 7 + 2
        bars = self._series(ticker, name, first, min(sessions * (_MINUTES_OF_SESSION // minutes + 1), 5_000))
        now = self._http.clock.now()
        return (
            bars.filter(pl.col("session_date").is_between(first, last))
            .with_columns(
                interval=pl.lit(interval),
                is_complete=pl.col("bar_start") + pl.duration(minutes=minutes) <= now,
                source=pl.lit(self.name),
            )
            .select(pl.col(column).cast(dtype) for column, dtype in INTRADAY_SCHEMA.items())
        )

    def _series(self, ticker: str, interval: str, first: date, count: int) -> pl.DataFrame:
        """Bars since ``first`` with their start and their day at the exchange, ascending."""
        if ticker not in self._screener.symbols:
            raise ProviderNotFoundError(
                f"tradingview: the screener knows no {ticker} on {', '.join(self._exchanges)}; check the spelling"
            )
        symbol = self._screener.symbols[ticker]
        day_begins = datetime.combine(first, time(0), ZoneInfo("America/New_York"))
        since = int(day_begins.timestamp()) + (86_400 if interval == "1D" else 0)
        told = self._over_socket(
            "chart",
            f"{symbol} {interval} {first} {count}",
            lambda: self._socket.series(symbol, interval, since, count),
        )
        names = ("start", "open", "high", "low", "close", "volume")
        zone = ZoneInfo(told["timezone"])
        frame = pl.DataFrame(told["bars"], schema=dict.fromkeys(names, pl.Float64), orient="row")
        stamps = (
            pl.from_epoch(pl.col("start").cast(pl.Int64), "s")
            .dt.cast_time_unit("us")
            .dt.replace_time_zone("UTC")
        )
        return frame.with_columns(ticker=pl.lit(ticker), bar_start=stamps).with_columns(
            session_date=pl.col("bar_start").dt.convert_time_zone(zone.key).dt.date()
        )

    def _over_socket(self, kind: str, identity: str, ask: Callable[[], Any]) -> Any:
        """One question over the websocket as the policy sees it: spaced, tried again, written down, kept."""
        endpoint = f"WS {urlsplit(self._socket_url).hostname}/{kind}"

        def send() -> Answer:
            return Answer(self._socket_url, 200, {}, json.dumps(ask()).encode())

        is_kept = kind == "chart"
        answer = self._http.ask(Request(self.name, endpoint, f"{kind} {identity}" if is_kept else ""), send)
        return json.loads(answer.body)


def _quote(ticker: str, row: dict[str, Any]) -> dict[str, Any]:
    moment = row.get("lp_time")
    return {
        "ticker": ticker,
        "quoted_at": None if moment is None else datetime.fromtimestamp(float(moment), UTC),
        "last": row["lp"],
        "bid": row.get("bid"),
        "ask": row.get("ask"),
        "volume": row.get("volume"),
        "currency": row.get("currency_code"),
        "source": "tradingview",
    }
