"""Offline scorer: VADER with the finance word lists that ship in the package ``finvader``.

The lexicon is VADER's (7,506 words, -4 to 4), overridden by SentiBignomics (7,295 words and phrases, -1
to 1, times 0.1), overridden by Henry's list (189 words of earnings releases, -1.5 to 1.5). The factor 0.1
is what ``finvader`` itself applies: 1,529 words to which general English gives a strong sign (``share``,
``interest``, ``gross``) become nearly neutral, while Henry's keep their weight. The package
``finvader`` is never imported, because its import downloads data: its two list files are found without
importing it and loaded by path.

Notes
-----
Measured on Twitter Financial News (labels negative, neutral, positive; a compound of at least 0.05 in
size counts as signed), accuracy / macro-F1 on the 2,388 validation headlines:

=========================================  =============
VADER alone                                .494 / .447
VADER, Henry                               .523 / .498
VADER, SentiBignomics x 1, Henry           .430 / .432
SentiBignomics x 1 below VADER, Henry      .418 / .424
SentiBignomics x 0.1 below VADER, Henry    .514 / .493
VADER, SentiBignomics x 0.1, Henry (used)  .583 / .515
=========================================  =============

The order is the same on 4,000 training headlines (.583 / .521 for the one used), so the choice does not
rest on the validation part. A score near zero is thus often right: most headlines are neutral.

References
----------
Hutto and Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media
Text, ICWSM-14. Consoli, Barbaglia and Manzan (2022), Fine-grained, aspect-based sentiment analysis on
economic and financial lexicon, Knowledge-Based Systems 247. Henry (2008), Are Investors Influenced By How
Earnings Press Releases Are Written?, Journal of Business Communication 45(4).
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from nextgen_resources.errors import ProviderError
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SCORE_SCHEMA

SENTIBIGNOMICS_SCALE = 0.1
_HEADLINE_CHARACTERS, _BODY_CHARACTERS = 500, 4_000
_SHOWN_WORDS = 6


class Scorer:
    """Scores headline and body by the words in them; free, offline, the same on every machine.

    The score is VADER's compound of the headline; with a body, the mean of that and of the mean compound
    of the body's lines and sentences. ``confidence`` is the size of the score. An article without any word
    of the lexicon scores 0.0 with confidence 0.0: that is a measurement (nothing was said), not a failure.
    ``relevance`` is 1.0, since word lists cannot tell whom a sentence is about: the tag of the provider is
    taken at its word. ``model_knowledge_cutoff`` is null, since a word list remembers no event.
    ``rationale`` lists the words that moved the score most, with their valence in context.

    Notes
    -----
    Only the first 500 characters of a headline and 4,000 of a body are read, so that a hostile text cannot
    occupy the process. The word lists are loaded at the first use.

    The size of the score says how far to trust its sign: of the signed validation headlines that are
    not neutral, .70, .83, .87 and .90 had the right sign in the quarters of ascending size. The share of
    words with a valence does not tell (.84, .87, .79, .79), so it is not the confidence.
    """

    name = "lexicon"
    languages = frozenset({"en"})

    @property
    def model(self) -> str:
        """Packages and versions that compute the score."""
        return f"vaderSentiment-{_version('vaderSentiment')}+finvader-{_version('finvader')}"

    @cached_property
    def prompt_version(self) -> str:
        """First 12 hex digits of the hash of the combined lexicon."""
        text = "\n".join(f"{word}\t{valence!r}" for word, valence in sorted(self._analyzer.lexicon.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def score(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Scores of every row of ``articles``; see `SentimentScorer.score`.

        Raises
        ------
        ProviderError
            The word lists are not installed; install the versions in ``constraints.txt``.
        """
        rows = []
        for article_id, ticker, headline, body in articles.select(list(SCORABLE_SCHEMA)).iter_rows():
            score, rationale = self._read(headline, body)
            rows.append((article_id, ticker, score, rationale))
        schema = {name: SCORE_SCHEMA[name] for name in ("article_id", "ticker", "score", "rationale")}
        return (
            pl.DataFrame(rows, schema=schema, orient="row")
            .with_columns(
                pl.lit(self.name).alias("scorer"),
                pl.lit(self.model).alias("model"),
                pl.lit(self.prompt_version).alias("prompt_version"),
                pl.lit(1.0).alias("relevance"),
                pl.col("score").abs().alias("confidence"),
                pl.lit(0.0).alias("cost_usd"),
                pl.lit(None, pl.Date).alias("model_knowledge_cutoff"),
            )
            .select(list(SCORE_SCHEMA))
        )

    def _read(self, headline: str, body: str | None) -> tuple[float, str]:
        """Score and rationale of one article."""
        title = headline[:_HEADLINE_CHARACTERS]
        sentences = sentences_of(body[:_BODY_CHARACTERS]) if body else []
        score = self._compound(title)
        if sentences:
            score = (score + sum(map(self._compound, sentences)) / len(sentences)) / 2
        valences = [pair for text in (title, *sentences) for pair in self._word_valences(text)]
        moving = [(word, valence) for word, valence in valences if valence != 0]
        strongest = sorted(moving, key=lambda pair: -abs(pair[1]))[:_SHOWN_WORDS]
        words = ", ".join(f"{word} {valence:+.2f}" for word, valence in strongest)
        return score, words or "no word of the lexicon"

    def _compound(self, text: str) -> float:
        return float(self._analyzer.polarity_scores(text)["compound"])

    def _word_valences(self, text: str) -> list[tuple[str, float]]:
        """Every word of ``text`` with the valence it has there (negation and emphasis included)."""
        from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentiText

        parsed = SentiText(text)
        valences = []
        for position, word in enumerate(parsed.words_and_emoticons):
            is_booster = word.lower() in BOOSTER_DICT
            found = [] if is_booster else self._analyzer.sentiment_valence(0, parsed, word, position, [])
            valences.append((word.lower(), float(found[0]) if found else 0.0))
        return valences

    @cached_property
    def _analyzer(self) -> Any:
        analyzer = _vader()
        analyzer.lexicon = combined_lexicon()
        return analyzer


def word_lists() -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Valences of VADER, of SentiBignomics as it is published, and of Henry, by word.

    Raises
    ------
    ProviderError
        A package is not installed; install the versions in ``constraints.txt``.
    """
    vader = dict(_vader().lexicon)
    return vader, _word_list("SentiBignomics.py", "lexicon1"), _word_list("Henry.py", "lexicon2")


def combined_lexicon() -> dict[str, float]:
    """VADER, overridden by SentiBignomics times 0.1, overridden by Henry."""
    vader, sentibignomics, henry = word_lists()
    scaled = {word: valence * SENTIBIGNOMICS_SCALE for word, valence in sentibignomics.items()}
    return vader | scaled | henry


def _vader() -> Any:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as error:
        raise ProviderError(_not_installed("vaderSentiment")) from error
    return SentimentIntensityAnalyzer()


def sentences_of(text: str) -> list[str]:
    """Lines and sentences of a body, blank ones left out."""
    broken = text.replace("! ", "!\n").replace("? ", "?\n").replace(". ", ".\n")
    return [line.strip() for line in broken.splitlines() if line.strip()]


def _word_list(file_name: str, function_name: str) -> dict[str, float]:
    """One word list of the package finvader, whose ``__init__`` is not executed."""
    package = importlib.util.find_spec("finvader")
    if package is None or package.origin is None:
        raise ProviderError(_not_installed("finvader"))
    file = Path(package.origin).parent / file_name
    spec = importlib.util.spec_from_file_location(f"_nextgen_{file.stem.lower()}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ProviderError(
            f"lexicon: {file} is missing, expected a word list of finvader 1.0.2; reinstall finvader==1.0.2"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {word: float(valence) for word, valence in getattr(module, function_name)().items()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise ProviderError(_not_installed(package)) from error


def _not_installed(package: str) -> str:
    return f"lexicon: the package {package} is not installed; install the versions in constraints.txt"
