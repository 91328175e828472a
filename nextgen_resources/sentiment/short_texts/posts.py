"""Posts rather than headlines: how much a text looks like one, and what the words of people who trade mean.

Whoever posts takes a side more often than whoever reports, and says it in words that general word lists do not know
or read the other way round ("undervalued", "squeeze", "puts"). So a post is read with less prejudice for neutral
and with more weight on those words; see `nextgen_resources.sentiment.short_texts.weights`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import polars as pl

TRADER_WORDS_FILE = "trader_words.yaml"
_SURE_MARKS = 2
_PERSONAL = (
    r"\b(?:i|i'm|im|i’m|i'll|i've|you|u|we|my|your|me|lol|lmao|imo|imho|wtf|gonna|wanna|dont|lets|let's|guys|anyone|"
    r"yall|they|he|this|here)\b"
)
_SIGNS = r"[\x{2600}-\x{27BF}\x{1F000}-\x{1FAFF}]"
_NAMES_AND_LINKS = r"[$#@]\w+|https?://\S+"


def informality(texts: pl.Series) -> npt.NDArray[np.float64]:
    """How much each text looks like a post: 0, one mark of a post 0.5, two or more 1; shape (n_texts,).

    The marks: addresses or repeats somebody (``@``, ``RT``), two hashtags, two cashtags, a pictograph, a word
    between people (I, you, lol, imo), and a first word in small letters.

    Examples
    --------
    >>> informality(pl.Series(["Profit rose 5%", "$KSTL ripping, I love it", "RT @x: long $KSTL $HLV lol"])).tolist()
    [0.0, 1.0, 1.0]
    """
    text = pl.col("text")
    marks = pl.sum_horizontal(
        text.str.contains(r"^RT |@\w"),
        text.str.count_matches(r"#\w") >= 2,
        text.str.count_matches(r"\$[A-Za-z]") >= 2,
        text.str.contains(_SIGNS),
        text.str.to_lowercase().str.contains(_PERSONAL),
        text.str.replace_all(_NAMES_AND_LINKS, "").str.strip_chars().str.contains(r"^\p{Ll}"),
    )
    counts = pl.DataFrame({"text": texts.cast(pl.String)}).select(marks).to_series().to_numpy()
    return np.minimum(counts / _SURE_MARKS, 1.0)


@cache
def trader_words() -> dict[str, float]:
    """Valence of each word of ``trader_words.yaml``, -4 to 4."""
    import yaml

    listed = yaml.safe_load(_content())
    return {word: float(valence) for valence, words in listed.items() for word in words}


@cache
def trader_words_version() -> str:
    """First 12 hex digits of the hash of the file."""
    return hashlib.sha256(_content()).hexdigest()[:12]


def _content() -> bytes:
    return resources.files(__package__).joinpath(TRADER_WORDS_FILE).read_bytes()
