"""No position above its cap, nor what moves together or is of one sector above another, nor all above the gross cap."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    ALLOW,
    SCALE,
    Counts,
    Floats,
    Judgement,
    Principle,
    Situation,
    judgement,
)
from nextgen_assets.domain.trading.rules import TradingRules


def judge(situation: Situation) -> Judgement:
    """Scale each proposal to the cap of a position, what moves together and sectors to theirs, all to the gross cap.

    Notes
    -----
    Two tickers move together when the correlation of their last returns reaches the limit. A ticker whose
    returns are not known for the whole window counts alone, and so does one without a sector.
    """
    rules = situation.rules
    proposed = situation.proposed_weight
    capped = np.minimum(proposed, rules.max_weight)
    together, companions = _together(capped, situation.recent_returns, rules.correlation_limit)
    crowd = np.minimum(1.0, rules.max_correlated_weight / np.where(together > 0.0, together, 1.0))
    spread = capped * np.where(companions > 0, crowd, 1.0)
    in_sector = _of_sector(spread, situation.sector)
    is_over = in_sector > rules.max_sector_weight
    spread = spread * np.where(is_over, rules.max_sector_weight / np.where(is_over, in_sector, 1.0), 1.0)
    total = math.fsum(spread.tolist())  # exact, so the order of the tickers does not matter
    squeeze = min(1.0, rules.max_gross_exposure / total) if total > 0.0 else 1.0
    positive = proposed > 0.0
    factor = np.where(positive, spread / np.where(positive, proposed, 1.0) * squeeze, 1.0)
    codes = np.where(positive, np.where(factor < 1.0, SCALE, ALLOW), ABSTAIN)
    reasons = [
        _reason(weight, sum_, n, sector, total, rules)
        for weight, sum_, n, sector in zip(
            proposed.tolist(), together.tolist(), companions.tolist(), in_sector.tolist(), strict=True
        )
    ]
    return judgement(codes, factor, reasons)


def _together(weight: Floats, returns: Floats, limit: float) -> tuple[Floats, Counts]:
    """For each ticker the weight of all that move with it, its own included, and how many others these are."""
    sums, companions = weight.copy(), np.zeros(len(weight), dtype=np.int64)
    places = np.flatnonzero((weight > 0.0) & np.isfinite(returns).all(axis=1) & (returns.shape[1] > 1))
    centred = returns[places] - returns[places].mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    moving = length > 0.0
    places, unit = places[moving], centred[moving] / length[moving][:, None]
    alike = unit @ unit.T >= limit
    np.fill_diagonal(alike, True)
    for row, place in enumerate(places.tolist()):
        others = places[alike[row]]
        sums[place] = math.fsum(weight[others].tolist())
        companions[place] = len(others) - 1
    return sums, companions


def _of_sector(weight: Floats, sector: NDArray[np.object_] | None) -> Floats:
    """For each ticker the weight of its whole sector; 0 without one."""
    sums = np.zeros(len(weight))
    if sector is None:
        return sums
    names = sector.tolist()
    for name in {name for name in names if name is not None}:
        places = [place for place, own in enumerate(names) if own == name]
        sums[places] = math.fsum(weight[places].tolist())
    return sums


def _reason(
    weight: float, together: float, companions: int, in_sector: float, total: float, rules: TradingRules
) -> str:
    if weight <= 0.0:
        return "nothing is proposed"
    parts = []
    if weight > rules.max_weight:
        parts.append(f"proposed {weight:.3f} exceeds the cap of {rules.max_weight:.3f} per position")
    if companions and together > rules.max_correlated_weight:
        parts.append(
            f"with {companions} that move with it {together:.3f}, more than {rules.max_correlated_weight:.3f}"
        )
    if in_sector > rules.max_sector_weight:
        parts.append(f"its sector has {in_sector:.3f}, more than {rules.max_sector_weight:.3f}")
    if total > rules.max_gross_exposure:
        parts.append(f"capped proposals sum to {total:.3f}, more than {rules.max_gross_exposure:.3f}")
    return "; ".join(parts) or "within the caps"


PRINCIPLE = Principle(
    name="diversify",
    rationale=(
        "Any single forecast can be wrong in a way nobody foresaw. A cap per position bounds what one "
        "mistake costs, caps on what moves together and on a sector keep one bet from being placed under several "
        "names, and a cap on the sum keeps the portfolio from borrowing."
    ),
    stage=40,
    judge=judge,
)
