"""A drawdown brake: exposure shrinks from one level of loss, and ends at another."""

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
    """Scale linearly from 1 to 0 between the two drawdown levels, then veto and order out."""
    rules = situation.rules
    drawdown = situation.drawdown
    touched = (situation.proposed_weight > 0.0) | (situation.quantity_held > 0)
    span = rules.drawdown_veto_from - rules.drawdown_scale_from
    keep = min(1.0, max(0.0, 1.0 - (drawdown - rules.drawdown_scale_from) / span))
    if drawdown >= rules.drawdown_veto_from:
        code, keep = VETO, 0.0
        reason = f"drawdown {drawdown:.3f} has reached {rules.drawdown_veto_from:.3f}: close everything"
    elif keep < 1.0:
        code = SCALE
        reason = (
            f"drawdown {drawdown:.3f} is beyond {rules.drawdown_scale_from:.3f}: exposure times {keep:.3f}"
        )
    else:
        code = ALLOW
        reason = f"drawdown {drawdown:.3f} is within {rules.drawdown_scale_from:.3f}"
    codes = np.where(touched, code, ABSTAIN)
    factor = np.where(touched, keep, 1.0)
    reasons = [reason if is_touched else "nothing is proposed or held" for is_touched in touched.tolist()]
    return judgement(codes, factor, reasons)


PRINCIPLE = Principle(
    name="preserve_capital",
    rationale=(
        "Losses compound against us: half of the money lost needs a doubling to come back. As the "
        "portfolio falls below its recent peak, bets shrink, and past a limit everything is closed until "
        "the peak has left the window."
    ),
    stage=50,
    judge=judge,
)
