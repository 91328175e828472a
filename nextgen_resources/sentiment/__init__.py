"""Scorers of news: the contract that every scorer meets, and how one is found by name.

A scorer is a module of this package that exports a class named ``Scorer``; its module name is its name in
the settings and the ``method`` of the sentiment that rests on it. A scorer reads text and answers numbers;
the text of an article is data, never an instruction. Importing this package reads no file and connects to
nothing; neither does constructing a scorer.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import polars as pl

from nextgen_resources.plug_ins import load_plug_in, plug_in_names

NEUTRAL_BAND = 0.05
"""A score below this in size says neutral; every scorer scales its scores so that this holds."""

SCORABLE_SCHEMA = MappingProxyType(
    {"article_id": pl.String(), "ticker": pl.String(), "headline": pl.String(), "body": pl.String()}
)
"""Columns that a scorer reads, one row per article and ticker; ``body`` may be null."""

SCORE_SCHEMA = MappingProxyType(
    {
        "article_id": pl.String(),
        "ticker": pl.String(),
        "scorer": pl.String(),
        "model": pl.String(),
        "prompt_version": pl.String(),
        "score": pl.Float64(),
        "relevance": pl.Float64(),
        "confidence": pl.Float64(),
        "rationale": pl.String(),
        "cost_usd": pl.Float64(),
        "model_knowledge_cutoff": pl.Date(),
    }
)
"""Columns of a frame of scores; only ``model_knowledge_cutoff`` may be null."""


@runtime_checkable
class SentimentScorer(Protocol):
    """What every scorer offers.

    ``(name, model, prompt_version)`` names the function from text to score: a change of any of them makes
    a new score beside the old one, and the same three give the same score. A scorer that knows only some
    languages has an attribute ``languages``, a frozenset of ISO 639-1 codes: articles in others have no score by it.
    """

    @property
    def name(self) -> str:
        """The module name, which is also the name in the settings."""
        ...  # pragma: no cover

    @property
    def model(self) -> str:
        """What computes the score, with its version."""
        ...  # pragma: no cover

    @property
    def prompt_version(self) -> str:
        """Version of what the model was told: a prompt, or the hash of a lexicon."""
        ...  # pragma: no cover

    def score(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Scores of ``articles`` for their tickers.

        Parameters
        ----------
        articles : polars.DataFrame
            At least the columns of ``SCORABLE_SCHEMA``. A row is scored alone: its score does not depend
            on the other rows.

        Returns
        -------
        polars.DataFrame
            Columns of ``SCORE_SCHEMA``, in the order of ``articles``. ``score`` runs from -1 (bad for the
            ticker) to 1 (good); ``relevance`` and ``confidence`` from 0 to 1; ``cost_usd`` is what the call
            cost. An item that could not be scored is absent: a failure never becomes a number.
        """
        ...  # pragma: no cover


def sentiment_scorer_names() -> list[str]:
    """Names of the scorers of this package, ascending."""
    return plug_in_names(__name__, "Scorer")


def load_sentiment_scorer(name: str, **options: Any) -> SentimentScorer:
    """The scorer called ``name``, constructed with ``options``.

    Parameters
    ----------
    name : str
        Module name inside this package.
    **options : object
        Keyword arguments of the scorer's constructor.

    Raises
    ------
    SettingsError
        No such scorer, or an option that it does not take; the message lists the valid ones.
    """
    scorer: SentimentScorer = load_plug_in(__name__, "Scorer", "sentiment scorer", name, options)
    return scorer
