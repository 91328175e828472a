"""From scored articles to one sentiment per ticker, session and scoring method."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Any

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

DEFAULT_WINDOW_SESSIONS = 20
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
    "as_of": pl.Datetime("us", "UTC"),
    "details": pl.String(),
}


@dataclass(frozen=True, slots=True)
class _Scored:
    article_id: str
    score: float
    relevance: float


@dataclass(frozen=True, slots=True)
class _Counts:
    """Article counts of one ticker: the sessions that have any, and running sums of whole numbers."""

    indexes: list[int]
    totals: list[int]
    squares: list[int]

    @classmethod
    def of(cls, ids: Mapping[int, list[str]]) -> _Counts:
        indexes = sorted(ids)
        counts = [len(ids[index]) for index in indexes]
        squares = (count * count for count in counts)
        return cls(indexes, [0, *accumulate(counts)], [0, *accumulate(squares)])

    def sums(self, first: int, stop: int) -> tuple[int, int]:
        """Sum of the counts and of their squares over the session indexes ``first`` to ``stop - 1``."""
        low, high = bisect_left(self.indexes, first), bisect_left(self.indexes, stop)
        return self.totals[high] - self.totals[low], self.squares[high] - self.squares[low]


_ByIndex = dict[int, list[_Scored]]
_ArticleIds = dict[str, dict[int, list[str]]]


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
    articles: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    *,
    half_life_sessions: float,
    delay_minutes: int,
    buzz_history_sessions: int,
    article_cap: float,
    window_sessions: int = DEFAULT_WINDOW_SESSIONS,
) -> pl.DataFrame:
    r"""Sentiment of every ticker and session of ``sessions`` that admits a scored article.

    With relevance :math:`r_i`, score :math:`s_i` and age :math:`a_i` in sessions, the share of an article
    is :math:`p_i = r_i 2^{-a_i/h} / \sum_j r_j 2^{-a_j/h}`, and both means are
    :math:`\sum_i \min(c, \max(-c, p_i s_i))`: ``mean_sentiment`` over the articles of the session,
    ``decayed_sentiment`` over those of the last ``window_sessions`` sessions, this one included.

    Parameters
    ----------
    scores : polars.DataFrame
        article_id, ticker, scorer, score, relevance; one row per article, ticker and scorer.
    articles : polars.DataFrame
        article_id, session_date (the admitting session), tickers. Must cover `history_sessions` sessions
        before the first wanted one; rows outside that reach change nothing.
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
        Largest contribution of one article to a mean, above 0 and at most 1.
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

    Winsorising: an article with share p enters as if its score were at most ``article_cap / p`` in size, so
    that making any one article neutral moves a mean by at most ``article_cap``. A lone article of
    the session has share 1, and ``mean_sentiment`` is then at most ``article_cap``: one planted article
    cannot speak for a ticker. ``dispersion`` is the population standard deviation of the scores as given.

    ``article_count`` counts the scored articles of positive relevance; no such article, no row. ``buzz``
    counts all articles that name the ticker, scored or not, so that a scorer that failed does not look
    like silence, against the counts of the earlier sessions, zeros included.

    Sums are exactly rounded (``math.fsum``) over a window of fixed length: a session alone and within a
    range gives the same bytes.
    """
    _check_settings(half_life_sessions, buzz_history_sessions, article_cap, window_sessions)
    _check_scores(scores)
    cutoffs = {calendar.index(day): calendar.cutoff(day, delay_minutes) for day in sorted(set(sessions))}
    article_ids = _article_ids(articles, calendar)
    rows: list[dict[str, Any]] = []
    for (ticker, method), scored in _scored(scores, articles, calendar).items():
        ids = article_ids[ticker]
        counts = _Counts.of(ids)
        for index in sorted(cutoffs.keys() & scored.keys()):
            today = scored[index]
            window = _decay_weights(scored, index, window_sessions, half_life_sessions)
            rows.append(
                {
                    "ticker": ticker,
                    "session_date": calendar.sessions[index],
                    "method": method,
                    "article_count": len(today),
                    "mean_sentiment": _capped_mean(
                        [(one.relevance, one.score) for one in today], article_cap
                    ),
                    "decayed_sentiment": _capped_mean(window, article_cap),
                    "buzz": _buzz(counts, index, buzz_history_sessions),
                    "dispersion": _population_deviation([one.score for one in today]),
                    "as_of": cutoffs[index],
                    "details": _details(today, ids.get(index, []), len(window)),
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
    for column, lowest in (("score", -1.0), ("relevance", 0.0)):
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


def _scored(
    scores: pl.DataFrame, articles: pl.DataFrame, calendar: SessionCalendar
) -> dict[tuple[str, str], _ByIndex]:
    """Scored articles of positive relevance by ticker and method, then session index, sorted by id."""
    named = articles.select("article_id", "session_date", ticker="tickers").explode("ticker")
    joined = scores.filter(pl.col("relevance") > 0).join(named, on=["article_id", "ticker"], how="inner")
    columns = ("ticker", "scorer", "session_date", "article_id", "score", "relevance")
    found: defaultdict[tuple[str, str], _ByIndex] = defaultdict(lambda: defaultdict(list))
    for ticker, method, session, article_id, score, relevance in (
        joined.select(columns).sort("ticker", "scorer", "session_date", "article_id").iter_rows()
    ):
        found[ticker, method][calendar.index(session)].append(_Scored(article_id, score, relevance))
    return found


def _article_ids(articles: pl.DataFrame, calendar: SessionCalendar) -> _ArticleIds:
    """Ids of all articles, scored or not, by ticker and session index."""
    found: defaultdict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    named = articles.select("article_id", "session_date", ticker="tickers").explode("ticker")
    for article_id, session, ticker in named.sort("ticker", "session_date", "article_id").iter_rows():
        found[ticker][calendar.index(session)].append(article_id)
    return found


def _decay_weights(
    scored: _ByIndex, index: int, window_sessions: int, half_life: float
) -> list[tuple[float, float]]:
    """(weight, score) of every article of the window that ends at ``index``."""
    return [
        (one.relevance * 0.5 ** (age / half_life), one.score)
        for age in range(window_sessions)
        for one in scored.get(index - age, ())
    ]


def _capped_mean(weighted: list[tuple[float, float]], article_cap: float) -> float:
    total = math.fsum(weight for weight, _ in weighted)
    contributions = (
        max(-article_cap, min(article_cap, weight / total * score)) for weight, score in weighted
    )
    return max(-1.0, min(1.0, math.fsum(contributions)))


def _buzz(counts: _Counts, index: int, history: int) -> float | None:
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


def _details(today: list[_Scored], ids: list[str], window_articles: int) -> str:
    scored = [{"article_id": one.article_id, "score": one.score, "relevance": one.relevance} for one in today]
    unscored = sorted(set(ids) - {one.article_id for one in today})
    content = {"articles": scored, "not_counted": unscored, "window_articles": window_articles}
    return json.dumps(content, separators=(",", ":"))
