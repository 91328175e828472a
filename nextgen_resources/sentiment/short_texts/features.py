"""Numbers that describe a short text: hashed words and pairs, hashed letter runs, and word lists.

A text is three blocks. *Words*: the presence of each word and of each pair of neighbours, hashed to
``2**WORD_BITS`` columns, scaled to length one. *Letters*: one plus the log of the count of each run of 3 to 5
bytes inside a word, hashed to ``2**LETTER_BITS`` columns, scaled to length one. *Lexicons*: for VADER's words,
SentiBignomics, Henry's list, their combination (see `nextgen_resources.sentiment.lexicon`), and that overridden by
our own list of traders' words, the sum of the valences, of the good ones and of the bad ones, each squashed by
``x / sqrt(x**2 + k)``; a negation turns the next three words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_resources.sentiment.lexicon import combined_lexicon, word_lists
from nextgen_resources.sentiment.short_texts.posts import informality, trader_words
from nextgen_resources.sentiment.short_texts.words import (
    Hashes,
    Indexes,
    Words,
    letter_hashes,
    pair_hashes,
    read_words,
    triple_hashes,
    word_hashes,
)

WORD_BITS, LETTER_BITS, TRIPLE_BITS = 17, 16, 20
LETTER_RUNS = (3, 4, 5)
N_WORD_COLUMNS, N_LETTER_COLUMNS, N_LEXICON_COLUMNS = 1 << WORD_BITS, 1 << LETTER_BITS, 15
N_COLUMNS = N_WORD_COLUMNS + N_LETTER_COLUMNS + N_LEXICON_COLUMNS
_NEGATION_REACH, _NEGATED = 3, -0.74
_NEGATIONS = frozenset({"not", "no", "never", "without", "neither", "nor", "cannot", "hardly", "barely"})
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextFeatures:
    """Features of texts.

    Attributes
    ----------
    matrix : scipy.sparse.csr_matrix, shape (n_texts, N_COLUMNS)
        Blocks words, letters, lexicons, in this order.
    triples : ndarray, shape (n_triples,)
        Number below ``2**TRIPLE_BITS`` of each run of three words, by which familiar text is told.
    triple_text : ndarray, shape (n_triples,)
        Index of the text of each run.
    words : Words
    word_columns : ndarray, shape (n_tokens,)
        Column of each token.
    lexicon_compound : ndarray, shape (n_texts,)
        Squashed sum of the combined lexicon and traders' words, -1 to 1.
    informal : ndarray, shape (n_texts,)
        How much each text looks like a post, 0 to 1.
    """

    matrix: Any
    triples: Indexes
    triple_text: Indexes
    words: Words
    word_columns: Indexes
    lexicon_compound: Floats
    informal: Floats


def text_features(texts: pl.Series) -> TextFeatures:
    """Features of ``texts`` (strings without nulls), each text for itself."""
    from scipy import sparse

    words = read_words(texts)
    encoded, lengths = words.encoded()
    tokens = word_hashes(encoded, lengths)[words.word]
    columns = _columns(tokens, WORD_BITS)
    neighbours = words.text[1:] == words.text[:-1]
    pairs = _columns(pair_hashes(tokens)[neighbours], WORD_BITS)
    rows = np.concatenate([words.text, words.text[:-1][neighbours]])
    present = _counts(rows, np.concatenate([columns, pairs]), (words.n_texts, N_WORD_COLUMNS))
    present.data[:] = 1.0
    letters = _letter_counts(words, encoded, lengths)
    letters.data = 1.0 + np.log(letters.data)
    lexicons = _lexicon_sums(words)
    blocks = [_scaled(present), _scaled(letters), sparse.csr_matrix(lexicons)]
    matrix = sparse.hstack(blocks, format="csr")
    matrix.sort_indices()
    inside = words.text[2:] == words.text[:-2]
    triples = _columns(triple_hashes(tokens)[inside], TRIPLE_BITS)
    compound = lexicons[:, -3]
    return TextFeatures(
        matrix, triples, words.text[:-2][inside], words, columns, compound, informality(texts)
    )


def _columns(hashes: Hashes, bits: int) -> Indexes:
    return (hashes & np.uint64((1 << bits) - 1)).astype(np.int64)


def _counts(rows: Indexes, columns: Indexes, shape: tuple[int, int]) -> Any:
    from scipy import sparse

    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _letter_counts(words: Words, encoded: npt.NDArray[np.uint8], lengths: Indexes) -> Any:
    found = [letter_hashes(encoded, lengths, size) for size in LETTER_RUNS]
    rows = np.concatenate([word for word, _ in found])
    columns = np.concatenate([_columns(hashes, LETTER_BITS) for _, hashes in found])
    per_word = _counts(rows, columns, (len(lengths), N_LETTER_COLUMNS))
    uses = _counts(words.text, words.word, (words.n_texts, len(lengths)))
    letters = uses @ per_word
    letters.sort_indices()  # so that a text adds up in the same order, whatever stands beside it
    return letters


def _scaled(matrix: Any) -> Any:
    from scipy import sparse

    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    length[length == 0] = 1.0
    return sparse.diags(1.0 / length) @ matrix


@cache
def _lexicons() -> tuple[tuple[dict[str, float], float], ...]:
    """Word lists with the constant that squashes their sums; the combined one with traders' words is last."""
    vader, sentibignomics, henry = word_lists()
    combined = combined_lexicon()
    return (
        (vader, 15.0),
        (sentibignomics, 0.5),
        (henry, 15.0),
        (combined, 15.0),
        (combined | trader_words(), 15.0),
    )


def _lexicon_sums(words: Words) -> Floats:
    vocabulary = words.vocabulary.to_list()
    is_negation = np.array([word in _NEGATIONS or word.endswith("n't") for word in vocabulary], dtype=bool)
    negation, negated = is_negation[words.word], np.zeros(len(words.word), dtype=bool)
    for distance in range(1, _NEGATION_REACH + 1):
        near = words.text[distance:] == words.text[:-distance]
        negated[distance:] |= negation[:-distance] & near
    columns = []
    for valences, squash in _lexicons():
        value = np.array([valences.get(word, 0.0) for word in vocabulary], dtype=float)[words.word]
        value = np.where(negated, _NEGATED * value, value)
        good = np.bincount(words.text, np.maximum(value, 0), minlength=words.n_texts)
        bad = np.bincount(words.text, np.minimum(value, 0), minlength=words.n_texts)
        columns += [total / np.sqrt(total * total + squash) for total in (good + bad, good, bad)]
    return np.column_stack(columns)
