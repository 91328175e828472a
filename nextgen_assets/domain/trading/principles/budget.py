"""Increases only as far as the money reaches, the largest first."""

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


def judge(situation: Situation) -> Judgement:
    """Grant increases in order of size until the room is used up; a remainder too small is not traded.

    Notes
    -----
    Room is the gross cap, less a reserve of cash for gaps and costs, less everything that stays. It is
    judged after patience, which may keep what earlier stages wanted to sell. Ties go by ticker.
    """
    rules = situation.rules
    proposed, current = situation.proposed_weight.tolist(), situation.current_weight.tolist()
    stays = math.fsum(map(min, proposed, current))
    room = min(rules.max_gross_exposure, 1.0 - rules.cash_reserve_weight) - stays
    codes, factor = [ABSTAIN] * len(proposed), [1.0] * len(proposed)
    reasons = ["no increase is proposed"] * len(proposed)
    increases = [
        (current[at] - proposed[at], situation.tickers[at], at)
        for at in range(len(proposed))
        if proposed[at] > current[at]
    ]
    for shortfall, _, at in sorted(increases):
        wanted = -shortfall
        if wanted <= room:
            codes[at], reasons[at] = ALLOW, f"{wanted:.3f} fits into the {room:.3f} left"
            room -= wanted
        elif room >= rules.min_weight_change:
            codes[at], factor[at] = SCALE, (current[at] + room) / proposed[at]
            reasons[at] = f"only {room:.3f} of the {wanted:.3f} wanted is left"
            room = 0.0
        else:
            codes[at], reasons[at] = VETO, f"{max(room, 0.0):.3f} is left, too little for an increase"
    return judgement(np.array(codes, dtype=np.int64), np.array(factor), reasons)


PRINCIPLE = Principle(
    name="budget",
    rationale=(
        "Money spent twice ends in orders cut to a handful of shares that pay the minimum commission. What "
        "stays keeps its place, a reserve covers the gap to the next open, and the strongest ideas are "
        "served first."
    ),
    stage=70,
    judge=judge,
)
