"""No position above its cap, and no more than the gross cap in all."""

from __future__ import annotations

import math

import numpy as np

from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    ALLOW,
    SCALE,
    Judgement,
    Principle,
    Situation,
    judgement,
)


def judge(situation: Situation) -> Judgement:
    """Scale each proposal to the cap of a position, then all of them to the gross cap."""
    rules = situation.rules
    proposed = situation.proposed_weight
    capped = np.minimum(proposed, rules.max_weight)
    total = math.fsum(capped.tolist())  # exact, so the order of the tickers does not matter
    squeeze = min(1.0, rules.max_gross_exposure / total) if total > 0.0 else 1.0
    positive = proposed > 0.0
    factor = np.where(positive, capped / np.where(positive, proposed, 1.0) * squeeze, 1.0)
    codes = np.where(positive, np.where(factor < 1.0, SCALE, ALLOW), ABSTAIN)
    reasons = [
        _reason(weight, rules.max_weight, total, rules.max_gross_exposure) for weight in proposed.tolist()
    ]
    return judgement(codes, factor, reasons)


def _reason(weight: float, cap: float, total: float, gross_cap: float) -> str:
    if weight <= 0.0:
        return "nothing is proposed"
    parts = []
    if weight > cap:
        parts.append(f"proposed {weight:.3f} exceeds the cap of {cap:.3f} per position")
    if total > gross_cap:
        parts.append(f"capped proposals sum to {total:.3f}, more than {gross_cap:.3f}")
    return "; ".join(parts) or "within the caps"


PRINCIPLE = Principle(
    name="diversify",
    rationale=(
        "Any single forecast can be wrong in a way nobody foresaw. A cap per position bounds what one "
        "mistake costs, and a cap on the sum keeps the portfolio from borrowing."
    ),
    stage=40,
    judge=judge,
)
