"""News from Polygon, with a key: every page of a range, under the HTTP policy.

``body`` is Polygon's description of the article; the article itself is not fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from nextgen_resources.errors import ProviderUnauthorizedError
from nextgen_resources.http.client import HttpClient
from nextgen_resources.http.policy import HttpPolicy, default_http_settings
from nextgen_resources.news.delivery import article_frame, instant, listed, plain_text, start_of_day
from nextgen_resources.news.paging import pages
from nextgen_resources.settings.data_sections import Credentials

_SERVER = "https://api.polygon.io"
_PATH = "/v2/reference/news"
_PAGE = "1000"


class Provider:
    """The news of Polygon.

    Parameters
    ----------
    tickers : iterable of str
        Securities to ask about, one question each; none: all news in one.
    server : str
        Address that answers; another one for tests.
    http : HttpPolicy, optional
        The policy of all requests.
    credentials : Credentials, optional
        ``polygon_api_key``.
    """

    name = "polygon"

    def __init__(
        self,
        tickers: Iterable[str] = (),
        server: str = _SERVER,
        http: HttpPolicy | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self._tickers = sorted(set(tickers))
        self._server = server.rstrip("/")
        self._credentials = credentials
        self._client = HttpClient(
            http or HttpPolicy(default_http_settings()),
            self.name,
            [urlsplit(server).hostname or ""],
            loopback_is_allowed=server != _SERVER,
        )

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles from ``first`` to ``last`` inclusive (days in New York); see `NewsProvider.articles`.

        Raises
        ------
        ProviderUnauthorizedError
            There is no key, or Polygon refused it.
        ProviderError
            Another refusal, an answer of another shape, or a next page on another host.
        """
        asked: list[str | None] = [*self._tickers] or [None]
        rows = [self._row(entry) for ticker in asked for entry in self._entries(first, last, ticker)]
        return article_frame(rows, first, last)

    def _entries(self, first: date, last: date, ticker: str | None) -> list[dict[str, Any]]:
        def page(url: str | None) -> Any:
            return self._page(first, last, ticker, url)

        read = pages(page, lambda found: found.get("next_url"), self.name)
        return [entry for found in read for entry in _results(found)]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, first: date, last: date, ticker: str | None, url: str | None) -> Any:
        params = {
            "published_utc.gte": start_of_day(first),
            "published_utc.lt": start_of_day(last + timedelta(days=1)),
            "order": "asc",
            "sort": "published_utc",
            "limit": _PAGE,
        }
        if ticker:
            params["ticker"] = ticker
        answer = self._client.get(
            url or f"{self._server}{_PATH}", None if url else params, {"authorization": self._bearer()}
        )
        return json.loads(answer.body)

    def _bearer(self) -> str:
        key = self._credentials.polygon_api_key if self._credentials else None
        if key is None:
            raise ProviderUnauthorizedError(
                "polygon: no key; set POLYGON_API_KEY in the environment or in .env"
            )
        return f"Bearer {key.get_secret_value()}"

    def _row(self, entry: dict[str, Any]) -> dict[str, Any]:
        stated = entry.get("published_utc")
        publisher = entry.get("publisher")
        return {
            "headline": plain_text(entry.get("title")),
            "body": plain_text(entry.get("description")),
            "url": entry.get("article_url"),
            "tickers": [str(symbol) for symbol in entry.get("tickers") or []],
            "published_at": instant(stated, f"{self.name} article {entry.get('id')}") if stated else None,
            "source": (publisher.get("name") if isinstance(publisher, dict) else None) or self.name,
            "language": None,
        }


def _results(page: Any) -> list[dict[str, Any]]:
    if isinstance(page, dict) and page.get("count") == 0 and "results" not in page:
        return []
    return listed(page, "results", Provider.name)
