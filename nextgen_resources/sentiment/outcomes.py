"""What came of scoring: scores, failures with their class, what it cost, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import polars as pl

from nextgen_resources.sentiment import SentimentScorer

FAILURE_SCHEMA = MappingProxyType(
    {
        "article_id": pl.String(),
        "ticker": pl.String(),
        "scorer": pl.String(),
        "model": pl.String(),
        "prompt_version": pl.String(),
        "error_class": pl.String(),
        "detail": pl.String(),
        "retry_after_seconds": pl.Float64(),
    }
)
"""Columns of a frame of failures: items that were tried and have no score.

``retry_after_seconds`` is the wait that the service stated, null where it stated none.
"""

COMPLETE, BUDGET_REACHED, STOPPED = "complete", "budget_reached", "stopped"
OTHER_LANGUAGE = "other_language"
"""Class of an article in a language that the scorer does not know: it abstains, and for good."""

_UNDETERMINED = "und"


def _nothing_to_forget() -> None:
    """For scorers that keep nothing."""


@dataclass(frozen=True)
class ScoringOutcome:
    """What came of scoring some items.

    Attributes
    ----------
    scores : polars.DataFrame
        Columns of ``SCORE_SCHEMA``.
    failures : polars.DataFrame
        Columns of ``FAILURE_SCHEMA``; no item is in both.
    status : str
        ``complete``: every item was tried. ``budget_reached``: the articles left would have gone beyond the
        budget; each article was tried for all of its tickers or for none. ``stopped``: the service failed
        again and again, so the rest was left for later.
    calls, input_tokens, output_tokens : int
        Calls made, and tokens as the service counted them.
    most_usd : float
        The most that the calls made could have cost, as reckoned before them.
    cost_usd : float
        What they cost, those that failed included.
    kept : int
        Replies that an unfinished run had paid for; no call was made for them.
    forget : callable
        Lets go of the replies that were kept for the case that the run is cut off; call it once scores and
        failures are stored.
    """

    scores: pl.DataFrame
    failures: pl.DataFrame
    status: str = COMPLETE
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    most_usd: float = 0.0
    cost_usd: float = 0.0
    kept: int = 0
    forget: Callable[[], None] = _nothing_to_forget


Reserve = Callable[[ScoringOutcome], None]
"""Told before calls go out what came so far; ``cost_usd`` holds the most that the calls about to go can cost."""


@runtime_checkable
class PayingScorer(Protocol):
    """A scorer whose calls cost money or may fail."""

    def attempt(
        self, articles: pl.DataFrame, budget_usd: float, reserve: Reserve | None = None
    ) -> ScoringOutcome:
        """Score ``articles`` for at most ``budget_usd``; an article for all of its tickers or for none."""
        ...  # pragma: no cover


def attempt_scores(
    scorer: SentimentScorer, articles: pl.DataFrame, budget_usd: float, reserve: Reserve | None = None
) -> ScoringOutcome:
    """What comes of scoring ``articles`` with any scorer; items that it passes over have failed.

    Where ``articles`` has a column ``language`` (ISO 639-1 code, ``und``) and the scorer declares ``languages``, those
    in another language are not shown to it: its number would be about words that it does not know. It is
    taken to know what nobody could determine, which is mostly a few words and figures.
    """
    known, foreign = _by_language(scorer, articles)
    if isinstance(scorer, PayingScorer):
        outcome = scorer.attempt(known, budget_usd, reserve)
    else:
        scores = scorer.score(known)
        left = known.join(scores, on=["article_id", "ticker"], how="anti")
        passed_over = _failures(scorer, left, "unscored", pl.lit("the scorer passed it over"))
        outcome = ScoringOutcome(scores, passed_over, cost_usd=float(scores["cost_usd"].sum()))
    if foreign.is_empty():
        return outcome
    words = pl.format("the article is in {}, which the scorer does not know", "language")
    abstained = _failures(scorer, foreign, OTHER_LANGUAGE, words)
    return replace(outcome, failures=pl.concat([outcome.failures, abstained]))


def _by_language(scorer: SentimentScorer, articles: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The articles in languages of the scorer, and the others."""
    languages: frozenset[str] | None = getattr(scorer, "languages", None)
    if languages is None or "language" not in articles.columns:
        return articles, articles.clear()
    is_known = pl.col("language").is_in([*languages, _UNDETERMINED]).fill_null(True)
    return articles.filter(is_known), articles.filter(~is_known)


def _failures(
    scorer: SentimentScorer, items: pl.DataFrame, error_class: str, detail: pl.Expr
) -> pl.DataFrame:
    return items.select(
        "article_id",
        "ticker",
        pl.lit(scorer.name).alias("scorer"),
        pl.lit(scorer.model).alias("model"),
        pl.lit(scorer.prompt_version).alias("prompt_version"),
        pl.lit(error_class).alias("error_class"),
        detail.alias("detail"),
        pl.lit(None, pl.Float64).alias("retry_after_seconds"),
    )
