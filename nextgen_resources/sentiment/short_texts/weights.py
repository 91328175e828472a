"""The weights of the classifier as a file: whole numbers of one byte with a scale each, and what was seen.

A linear model: the logits of negative, neutral and positive are ``features @ weights + intercept``. How far
to trust them depends on how familiar the text is, by the share of its runs of three words that the training
text had, and on how much it looks like a post (``informal``). Where the words of the training text are few,
those of the word lists decide: they add ``unlike * lexicon_weight + informal * post_lexicon_weight`` times their
compound to the logit of positive and take it from that of negative. Who posts takes a side, so the prior for
neutral is taken back by ``informal * post_shift``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_resources.errors import ProviderError
from nextgen_resources.sentiment import NEUTRAL_BAND
from nextgen_resources.sentiment.short_texts.features import (
    N_COLUMNS,
    N_LETTER_COLUMNS,
    N_WORD_COLUMNS,
    TRIPLE_BITS,
    TextFeatures,
)

WEIGHTS_FILE, RECIPE_FILE = "weights.safetensors", "recipe.json"
_LEVELS = 127
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """How logits become probabilities and a score; chosen by `training.choose_reading`.

    Attributes
    ----------
    temperature : float
        Divides the logits, so that probabilities are as often right as they say.
    familiar_share : float
        Share of known runs of three words from which a text counts as wholly familiar.
    lexicon_weight : float
        What unfamiliar text changes; see the module.
    post_shift, post_lexicon_weight : float
        What a post changes; see the module.
    neutral_edge : float
        Size of ``p_positive - p_negative`` from which a text is signed.
    """

    temperature: float
    familiar_share: float
    lexicon_weight: float
    post_shift: float
    post_lexicon_weight: float
    neutral_edge: float

    def probabilities(self, logits: Floats, familiar: Floats, lexicon: Floats, informal: Floats) -> Floats:
        """Of negative, neutral, positive: shape (n_texts, 3), rows that sum to one."""
        unlike = np.clip(1.0 - familiar / self.familiar_share, 0.0, 1.0)
        push = (unlike * self.lexicon_weight + informal * self.post_lexicon_weight) * lexicon
        moved = logits / self.temperature + np.column_stack([-push, -informal * self.post_shift, push])
        raised = np.exp(moved - moved.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def scores(self, probabilities: Floats) -> Floats:
        """``p_positive - p_negative``, bent so that ``neutral_edge`` falls on ``NEUTRAL_BAND``."""
        difference = probabilities[:, 2] - probabilities[:, 0]
        size = np.abs(difference)
        inside = size / self.neutral_edge * NEUTRAL_BAND
        beyond = NEUTRAL_BAND + (size - self.neutral_edge) / (1 - self.neutral_edge) * (1 - NEUTRAL_BAND)
        return np.asarray(np.sign(difference) * np.where(size < self.neutral_edge, inside, beyond))


@dataclass(frozen=True)
class Model:
    """Weights and reading.

    Attributes
    ----------
    weights : ndarray, shape (N_COLUMNS, 3)
    intercept : ndarray, shape (3,)
    known_triples : ndarray of bool, shape (2**TRIPLE_BITS,)
    reading : Reading
    sha256 : str
        Of the file of weights and of the reading; empty while it has none.
    """

    weights: Floats
    intercept: Floats
    known_triples: npt.NDArray[np.bool_]
    reading: Reading
    sha256: str = ""

    def logits(self, features: TextFeatures) -> Floats:
        """Shape (n_texts, 3)."""
        return np.asarray(features.matrix @ self.weights) + self.intercept

    def familiar(self, features: TextFeatures) -> Floats:
        """Share of the runs of three words of each text that the training text had; 0 without a run."""
        n_texts = features.words.n_texts
        known = np.bincount(features.triple_text, self.known_triples[features.triples], minlength=n_texts)
        return np.asarray(known / np.maximum(1, np.bincount(features.triple_text, minlength=n_texts)))

    def probabilities(self, features: TextFeatures) -> Floats:
        """Of negative, neutral, positive: shape (n_texts, 3)."""
        return self.reading.probabilities(
            self.logits(features), self.familiar(features), features.lexicon_compound, features.informal
        )


def pack(model: Model) -> bytes:
    """The weights as the bytes of a safetensors file; the reading is kept in the recipe."""
    from safetensors.numpy import save

    tensors: dict[str, Any] = {"intercept": model.intercept.astype(np.float32)}
    for name, block in zip(("words", "letters", "lexicons"), _blocks(model.weights), strict=True):
        scale = np.abs(block).max(axis=0) / _LEVELS
        scale[scale == 0] = 1.0
        tensors[f"{name}.scale"] = scale.astype(np.float32)
        tensors[name] = np.rint(block / scale).astype(np.int8)
    tensors["triples"] = np.packbits(model.known_triples)
    return bytes(save(tensors))


def _blocks(weights: Floats) -> list[Floats]:
    return np.split(weights, [N_WORD_COLUMNS, N_WORD_COLUMNS + N_LETTER_COLUMNS])


def unpack(content: bytes, reading: Reading, sha256: str = "") -> Model:
    """The model in the bytes that `pack` wrote."""
    from safetensors.numpy import load

    tensors = load(content)
    blocks = [
        tensors[name].astype(np.float64) * tensors[f"{name}.scale"]
        for name in ("words", "letters", "lexicons")
    ]
    weights = np.concatenate(blocks)
    known = np.unpackbits(tensors["triples"]).astype(bool)
    if weights.shape != (N_COLUMNS, 3) or len(known) != 1 << TRIPLE_BITS:
        raise ProviderError(
            f"classifier: weights of shape {weights.shape}, expected {(N_COLUMNS, 3)}; "
            "train it again with `nextgen train-classifier`"
        )
    return Model(weights, tensors["intercept"].astype(np.float64), known, reading, sha256)


def version_of(content: bytes, reading: Reading) -> str:
    """SHA-256, hex, of the weights and of how they are read."""
    read = json.dumps(reading.__dict__, sort_keys=True)
    return hashlib.sha256(content + read.encode()).hexdigest()


@cache
def shipped_model() -> Model:
    """The model of this package.

    Raises
    ------
    ProviderError
        The file of weights is not the one that its recipe describes; reinstall the package.
    """
    folder = resources.files(__package__)
    content = folder.joinpath(WEIGHTS_FILE).read_bytes()
    recipe = json.loads(folder.joinpath(RECIPE_FILE).read_text(encoding="utf-8"))
    reading = Reading(**recipe["reading"])
    found = version_of(content, reading)
    if found != recipe["sha256"]:
        raise ProviderError(
            f"classifier: {WEIGHTS_FILE} has the hash {found[:12]}, {RECIPE_FILE} says "
            f"{recipe['sha256'][:12]}; reinstall the package, or train with `nextgen train-classifier`"
        )
    return unpack(content, reading, found)
