"""News from RSS and Atom feeds: bytes fetched under the HTTP policy, read by feedparser, which fetches nothing.

A feed holds its newest entries only, so a feed is for running live; what it no longer holds cannot be asked
for. An entry that was changed after its publication counts from the change: it may tell what
happened since. A date without a time of day, or a time without its zone, is a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from nextgen_resources.errors import ProviderDataError, ProviderError, SettingsError
from nextgen_resources.http.client import HttpClient
from nextgen_resources.http.policy import HttpPolicy, default_http_settings
from nextgen_resources.news.delivery import article_frame, plain_text

_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2}|\b(?:GMT|UTC|UT|[ECMP][SD]T))\s*$")
_FEED = re.compile(r"^(?:(?P<ticker>[A-Z0-9][A-Z0-9.\-^=]{0,15})\s+)?(?P<url>https?://\S+)$")
_MOST_PAGES = 50


class Provider:
    """Some feeds as one source.

    Parameters
    ----------
    feeds : iterable of str
        Addresses; ``AAPL https://…`` says that a feed is about one security.
    body_hosts : iterable of str
        Hosts whose operators permit that the page of an entry is fetched for its text, 50 pages a call at most;
        none by default. Elsewhere the summary of the feed is the body.
    loopback : bool
        Whether feeds of this machine may be read.
    http : HttpPolicy, optional
        The policy of all requests.

    Raises
    ------
    SettingsError
        No feed, or one that is no address.
    """

    name = "rss"

    def __init__(
        self,
        feeds: Iterable[str],
        body_hosts: Iterable[str] = (),
        loopback: bool = False,
        http: HttpPolicy | None = None,
    ) -> None:
        stated = [feeds] if isinstance(feeds, str) else list(feeds)
        matches = [_FEED.match(feed.strip()) for feed in stated]
        if not stated or None in matches:
            raise SettingsError(
                f"rss: feeds is {stated}; expected addresses such as https://example.com/feed.xml or "
                "'AAPL https://example.com/aapl.xml'"
            )
        self._feeds = [(match["ticker"], match["url"]) for match in matches if match]
        self.body_hosts = frozenset(body_hosts)
        http = http or HttpPolicy(default_http_settings())
        hosts = {urlsplit(url).hostname or "" for _, url in self._feeds}
        hosts |= {host.removeprefix("www.") for host in hosts}
        self._client = HttpClient(http, self.name, hosts, loopback_is_allowed=loopback)
        self._pages = HttpClient(http, "rss_pages", self.body_hosts, loopback_is_allowed=loopback)

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Entries from ``first`` to ``last`` inclusive (days in New York); see `NewsProvider.articles`.

        Raises
        ------
        ProviderDataError
            An answer is no feed.
        ProviderError
            A feed was refused; the message names it.
        """
        rows = [row for ticker, url in self._feeds for row in self._entries(ticker, url)]
        return self._with_bodies(article_frame(rows, first, last))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._pages.close()

    def _entries(self, ticker: str | None, url: str) -> list[dict[str, Any]]:
        import feedparser

        answer = self._client.get(url, expects="text")
        if b"<!entity" in answer.body.replace(b"\0", b"").lower():
            raise ProviderDataError(
                f"rss: {url} defines entities of its own, which no feed needs; it was not read"
            )
        headers = {
            "content-type": answer.headers.get("content-type", "application/xml"),
            "content-location": answer.url,
        }
        feed = feedparser.parse(BytesIO(answer.body), response_headers=headers)
        if not feed.version or (feed.bozo and not feed.entries):
            raise ProviderDataError(
                f"rss: {url} is no feed ({feed.get('bozo_exception', 'unknown format')}); check its address"
            )
        source = urlsplit(url).hostname or self.name
        language = (feed.feed.get("language") or "").strip() or None
        return [_row(entry, source, language, ticker) for entry in feed.entries]

    def _with_bodies(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Bodies from the pages of permitted hosts; where a page is refused the summary stays."""
        if not self.body_hosts:
            return articles
        bodies, fetched = articles["body"].to_list(), 0
        for at, url in enumerate(articles["url"].to_list()):
            if url and urlsplit(url).hostname in self.body_hosts and fetched < _MOST_PAGES:
                fetched += 1
                bodies[at] = self._page_text(url) or bodies[at]
        return articles.with_columns(pl.Series("body", bodies, dtype=pl.String))

    def _page_text(self, url: str) -> str | None:
        try:
            return plain_text(self._pages.get(url, expects="html").text)
        except ProviderError:
            return None  # the refusal is a row of provider_calls


def _row(entry: Any, source: str, language: str | None, ticker: str | None) -> dict[str, Any]:
    published_at, published_on = _published(entry)
    content = entry.get("content") or [{}]
    return {
        "headline": plain_text(entry.get("title")),
        "body": plain_text(entry.get("summary") or content[0].get("value")),
        "url": entry.get("link"),
        "tickers": [ticker] if ticker else [],
        "published_at": published_at,
        "published_on": published_on,
        "source": source,
        "language": content[0].get("language") or language,
    }


def _published(entry: Any) -> tuple[datetime | None, date | None]:
    """Instant and day of an entry; the instant is null where the feed does not state one."""
    stated: list[tuple[Any, str]] = [
        (dict.get(entry, f"{key}_parsed"), dict.get(entry, key) or "")  # plainly: feedparser has fallbacks
        for key in ("published", "updated")
        if dict.get(entry, f"{key}_parsed")
    ]
    if not stated:
        return None, None
    parsed, text = max(stated)
    if ":" in text and _ZONE.search(text):
        year, month, day, hour, minute, second = parsed[:6]
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC), None
    return None, date(*parsed[:3])
