"""Scored articles as stories: placed in time, told once, counted per session."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar


@dataclass(frozen=True, slots=True)
class ScoredArticle:
    """One scored article about one ticker; ``told`` is the session index of the first telling of its story."""

    article_id: str
    story_id: str
    told: int
    score: float
    relevance: float
    weight: float


@dataclass(frozen=True, slots=True)
class StoryCounts:
    """Story counts of one ticker: the sessions that have any, and running sums of whole numbers."""

    indexes: list[int]
    totals: list[int]
    squares: list[int]

    @classmethod
    def of(cls, stories: Mapping[int, set[str]]) -> StoryCounts:
        indexes = sorted(stories)
        counts = [len(stories[index]) for index in indexes]
        squares = (count * count for count in counts)
        return cls(indexes, [0, *accumulate(counts)], [0, *accumulate(squares)])

    def sums(self, first: int, stop: int) -> tuple[int, int]:
        """Sum of the counts and of their squares over the session indexes ``first`` to ``stop - 1``."""
        low, high = bisect_left(self.indexes, first), bisect_left(self.indexes, stop)
        return self.totals[high] - self.totals[low], self.squares[high] - self.squares[low]


@dataclass(frozen=True, slots=True)
class ToldArticles:
    """All articles about one ticker by session index, scored or not: their ids and their stories."""

    ids: defaultdict[int, list[str]]
    stories: defaultdict[int, set[str]]


ByIndex = dict[int, list[ScoredArticle]]


def placed_mentions(mentions: pl.DataFrame, calendar: SessionCalendar) -> pl.DataFrame:
    """``mentions`` in the order in which they were told, with the indexes of their sessions."""
    days = {*mentions["session_date"].unique(), *mentions["story_session_date"].unique()}
    indexes = {day: calendar.index(day) for day in days}
    return mentions.with_columns(
        index=pl.col("session_date").replace_strict(indexes, return_dtype=pl.Int64),
        told=pl.col("story_session_date").replace_strict(indexes, return_dtype=pl.Int64),
    ).sort("ticker", "index", "published_at", "article_id")


def told_by_ticker(placed: pl.DataFrame) -> dict[str, ToldArticles]:
    found: defaultdict[str, ToldArticles] = defaultdict(
        lambda: ToldArticles(defaultdict(list), defaultdict(set))
    )
    for ticker, index, article_id, story_id in placed.select(
        "ticker", "index", "article_id", "story_id"
    ).iter_rows():
        one = found[ticker]
        one.ids[index].append(article_id)
        one.stories[index].add(story_id)
    return found


def scored_by_ticker(
    scores: pl.DataFrame, placed: pl.DataFrame, confidence_weight: float
) -> dict[tuple[str, str], ByIndex]:
    """Scored articles of positive weight by ticker and method, then session index, as they were told."""
    trust = 1.0 - confidence_weight + confidence_weight * pl.col("confidence_right")
    joined = (
        placed.join(scores, on=["article_id", "ticker"], how="inner")
        .with_columns(weight=pl.col("relevance") * pl.col("confidence") * trust)
        .filter(pl.col("weight") > 0)
        .sort("ticker", "scorer", "index", "published_at", "article_id")
    )
    found: defaultdict[tuple[str, str], ByIndex] = defaultdict(lambda: defaultdict(list))
    columns = ("ticker", "scorer", "index", "article_id", "story_id", "told", "score", "relevance", "weight")
    for ticker, method, index, *article in joined.select(columns).iter_rows():
        found[ticker, method][index].append(ScoredArticle(*article))
    return found


def told_once(articles: list[ScoredArticle]) -> list[ScoredArticle]:
    """The first article of each story."""
    stories: dict[str, ScoredArticle] = {}
    for one in articles:
        stories.setdefault(one.story_id, one)
    return list(stories.values())


def decay_weights(
    scored: ByIndex, index: int, window_sessions: int, half_life: float
) -> list[tuple[float, float]]:
    """(weight, score) of every story of the window that ends at ``index``, aged from its first telling."""
    inside = [
        one for at in range(index - window_sessions + 1, index + 1) if at in scored for one in scored[at]
    ]
    stories = told_once(inside)
    newest = max(one.told for one in stories)  # shares do not change, and weights do not vanish
    return [(one.weight * 0.5 ** ((newest - one.told) / half_life), one.score) for one in stories]
