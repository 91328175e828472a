"""From what a source says to the columns of articles: text without markup, instants, days in New York."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.news import ARTICLE_SCHEMA

_NEW_YORK = ZoneInfo("America/New_York")
_UNSEEN = frozenset({"script", "style", "noscript", "template", "iframe", "head", "svg"})
_BLOCKS = frozenset(
    {"p", "br", "div", "li", "h1", "h2", "h3", "td", "tr", "article", "section", "blockquote"}
)
_TEXT_CHARACTERS = 20_000


def article_frame(rows: Iterable[Mapping[str, Any]], first: date, last: date) -> pl.DataFrame:
    """Rows of ``ARTICLE_SCHEMA`` published from ``first`` to ``last``, and those that state no time at all.

    Parameters
    ----------
    rows : iterable of mapping
        headline, source, and whatever is known of body, url, tickers, language, published_at (aware
        instant) or published_on (day); published_on follows from the instant.
    """
    empty: dict[str, Any] = dict.fromkeys(ARTICLE_SCHEMA)
    filled = []
    for row in rows:
        moment = row.get("published_at")
        day = row.get("published_on") if moment is None else moment.astimezone(_NEW_YORK).date()
        if day is None or first <= day <= last:
            filled.append({**empty, "tickers": [], **row, "published_on": day})
    frame = pl.DataFrame(filled, schema=dict(ARTICLE_SCHEMA), orient="row")
    return frame.sort("published_on", maintain_order=True, nulls_last=True)


def instant(text: Any, who: str) -> datetime:
    """The aware instant that an ISO text states.

    Raises
    ------
    ProviderDataError
        It is no time, or one without its offset.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ProviderDataError(f"{who}: {str(text)[:60]!r} is no ISO time") from error
    if moment.tzinfo is None:
        raise ProviderDataError(f"{who}: the time {str(text)[:60]!r} has no offset")
    return moment.astimezone(UTC)


def start_of_day(day: date) -> str:
    """The instant in UTC at which ``day`` begins in New York, as vendors want it."""
    moment = datetime.combine(day, time(), _NEW_YORK).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(document: Any, key: str, who: str) -> list[dict[str, Any]]:
    """The list of objects under ``key``.

    Raises
    ------
    ProviderDataError
        It is absent, or something else.
    """
    found = document.get(key) if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ProviderDataError(
            f"{who}: expected a list of objects under {key!r}, found {type(found).__name__}; "
            "the source changed its format"
        )
    return found


def plain_text(markup: str | None) -> str | None:
    """The words of a piece of HTML, paragraphs apart; what no reader sees is left out. None when empty."""
    if not markup:
        return None
    if not re.search(r"[<&]", markup):
        return " ".join(markup.split()) or None
    reader = _Words()
    reader.feed(markup[: 20 * _TEXT_CHARACTERS])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return "\n".join(filter(None, lines))[:_TEXT_CHARACTERS] or None


class _Words(HTMLParser):
    """Collects what is written between tags, but for what is not shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNSEEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
