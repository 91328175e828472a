"""Liquidity, losses and gains, and what moves together: each by cases that veto, scale, allow and abstain."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.planning import weigh
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.principles import Judgement, Situation, discover, selected
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import run_sessions
from tests.domain.trading.trading_builders import CALENDAR, DELAY, forecasts_of, market_of, situation_of


def _judge(name: str, situation: Situation) -> Judgement:
    return discover()[name].judge(situation)


def test_liquidity_case_by_case() -> None:
    cases = {  # proposed, current, median dollar volume -> verdict, resulting weight; net assets 100,000
        "within one percent of the volume": (0.2, 0.0, 5e6, "allow", 0.2),
        "twice what the volume allows": (0.2, 0.0, 1e6, "scale", 0.1),
        "an increase, not the whole, is capped": (0.3, 0.2, 5e5, "scale", 0.25),
        "nothing is traded": (0.2, 0.0, 0.0, "veto", 0.2),
        "a reduction": (0.1, 0.2, 0.0, "abstain", 0.1),
        "an unknown volume": (0.2, 0.0, np.nan, "abstain", 0.2),
    }
    proposed, current, volume, verdict, weight = zip(*cases.values(), strict=True)
    said = _judge(
        "liquidity",
        situation_of(
            len(cases), proposed_weight=proposed, current_weight=current, median_dollar_volume_usd=volume
        ),
    )
    assert dict(zip(cases, said.verdict.tolist(), strict=True)) == dict(zip(cases, verdict, strict=True))
    scaled = said.verdict == "scale"
    assert (said.factor * proposed)[scaled].tolist() == pytest.approx(np.array(weight)[scaled].tolist())
    assert "of 1,000,000 USD usually traded" in said.reasons[1]


def test_losses_and_gains_case_by_case() -> None:
    cases = {  # proposed, current, return on cost, below high, ordered out -> verdict, factor
        "beyond the limit of 20 %": (0.2, 0.2, -0.20, 0.25, False, "veto", 0.0),
        "adding to half a loss": (0.2, 0.1, -0.15, 0.2, False, "scale", 0.75),
        "adding to a small loss": (0.2, 0.1, -0.05, 0.05, False, "allow", 1.0),
        "reducing a loser": (0.05, 0.1, -0.15, 0.2, False, "allow", 1.0),
        "reducing a winner at its high": (0.05, 0.2, 0.10, 0.01, False, "veto", 1.0),
        "reducing a winner that turned": (0.05, 0.2, 0.10, 0.08, False, "allow", 1.0),
        "reducing a winner above its cap": (0.3, 0.4, 0.10, 0.0, False, "allow", 1.0),
        "adding to a winner": (0.3, 0.2, 0.10, 0.0, False, "allow", 1.0),
        "ordered out already": (0.0, 0.2, -0.30, 0.3, True, "abstain", 1.0),
        "nothing held": (0.2, 0.0, np.nan, np.nan, False, "abstain", 1.0),
    }
    proposed, current, gain, below, out, verdict, factor = zip(*cases.values(), strict=True)
    said = _judge(
        "cut_losses",
        situation_of(
            len(cases),
            proposed_weight=proposed,
            current_weight=current,
            unrealized_return=gain,
            below_high=below,
            ordered_out=out,
            quantity_held=[0 if np.isnan(g) else 10 for g in gain],
        ),
    )
    assert dict(zip(cases, said.verdict.tolist(), strict=True)) == dict(zip(cases, verdict, strict=True))
    assert said.factor.tolist() == pytest.approx(list(factor))


def test_a_loss_is_cut_even_if_the_position_is_young_and_the_forecast_good() -> None:
    situation = situation_of(
        1,
        proposed_weight=[1.0],
        current_weight=[0.3],
        quantity_held=[600],
        sessions_held=[1],
        unrealized_return=[-0.25],
        below_high=[0.25],
    )
    weights, _ = weigh(situation, selected(TradingRules()))
    assert weights.tolist() == [0.0]


def _returns(n_tickers: int, common: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    return common * rng.normal(0, 0.01, 60) + rng.normal(0, 0.01, (n_tickers, 60))


def test_what_moves_together_has_a_cap_of_its_own() -> None:
    returns = np.concatenate([_returns(3, 10.0), _returns(1, 0.0)])
    said = _judge("diversify", situation_of(4, proposed_weight=[0.3, 0.3, 0.3, 0.1], recent_returns=returns))
    assert said.verdict.tolist() == ["scale", "scale", "scale", "allow"]
    assert said.factor.tolist() == pytest.approx([0.6 / 0.9] * 3 + [1.0])
    assert "with 2 that move with it 0.900, more than 0.600" in said.reasons[0]


def test_unknown_or_flat_returns_move_with_nothing() -> None:
    returns = _returns(3, 10.0)
    returns[0, 0] = np.nan
    returns[1] = 0.0
    said = _judge("diversify", situation_of(3, proposed_weight=[0.3, 0.3, 0.3], recent_returns=returns))
    assert said.verdict.tolist() == ["allow"] * 3


def test_the_usual_volume_is_known_after_twenty_sessions_and_a_halt_counts_as_none() -> None:
    market = market_of(np.full(60, 10.0), np.full(60, 10.0))
    usual = market.median_dollar_volumes[:, 0]
    assert np.isnan(usual[:19]).all()
    assert usual[19] == 1e10
    halted = np.full(60, 10.0)
    halted[30:] = np.nan
    usual = market_of(halted, halted).median_dollar_volumes[:, 0]
    assert usual[38] == 1e10
    assert usual[45] == 0.0


def test_returns_and_highs_leave_splits_out() -> None:
    closes = np.array([10.0, 11.0, 5.5, 6.05])
    market = market_of(closes, closes, splits={(2, 0): 2.0})
    assert market.log_returns[1:, 0].tolist() == pytest.approx(np.log([1.1, 1.0, 1.1]).tolist())
    assert np.isnan(market.log_returns[0, 0])


def test_a_position_that_fell_past_its_limit_is_closed_in_the_simulation() -> None:
    closes = np.concatenate([np.full(30, 50.0), 50.0 * 0.96 ** np.arange(1, 11)])
    market = market_of(closes, closes)
    sessions = list(market.sessions)
    said = _run(market, sessions, ("evidence", "conviction", "diversify", "cut_losses", "budget"))
    assert said[-1] == (
        sessions[35],
        "sell",
    )  # six falls of 4 % from 50: 21.7 % below cost, after the fifth 18.5 %
    without = _run(market, sessions, ("evidence", "conviction", "diversify", "budget"))
    assert {side for _, side in without} == {"buy"}


def _run(market: MarketData, sessions: list[date], principles: tuple[str, ...]) -> list[tuple[date, str]]:
    forecasts = forecasts_of(market, abstaining=0.0)
    forecasts.numbers["expected_log_return"][:] = 0.02
    forecasts.numbers["probability_up"][:] = 0.6
    rules = TradingRules(principles=principles)
    plans = run_sessions(PortfolioState("x"), sessions, market, forecasts, rules, CALENDAR, DELAY).plans
    orders = plans.filter(plans["action"].is_in(["buy", "sell"])).select("session_date", "action").rows()
    first_sale = next((at for at, (_, side) in enumerate(orders) if side == "sell"), len(orders) - 1)
    return orders[: first_sale + 1]
