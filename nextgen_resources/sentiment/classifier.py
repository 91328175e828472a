"""Offline scorer: a linear model of words, letters and lexicons that we trained ourselves; fast and small.

Trained on the train part of Twitter Financial News (zeroshot/twitter-financial-news-sentiment, MIT) and on
statements and posts of our own (``short_texts/statements.yaml``, ``post_statements.yaml``). How it is read, in
particular how much it trusts itself on text unlike that, was chosen on folds of the same source, on labelled
stock tweets (IEEE DataPort, CC BY 4.0) and on the headlines of the bundled chronicle, none of which a weight
was fitted to. The recipe,
with hashes of all text, is ``short_texts/recipe.json``; ``nextgen train-classifier`` repeats it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_resources.sentiment import SCORABLE_SCHEMA, SCORE_SCHEMA
from nextgen_resources.sentiment.lexicon import sentences_of

_HEADLINE_CHARACTERS, _BODY_CHARACTERS, _BODY_SENTENCES = 500, 4_000, 40
_SHOWN_WORDS, _DIGITS, _BATCH = 4, 6, 4_096
_LEAST_SHOWN = 0.05


class Scorer:
    """Scores headline and body by a linear model; free, offline, thousands of texts a second.

    The score is ``p_positive - p_negative``, bent so that text called neutral is below 0.05 in size; with a
    body, the mean of the headline's score and of the mean score of the body's sentences. ``confidence`` is the
    probability of what was called, averaged alike. ``relevance`` is 1.0, as for the lexicon. The training
    text ends in 2020, but weights of single words recall no event: ``model_knowledge_cutoff`` is null.
    ``rationale`` lists the words that moved the headline most, with their part in the logit of positive over
    negative.

    Notes
    -----
    Only the first 500 characters of a headline and the first 40 sentences within 4,000 characters of a body
    are read. A row is scored alone: the same text gives the same bytes, whatever stands beside it.
    """

    name = "classifier"
    languages = frozenset({"en"})

    @property
    def model(self) -> str:
        """Kind of the model and the beginning of the hash of its weights."""
        return f"short-texts-{_shipped().sha256[:12]}"

    @cached_property
    def prompt_version(self) -> str:
        """Versions of the word lists among its features: those of the lexicon, and our own."""
        from nextgen_resources.sentiment.lexicon import Scorer as Lexicon
        from nextgen_resources.sentiment.short_texts.posts import trader_words_version

        return f"{Lexicon().prompt_version}-{trader_words_version()}"

    def score(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Scores of every row of ``articles``; see `SentimentScorer.score`.

        Raises
        ------
        ProviderError
            The weights or the word lists are missing or not the ones of this version.
        """
        rows = articles.select(list(SCORABLE_SCHEMA))
        parts = [self._scores(rows[start : start + _BATCH]) for start in range(0, rows.height, _BATCH)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=dict(SCORE_SCHEMA))

    def _scores(self, rows: pl.DataFrame) -> pl.DataFrame:
        titles = rows["headline"].str.slice(0, _HEADLINE_CHARACTERS)
        sentences = [
            sentences_of(body[:_BODY_CHARACTERS])[:_BODY_SENTENCES] if body else [] for body in rows["body"]
        ]
        counts = np.array([len(each) for each in sentences], dtype=np.int64)
        texts = pl.concat([titles, pl.Series([one for each in sentences for one in each], dtype=pl.String)])
        score, confidence, rationale = _read(texts, rows.height)
        owner = np.repeat(np.arange(rows.height), counts)
        return rows.select("article_id", "ticker").select(
            pl.all(),
            pl.lit(self.name).alias("scorer"),
            pl.lit(self.model).alias("model"),
            pl.lit(self.prompt_version).alias("prompt_version"),
            pl.Series("score", _with_body(score, owner, counts)),
            pl.lit(1.0).alias("relevance"),
            pl.Series("confidence", _with_body(confidence, owner, counts)),
            rationale.alias("rationale"),
            pl.lit(0.0).alias("cost_usd"),
            pl.lit(None, pl.Date).alias("model_knowledge_cutoff"),
        )


Floats = npt.NDArray[np.float64]


def _shipped() -> Any:
    from nextgen_resources.sentiment.short_texts.weights import shipped_model

    return shipped_model()


def _read(texts: pl.Series, n_titles: int) -> tuple[Floats, Floats, pl.Series]:
    """Score and confidence of every text, and the rationale of the first ``n_titles``."""
    from nextgen_resources.sentiment.short_texts.features import text_features

    model, features = _shipped(), text_features(texts)
    probabilities = model.probabilities(features)
    score = model.reading.scores(probabilities)
    called = np.where(score >= 0.05, 2, np.where(score <= -0.05, 0, 1))
    confidence = probabilities[np.arange(len(called)), called]
    toward = model.weights[:, 2] - model.weights[:, 0]
    moving = pl.DataFrame(
        {
            "text": features.words.text,
            "word": features.words.vocabulary.gather(features.words.word),
            "part": toward[features.word_columns],
        }
    ).filter((pl.col("text") < n_titles) & (pl.col("part").abs() >= _LEAST_SHOWN))
    shown = (
        moving.unique(["text", "word"], maintain_order=True)
        .sort("text", pl.col("part").abs(), descending=[False, True], maintain_order=True)
        .group_by("text", maintain_order=True)
        .head(_SHOWN_WORDS)
    )
    worded = shown.group_by("text", maintain_order=True).agg(
        pl.format("{} {}", "word", pl.col("part").round(2)).str.join(", ").alias("rationale")
    )
    every = pl.DataFrame({"text": np.arange(n_titles)}).join(
        worded, on="text", how="left", maintain_order="left"
    )
    return score, confidence, every["rationale"].fill_null("no word that moves it")


def _with_body(values: Floats, owner: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Floats:
    """Mean of headline and body; the headline alone where there is no body."""
    n_titles = len(counts)
    title, body = values[:n_titles], np.bincount(owner, values[n_titles:], minlength=n_titles)
    mean = np.where(counts > 0, (title + body / np.maximum(counts, 1)) / 2, title)
    return np.asarray(np.round(mean, _DIGITS))
