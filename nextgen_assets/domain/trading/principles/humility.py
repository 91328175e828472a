"""Stand aside when recent forecasts were badly calibrated or the bounds say too little."""

from __future__ import annotations

import math

import numpy as np

from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    ALLOW,
    SCALE,
    VETO,
    Judgement,
    Principle,
    Situation,
    judgement,
)
from nextgen_assets.domain.trading.rules import TradingRules


def judge(situation: Situation) -> Judgement:
    """Scale or veto increases of a position by calibration skill and by expected return over bound width.

    Notes
    -----
    Skill is 1 - brier / base-rate brier over predictions matured by the cut-off. Reducing a position
    needs no confidence, so a proposal at or below the current weight is not judged.
    """
    rules = situation.rules
    increases = situation.proposed_weight > situation.current_weight
    known = situation.baseline_brier_score > 0.0
    skill = 1.0 - situation.brier_score / np.where(known, situation.baseline_brier_score, 1.0)
    skill = np.where(known, skill, np.nan)
    width = situation.upper_log_return - situation.lower_log_return
    straddles = (situation.lower_log_return < 0.0) & (situation.upper_log_return > 0.0)
    clarity = np.where(straddles, situation.expected_log_return / np.where(width > 0.0, width, 1.0), math.inf)
    opinion = increases & np.isfinite(width)
    trust = np.where(skill >= 0.0, 1.0, rules.doubtful_scale)  # NaN, unproven, counts as doubtful
    span = rules.full_return_to_width - rules.min_return_to_width
    certainty = np.clip((clarity - rules.min_return_to_width) / span, 0.0, 1.0)
    factor = trust * certainty
    refused = opinion & ((skill < rules.worst_brier_skill) | (clarity <= rules.min_return_to_width))
    codes = np.where(opinion, np.where(factor < 1.0, SCALE, ALLOW), ABSTAIN)
    codes = np.where(refused, VETO, codes)
    factor = np.where(refused | ~opinion, 1.0, factor)
    reasons = [
        _reason(o, s, c, rules)
        for o, s, c in zip(opinion.tolist(), skill.tolist(), clarity.tolist(), strict=True)
    ]
    return judgement(codes, factor, reasons)


def _reason(has_opinion: bool, skill: float, clarity: float, rules: TradingRules) -> str:
    if not has_opinion:
        return "no increase of a forecast position is proposed"
    if skill < rules.worst_brier_skill:
        return f"recent probabilities were worse than the base rate (Brier skill {skill:+.3f})"
    if clarity <= rules.min_return_to_width:
        return f"expected return is only {clarity:.3f} of the width of bounds that straddle zero"
    calibration = "calibration is unproven" if math.isnan(skill) else f"Brier skill {skill:+.3f}"
    bounds = (
        "bounds clear of zero" if math.isinf(clarity) else f"expected return is {clarity:.3f} of the width"
    )
    return f"{calibration}; {bounds}"


PRINCIPLE = Principle(
    name="humility",
    rationale=(
        "A forecaster that has lately been worse than the plain base rate should not be followed, and one "
        "that cannot tell up from down within its own bounds has said little. While the record is unproven "
        "or doubtful, bets are smaller."
    ),
    stage=30,
    judge=judge,
)
