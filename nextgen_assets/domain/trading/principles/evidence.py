"""No trade without a prediction that was issued and did not abstain."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.trading.principles import (
    ALLOW,
    VETO,
    Judgement,
    Principle,
    Situation,
    judgement,
)


def judge(situation: Situation) -> Judgement:
    """Veto where there is no living prediction; what is held stays until its own prediction has run out."""
    predicted = situation.is_predicted
    held = situation.quantity_held > 0
    expired = situation.sessions_held >= situation.rules.thesis_sessions
    codes = np.where(predicted, ALLOW, VETO)
    factor = np.where(~predicted & held & expired, 0.0, 1.0)
    reasons = [
        _reason(p, has, h, e)
        for p, has, h, e in zip(
            predicted.tolist(),
            situation.has_prediction.tolist(),
            held.tolist(),
            expired.tolist(),
            strict=True,
        )
    ]
    return judgement(codes, factor, reasons)


def _reason(is_predicted: bool, has_prediction: bool, is_held: bool, is_expired: bool) -> str:
    if is_predicted:
        return "a prediction was issued"
    lack = "the prediction abstained" if has_prediction else "no prediction was issued"
    if not is_held:
        return f"{lack}: no trade"
    if is_expired:
        return f"{lack} and the horizon of the opening prediction is over: close"
    return f"{lack}: keep until the horizon of the opening prediction is over"


PRINCIPLE = Principle(
    name="evidence",
    rationale=(
        "A position is a bet on a forecast. Where no forecast was issued, or the forecaster abstained, "
        "there is nothing to bet on: nothing is bought, and what is held goes when its own forecast has "
        "run out."
    ),
    stage=10,
    judge=judge,
)
