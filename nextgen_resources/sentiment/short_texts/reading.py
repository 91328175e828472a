"""How the fitted weights are read: chosen on predictions that no weight was fitted to.

A reading has to be right as often as word lists alone are on text of other kinds, for signed and for neutral
text each, so that no mixture of the two makes it worse than they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_resources.sentiment import NEUTRAL_BAND
from nextgen_resources.sentiment.lexicon import Scorer as Lexicon
from nextgen_resources.sentiment.short_texts.features import Floats
from nextgen_resources.sentiment.short_texts.statements import LABELS
from nextgen_resources.sentiment.short_texts.weights import Reading

GRID = {
    "familiar_share": (0.4, 0.6),
    "lexicon_weight": (0.0, 0.5, 1.0),
    "post_shift": (0.0, 0.4, 0.8, 1.2),
    "post_lexicon_weight": (0.0, 1.0, 2.0),
    "neutral_edge": (0.2, 0.25, 0.3, 0.35),
}
Targets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unseen:
    """Predictions of texts that the weights were not fitted to, with their labels and the calls of word lists."""

    logits: Floats
    familiar: Floats
    lexicon: Floats
    informal: Floats
    targets: Targets
    called_by_lists: Targets


def targets_of(labelled: pl.DataFrame) -> Targets:
    """Index in ``LABELS`` of each row's label."""
    return np.array([LABELS.index(label) for label in labelled["label"]], dtype=np.int64)


def choose_reading(own_source: Unseen, others: Mapping[str, Unseen], least_accuracy: float) -> Reading:
    """The reading with the best mean macro-F1 over all sources that keeps its own source accurate.

    On each of ``others`` it calls signed text with its sign, and neutral text neutral, at least as often as the
    word lists alone do: then it is no less accurate than they are whatever the share of neutral text.

    Raises
    ------
    ValueError
        No reading of the grid does that and reaches ``least_accuracy`` on the labelled source.
    """
    temperature = _temperature(own_source)
    best, best_value = None, -1.0
    for values in product(*GRID.values()):
        reading = Reading(temperature, *values)
        accuracy, own_f1 = quality(own_source, reading)
        if accuracy < least_accuracy or any(is_worse_than_lists(each, reading) for each in others.values()):
            continue
        value = float(np.mean([own_f1, *(quality(other, reading)[1] for other in others.values())]))
        if value > best_value:
            best, best_value = reading, value
    if best is None:
        raise ValueError(
            f"no reading reaches the accuracy {least_accuracy} on the labelled source and that of the word "
            f"lists on {', '.join(others)}; look at the labels, or lower least_accuracy"
        )
    return best


def quality(predicted: Unseen, reading: Reading) -> tuple[float, float]:
    """Accuracy and macro-F1 when scores of at least ``NEUTRAL_BAND`` in size are signed."""
    from sklearn.metrics import f1_score

    called = calls(predicted, reading)
    accuracy = float((called == predicted.targets).mean())
    return accuracy, float(f1_score(predicted.targets, called, average="macro"))


def calls(predicted: Unseen, reading: Reading) -> Targets:
    """Index in ``LABELS`` of what each text is called."""
    return _called(reading.scores(_probabilities(predicted, reading)))


def calls_by_lists(texts: pl.Series) -> Targets:
    """Index in ``LABELS`` of what the scorer ``lexicon`` calls each text."""
    items = pl.DataFrame({"article_id": [str(n) for n in range(len(texts))], "headline": texts}).select(
        "article_id", "headline", ticker=pl.lit("TEXT"), body=pl.lit(None, pl.String)
    )
    return _called(Lexicon().score(items)["score"].to_numpy())


def is_worse_than_lists(predicted: Unseen, reading: Reading) -> bool:
    """Whether word lists alone are right more often on the signed or on the neutral texts."""
    called, is_signed = calls(predicted, reading), predicted.targets != LABELS.index("neutral")
    return any(
        (called == predicted.targets)[kind].sum()
        < (predicted.called_by_lists == predicted.targets)[kind].sum()
        for kind in (is_signed, ~is_signed)
    )


def _called(scores: Floats) -> Targets:
    return np.where(scores >= NEUTRAL_BAND, 2, np.where(scores <= -NEUTRAL_BAND, 0, 1))


def _probabilities(predicted: Unseen, reading: Reading) -> Floats:
    given = predicted.logits, predicted.familiar, predicted.lexicon, predicted.informal
    return reading.probabilities(*given)


def _temperature(predicted: Unseen) -> float:
    """The divisor of the logits, to a twentieth, with the least log loss on the labelled source."""

    def log_loss(temperature: float) -> float:
        chances = _probabilities(predicted, Reading(temperature, 1.0, 0.0, 0.0, 0.0, 0.5))
        return float(-np.log(chances[np.arange(len(chances)), predicted.targets]).mean())

    return float(min((round(0.05 * n, 2) for n in range(8, 41)), key=log_loss))
