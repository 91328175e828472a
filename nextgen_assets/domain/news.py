"""Articles as the platform keeps them: judged row by row, admitted by one session, one of their copies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from nextgen_assets.domain.news_admission import Fetch, admitting_sessions, first_seen, publication
from nextgen_assets.domain.news_copies import (
    article_ids,
    content_hashes,
    copy_ids,
    with_article_ids,
)
from nextgen_assets.domain.news_judgement import RAW_COLUMNS, cleaned, judged, rejected
from nextgen_assets.domain.news_language import languages_of
from nextgen_assets.domain.news_records import (
    COPY_SCHEMA,
    TICKER_SCHEMA,
    KnownNews,
    new_articles,
    new_mentions,
)
from nextgen_assets.domain.news_stories import DEFAULT_SIMILARITY, with_stories
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.ticker_matching import CONFIDENCE, match_tickers

DEFAULT_WINDOW_SESSIONS = 20


@dataclass(frozen=True)
class CanonicalArticles:
    """What became of a batch of raw articles.

    Parameters
    ----------
    articles : polars.DataFrame
        Columns of ``news_articles`` minus ``run_id``, sorted by session_date, published_at, article_id.
    tickers : polars.DataFrame
        Columns of ``news_article_tickers``: whom each article names, how surely, and its story.
    copies : polars.DataFrame
        Columns of ``news_article_copies``: every delivery of an article, the first one included.
    rejected : polars.DataFrame
        source, reason_code, reason, payload (the whole raw row as JSON text), in the order of the batch.
        Codes: no_headline, no_source, no_ticker, bad_ticker, no_date, outside_calendar.
    about_nobody : int
        Usable rows that name no security of the universe.
    """

    articles: pl.DataFrame
    tickers: pl.DataFrame
    copies: pl.DataFrame
    rejected: pl.DataFrame
    about_nobody: int


def canonical_articles(
    raw: pl.DataFrame,
    calendar: SessionCalendar,
    delay_minutes: int,
    *,
    securities: pl.DataFrame | None = None,
    fetch: Fetch | None = None,
    known: KnownNews | None = None,
    within: tuple[date, date] | None = None,
    window_sessions: int = DEFAULT_WINDOW_SESSIONS,
    similarity: float = DEFAULT_SIMILARITY,
) -> CanonicalArticles:
    """Judge, date and identify raw articles, find whom they are about, and which story they tell.

    Parameters
    ----------
    raw : polars.DataFrame
        Columns ``RAW_COLUMNS``: tickers a list, published_on the day in New York, published_at an aware
        instant or null when only the day is known. All may be null.
    calendar : SessionCalendar
        Sessions and their cut-offs.
    delay_minutes : int
        Minutes from the official close of a session to its knowledge cut-off.
    securities : polars.DataFrame, optional
        ticker, name, valid_from, valid_to: the universe. Tickers that are not in it on the session are left
        out, and rows without a ticker are matched with its names. None: the source is taken at its word.
    fetch : Fetch, optional
        When the batch was fetched. None for history: seen when it was published.
    known : KnownNews, optional
        What earlier runs stored.
    within : tuple of date, optional
        First and last session whose articles are wanted; rows that others admit are left out.
    window_sessions : int
        Sessions within which the same page or words are a copy, and near-copies one story.
    similarity : float
        See `with_stories`.

    Raises
    ------
    ValueError
        ``raw`` lacks a column.

    Notes
    -----
    As-of rule: ``session_date`` is the first session whose cut-off is not before both ``published_at`` and
    ``first_seen_at``. Copies, stories and names rest on that session and earlier ones alone: a range gives the rows of
    its sessions run one by one in their order. A security that only a later copy names belongs to
    the article from that copy's session on.
    """
    missing = [column for column in RAW_COLUMNS if column not in raw.columns]
    if missing:
        raise ValueError(
            f"raw articles lack {missing}; found {raw.columns}; pass the frame of a news provider"
        )
    known = known or KnownNews()
    rows = _dated(cleaned(raw), calendar, delay_minutes, fetch)
    rows = judged(rows, calendar, must_name_ticker=securities is None)
    usable = rows.filter(pl.col("reason_code").is_null())
    if within is not None:
        usable = usable.filter(pl.col("session_date").is_between(*within))
    named = _named(usable, securities)
    copies = _identified(named, known, calendar, window_sessions)
    articles, mentions = new_articles(copies, known), new_mentions(copies, known)
    told = with_stories(mentions, known.mentions, calendar, window_sessions, similarity)
    return CanonicalArticles(
        articles=articles,
        tickers=told.select(pl.col(name).cast(dtype) for name, dtype in TICKER_SCHEMA.items()),
        copies=copies.select(list(COPY_SCHEMA)),
        rejected=rejected(rows, raw),
        about_nobody=usable.height - named.height,
    )


def _dated(
    rows: pl.DataFrame, calendar: SessionCalendar, delay_minutes: int, fetch: Fetch | None
) -> pl.DataFrame:
    dated = publication(rows)
    sessions = admitting_sessions(dated["published_at"], calendar, delay_minutes)
    return first_seen(dated.with_columns(sessions.alias("published_session")), calendar, delay_minutes, fetch)


def _named(usable: pl.DataFrame, securities: pl.DataFrame | None) -> pl.DataFrame:
    """Usable rows about somebody, with ``matches``: a list of ticker, confidence and basis."""
    stated = (
        usable.select("row", "session_date", ticker="named")
        .explode("ticker")
        .drop_nulls("ticker")
        .select(
            "row", "session_date", "ticker", confidence=pl.lit(CONFIDENCE["source"]), basis=pl.lit("source")
        )
    )
    found = stated.drop("session_date")
    if securities is not None:
        silent = usable.filter(pl.col("named").list.len() == 0)
        matched = match_tickers(silent.select("row", "session_date", "headline", "body"), securities)
        found = pl.concat([_of_members(stated, securities), matched])
    matches = (
        found.unique(["row", "ticker"], keep="first", maintain_order=True)
        .sort("row", "ticker")
        .group_by("row", maintain_order=True)
        .agg(matches=pl.struct("ticker", "confidence", "basis"))
    )
    return usable.join(matches, on="row", maintain_order="left")


def _of_members(stated: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    has_ended = (pl.col("valid_to") <= pl.col("session_date")).fill_null(False)
    stays = securities.select("ticker", "valid_from", "valid_to")
    return (
        stated.join(stays, on="ticker")
        .filter((pl.col("valid_from") <= pl.col("session_date")) & ~has_ended)
        .select("row", "ticker", "confidence", "basis")
    )


def _identified(
    named: pl.DataFrame, known: KnownNews, calendar: SessionCalendar, window_sessions: int
) -> pl.DataFrame:
    text = named["headline"] + " " + named["body"].fill_null("").str.slice(0, 400)
    rows = named.with_columns(languages_of(named["language"], text)).with_columns(
        content_hashes(named["headline"], named["body"])
    )
    rows = rows.with_columns(article_ids(rows["published_session"], rows["content_hash"]), copy_ids(rows))
    return with_article_ids(_with_all_matches(rows), known.copies, calendar, window_sessions)


def _with_all_matches(rows: pl.DataFrame) -> pl.DataFrame:
    """Deliveries of one copy within one session name what any of them names."""
    if rows["copy_id"].is_unique().all():
        return rows
    key = ["copy_id", "session_date"]
    every = (
        rows.select(*key, "matches")
        .explode("matches")
        .unnest("matches")
        .sort(*key, "ticker", "confidence", "basis", descending=[False, False, False, True, False])
        .unique([*key, "ticker"], keep="first", maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(matches=pl.struct("ticker", "confidence", "basis"))
    )
    return rows.drop("matches").join(every, on=key, maintain_order="left")
