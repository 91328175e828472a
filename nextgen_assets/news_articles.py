"""Articles, each with the first session that may know of it."""

from datetime import timedelta

import dagster as dg
import polars as pl

from nextgen_assets.domain.news import canonical_articles
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.news import NewsProvider
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["ticker_universe"])
def news_articles(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    news_source: dg.ResourceParam[NewsProvider],
) -> dict[str, pl.DataFrame]:
    """One row per article about a security; session_date is the session that first admits it.

    Key: article_id, a hash of its content. Source: the news provider of the settings. Cadence: each
    session. News after the cut-off of a session belongs to the next one; where only the day is known,
    to the session after that day. A re-run adds what is new and changes nothing.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    with watch.measure("provider"):
        raw = news_source.articles(calendar.shift(sessions[0], -1), sessions[-1] + timedelta(days=1))
    with watch.measure("read"):
        stays = warehouse.read("members", first=sessions[0], last=sessions[-1])
    with watch.measure("compute"):
        canonical = canonical_articles(raw, calendar, delay)
        articles = canonical.articles.filter(pl.col("session_date").is_between(sessions[0], sessions[-1]))
        articles = about_members(articles, stays)
    figures = {"unusable": canonical.rejected.height}
    record(context, watch, articles, "session_date", figures=figures)
    return {"news_articles": articles}


def about_members(articles: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Articles with the tickers that are in the universe on their session; those with none drop out."""
    order = articles.columns
    exploded = articles.explode("tickers").join(
        stays.select("ticker", "valid_from", "valid_to"), left_on="tickers", right_on="ticker"
    )
    begun = pl.col("valid_from") <= pl.col("session_date")
    ended = (pl.col("valid_to") <= pl.col("session_date")).fill_null(False)
    kept = exploded.filter(begun & ~ended).group_by("article_id").agg(pl.col("tickers").unique().sort())
    return (
        articles.drop("tickers").join(kept, on="article_id").select(order).sort("session_date", "article_id")
    )
