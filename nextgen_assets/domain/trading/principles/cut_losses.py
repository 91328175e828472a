"""Cut losses and let gains run: close what has fallen too far, keep what gains and still rises."""

from __future__ import annotations

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
    """Order out a position beyond its loss limit, forbid adding to one that loses, keep one that runs.

    Notes
    -----
    A loser between half of the limit and the limit grows by less the deeper it is. A winner is kept from
    being reduced while it is near its high since it was opened and no larger than the cap of a position.
    What an earlier stage ordered out is not judged, and neither is what is not held.
    """
    rules = situation.rules
    gain = situation.unrealized_return
    judged = (situation.quantity_held > 0) & np.isfinite(gain) & ~situation.ordered_out
    change = situation.proposed_weight - situation.current_weight
    stopped = judged & (gain <= -rules.stop_loss)
    depth = np.clip((-gain - 0.5 * rules.stop_loss) / (0.5 * rules.stop_loss), 0.0, 1.0)
    doubtful = judged & ~stopped & (change > 0.0) & (depth > 0.0)
    runs = judged & (gain >= rules.run_from) & (situation.below_high <= rules.give_back)
    kept = runs & (change < 0.0) & (situation.current_weight <= rules.max_weight)
    target = situation.current_weight + change * (1.0 - depth)
    factor = np.where(doubtful, target / np.where(doubtful, situation.proposed_weight, 1.0), 1.0)
    factor = np.where(stopped, 0.0, factor)
    codes = np.where(judged, np.where(doubtful, SCALE, ALLOW), ABSTAIN)
    codes = np.where(stopped | kept, VETO, codes)
    reasons = [
        _reason(j, s, d, k, g, b)
        for j, s, d, k, g, b in zip(
            judged.tolist(),
            stopped.tolist(),
            doubtful.tolist(),
            kept.tolist(),
            gain.tolist(),
            situation.below_high.tolist(),
            strict=True,
        )
    ]
    return judgement(codes, factor, reasons)


def _reason(
    is_judged: bool, is_stopped: bool, is_doubtful: bool, is_kept: bool, gain: float, below_high: float
) -> str:
    if not is_judged:
        return "nothing is held that could be judged by its gain"
    if is_stopped:
        return f"the position has lost {-gain:.1%}: close it"
    if is_doubtful:
        return f"the position has lost {-gain:.1%}: add less to it"
    if is_kept:
        return f"the position has gained {gain:.1%} and is {below_high:.1%} below its high: let it run"
    return f"the position stands at {gain:+.1%}"


PRINCIPLE = Principle(
    name="cut_losses",
    rationale=(
        "People sell winners to feel right and keep losers to avoid being wrong (the disposition effect). A "
        "loss has a limit decided before it hurts, money is not thrown after it, and a gain is not cut short "
        "while it still grows."
    ),
    stage=55,
    judge=judge,
)
