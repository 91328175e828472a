"""Fractional Kelly on the calibrated edge net of costs: the base weight of a position."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.trading.costs import round_trip_rate
from nextgen_assets.domain.trading.principles import (
    ABSTAIN,
    SCALE,
    VETO,
    Judgement,
    Principle,
    Situation,
    judgement,
)
from nextgen_assets.domain.trading.sizing import calibrated_edge, kelly_weight


def judge(situation: Situation) -> Judgement:
    """Scale the whole portfolio down to the fractional Kelly weight, at most 1.

    Notes
    -----
    A position already held pays no entry again: its edge is taken before costs, so that a thin edge
    keeps a position which it would not open; what borrowing costs is paid either way. The mean simple return of a
    log return lies half a variance above it; for who is short that works the other way.
    """
    rules = situation.rules
    predicted = situation.is_predicted
    measurable = (
        predicted
        & (situation.volatility > 0.0)
        & np.isfinite(situation.expected_log_return)
        & np.isfinite(situation.probability_up)
    )
    volatility = np.where(measurable, situation.volatility, 1.0)
    edge = calibrated_edge(situation.probability_up, situation.expected_log_return, volatility)
    edge = np.where(measurable, edge, 0.0)
    held = situation.quantity_held > 0
    cost = np.where(held, 0.0, round_trip_rate(situation.price_usd, None, rules, situation.slippage_rate))
    cost = cost + situation.carry
    score = np.where(np.isfinite(situation.priority_score), situation.priority_score, 1.0)
    emphasis = rules.priority_floor + (1.0 - rules.priority_floor) * score
    mean_edge = np.where(situation.short_side, edge - volatility * volatility, edge)
    weight = np.minimum(1.0, rules.kelly_fraction * kelly_weight(mean_edge, cost, volatility)) * emphasis
    weight = np.where(edge > cost, weight, 0.0)
    factor = np.where(measurable, weight, 1.0)
    codes = np.where(measurable, SCALE, np.where(predicted, VETO, ABSTAIN))
    reasons = [
        _reason(m, p, e, c, w)
        for m, p, e, c, w in zip(
            measurable.tolist(),
            predicted.tolist(),
            edge.tolist(),
            cost.tolist(),
            weight.tolist(),
            strict=True,
        )
    ]
    return judgement(codes, factor, reasons)


def _reason(is_measurable: bool, is_predicted: bool, edge: float, cost: float, weight: float) -> str:
    if is_measurable:
        return f"edge {edge:+.4f} against costs {cost:.4f} is worth a weight of {weight:.3f}"
    if is_predicted:
        return "the prediction has no volatility or expected return to size a position by"
    return "no prediction to be convinced of"


PRINCIPLE = Principle(
    name="conviction",
    rationale=(
        "Bet in proportion to the edge and in inverse proportion to the risk, and only a fraction of what "
        "would maximise growth if the forecast were perfect. The edge is what probability and expected "
        "return agree on, net of what the trade costs, weighted by how much attention the ticker deserves."
    ),
    stage=20,
    judge=judge,
)
