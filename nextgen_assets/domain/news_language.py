"""The language of an article: what its source says, else what its words look like."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import polars as pl

UNDETERMINED = "und"
LANGUAGES = ("ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl",
             "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh")  # fmt: skip
"""What is told apart; a model of 97 languages would take many a short headline for a rare one."""
MINIMUM_PROBABILITY = 0.8
MINIMUM_PROBABILITY_OF_ENGLISH = 0.45
MINIMUM_LETTERS = 12
_READ_CHARACTERS = 400
_STATED = r"^[a-z]{2,3}$"
_NOISE = re.compile(r"https?://\S+|[$@#]\w+|\d+")


def languages_of(stated: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """The language of each article.

    Parameters
    ----------
    stated : polars.Series
        What the source says (``en``, ``en-US``, null). It wins whenever it reads as a language.
    texts : polars.Series
        Headline and perhaps the beginning of the body.

    Returns
    -------
    polars.DataFrame
        ``language``, ISO 639 code or ``und``; ``language_is_detected``, whether the text decided.

    Notes
    -----
    Detection is by py3langid (naive Bayes on byte n-grams) among `LANGUAGES`, on the first 400
    characters without links, cashtags and numbers. Text of fewer than 12 letters (alphabets) and answers
    below a probability of 0.8 (0.45 for English, which most financial news are in) stay ``und``. The
    model loads at the first text whose language nobody states.
    """
    said = stated.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace(r"[-_].*$", "")
    known = said.str.contains(_STATED).fill_null(False) & (said != UNDETERMINED).fill_null(False)
    found = [
        code if is_stated else detected(text or "")
        for code, is_stated, text in zip(said.to_list(), known.to_list(), texts.to_list(), strict=True)
    ]
    return pl.DataFrame(
        {"language": pl.Series(found, dtype=pl.String), "language_is_detected": ~known},
        schema={"language": pl.String, "language_is_detected": pl.Boolean},
    )


def detected(text: str) -> str:
    """The language that ``text`` looks like, or ``und``."""
    words = _NOISE.sub(" ", text[:_READ_CHARACTERS]).strip()
    letters = sum(1 + 2 * (character > "\u2e80") for character in words if character.isalpha())
    if letters < MINIMUM_LETTERS:
        return UNDETERMINED
    language, probability = _identifier().classify(words)
    enough = MINIMUM_PROBABILITY_OF_ENGLISH if language == "en" else MINIMUM_PROBABILITY
    return str(language) if probability >= enough else UNDETERMINED


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
