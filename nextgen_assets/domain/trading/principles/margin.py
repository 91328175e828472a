"""Keep the margin of what is sold short: buy in where it is gone, add no more than it allows."""

from __future__ import annotations

import math

import numpy as np

from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    ALLOW,
    SCALE,
    VETO,
    Flags,
    Floats,
    Judgement,
    Principle,
    Situation,
    judgement,
)


def judge(situation: Situation) -> Judgement:
    """Order out shorts, the largest first, below maintenance margin; scale increases to the initial margin.

    Notes
    -----
    In fractions of the net asset value the account needs L + m S <= 1, with L long, S short and m the margin, which
    says the same as cash >= (1 + m) S. Where cash is owed even without shorts, long positions go too.
    """
    rules, current = situation.rules, situation.current_weight
    short, held = situation.short_side, situation.quantity_held > 0
    out = _ordered_out(situation, short & held, rules.maintenance_margin)
    need = np.where(short, rules.initial_margin, 1.0)
    increase = np.where(out, 0.0, np.maximum(situation.proposed_weight - current, 0.0))
    increases = increase > 0.0
    concerned = increases & bool((short & (held | increases)).any())
    room = 1.0 - math.fsum((need * np.where(out, 0.0, current)).tolist())
    wanted = math.fsum((need * increase).tolist())
    share = 1.0 if wanted <= room else max(room, 0.0) / wanted
    scaled = concerned & (0.0 < share < 1.0)
    target = current + increase * share
    factor = np.where(scaled, target / np.where(scaled, situation.proposed_weight, 1.0), 1.0)
    factor = np.where(out, 0.0, factor)
    codes = np.where(concerned, SCALE if share < 1.0 else ALLOW, np.where(short & held, ALLOW, ABSTAIN))
    codes = np.where(out | (concerned & (share <= 0.0)), VETO, codes)
    codes = codes.astype(np.int64)
    used = math.fsum((np.where(short, rules.maintenance_margin, 1.0) * current).tolist())
    reasons = [
        _reason(int(code), is_out, used, wanted, room)
        for code, is_out in zip(codes.tolist(), out.tolist(), strict=True)
    ]
    return judgement(codes, factor, reasons)


def _ordered_out(situation: Situation, short: Flags, maintenance: float) -> Flags:
    """Shorts, the largest first, until what remains meets the margin; then longs until no cash is owed."""
    weights: Floats = situation.current_weight
    out = np.zeros(len(weights), dtype=np.bool_)
    for group, is_part in ((short, short.any()), (~short & (situation.quantity_held > 0), True)):
        places = sorted(np.flatnonzero(group).tolist(), key=lambda at: (-weights[at], situation.tickers[at]))
        for place in places:
            need = np.where(out, 0.0, np.where(short, maintenance, 1.0) * weights)
            if not is_part or math.fsum(need.tolist()) <= 1.0:
                break
            out[place] = True
    return out


def _reason(code: int, is_out: bool, used: float, wanted: float, room: float) -> str:
    if is_out:
        return f"the maintenance margin is gone ({used:.3f} of the net assets are tied up): leave"
    if code == VETO:
        return "the initial margin leaves nothing for an increase"
    if code == SCALE:
        return f"increases tie up {wanted:.3f}, more than the {room:.3f} that the initial margin leaves"
    if code == ALLOW:
        return f"{used:.3f} of the net assets are tied up, within the margin"
    return "nothing is sold short, or no increase is proposed"


PRINCIPLE = Principle(
    name="margin",
    rationale=(
        "What is sold short can cost more than it brought in. The lender and the broker want cash against that, "
        "more to begin with than to go on, and buy the shares back themselves where it is gone. Better to know the "
        "rule than to meet it; it cannot be switched off while shares may be sold short."
    ),
    stage=57,
    judge=judge,
    is_for_shorts=True,
)
