"""Articles per second through ingestion and aggregation, beside the bare inserts and the bare group-by.

Ours judges, dates, matches names, finds copies and stories; DuckDB stores the same rows as they are. Ours
caps, decays and counts stories; Polars takes the mean of the same scores by ticker and session.
Both alternate in one process; medians of the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from nextgen_assets.domain.news import CanonicalArticles, canonical_articles
from nextgen_assets.domain.news_copies import content_hashes
from nextgen_assets.domain.news_judgement import RAW_COLUMNS
from nextgen_assets.domain.news_urls import canonical_urls
from nextgen_assets.domain.sentiment import aggregate_sentiment
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.ticker_matching import match_tickers

ROUNDS = 3
COMPANIES = 500
FIRST = date(2012, 1, 3)
SYLLABLES = ["al", "ver", "ton", "mer", "gen", "cor", "lux", "nor", "pax", "vel", "dyn", "tek"]
EVENTS = ["beats estimates and raises its outlook", "cuts jobs as demand slows", "names a new finance chief",
          "to buy a rival in an all-share deal", "recalls a product after complaints", "faces an inquiry"]  # fmt: skip


def securities() -> pl.DataFrame:
    """Invented companies, each with a name of three syllables."""
    rows = []
    for number in range(COMPANIES):
        parts = [SYLLABLES[number // 12**power % 12] for power in range(3)]
        rows.append((f"T{number:03d}", f"{''.join(parts).title()} Technologies, Inc.", FIRST, None))
    schema = {"ticker": pl.String, "name": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def deliveries(count: int, known: pl.DataFrame) -> pl.DataFrame:
    """Articles of a year: half without a ticker, every tenth a copy of the one before under another address."""
    dice = np.random.default_rng(7)
    names = [name.split()[0] for name in known["name"].to_list()]
    start, rows = datetime(2012, 1, 3, 14, 0, tzinfo=UTC), []
    for number in range(count):
        which, event = int(dice.integers(COMPANIES)), EVENTS[int(dice.integers(len(EVENTS)))]
        row = {
            "headline": f"{names[which]} {event} of {int(dice.integers(2, 900))} million dollars",
            "body": "The company said so in a statement on Tuesday. " * 4,
            "url": f"https://www.example.com/story/{number}?utm_source=feed",
            "tickers": [known["ticker"][which]] if number % 2 else [],
            "published_on": None,
            "published_at": start + timedelta(seconds=number * 300 * 86_400 // count),
            "source": "wire",
            "language": "en",
        }
        if number % 10 == 9:
            row |= {"headline": rows[-1]["headline"], "body": rows[-1]["body"], "source": "other"}
        rows.append(row)
    schema = {
        "headline": pl.String, "body": pl.String, "url": pl.String, "tickers": pl.List(pl.String),
        "published_on": pl.Date, "published_at": pl.Datetime("us", "UTC"), "source": pl.String, "language": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").select(RAW_COLUMNS)


def bare_insert(raw: pl.DataFrame) -> int:
    """The same rows as they are into a table with a key, in memory."""
    numbered = raw.with_row_index("article_id")  # noqa: F841 (DuckDB finds it by its name)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE news AS SELECT * FROM numbered LIMIT 0")
        connection.execute("ALTER TABLE news ADD PRIMARY KEY (article_id)")
        connection.execute("INSERT INTO news SELECT * FROM numbered")
        return int(connection.execute("SELECT count(*) FROM news").fetchall()[0][0])


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternating(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of each, run in turns."""
    times = [(seconds_of(ours), seconds_of(theirs)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in times), statistics.median(other for _, other in times)


def ingestion(count: int) -> CanonicalArticles:
    known = securities()
    raw = deliveries(count, known)
    canonical_articles(raw.head(200), xnys(), 30, securities=known)  # warm
    ours, theirs = alternating(
        lambda: canonical_articles(raw, xnys(), 30, securities=known), lambda: bare_insert(raw)
    )
    print(f"ingestion of {count:,} articles: {count / ours:,.0f} per second, {ours:.2f} s")
    print(
        f"  DuckDB, bare insert:          {count / theirs:,.0f} per second; ours takes {ours / theirs:.0f} times as long"
    )
    texts = raw.select("headline", "body").with_row_index("row").with_columns(session_date=pl.lit(FIRST))
    for name, work in (
        ("canonical addresses", lambda: canonical_urls(raw["url"])),
        ("content hashes", lambda: content_hashes(raw["headline"], raw["body"])),
        ("matching names, every row", lambda: match_tickers(texts, known)),
    ):
        print(f"  {name}: {count / seconds_of(work):,.0f} per second")
    found = canonical_articles(raw, xnys(), 30, securities=known)
    print(
        f"  {found.articles.height:,} articles, {found.copies.height - found.articles.height:,} further copies"
    )
    return found


def aggregation(found: CanonicalArticles) -> None:
    dice = np.random.default_rng(8)
    mentions = found.tickers.join(found.articles.select("article_id", "published_at"), on="article_id")
    scores = mentions.select("article_id", "ticker").with_columns(
        scorer=pl.lit("bench"),
        score=pl.Series(dice.uniform(-1, 1, mentions.height)),
        relevance=pl.lit(1.0),
        confidence=pl.Series(dice.uniform(0, 1, mentions.height)),
    )
    sessions = sorted(mentions["session_date"].unique().to_list())
    options = {
        "half_life_sessions": 5.0,
        "delay_minutes": 30,
        "buzz_history_sessions": 20,
        "article_cap": 0.5,
    }

    def ours() -> pl.DataFrame:
        return aggregate_sentiment(scores, mentions, sessions, xnys(), **options)  # type: ignore[arg-type]

    def theirs() -> pl.DataFrame:
        joined = scores.join(
            mentions.select("article_id", "ticker", "session_date"), on=["article_id", "ticker"]
        )
        return joined.group_by("ticker", "session_date").agg(pl.len(), pl.col("score").mean())

    assert ours().height == theirs().height
    one, other = alternating(ours, theirs)
    print(
        f"aggregation of {mentions.height:,} scored articles: {mentions.height / one:,.0f} per second, {one:.2f} s"
    )
    print(
        f"  Polars, bare group-by:        {mentions.height / other:,.0f} per second; ours takes {one / other:.0f} times as long"
    )


if __name__ == "__main__":
    aggregation(ingestion(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
