"""Articles, each with the first session that may know of it."""

from datetime import timedelta

import dagster as dg
import polars as pl

from nextgen_assets.domain.news import CanonicalArticles, canonical_articles
from nextgen_assets.domain.news_admission import Fetch
from nextgen_assets.domain.news_records import KnownNews
from nextgen_assets.domain.quality import Inspected
from nextgen_assets.lived_sessions import lived_sessions
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.provider_calls import recorded_calls
from nextgen_assets.quarantine import quarantined
from nextgen_resources.clock import Clock
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.news import NewsProvider, check_articles
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

LATE_SESSIONS = 5
"""Sessions before the first wanted one that the source is asked about: what it delivers late is found there."""

STORED = "SELECT * EXCLUDE (run_id) FROM news_articles WHERE session_date BETWEEN $first AND $last"


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["security_listings"], is_order_free=True)
def news_articles(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    news_source: dg.ResourceParam[NewsProvider],
    clock: dg.ResourceParam[Clock],
    http: dg.ResourceParam[HttpPolicy],
) -> dict[str, pl.DataFrame]:
    """One row per article about a security; session_date is the session that first admits it.

    Key: article_id, a hash of its content. Source: the news provider of the settings. Cadence: each
    session. News after the cut-off of a session belongs to the next one; where only the day is known,
    to the session after that day. Copies from other sources or later runs are rows of
    news_article_copies; whom an article is about, how surely, and which story it tells is in
    news_article_tickers. A re-run adds what is new and changes nothing.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay, news = calendar_of(settings), settings.ingestion.cutoff_delay_minutes, settings.news
    first, last, now = sessions[0], sessions[-1], clock.now()
    span = {"first": calendar.shift(first, -news.duplicate_window_sessions), "last": last}
    asked_from = calendar.shift(first, -LATE_SESSIONS)
    with watch.measure("provider"), recorded_calls(context, warehouse, http) as calls:
        raw = check_articles(news_source.name, news_source.articles(asked_from, last + timedelta(days=1)))
    with watch.measure("read"), warehouse.snapshot():
        securities = warehouse.read("securities", first=first, last=last)
        lived = lived_sessions(warehouse, asked_from, last, calendar)
        known = KnownNews(warehouse.read("known_copies", **span), warehouse.read("known_mentions", **span))
        stored = warehouse.read(STORED, first=first, last=last)
    with watch.measure("compute"):
        found = canonical_articles(
            raw,
            calendar,
            delay,
            securities=securities,
            fetch=Fetch(now, lived.recorded, lived.decided),
            known=known,
            within=(first, last),
            window_sessions=news.duplicate_window_sessions,
            similarity=news.duplicate_similarity,
        )
    articles = pl.concat([stored, found.articles.select(stored.columns)])
    rejected = quarantined(rejections(found), "news_articles", news_source.name, now)
    refused = {name: str(error) for name, error in getattr(news_source, "failures", {}).items()}
    for name, error in refused.items():
        context.log.warning(f"{name} refused, its news are missing from this run: {error}")
    record(
        context,
        watch,
        articles,
        "session_date",
        figures=figures_of(found) | {"sources_refused": len(refused)},
    )
    return {
        "news_articles": articles,
        "news_article_tickers": found.tickers,
        "news_article_copies": found.copies,
        "quarantine": rejected,
        "provider_calls": calls.rows(),
    }


def rejections(found: CanonicalArticles) -> Inspected:
    """The rows that were set apart, as the quarantine takes them."""
    return Inspected(found.articles, found.rejected, 0)


def figures_of(found: CanonicalArticles) -> dict[str, int]:
    """What became of the batch, for the asset's page."""
    return {
        "new_articles": found.articles.height,
        "further_copies": found.copies.height - found.articles.height,
        "told_before": found.tickers.filter(pl.col("story_id") != pl.col("article_id")).height,
        "matched_by_text": found.tickers.filter(pl.col("basis") != "source").height,
        "about_nobody": found.about_nobody,
        "quarantined": found.rejected.height,
    }
