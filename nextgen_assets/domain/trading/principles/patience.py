"""Hold for a while, trade only what pays for itself, and ignore small changes."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.trading.costs import round_trip_rate
from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    ALLOW,
    VETO,
    Judgement,
    Principle,
    Situation,
    judgement,
)


def judge(situation: Situation) -> Judgement:
    """Veto (keep what is held) a sale too early, an increase that does not pay, a change too small.

    Notes
    -----
    A position that an earlier stage ordered out is not delayed, and closing is never too small.
    """
    rules = situation.rules
    change = situation.proposed_weight - situation.current_weight
    judged = (change != 0.0) & ~situation.ordered_out
    closes = (situation.proposed_weight <= 0.0) & (situation.quantity_held > 0)
    early = judged & (change < 0.0) & (situation.sessions_held < rules.min_hold_sessions)
    small = judged & ~closes & (np.abs(change) < rules.min_weight_change)
    value = np.abs(change) * situation.net_asset_value_usd
    cost = round_trip_rate(situation.price_usd, value, rules, situation.slippage_rate)
    cost = (cost + situation.carry) * rules.gain_to_cost_multiple
    gain = situation.expected_log_return
    costly = judged & (change > 0.0) & ~(gain > cost)  # a missing expectation pays for nothing
    codes = np.where(judged, np.where(early | small | costly, VETO, ALLOW), ABSTAIN)
    reasons = [
        _reason(j, e, s, c, held, change_, g, k, "the cover is due" if short else "the sale is due")
        for j, e, s, c, held, change_, g, k, short in zip(
            judged.tolist(),
            early.tolist(),
            small.tolist(),
            costly.tolist(),
            situation.sessions_held.tolist(),
            change.tolist(),
            gain.tolist(),
            cost.tolist(),
            situation.short_side.tolist(),
            strict=True,
        )
    ]
    return judgement(codes, np.ones(len(codes)), reasons)


def _reason(
    is_judged: bool,
    is_early: bool,
    is_small: bool,
    is_costly: bool,
    sessions_held: int,
    change: float,
    gain: float,
    cost: float,
    due: str,
) -> str:
    if not is_judged:
        return "no change is proposed" if change == 0.0 else "the position is ordered out"
    if is_early:
        return f"held for {sessions_held} sessions only"
    if is_small:
        return f"a change of {change:+.4f} is too small to trade"
    if is_costly:
        return f"expected gain {gain:+.4f} does not exceed the round-trip cost {cost:.4f}"
    return f"a change of {change:+.4f} is worth its costs" if change > 0.0 else due


PRINCIPLE = Principle(
    name="patience",
    rationale=(
        "Every trade pays the spread and a commission, and a thesis needs its horizon to come true. So a "
        "position is held for a minimum time, an increase must promise more than a round trip costs, and "
        "small adjustments are left alone."
    ),
    stage=60,
    judge=judge,
)
