"""Texts as words: normalised, cut into tokens, each token hashed, all texts in one vectorised pass.

What names a source rather than an opinion is removed: links, user names, cashtags. Figures become signs of
what they say: ``zplus`` and ``zminus`` for signed changes, ``zpct`` for percentages, ``znum`` for the rest;
where a text compares two figures (*10.45 bln vs. 9.83 bln a year ago*), ``zmore`` or ``zless`` says which
way, and ``zmoreloss`` or ``zlessloss`` where the figure is one that should be small.

References
----------
Fowler, Noll, Vo: the FNV-1a hash. Appleby: the finaliser of MurmurHash3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

TEXT_CHARACTERS = 2_000
LONGEST_WORD_BYTES = 24
_FIGURE = r"\d(?:[\d.,]*\d)?"
_COMPARED = rf"({_FIGURE})[^\d]{{0,45}}?\b(?:vs|versus|from|compared (?:to|with)|against|year ago)\b[^\d]{{0,35}}?({_FIGURE})"
_BETTER_SMALL = r"\bloss|\bunemploy|\bjobless|\bdebt\b|\bcosts?\b"
_REMOVED = (
    (r"&amp;", " & "),
    (r"&[lg]t;", " "),
    (r"[’`´]", "'"),
    (r"https?://\S+", " "),
    (r"\brt @\w+:?", " "),
    (r"@\w+", " "),
    (r"\$[a-z][a-z.]{0,7}\b", " "),
    (r"#", " "),
    (r"\bu\.s\.", "us"),
    (r"\bu\.k\.", "uk"),
)
_FIGURES = (
    (r"\+\s?\$?\d[\d.,]*%?", " zplus "),
    (r"(^|[\s(])[-–−]\s?\$?\d[\d.,]*%?", " zminus "),
    (r"\d[\d.,]*\s?%", " zpct "),
    (_FIGURE, " znum "),
)
_TOKEN = r"\p{L}[\p{L}']*|[!?%]|[^\x00-\x{2BFF}]"  # noqa: S105 -- a pattern of words, no secret
_FNV_BASIS, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
Hashes = npt.NDArray[np.uint64]
Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """The words of many texts, in order.

    Attributes
    ----------
    n_texts : int
    vocabulary : polars.Series
        Distinct words, in order of first occurrence.
    text : ndarray, shape (n_tokens,)
        Index of the text of each token, ascending.
    word : ndarray, shape (n_tokens,)
        Index of each token in ``vocabulary``.
    """

    n_texts: int
    vocabulary: pl.Series
    text: Indexes
    word: Indexes

    def encoded(self) -> tuple[npt.NDArray[np.uint8], Indexes]:
        """Bytes of the words, cut to ``LONGEST_WORD_BYTES``: shape (n_words, that), and their lengths."""
        cut = [word.encode()[:LONGEST_WORD_BYTES] for word in self.vocabulary.to_list()]
        flat = np.frombuffer(b"".join(one.ljust(LONGEST_WORD_BYTES, b"\0") for one in cut), np.uint8)
        lengths = np.fromiter((len(one) for one in cut), np.int64, len(cut))
        return flat.reshape(len(cut), LONGEST_WORD_BYTES), lengths


def read_words(texts: pl.Series) -> Words:
    """Cut ``texts`` (strings, no nulls; the first 2,000 characters of each) into `Words`.

    Examples
    --------
    >>> read_words(pl.Series(["Q3 sales $10.45 bln vs. $9.83 bln a year ago"])).vocabulary.to_list()
    ['q', 'znum', 'sales', 'bln', 'vs', 'a', 'year', 'ago', 'zmore']
    """
    tokens = _normalised(texts).str.extract_all(_TOKEN)
    counts = tokens.list.len().to_numpy().astype(np.int64)
    flat = tokens.explode(empty_as_null=False, keep_nulls=False)
    vocabulary = flat.unique(maintain_order=True)
    table = pl.DataFrame({"word": vocabulary, "index": np.arange(len(vocabulary))})
    joined = pl.DataFrame({"word": flat}).join(table, on="word", how="left", maintain_order="left")
    text = np.repeat(np.arange(len(texts)), counts)
    return Words(len(texts), vocabulary, text, joined["index"].to_numpy().astype(np.int64))


def _normalised(texts: pl.Series) -> pl.Series:
    text = pl.col("text").str.slice(0, TEXT_CHARACTERS).str.normalize("NFKC").str.to_lowercase()
    for pattern, replacement in _REMOVED:
        text = text.str.replace_all(pattern, replacement)
    frame = pl.DataFrame({"text": texts.cast(pl.String)}).with_columns(text)
    first, second = (
        pl.col("text").str.extract(_COMPARED, group).str.replace_all(",", "").cast(pl.Float64, strict=False)
        for group in (1, 2)
    )
    direction = pl.when(first > second).then(pl.lit(" zmore")).when(first < second).then(pl.lit(" zless"))
    suffix = pl.when(pl.col("text").str.contains(_BETTER_SMALL)).then(pl.lit("loss")).otherwise(pl.lit(""))
    comparison = (direction + suffix).fill_null("")
    figures = pl.col("text")
    for pattern, replacement in _FIGURES:
        figures = figures.str.replace_all(pattern, replacement)
    return frame.select(figures + comparison).to_series()


def mixed(hashes: Hashes) -> Hashes:
    """Every bit of the result depends on every bit of the input."""
    hashes = hashes ^ (hashes >> np.uint64(33))
    hashes = hashes * np.uint64(0xFF51AFD7ED558CCD)
    hashes = hashes ^ (hashes >> np.uint64(33))
    hashes = hashes * np.uint64(0xC4CEB9FE1A85EC53)
    return hashes ^ (hashes >> np.uint64(33))


def word_hashes(encoded: npt.NDArray[np.uint8], lengths: Indexes) -> Hashes:
    """Hash of each word, shape (n_words,): the same on every machine and in every version."""
    hashes = np.full(len(lengths), _FNV_BASIS)
    for position in range(encoded.shape[1]):
        following = (hashes ^ encoded[:, position].astype(np.uint64)) * _FNV_PRIME
        hashes = np.where(position < lengths, following, hashes)
    return mixed(hashes)


def pair_hashes(hashes: Hashes) -> Hashes:
    """Hash of each token with the next one, shape (n_tokens - 1,); their order matters."""
    return mixed(hashes[:-1] * _FNV_PRIME ^ (hashes[1:] + np.uint64(7)))


def triple_hashes(hashes: Hashes) -> Hashes:
    """Hash of each token with the next two, shape (n_tokens - 2,)."""
    return mixed(pair_hashes(hashes)[:-1] * np.uint64(31) ^ (hashes[2:] + np.uint64(3)))


def letter_hashes(encoded: npt.NDArray[np.uint8], lengths: Indexes, size: int) -> tuple[Indexes, Hashes]:
    """Runs of ``size`` bytes inside each word, its borders marked: index of the word and hash of the run."""
    n_words, width = encoded.shape
    framed = np.zeros((n_words, width + 2), np.uint64)
    framed[:, 0] = ord("<")
    framed[:, 1:-1] = encoded
    framed[np.arange(n_words), lengths + 1] = ord(">")
    starts = width + 3 - size
    hashes = np.full((n_words, starts), _FNV_BASIS + np.uint64(size))
    for position in range(size):
        hashes = (hashes ^ framed[:, position : position + starts]) * _FNV_PRIME
    inside = np.arange(starts)[None, :] + size <= lengths[:, None] + 2
    word, start = np.nonzero(inside)
    return word, mixed(hashes[word, start])
