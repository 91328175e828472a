"""How good a scorer is on labelled text: accuracy, macro-F1, confusions, calibration of its confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class SentimentQuality:
    """Quality of a scorer on labelled text.

    Attributes
    ----------
    n : int
        Texts that were scored; the figures rest on these.
    accuracy : float
        Share of texts called as labelled.
    majority_share : float
        Accuracy of always calling the most frequent label.
    macro_f1 : float
        Mean of the F1 of the three labels; a label that neither occurs nor is called is left out.
    confusion : polars.DataFrame
        One row per label: ``label``, then how often it was called each label.
    by_label : polars.DataFrame
        label, n, precision, recall, f1; null where undefined.
    calibration : polars.DataFrame
        One row per bin of confidence that has texts: from, to, n, mean_confidence, accuracy.
    calibration_error : float
        Expected calibration error: mean of \\|accuracy - confidence\\| over the bins, by their texts.
    """

    n: int
    accuracy: float
    majority_share: float
    macro_f1: float
    confusion: pl.DataFrame
    by_label: pl.DataFrame
    calibration: pl.DataFrame
    calibration_error: float


def called_labels(scores: pl.Series, neutral_band: float) -> pl.Series:
    """The label that each score stands for: signed from ``neutral_band`` on.

    Examples
    --------
    >>> called_labels(pl.Series([-0.6, 0.049, 0.05]), 0.05).to_list()
    ['negative', 'neutral', 'positive']
    """
    score = pl.col("score")
    good, bad = score >= neutral_band, score <= -neutral_band
    word = pl.when(good).then(pl.lit("positive")).when(bad).then(pl.lit("negative"))
    return (
        pl.DataFrame({"score": scores}).select(word.otherwise(pl.lit("neutral")).alias("called")).to_series()
    )


def sentiment_quality(
    labels: pl.Series, called: pl.Series, confidence: pl.Series, bins: int = 10
) -> SentimentQuality:
    """Quality of the calls ``called`` of texts labelled ``labels``.

    Parameters
    ----------
    labels, called : polars.Series of str
        Of equal length, each entry one of ``LABELS``.
    confidence : polars.Series of float
        How sure the scorer was of each call, 0 to 1.
    bins : int
        Bins of equal width of the confidence, at least 1.

    Raises
    ------
    ValueError
        There is no text, or a label or confidence is out of range.

    References
    ----------
    Guo et al. (2017), On Calibration of Modern Neural Networks, ICML.

    Examples
    --------
    >>> words = pl.Series(["positive", "neutral", "negative", "neutral"])
    >>> found = sentiment_quality(words, words, pl.Series([0.9, 0.9, 0.9, 0.9]))
    >>> found.accuracy, found.macro_f1, round(found.calibration_error, 3)
    (1.0, 1.0, 0.1)
    """
    frame = pl.DataFrame({"label": labels, "called": called, "confidence": confidence})
    _check(frame)
    right = (frame["label"] == frame["called"]).cast(pl.Float64)
    counts = {(label, call): n for label, call, n in frame.group_by("label", "called").len().iter_rows()}
    confusion = pl.DataFrame(
        [{"label": label} | {call: counts.get((label, call), 0) for call in LABELS} for label in LABELS]
    )
    by_label = _by_label(confusion)
    calibration = _calibration(frame.with_columns(right=right), bins)
    gap = (calibration["accuracy"] - calibration["mean_confidence"]).abs()
    return SentimentQuality(
        n=frame.height,
        accuracy=float(np.mean(right.to_numpy())),
        majority_share=max(by_label["n"]) / frame.height,
        macro_f1=float(by_label["f1"].drop_nulls().mean()),  # type: ignore[arg-type]
        confusion=confusion,
        by_label=by_label,
        calibration=calibration,
        calibration_error=float((gap * calibration["n"]).sum() / frame.height),
    )


def _check(frame: pl.DataFrame) -> None:
    if frame.is_empty():
        raise ValueError("no labelled text was scored, so its quality is unknown")
    for column in ("label", "called"):
        strange = frame.filter(~pl.col(column).is_in(LABELS).fill_null(False))[column].unique().to_list()
        if strange:
            raise ValueError(f"{column} holds {strange[:5]}; expected only {', '.join(LABELS)}")
    if frame.filter(~pl.col("confidence").is_between(0, 1).fill_null(False)).height:
        raise ValueError("a confidence is missing or not between 0 and 1; correct the scorer")


def _by_label(confusion: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for label in LABELS:
        own = confusion.filter(pl.col("label") == label).select(LABELS).row(0)
        hits, labelled, called = own[LABELS.index(label)], sum(own), int(confusion[label].sum())
        precision = hits / called if called else None
        recall = hits / labelled if labelled else None
        f1 = 2 * hits / (called + labelled) if called + labelled else None
        rows.append((label, labelled, precision, recall, f1))
    schema = {"label": pl.String(), "n": pl.Int64()} | dict.fromkeys(
        ("precision", "recall", "f1"), pl.Float64()
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def _calibration(frame: pl.DataFrame, bins: int) -> pl.DataFrame:
    index = (pl.col("confidence") * bins).floor().clip(0, bins - 1)
    return (
        frame.group_by(index.alias("bin"))
        .agg(n=pl.len(), mean_confidence=pl.col("confidence").mean(), accuracy=pl.col("right").mean())
        .sort("bin")
        .select(
            pl.col("bin").truediv(bins).alias("from"),
            (pl.col("bin") + 1).truediv(bins).alias("to"),
            pl.col("n").cast(pl.Int64),
            "mean_confidence",
            "accuracy",
        )
    )
