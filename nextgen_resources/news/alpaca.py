"""News from Alpaca (Benzinga's wire), with a key: every page of a range, under the HTTP policy.

A text that was changed after its publication counts from the change: it may tell what happened
since. ``body`` is the summary of the wire; the article itself is not fetched.
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

_SERVER = "https://data.alpaca.markets"
_PATH = "/v1beta1/news"
_PAGE = "50"


class Provider:
    """The news of Alpaca.

    Parameters
    ----------
    tickers : iterable of str
        Securities to ask about; none: all news.
    server : str
        Address that answers; another one for tests.
    http : HttpPolicy, optional
        The policy of all requests.
    credentials : Credentials, optional
        ``alpaca_api_key_id`` and ``alpaca_api_secret_key``.
    """

    name = "alpaca"

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
            There is no key, or Alpaca refused it.
        ProviderError
            Another refusal, or an answer of another shape.
        """
        read = pages(
            lambda token: self._page(first, last, token), lambda page: page.get("next_page_token"), self.name
        )
        rows = [self._row(entry) for page in read for entry in listed(page, "news", self.name)]
        return article_frame(rows, first, last)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _page(self, first: date, last: date, token: str | None) -> Any:
        # Changes come after publication: the range is asked for from its start, and cut by our own rule.
        params = {
            "start": start_of_day(first),
            "end": start_of_day(last + timedelta(days=1)),
            "sort": "asc",
            "limit": _PAGE,
            "include_content": "false",
        }
        if self._tickers:
            params["symbols"] = ",".join(self._tickers)
        if token:
            params["page_token"] = token
        answer = self._client.get(f"{self._server}{_PATH}", params, self._headers())
        return json.loads(answer.body)

    def _headers(self) -> dict[str, str]:
        given = self._credentials
        if given is None or given.alpaca_api_key_id is None or given.alpaca_api_secret_key is None:
            raise ProviderUnauthorizedError(
                "alpaca: no key; set ALPACA_API_KEY_ID and ALPACA_API_SECRET_KEY in the environment or in .env"
            )
        return {
            "APCA-API-KEY-ID": given.alpaca_api_key_id.get_secret_value(),
            "APCA-API-SECRET-KEY": given.alpaca_api_secret_key.get_secret_value(),
        }

    def _row(self, entry: dict[str, Any]) -> dict[str, Any]:
        who = f"{self.name} article {entry.get('id')}"
        moments = [instant(entry[key], who) for key in ("created_at", "updated_at") if entry.get(key)]
        return {
            "headline": plain_text(entry.get("headline")),
            "body": plain_text(entry.get("summary")),
            "url": entry.get("url"),
            "tickers": [str(symbol) for symbol in entry.get("symbols") or []],
            "published_at": max(moments, default=None),
            "source": entry.get("source") or self.name,
            "language": None,
        }
