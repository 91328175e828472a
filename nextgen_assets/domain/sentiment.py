"""From scored articles to one sentiment per ticker, session and scoring method."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.sentiment_stories import (
    ScoredArticle,
    StoryCounts,
    decay_weights,
    placed_mentions,
    scored_by_ticker,
    told_by_ticker,
    told_once,
)
from nextgen_assets.domain.sessions import SessionCalendar

DEFAULT_WINDOW_SESSIONS = 20
DEFAULT_CONFIDENCE_WEIGHT = 0.5
MINIMUM_BUZZ_ARTICLES = 3
SENTIMENT_SCHEMA: Mapping[str, pl.DataType] = {
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "method": pl.String(),
    "article_count": pl.Int32(),
    "mean_sentiment": pl.Float64(),
    "decayed_sentiment": pl.Float64(),
    "buzz": pl.Float64(),
    "dispersion": pl.Float64(),
    "story_count": pl.Int32(),
    "novelty": pl.Float64(),
    "as_of": pl.Datetime("us", "UTC"),
    "details": pl.String(),
}


def history_sessions(window_sessions: int, buzz_history_sessions: int) -> int:
    """Sessions before the first wanted one whose articles and scores `aggregate_sentiment` reads.

    Examples
    --------
    >>> history_sessions(20, 250)
    250
    """
    return max(window_sessions - 1, buzz_history_sessions)


def aggregate_sentiment(
    scores: pl.DataFrame,
    mentions: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    *,
    half_life_sessions: float,
    delay_minutes: int,
    buzz_history_sessions: int,
    article_cap: float,
    confidence_weight: float = DEFAULT_CONFIDENCE_WEIGHT,
    window_sessions: int = DEFAULT_WINDOW_SESSIONS,
) -> pl.DataFrame:
    r"""Sentiment of every ticker and session of ``sessions`` that admits a scored article.

    With weight :math:`w_i`, score :math:`s_i` and age :math:`a_i` in sessions, the share of a story is
    :math:`p_i = w_i 2^{-a_i/h} / \sum_j w_j 2^{-a_j/h}`, and both means are
    :math:`\sum_i \min(c, \max(-c, p_i s_i))`: ``mean_sentiment`` over the stories of the session,
    ``decayed_sentiment`` over those of the last ``window_sessions`` sessions, this one included. The
    weight is relevance times the confidence that the article is about the ticker times
    :math:`1 - k + k q` with the scorer's confidence :math:`q` and ``confidence_weight`` :math:`k`.

    Parameters
    ----------
    scores : polars.DataFrame
        article_id, ticker, scorer, score, relevance, confidence; one row per article, ticker and scorer.
    mentions : polars.DataFrame
        article_id, ticker, session_date (that learns of it), published_at, confidence, story_id,
        story_session_date: whom articles are about. Must cover `history_sessions` sessions before the first
        wanted one; rows outside that reach change nothing.
    sessions : list of date
        Wanted sessions, in any order.
    calendar : SessionCalendar
        Sessions and their cut-offs.
    half_life_sessions : float
        Age at which an article counts half, in sessions, above 0.
    delay_minutes : int
        Minutes from the official close to the cut-off.
    buzz_history_sessions : int
        Earlier sessions against which the article count is standardised, at least 2.
    article_cap : float
        Largest contribution of one story to a mean, above 0 and at most 1.
    confidence_weight : float
        How far the confidence of the scorer moves the weight of an article, 0 (not at all) to below 1.
    window_sessions : int
        Length of the decay window in sessions, at least 1.

    Returns
    -------
    polars.DataFrame
        Columns of ``news_sentiment`` minus ``run_id``, sorted by ticker, session_date, method; ``details``
        is JSON text. Only ``buzz`` may be null: fewer than ``MINIMUM_BUZZ_ARTICLES`` articles in its
        history, a history that leaves the calendar, or earlier counts that are all equal.

    Raises
    ------
    ValueError
        A setting is out of range, a score or relevance is missing or out of bounds, or an article has two
        scores of one scorer (pass the scores of one model and prompt version only).
    NotASessionError
        A wanted session, or the session of an article, is not in the calendar.

    Notes
    -----
    As-of rule: a row of session S reads articles with session_date <= S alone; ``as_of`` is the cut-off of S.

    Near-duplicates count once: a story enters with its first article within the session or the window, and
    ages from its first telling, however often it is repeated. ``novelty`` is the share of the stories of
    the session that were first told in it.

    Winsorising: a story with share p enters as if its score were at most ``article_cap / p`` in size, so
    that making any one article neutral moves a mean by at most ``article_cap``, and so does any number of
    copies of it. A lone story of the session has share 1, and ``mean_sentiment`` is then at most
    ``article_cap``: one planted article cannot speak for a ticker. ``dispersion`` is the population standard
    deviation of the scores of the stories as given.

    ``article_count`` counts the scored articles of positive weight; no such article, no row. ``buzz``
    counts the stories of all articles about the ticker, scored or not, so that a scorer that failed does
    not look like silence, against the counts of the earlier sessions, zeros included.

    Sums are exactly rounded (``math.fsum``) over a window of fixed length: a session alone and within a
    range gives the same bytes.
    """
    _check_settings(half_life_sessions, buzz_history_sessions, article_cap, window_sessions)
    if not 0 <= confidence_weight < 1:
        raise ValueError(f"confidence_weight is {confidence_weight}; expected a fraction from 0 to below 1")
    _check_scores(scores)
    cutoffs = {calendar.index(day): calendar.cutoff(day, delay_minutes) for day in sorted(set(sessions))}
    placed = placed_mentions(mentions, calendar)
    told = told_by_ticker(placed)
    rows: list[dict[str, Any]] = []
    for (ticker, method), scored in scored_by_ticker(scores, placed, confidence_weight).items():
        counts = StoryCounts.of(told[ticker].stories)
        for index in sorted(cutoffs.keys() & scored.keys()):
            today = told_once(scored[index])
            window = decay_weights(scored, index, window_sessions, half_life_sessions)
            rows.append(
                {
                    "ticker": ticker,
                    "session_date": calendar.sessions[index],
                    "method": method,
                    "article_count": len(scored[index]),
                    "story_count": len(today),
                    "mean_sentiment": _capped_mean([(one.weight, one.score) for one in today], article_cap),
                    "decayed_sentiment": _capped_mean(window, article_cap),
                    "buzz": _buzz(counts, index, buzz_history_sessions),
                    "novelty": sum(one.told == index for one in today) / len(today),
                    "dispersion": _population_deviation([one.score for one in today]),
                    "as_of": cutoffs[index],
                    "details": _details(scored[index], today, told[ticker].ids[index], len(window)),
                }
            )
    frame = pl.DataFrame(rows, schema=dict(SENTIMENT_SCHEMA), orient="row")
    return frame.sort("ticker", "session_date", "method")


def _check_settings(half_life: float, buzz_history: int, article_cap: float, window: int) -> None:
    if not (math.isfinite(half_life) and half_life > 0):
        raise ValueError(f"half_life_sessions is {half_life}; expected a number of sessions above 0")
    if buzz_history < 2:
        raise ValueError(f"buzz_history_sessions is {buzz_history}; expected at least 2 sessions")
    if not 0 < article_cap <= 1:
        raise ValueError(f"article_cap is {article_cap}; expected a fraction above 0 and at most 1")
    if window < 1:
        raise ValueError(f"window_sessions is {window}; expected at least 1 session")


def _check_scores(scores: pl.DataFrame) -> None:
    for column, lowest in (("score", -1.0), ("relevance", 0.0), ("confidence", 0.0)):
        wrong = scores.filter(~pl.col(column).is_between(lowest, 1.0).fill_null(False))
        if wrong.height:
            article_id, ticker, value = wrong.select("article_id", "ticker", column).row(0)
            raise ValueError(
                f"{column} of article {article_id} for {ticker} is {value}; expected {lowest} to 1 "
                f"({wrong.height} such rows); correct the scorer and score again"
            )
    key = ["article_id", "ticker", "scorer"]
    twice = scores.filter(scores.select(key).is_duplicated())
    if twice.height:
        article_id, ticker, scorer = twice.select(key).row(0)
        raise ValueError(
            f"article {article_id} has several scores of {scorer!r} for {ticker} ({twice.height} such rows); "
            "pass the scores of one model and prompt version"
        )


def _capped_mean(weighted: list[tuple[float, float]], article_cap: float) -> float:
    total = math.fsum(weight for weight, _ in weighted)
    contributions = (
        max(-article_cap, min(article_cap, weight / total * score)) for weight, score in weighted
    )
    return max(-1.0, min(1.0, math.fsum(contributions)))


def _buzz(counts: StoryCounts, index: int, history: int) -> float | None:
    """Standardised count; the moments are of whole numbers, hence exact before the square root."""
    if index < history:
        return None
    total, squares = counts.sums(index - history, index)
    variance = history * squares - total * total
    if total < MINIMUM_BUZZ_ARTICLES or variance == 0:
        return None
    return (history * counts.sums(index, index + 1)[0] - total) / math.sqrt(variance)


def _population_deviation(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _details(
    articles: list[ScoredArticle], today: list[ScoredArticle], ids: list[str], window_stories: int
) -> str:
    scored = [
        {
            "article_id": one.article_id,
            "score": one.score,
            "relevance": one.relevance,
            "weight": one.weight,
        }
        for one in today
    ]
    counted = {one.article_id for one in today}
    repeats = [one.article_id for one in articles if one.article_id not in counted]
    unscored = sorted(set(ids) - {one.article_id for one in articles})
    content = {
        "stories": scored,
        "repeats": repeats,
        "not_counted": unscored,
        "window_stories": window_stories,
    }
    return json.dumps(content, separators=(",", ":"))
