"""Fitting the classifier: weights on one labelled source and our own statements, the reading across sources.

The weights are a multinomial logistic regression. How they are read (temperature, trust in unfamiliar text,
the edge of neutral) is chosen on predictions that no weight was fitted to: of the labelled source by folds,
of other sources whole. Without that, a model of one source calls the text of another neutral, since most
of its own was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import metadata, resources
from pathlib import Path

import numpy as np
import polars as pl

from nextgen_resources.sentiment.short_texts.features import (
    N_COLUMNS,
    TRIPLE_BITS,
    TextFeatures,
    text_features,
)
from nextgen_resources.sentiment.short_texts.reading import (
    Unseen,
    calls_by_lists,
    choose_reading,
    quality,
    targets_of,
)
from nextgen_resources.sentiment.short_texts.statements import LABELS, POSTS_FILE, own_statements
from nextgen_resources.sentiment.short_texts.weights import (
    RECIPE_FILE,
    WEIGHTS_FILE,
    Model,
    Reading,
    pack,
    unpack,
    version_of,
)

PLAIN_READING = Reading(1.0, 0.4, 0.0, 0.0, 0.0, 0.35)


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, beside the labelled text.

    Attributes
    ----------
    inverse_penalty : float
        ``C`` of the logistic regression.
    statements_per_template, posts_per_template, seed : int
        How our own statements are drawn.
    folds : int
        Folds of the labelled source for the choice of the reading.
    least_accuracy : float
        Accuracy by folds on the labelled source that a reading must keep.
    """

    inverse_penalty: float = 3.0
    statements_per_template: int = 12
    posts_per_template: int = 6
    seed: int = 7
    folds: int = 3
    least_accuracy: float = 0.79


def fit_model(labelled: pl.DataFrame, recipe: Recipe, reading: Reading = PLAIN_READING) -> Model:
    """Weights fitted on ``labelled`` (columns text and label) and our own statements, as they are stored.

    The same text and recipe give the same bytes: rows keep their order, the solver starts at zero, and
    rounding to one byte a weight hides the last bits in which machines differ.
    """
    from sklearn.linear_model import LogisticRegression

    own = own_statements(recipe.statements_per_template, recipe.seed)
    posts = own_statements(recipe.posts_per_template, recipe.seed, POSTS_FILE)
    rows = pl.concat([labelled.select("text", "label"), own, posts])
    features = text_features(rows["text"])
    used = np.flatnonzero(features.matrix.getnnz(axis=0))
    solver = LogisticRegression(C=recipe.inverse_penalty, max_iter=300, tol=1e-3)
    solver.fit(features.matrix[:, used], targets_of(rows))
    weights = np.zeros((N_COLUMNS, len(LABELS)))
    weights[used] = solver.coef_.T
    known = np.zeros(1 << TRIPLE_BITS, dtype=bool)
    known[features.triples[features.triple_text < labelled.height]] = True
    content = pack(Model(weights, solver.intercept_, known, reading))
    return unpack(content, reading, version_of(content, reading))


def unseen(model: Model, labelled: pl.DataFrame) -> Unseen:
    """What ``model`` says of texts that it was not fitted to."""
    features: TextFeatures = text_features(labelled["text"])
    return Unseen(
        model.logits(features),
        model.familiar(features),
        features.lexicon_compound,
        features.informal,
        targets_of(labelled),
        calls_by_lists(labelled["text"]),
    )


def unseen_by_folds(labelled: pl.DataFrame, recipe: Recipe) -> Unseen:
    """Predictions for every row of ``labelled`` by a model that was fitted on the other folds."""
    shuffled = labelled.sample(fraction=1.0, shuffle=True, seed=recipe.seed)
    fold = np.arange(shuffled.height) % recipe.folds
    parts = [
        unseen(
            fit_model(shuffled.filter(pl.Series(fold != n)), recipe), shuffled.filter(pl.Series(fold == n))
        )
        for n in range(recipe.folds)
    ]
    names = (each.name for each in fields(Unseen))
    return Unseen(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def labelled_chronicle() -> pl.DataFrame:
    """The headlines of the bundled chronicle with the labels that we gave them: text and label."""
    content = resources.files(__package__).joinpath("chronicle_labels.csv").read_bytes()
    return pl.read_csv(content).select("text", "label")


def train(labelled: pl.DataFrame, others: Mapping[str, pl.DataFrame], recipe: Recipe) -> tuple[Model, str]:
    """The model and its recipe as JSON text.

    Parameters
    ----------
    labelled : polars.DataFrame
        Columns text and label; the weights are fitted to these.
    others : mapping of str to polars.DataFrame
        Labelled text of other kinds, by name; they choose how the weights are read, and nothing else.
    """
    by_folds = unseen_by_folds(labelled, recipe)
    plain = fit_model(labelled, recipe)
    elsewhere = {name: unseen(plain, frame) for name, frame in others.items()}
    reading = choose_reading(by_folds, elsewhere, recipe.least_accuracy)
    model = fit_model(labelled, recipe, reading)
    found = {"labelled, by folds": by_folds} | elsewhere
    account = {
        "sha256": model.sha256,
        "reading": asdict(reading),
        "recipe": asdict(recipe),
        "labelled_text": {"rows": labelled.height, "sha256": digest_of(labelled)},
        "read_by": {name: {"rows": each.height, "sha256": digest_of(each)} for name, each in others.items()},
        "quality": {name: _rounded(quality(each, reading)) for name, each in found.items()},
        "versions": {name: metadata.version(name) for name in ("numpy", "polars", "scikit-learn", "scipy")},
    }
    return model, json.dumps(account, indent=1) + "\n"


def _rounded(figures: tuple[float, float]) -> dict[str, float]:
    return {"accuracy": round(figures[0], 4), "macro_f1": round(figures[1], 4)}


def digest_of(labelled: pl.DataFrame) -> str:
    """SHA-256, hex, of texts and labels in order."""
    rows = "\n".join(f"{label}\t{text!r}" for text, label in labelled.select("text", "label").iter_rows())
    return hashlib.sha256(rows.encode()).hexdigest()


def save(model: Model, recipe_json: str, folder: Path) -> None:
    """Write the weights and their recipe to ``folder``."""
    (folder / WEIGHTS_FILE).write_bytes(pack(model))
    (folder / RECIPE_FILE).write_text(recipe_json, encoding="utf-8")
