"""What the news said about each security, scored and aggregated per session."""

from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.domain.sentiment import aggregate_sentiment
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.pictures import sentiment_timeline
from nextgen_assets.policies import session_asset
from nextgen_resources.clock import Clock
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SentimentScorer
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

EARLIER = """
SELECT session_date, mean_sentiment, decayed_sentiment, article_count FROM news_sentiment
WHERE ticker = $ticker AND method = $method AND session_date >= $first AND session_date < $last
"""


@session_asset(group="ingestion", kinds={"duckdb", "polars", "python"}, deps=["news_articles"])
def news_sentiment(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    sentiment_scorer: dg.ResourceParam[SentimentScorer],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per ticker, session and scoring method with at least one article; no article, no row.

    Key: ticker, session_date, method. Source: news_articles through the scorer of the settings. Cadence:
    each session. Near-duplicates count once, as one story. Scores are kept: a re-run scores only what has
    none, and replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, news = calendar_of(settings), settings.news
    delay = settings.ingestion.cutoff_delay_minutes
    history = max(news.window_sessions, news.buzz_history_sessions)
    span = {"first": calendar.shift(sessions[0], -history), "last": sessions[-1]}
    version = {
        "scorer": sentiment_scorer.name,
        "model": sentiment_scorer.model,
        "prompt_version": sentiment_scorer.prompt_version,
    }
    with watch.measure("read"), warehouse.snapshot():
        as_of = calendar.cutoff(sessions[-1], delay)
        articles = warehouse.read("articles", **span, as_of=as_of)
        mentions = warehouse.read("article_tickers", **span, as_of=as_of)
        known = warehouse.read("scores", **span, **version)
    with watch.measure("score"):
        items = scorable(articles).join(known, on=["article_id", "ticker"], how="anti")
        stamp = pl.lit(clock.now()).cast(pl.Datetime("us", "UTC")).alias("scored_at")
        fresh = sentiment_scorer.score(items).with_columns(stamp)
    scores = pl.concat([known.select(fresh.columns), fresh])
    with watch.measure("compute"):
        rows = aggregate_sentiment(
            scores,
            mentions,
            sessions,
            calendar,
            half_life_sessions=news.half_life_sessions,
            delay_minutes=delay,
            window_sessions=news.window_sessions,
            buzz_history_sessions=news.buzz_history_sessions,
            article_cap=news.article_cap,
            confidence_weight=news.confidence_weight,
        )
    figures = {
        "scored_now": fresh.height,
        "failed_to_score": items.height - fresh.height,
        "cost_usd": fresh["cost_usd"].sum(),
    }
    pictures = {"timeline": timeline(warehouse, rows, span["first"])} if rows.height else {}
    record(context, watch, rows, "session_date", figures=figures, pictures=pictures)
    return {"news_article_scores": fresh, "news_sentiment": rows}


def timeline(warehouse: Warehouse, rows: pl.DataFrame, first: date) -> str:
    """Sentiment since ``first`` of the ticker with the most news in the run, as a Markdown picture."""
    ticker = str(rows["ticker"].mode().sort()[0])
    own = rows.filter(pl.col("ticker") == ticker)
    scope = {"ticker": ticker, "method": own["method"][0], "first": first, "last": own["session_date"].min()}
    earlier = warehouse.read(EARLIER, **scope)
    return sentiment_timeline(pl.concat([earlier, own.select(earlier.columns)]), ticker).markdown


def scorable(articles: pl.DataFrame) -> pl.DataFrame:
    """One row per article and ticker, as scorers read them."""
    return (
        articles.select("article_id", pl.col("tickers").alias("ticker"), "headline", "body")
        .explode("ticker")
        .select(pl.col(name).cast(dtype) for name, dtype in SCORABLE_SCHEMA.items())
        .sort("article_id", "ticker")
    )
