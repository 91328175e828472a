"""Articles as the platform keeps them: identified by content, admitted by one session, judged row by row."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl

from nextgen_assets.domain.sessions import NEW_YORK, NotASessionError, SessionCalendar

TICKER_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9.\-^=]{0,15}")
RAW_COLUMNS = ("headline", "body", "url", "tickers", "published_on", "published_at", "source", "language")
ARTICLE_SCHEMA: Mapping[str, pl.DataType] = {
    "article_id": pl.String(),
    "session_date": pl.Date(),
    "published_at": pl.Datetime("us", "UTC"),
    "published_at_precision": pl.String(),
    "first_seen_at": pl.Datetime("us", "UTC"),
    "first_seen_is_assumed": pl.Boolean(),
    "source": pl.String(),
    "url": pl.String(),
    "headline": pl.String(),
    "body": pl.String(),
    "language": pl.String(),
    "tickers": pl.List(pl.String()),
    "content_hash": pl.String(),
}
REJECTED_SCHEMA: Mapping[str, pl.DataType] = {
    "source": pl.String(),
    "reason_code": pl.String(),
    "reason": pl.String(),
    "payload": pl.String(),
}
_END_OF_DAY = time(23, 59, 59)
_UNDETERMINED_LANGUAGE = "und"
_HASH_BYTES = 16


@dataclass(frozen=True)
class CanonicalArticles:
    """What became of a batch of raw articles: every row is in one of the two, or a duplicate.

    Parameters
    ----------
    articles : polars.DataFrame
        Columns of ``news_articles`` minus ``run_id``, sorted by session_date, published_at, article_id.
    rejected : polars.DataFrame
        source, reason_code, reason, payload (the whole raw row as JSON text), in the order of the batch.
        Codes: no_headline, no_source, no_ticker, bad_ticker, no_date, outside_calendar.
    """

    articles: pl.DataFrame
    rejected: pl.DataFrame


@dataclass(frozen=True)
class _Rejection:
    reason_code: str
    reason: str


def canonical_articles(
    raw: pl.DataFrame,
    calendar: SessionCalendar,
    delay_minutes: int,
    first_seen_at: datetime | None = None,
) -> CanonicalArticles:
    """Identify, date and de-duplicate raw articles, and set apart those that cannot be used.

    Parameters
    ----------
    raw : polars.DataFrame
        Columns ``RAW_COLUMNS``: tickers a list, published_on the day in New York, published_at an aware
        instant or null when only the day is known. All may be null.
    calendar : SessionCalendar
        Sessions and their cut-offs.
    delay_minutes : int
        Minutes from the official close of a session to its knowledge cut-off.
    first_seen_at : datetime, optional
        Aware instant at which this batch was fetched. None for history loaded later: then each article
        is assumed to have been seen when it was published.

    Returns
    -------
    CanonicalArticles

    Raises
    ------
    ValueError
        ``raw`` lacks a column, or ``first_seen_at`` is naive.

    Notes
    -----
    As-of rule: ``session_date`` is the first session whose cut-off is not before both ``published_at`` and
    ``first_seen_at``, so every stored row has both at or before the cut-off of its session. An article of
    which only the day is known counts as published at 23:59:59 New York time of that day: no cut-off of the
    day itself can admit it.

    Copies with the same headline and body (letter case, width and white space aside) that were published
    for the same session are one article: the earliest, with the tickers of all. Copies published for
    different sessions stay apart, so that a session processed alone gives the same rows as in a range.
    ``article_id`` hashes content and the session of publication, not of first sight: an article fetched
    twice keeps its id, and a live caller leaves out the ids that an earlier session already holds.
    A ``url`` that is not http or https is dropped.
    """
    missing = [column for column in RAW_COLUMNS if column not in raw.columns]
    if missing:
        raise ValueError(
            f"raw articles lack {missing}; found {raw.columns}; pass the frame of a news provider"
        )
    if first_seen_at is not None and first_seen_at.tzinfo is None:
        raise ValueError(f"first_seen_at {first_seen_at} has no time zone; pass an aware instant")
    kept: dict[str, dict[str, Any]] = {}
    rejected: list[tuple[str, str, str, str]] = []
    for row in raw.select(RAW_COLUMNS).iter_rows(named=True):
        article = _canonical(row, calendar, delay_minutes, first_seen_at)
        if isinstance(article, _Rejection):
            source = row["source"] or "unknown"
            rejected.append((source, article.reason_code, article.reason, _payload(row)))
        else:
            copy = kept.get(article["article_id"])
            kept[article["article_id"]] = article if copy is None else _merged(copy, article)
    articles = pl.DataFrame(list(kept.values()), schema=dict(ARTICLE_SCHEMA), orient="row")
    return CanonicalArticles(
        articles=articles.sort("session_date", "published_at", "article_id"),
        rejected=pl.DataFrame(rejected, schema=dict(REJECTED_SCHEMA), orient="row"),
    )


def _canonical(
    row: Mapping[str, Any], calendar: SessionCalendar, delay_minutes: int, first_seen_at: datetime | None
) -> dict[str, Any] | _Rejection:
    headline, body = _clean(row["headline"]), (row["body"] or "").strip() or None
    tickers = sorted(set(row["tickers"] or []), key=str)
    rejection = _unusable(row, headline, tickers)
    if rejection is not None:
        return rejection
    published_at, precision = _published(row["published_at"], row["published_on"])
    known_at = published_at if first_seen_at is None else max(published_at, first_seen_at)
    published_session = _admitting(calendar, published_at, delay_minutes)
    is_on_time = known_at == published_at
    session = published_session if is_on_time else _admitting(calendar, known_at, delay_minutes)
    if published_session is None or session is None:
        return _Rejection(
            "outside_calendar",
            f"published {published_at.isoformat()}, outside the sessions "
            f"{calendar.sessions[0]}..{calendar.sessions[-1]} of the calendar",
        )
    content_hash = _hash(f"{_normalised(headline)}\n{_normalised(body or '')}")
    return {
        "article_id": _hash(f"{published_session.isoformat()}\n{content_hash}"),
        "session_date": session,
        "published_at": published_at,
        "published_at_precision": precision,
        "first_seen_at": published_at if first_seen_at is None else first_seen_at.astimezone(UTC),
        "first_seen_is_assumed": first_seen_at is None,
        "source": row["source"],
        "url": _web_address(row["url"]),
        "headline": headline,
        "body": body,
        "language": _clean(row["language"]) or _UNDETERMINED_LANGUAGE,
        "tickers": tickers,
        "content_hash": content_hash,
    }


def _unusable(row: Mapping[str, Any], headline: str, tickers: list[str]) -> _Rejection | None:
    if not headline:
        return _Rejection("no_headline", "the headline is empty; expected text")
    if not _clean(row["source"]):
        return _Rejection("no_source", "the source is empty; expected the name of the provider or publisher")
    if not tickers:
        return _Rejection("no_ticker", "the article names no ticker; expected at least one")
    refused = [ticker for ticker in tickers if ticker is None or not TICKER_PATTERN.fullmatch(ticker)]
    if refused:
        return _Rejection(
            "bad_ticker",
            f"ticker {refused[0]!r} is not allowed; expected the pattern {TICKER_PATTERN.pattern}",
        )
    if row["published_at"] is None and row["published_on"] is None:
        return _Rejection("no_date", "published_at and published_on are both empty; expected one of them")
    return None


def _published(published_at: datetime | None, published_on: date | None) -> tuple[datetime, str]:
    if published_at is not None:
        return published_at.astimezone(UTC), "instant"
    if published_on is None:
        raise ValueError("neither published_at nor published_on is known")
    return datetime.combine(published_on, _END_OF_DAY, tzinfo=NEW_YORK).astimezone(UTC), "day"


def _admitting(calendar: SessionCalendar, moment: datetime, delay_minutes: int) -> date | None:
    day = moment.astimezone(NEW_YORK).date()
    if not calendar.sessions[0] <= day <= calendar.sessions[-1]:
        return None
    try:
        return calendar.admitting(moment, delay_minutes)
    except NotASessionError:
        return None


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    earliest = min(first, second, key=_precedence)
    return {**earliest, "tickers": sorted({*first["tickers"], *second["tickers"]})}


def _precedence(article: Mapping[str, Any]) -> tuple[datetime, str, str, str, str, str, str]:
    return (
        article["published_at"],
        article["published_at_precision"],
        article["source"],
        article["url"] or "",
        article["headline"],
        article["body"] or "",
        article["language"],
    )


def _clean(text: str | None) -> str:
    return " ".join((text or "").split())


def _normalised(text: str) -> str:
    return _clean(unicodedata.normalize("NFKC", text).casefold())


def _web_address(url: str | None) -> str | None:
    stripped = (url or "").strip()
    return stripped if re.match(r"https?://", stripped, re.IGNORECASE) else None


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()


def _payload(row: Mapping[str, Any]) -> str:
    return json.dumps(dict(row), default=lambda value: value.isoformat(), ensure_ascii=False, sort_keys=True)
