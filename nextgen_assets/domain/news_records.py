"""Rows of the tables of news, from copies that know their article: what is new beside what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from nextgen_assets.domain.news_admission import INSTANT
from nextgen_assets.domain.news_copies import KNOWN_COPY_SCHEMA
from nextgen_assets.domain.news_stories import MENTION_SCHEMA

ARTICLE_SCHEMA: Mapping[str, pl.DataType] = {
    "article_id": pl.String(),
    "session_date": pl.Date(),
    "published_at": INSTANT,
    "published_at_precision": pl.String(),
    "first_seen_at": INSTANT,
    "first_seen_is_assumed": pl.Boolean(),
    "source": pl.String(),
    "url": pl.String(),
    "canonical_url": pl.String(),
    "headline": pl.String(),
    "body": pl.String(),
    "language": pl.String(),
    "language_is_detected": pl.Boolean(),
    "tickers": pl.List(pl.String()),
    "content_hash": pl.String(),
}
COPY_SCHEMA: Mapping[str, pl.DataType] = {
    "copy_id": pl.String(),
    **{
        name: ARTICLE_SCHEMA[name]
        for name in ("article_id", "session_date", "published_at", "first_seen_at", "first_seen_is_assumed")
    },
    **{name: ARTICLE_SCHEMA[name] for name in ("source", "url", "canonical_url", "content_hash")},
}
TICKER_SCHEMA: Mapping[str, pl.DataType] = {
    "article_id": pl.String(),
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "first_seen_at": INSTANT,
    "confidence": pl.Float64(),
    "basis": pl.String(),
    "story_id": pl.String(),
    "story_session_date": pl.Date(),
}


@dataclass(frozen=True)
class KnownNews:
    """What is stored of the sessions of a batch and of the window before them.

    Parameters
    ----------
    copies : polars.DataFrame
        Columns of ``KNOWN_COPY_SCHEMA``, in the order in which they were told.
    mentions : polars.DataFrame
        Columns of ``MENTION_SCHEMA``.
    """

    copies: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(KNOWN_COPY_SCHEMA)))
    mentions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(MENTION_SCHEMA)))


def new_articles(copies: pl.DataFrame, known: KnownNews) -> pl.DataFrame:
    """The first copy of each article that is not stored yet, with the tickers of all its session's copies."""
    fresh = copies.join(
        known.copies.select("article_id").unique(), on="article_id", how="anti", maintain_order="left"
    )
    first = fresh.unique("article_id", keep="first", maintain_order=True).drop("tickers")
    together = fresh.join(first.select("article_id", "session_date"), on=["article_id", "session_date"])
    tickers = (
        together.select(
            "article_id", tickers=pl.col("matches").list.eval(pl.element().struct.field("ticker"))
        )
        .explode("tickers")
        .group_by("article_id")
        .agg(pl.col("tickers").unique().sort())
    )
    return (
        first.join(tickers, on="article_id")
        .select(pl.col(name).cast(dtype) for name, dtype in ARTICLE_SCHEMA.items())
        .sort("session_date", "published_at", "article_id")
    )


def new_mentions(copies: pl.DataFrame, known: KnownNews) -> pl.DataFrame:
    """Whom each article names first when: the earliest session of each article and ticker, not stored yet."""
    keys, words = ["article_id", "ticker"], ["article_id", "published_at", "headline"]
    articles = pl.concat([known.mentions.select(words), copies.select(words)])
    return (
        copies.select("article_id", "session_date", "first_seen_at", "matches")
        .explode("matches")
        .unnest("matches")
        .sort("session_date", "confidence", descending=[False, True], maintain_order=True)
        .unique(keys, keep="first", maintain_order=True)
        .join(known.mentions.select(keys), on=keys, how="anti", maintain_order="left")
        .join(articles.unique("article_id", keep="first", maintain_order=True), on="article_id")
    )
