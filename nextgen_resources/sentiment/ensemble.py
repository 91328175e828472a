"""Several scorers as one, weighted by the settings and under a name of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from nextgen_resources.errors import SettingsError
from nextgen_resources.sentiment import SCORE_SCHEMA, SentimentScorer
from nextgen_resources.sentiment.outcomes import (
    COMPLETE,
    FAILURE_SCHEMA,
    Reserve,
    ScoringOutcome,
    attempt_scores,
)

_KEY = ["article_id", "ticker"]


def _beside(reserve: Reserve, spent_usd: float) -> Reserve:
    """``reserve`` for one member, told of what the others have spent as well."""
    return lambda so_far: reserve(replace(so_far, cost_usd=so_far.cost_usd + spent_usd))


def _forget(outcomes: Sequence[ScoringOutcome]) -> None:
    for outcome in outcomes:
        outcome.forget()


class Scorer:
    """Weighted mean of its members' scores, relevances and confidences.

    An item has a score only where every member gave one: the mean of those that happened to answer would be
    another method under the same name. Its cost is the sum of theirs; its knowledge cut-off is the latest.

    Parameters
    ----------
    members : sequence of (SentimentScorer, float)
        Scorers with their weights, above 0.

    Raises
    ------
    SettingsError
        No member, or a weight that is not above 0.
    """

    name = "ensemble"

    def __init__(self, members: Sequence[tuple[SentimentScorer, float]]) -> None:
        if not members or any(not weight > 0 for _, weight in members):
            raise SettingsError("ensemble: name scorers with weights above 0 in scoring.ensemble_weights")
        self._members = tuple(members)
        total = sum(weight for _, weight in self._members)
        self._shares = [weight / total for _, weight in self._members]

    @property
    def languages(self) -> frozenset[str] | None:
        """Languages that every member knows; None where no member declares any."""
        declared = [
            each for scorer, _ in self._members if (each := getattr(scorer, "languages", None)) is not None
        ]
        return frozenset.intersection(*declared) if declared else None

    @property
    def knowledge_cutoff(self) -> date | None:
        """Last day that any member may remember; None where none remembers anything."""
        known = (getattr(scorer, "knowledge_cutoff", None) for scorer, _ in self._members)
        return max((day for day in known if day is not None), default=None)

    @property
    def model(self) -> str:
        """Members with their shares and models."""
        pairs = zip(self._members, self._shares, strict=True)
        return "+".join(f"{share:.4f}*{scorer.name}:{scorer.model}" for (scorer, _), share in pairs)

    @property
    def prompt_version(self) -> str:
        """Hash of the members' versions."""
        text = "|".join(scorer.prompt_version for scorer, _ in self._members)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def score(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Scores of the rows that every member scored; see `SentimentScorer.score`."""
        return self.attempt(articles, float("inf")).scores

    def attempt(
        self, articles: pl.DataFrame, budget_usd: float, reserve: Reserve | None = None
    ) -> ScoringOutcome:
        """Score ``articles`` with every member; see `PayingScorer.attempt`."""
        outcomes: list[ScoringOutcome] = []
        for scorer, _ in self._members:
            spent = sum(outcome.cost_usd for outcome in outcomes)
            told = _beside(reserve, spent) if reserve else None
            outcomes.append(attempt_scores(scorer, articles, budget_usd - spent, told))
        failures = pl.concat([outcome.failures for outcome in outcomes]).unique(_KEY, maintain_order=True)
        mine = {"scorer": self.name, "model": self.model, "prompt_version": self.prompt_version}
        detail = pl.format("{}: {}", "scorer", "detail").alias("detail")
        status = next((outcome.status for outcome in outcomes if outcome.status != COMPLETE), COMPLETE)
        return ScoringOutcome(
            self._mean(articles, [outcome.scores for outcome in outcomes]),
            failures.with_columns(detail)
            .with_columns(**{k: pl.lit(v) for k, v in mine.items()})
            .select(list(FAILURE_SCHEMA)),
            status,
            sum(outcome.calls for outcome in outcomes),
            sum(outcome.input_tokens for outcome in outcomes),
            sum(outcome.output_tokens for outcome in outcomes),
            sum(outcome.most_usd for outcome in outcomes),
            sum(outcome.cost_usd for outcome in outcomes),
            sum(outcome.kept for outcome in outcomes),
            lambda: _forget(outcomes),
        )

    def _mean(self, articles: pl.DataFrame, scores: list[pl.DataFrame]) -> pl.DataFrame:
        table = articles.select(_KEY)
        for number, frame in enumerate(scores):
            own = frame.select(*_KEY, pl.exclude(_KEY).name.suffix(f"_{number}"))
            table = table.join(own, on=_KEY, how="inner", maintain_order="left")
        numbers = range(len(scores))

        def mean(column: str, lowest: float) -> pl.Expr:
            parts = [pl.col(f"{column}_{n}") * self._shares[n] for n in numbers]
            return pl.sum_horizontal(parts).clip(lowest, 1.0).alias(column)

        told = [pl.format(f"{self._members[n][0].name} {{}}", pl.col(f"score_{n}").round(2)) for n in numbers]
        return table.select(
            *_KEY,
            pl.lit(self.name).alias("scorer"),
            pl.lit(self.model).alias("model"),
            pl.lit(self.prompt_version).alias("prompt_version"),
            mean("score", -1.0),
            mean("relevance", 0.0),
            mean("confidence", 0.0),
            pl.concat_str(told, separator=", ").alias("rationale"),
            pl.sum_horizontal([f"cost_usd_{n}" for n in numbers]).alias("cost_usd"),
            pl.max_horizontal([f"model_knowledge_cutoff_{n}" for n in numbers]).alias(
                "model_knowledge_cutoff"
            ),
        ).cast(dict(SCORE_SCHEMA))  # type: ignore[arg-type]
