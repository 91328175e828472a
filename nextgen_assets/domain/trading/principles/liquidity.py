"""No increase larger than a share of what is usually traded in a day."""

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
    """Scale an increase to its share of the median dollar volume; veto it where nothing was traded.

    Notes
    -----
    Reductions are not judged: who must leave leaves as fast as the market allows. Without twenty sessions
    of volume the principle has no opinion.
    """
    rules = situation.rules
    usual, value = situation.median_dollar_volume_usd, situation.net_asset_value_usd
    wanted = situation.proposed_weight - situation.current_weight
    opinion = (wanted > 0.0) & np.isfinite(usual)
    room = np.where(opinion, usual * rules.liquidity_share / value, np.inf)
    scaled = opinion & (wanted > room) & (room > 0.0)
    refused = opinion & ~(room > 0.0)
    target = situation.current_weight + np.where(scaled, room, 0.0)
    factor = np.where(scaled, target / np.where(scaled, situation.proposed_weight, 1.0), 1.0)
    codes = np.where(opinion, np.where(scaled, SCALE, ALLOW), ABSTAIN)
    codes = np.where(refused, VETO, codes)
    reasons = [
        _reason(has, w, r, u)
        for has, w, r, u in zip(opinion.tolist(), wanted.tolist(), room.tolist(), usual.tolist(), strict=True)
    ]
    return judgement(codes, factor, reasons)


def _reason(has_opinion: bool, wanted: float, room: float, usual: float) -> str:
    if not has_opinion:
        return "no increase is proposed" if wanted <= 0.0 else "the usual volume is not known yet"
    if not room > 0.0:
        return "nothing is usually traded"
    if wanted > room:
        return f"{wanted:.3f} is more than its share of {usual:,.0f} USD usually traded: {room:.3f}"
    return f"{wanted:.3f} is within its share of {usual:,.0f} USD usually traded"


PRINCIPLE = Principle(
    name="liquidity",
    rationale=(
        "What cannot be bought without moving the price cannot be sold without moving it either, and least of "
        "all when everybody wants to. A position grows no faster than a small share of what is usually traded."
    ),
    stage=45,
    judge=judge,
)
