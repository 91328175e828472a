"""Quality of a scorer: hand-worked figures, and refusal of what is not a label or a confidence."""

from __future__ import annotations

import polars as pl
import pytest

from nextgen_assets.domain.sentiment_quality import LABELS, called_labels, sentiment_quality

LABELLED = ["positive"] * 4 + ["neutral"] * 4 + ["negative"] * 2
CALLED = (
    ["positive", "positive", "positive", "negative"]
    + ["neutral"] * 3
    + ["positive"]
    + ["negative", "neutral"]
)
CONFIDENCE = [0.95, 0.95, 0.95, 0.95, 0.65, 0.65, 0.65, 0.65, 0.35, 0.35]


def judged():  # type: ignore[no-untyped-def]
    return sentiment_quality(pl.Series(LABELLED), pl.Series(CALLED), pl.Series(CONFIDENCE))


def test_figures_are_those_worked_by_hand() -> None:
    found = judged()
    assert (found.n, found.accuracy, found.majority_share) == (10, 0.7, 0.4)
    # F1 = 2 hits / (called + labelled): negative 2/4, neutral 6/8, positive 6/8
    assert found.by_label["f1"].to_list() == [0.5, 0.75, 0.75]
    assert found.macro_f1 == pytest.approx(2 / 3)
    assert found.by_label.select("n", "precision", "recall").rows() == [
        (2, 0.5, 0.5),
        (4, 0.75, 0.75),
        (4, 0.75, 0.75),
    ]
    assert found.confusion.select(LABELS).rows() == [(1, 1, 0), (0, 3, 1), (1, 0, 3)]


def test_calibration_error_weighs_the_bins_by_their_texts() -> None:
    found = judged()
    assert found.calibration["n"].to_list() == [2, 4, 4]
    assert found.calibration["accuracy"].to_list() == [0.5, 0.75, 0.75]
    # 0.2 x |0.5 - 0.35| + 0.4 x |0.75 - 0.65| + 0.4 x |0.75 - 0.95|
    assert found.calibration_error == pytest.approx(0.2 * 0.15 + 0.4 * 0.1 + 0.4 * 0.2)


def test_a_label_that_never_occurs_is_left_out_of_macro_f1() -> None:
    words = pl.Series(["positive", "negative"])
    assert sentiment_quality(words, words, pl.Series([1.0, 0.0])).macro_f1 == 1.0


def test_confidence_of_one_belongs_to_the_last_bin() -> None:
    words = pl.Series(["positive"])
    assert sentiment_quality(words, words, pl.Series([1.0])).calibration.row(0) == (0.9, 1.0, 1, 1.0, 1.0)


@pytest.mark.parametrize(
    ("labels", "confidence", "message"),
    [
        (["positive"], [1.5], "confidence is missing or not between"),
        (["positive"], [None], "confidence is missing or not between"),
        (["bullish"], [0.5], r"label holds \['bullish'\]"),
        ([], [], "no labelled text was scored"),
    ],
)
def test_what_is_not_a_judgement_is_refused(labels: list[str], confidence: list[float], message: str) -> None:
    words = pl.Series(labels, dtype=pl.String)
    with pytest.raises(ValueError, match=message):
        sentiment_quality(words, words, pl.Series(confidence, dtype=pl.Float64))


def test_the_band_itself_is_signed() -> None:
    assert called_labels(pl.Series([0.05, -0.05, 0.0499, 0.0]), 0.05).to_list() == [
        "positive", "negative", "neutral", "neutral",
    ]  # fmt: skip
