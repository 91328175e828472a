"""Yahoo's news of single tickers through the optional package yfinance, under the HTTP policy.

Yahoo keeps the newest items only and takes no range: a provider for running live. ``body`` is the summary of
the stream; the article itself is not fetched. An item that was shown again later counts from its publication.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from nextgen_resources.errors import (
    NextGenError,
    ProviderDataError,
    ProviderRateLimitedError,
    ProviderUnavailableError,
    SettingsError,
)
from nextgen_resources.http.policy import HttpPolicy, default_http_settings
from nextgen_resources.market_data.yahoo_client import YahooClient
from nextgen_resources.news.delivery import article_frame, instant, plain_text


class Provider:
    """The news of Yahoo Finance.

    Parameters
    ----------
    tickers : iterable of str
        Securities to ask about, one question each, as Yahoo spells them (``BRK-B``).
    count : int
        Items asked for of each, 1 to 200.
    tab : str
        ``news``, ``all`` or ``press releases``.
    server, ca_file : str, optional
        ``address:port`` that answers in Yahoo's place, and certificates to trust.
    http : HttpPolicy, optional
        The policy of all requests.

    Raises
    ------
    SettingsError
        No ticker, or a count out of range.
    """

    name = "yahoo"

    def __init__(
        self,
        tickers: Iterable[str],
        count: int = 50,
        tab: str = "news",
        server: str | None = None,
        ca_file: str | None = None,
        http: HttpPolicy | None = None,
    ) -> None:
        self._tickers = sorted({tickers} if isinstance(tickers, str) else set(tickers))
        if not self._tickers or not 1 <= count <= 200:
            raise SettingsError(
                f"yahoo: tickers is {self._tickers}, count {count}; expected a ticker and a count from 1 to 200"
            )
        self._count, self._tab = count, tab
        http = http or HttpPolicy(default_http_settings())
        folder = http.journal.folder
        self._client = YahooNewsClient(http, server, ca_file, folder and folder / "yfinance")

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles from ``first`` to ``last`` inclusive (days in New York); see `NewsProvider.articles`.

        Raises
        ------
        ProviderError
            Yahoo refused, or its answer has another shape.
        """
        rows = [
            _row(item, ticker)
            for ticker in self._tickers
            for item in self._client.news(ticker, self._count, self._tab)
        ]
        return article_frame(rows, first, last)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class YahooNewsClient(YahooClient):
    """yfinance's news with a session of ours."""

    def news(self, ticker: str, count: int, tab: str) -> list[dict[str, Any]]:
        """The newest items about ``ticker``, as Yahoo's stream has them.

        Raises
        ------
        ProviderError
            A refusal, or an answer of another shape.
        """
        yfinance = self._yfinance()
        try:
            items: Any = yfinance.Ticker(ticker, session=self._session).get_news(count=count, tab=tab)
        except NextGenError:
            raise
        except yfinance.exceptions.YFRateLimitError as error:
            raise ProviderRateLimitedError(
                f"yahoo: rate limit reached at the news of {ticker}; wait and retry"
            ) from error
        except Exception as error:
            raise ProviderUnavailableError(
                f"yahoo: news of {ticker}: {type(error).__name__}: {error}; check the version of yfinance"
            ) from error
        stream = (self._answered() or {}).get("data", {}).get("tickerStream", {}).get("stream")
        if not isinstance(stream, list) or not all(isinstance(item, dict) for item in items):
            raise ProviderDataError(
                f"yahoo: the news of {ticker} hold no stream; Yahoo changed its format, check the version of yfinance"
            )
        return list(items)

    def _answered(self) -> Any:
        last = self._session.gateway.last
        return json.loads(last.body) if last is not None else None


def _row(item: dict[str, Any], ticker: str) -> dict[str, Any]:
    """One item: of the stream (under ``content``), or of the older search answer."""
    inner = item.get("content")
    content: dict[str, Any] = inner if isinstance(inner, dict) else item
    who = f"yahoo: article {item.get('id') or item.get('uuid')}"
    about = [entry.get("symbol") for entry in (content.get("finance") or {}).get("stockTickers") or []]
    about = [str(symbol) for symbol in (about or item.get("relatedTickers") or []) if symbol]
    return {
        "headline": plain_text(content.get("title")),
        "body": plain_text(content.get("summary") or content.get("description")),
        "url": _url(content.get("canonicalUrl") or content.get("clickThroughUrl") or content.get("link")),
        "tickers": about or [ticker],
        "published_at": _published(content, who),
        "source": _publisher(content),
        "language": None,
    }


def _url(stated: Any) -> str | None:
    found = stated.get("url") if isinstance(stated, dict) else stated
    return str(found) if found else None


def _publisher(content: dict[str, Any]) -> str:
    stated = content.get("provider")
    name = stated.get("displayName") if isinstance(stated, dict) else content.get("publisher")
    return str(name or "yahoo")


def _published(content: dict[str, Any], who: str) -> datetime | None:
    if stated := content.get("pubDate"):
        return instant(stated, who)
    seconds = content.get("providerPublishTime")
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None
