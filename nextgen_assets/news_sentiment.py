"""What the news said about each security, scored and aggregated per session."""

from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.domain.sentiment import aggregate_sentiment
from nextgen_assets.metadata import record
from nextgen_assets.news_scoring import score_articles
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.pictures import sentiment_timeline
from nextgen_assets.policies import session_asset
from nextgen_assets.provider_calls import recorded_calls
from nextgen_resources.clock import Clock
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.sentiment import SentimentScorer
from nextgen_resources.sentiment.configured import configured_scorer
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
    http: dg.ResourceParam[HttpPolicy],
) -> dict[str, pl.DataFrame]:
    """One row per ticker, session and scoring method with at least one article; no article, no row.

    Key: ticker, session_date, method. Source: news_articles through the scorer of the settings and, beside it
    and under its own method, the fallback. Cadence: each session. Near-duplicates count once, as one story.
    Scores are kept: a re-run scores only what has none and is due, and replaces its sessions. What failed
    stands in news_score_failures with its class and its next attempt; what paid scorers cost stands in
    news_scoring_runs.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, news = calendar_of(settings), settings.news
    delay = settings.ingestion.cutoff_delay_minutes
    history = max(news.window_sessions, news.buzz_history_sessions)
    span = {"first": calendar.shift(sessions[0], -history), "last": sessions[-1]}
    with watch.measure("read"), warehouse.snapshot():
        as_of = calendar.cutoff(sessions[-1], delay)
        articles = warehouse.read("articles", **span, as_of=as_of)
        mentions = warehouse.read("article_tickers", **span, as_of=as_of)
    with watch.measure("score"), recorded_calls(context, warehouse, http) as calls:
        scorers = [sentiment_scorer, *fallback_beside(settings, sentiment_scorer, http)]
        attempt = f"{context.run.run_id}{f'/{context.retry_number}' if context.retry_number else ''}"
        parts = [
            score_articles(warehouse, settings, scorer, articles, span, clock.now(), attempt)
            for scorer in scorers
        ]
    with watch.measure("compute"):
        rows = aggregate_sentiment(
            pl.concat([part.scores for part in parts]),
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
    figures = parts[0].figures | {
        f"{n}_of_fallback": v for part in parts[1:] for n, v in part.figures.items()
    }
    own = rows.filter(pl.col("method") == settings.sentiment_method)
    pictures = {"timeline": timeline(warehouse, own, span["first"])} if own.height else {}
    record(context, watch, rows, "session_date", figures=figures, pictures=pictures)
    return {
        "news_article_scores": pl.concat([part.fresh for part in parts]),
        "news_score_failures": pl.concat([part.failures for part in parts]),
        "news_scoring_runs": pl.concat([part.runs for part in parts]),
        "news_sentiment": rows,
        "provider_calls": calls.rows(),
    }


def fallback_beside(
    settings: Settings, scorer: SentimentScorer, http: HttpPolicy | None = None
) -> list[SentimentScorer]:
    """The fallback of the settings, unless it is ``scorer`` itself."""
    name = settings.scoring.fallback
    return [] if name in (None, scorer.name) else [configured_scorer(settings, name, http)]


def timeline(warehouse: Warehouse, rows: pl.DataFrame, first: date) -> str:
    """Sentiment since ``first`` of the ticker with the most news in the run, as a Markdown picture."""
    ticker = str(rows["ticker"].mode().sort()[0])
    own = rows.filter(pl.col("ticker") == ticker)
    scope = {"ticker": ticker, "method": own["method"][0], "first": first, "last": own["session_date"].min()}
    earlier = warehouse.read(EARLIER, **scope)
    return sentiment_timeline(pl.concat([earlier, own.select(earlier.columns)]), ticker).markdown
