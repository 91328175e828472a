"""What a person, or a run, might do about a finding."""

from __future__ import annotations

_WEAKNESS = {
    "ticker": "retrain with this ticker's latest windows, or abstain on it until the excess is gone",
    "sector": "add features of the sector, or retrain with its latest windows",
    "regime": "fit calibration apart for each regime of the market",
    "weekday": "add the weekday as a feature, or widen the bounds of predictions made on it",
    "volatility": "fit calibration apart for each volatility regime",
    "news": "look at how sentiment enters the features, and at what the articles said",
    "event": "add days to the next ex-date as a feature, or abstain across it",
    "sentiment": "look at how sentiment enters the features, and at what the articles said",
    "confidence": "shrink probabilities of this band towards the base rate when calibrating",
}
_SURPRISE = "forecast a higher volatility for this slice, so that bounds and positions fit what comes"
_LESSON = "take smaller positions in this slice, or none, until its outcomes meet their predictions again"
_GAP = "find the cause in abstain_reason: bring the missing history or features, or leave the slice out"


def suggested_action(kind: str, dimension: str) -> str:
    """A sentence for a finding of ``kind`` (weakness, surprise, gap or lesson) in a slice of ``dimension``.

    Raises
    ------
    KeyError
        For a dimension without a suggestion; add one beside the dimension.
    """
    return {"weakness": _WEAKNESS[dimension], "surprise": _SURPRISE, "gap": _GAP, "lesson": _LESSON}[kind]
