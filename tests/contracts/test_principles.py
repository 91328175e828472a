"""Every trading principle keeps the contract of the package, including those added later."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from nextgen_assets.domain.trading.principles import (
    VERDICTS,
    Judgement,
    Principle,
    PrincipleError,
    Situation,
    discover,
    selected,
)
from nextgen_assets.domain.trading.rules import DEFAULT_PRINCIPLES, TradingRules


def _situation(n_tickers: int, seed: int) -> Situation:
    """Any situation that can occur: gaps, abstentions, positions with and without forecasts."""
    rng = np.random.default_rng(seed)
    held = np.where(rng.random(n_tickers) < 0.5, rng.integers(1, 500, n_tickers), 0)
    has = rng.random(n_tickers) < 0.8
    gone = ~has | (rng.random(n_tickers) < 0.2)
    expected = np.where(gone, np.nan, rng.normal(0.003, 0.02, n_tickers))
    spread = np.abs(rng.normal(0.04, 0.03, n_tickers)) + 1e-4

    def sparse(values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(n_tickers) < 0.2, np.nan, values)

    return Situation(
        session_date=date(2005, 3, 1),
        tickers=tuple(f"T{at:03d}" for at in range(n_tickers)),
        proposed_weight=np.where(rng.random(n_tickers) < 0.2, 0.0, rng.random(n_tickers)),
        ordered_out=(rng.random(n_tickers) < 0.1) & (held > 0),
        current_weight=np.where(held > 0, rng.random(n_tickers) / n_tickers, 0.0),
        quantity_held=held,
        sessions_held=np.where(held > 0, rng.integers(1, 12, n_tickers), 0),
        price_usd=rng.uniform(1.0, 300.0, n_tickers),
        unrealized_return=np.where(held > 0, rng.normal(0.0, 0.2, n_tickers), np.nan),
        below_high=np.where(held > 0, rng.uniform(0.0, 0.1, n_tickers), np.nan),
        median_dollar_volume_usd=sparse(rng.choice([0.0, 1e5, 1e7], n_tickers)),
        recent_returns=np.where(
            rng.random((n_tickers, 1)) < 0.2,
            np.nan,
            rng.normal(0, 0.01, 60) + rng.normal(0, 0.005, (n_tickers, 60)),
        ),
        has_prediction=has,
        abstained=has & gone,
        probability_up=np.where(gone, np.nan, rng.random(n_tickers)),
        expected_log_return=expected,
        lower_log_return=expected - spread,
        upper_log_return=expected + spread,
        volatility=np.where(gone, np.nan, sparse(spread)),
        priority_score=sparse(rng.random(n_tickers)),
        brier_score=sparse(rng.uniform(0.2, 0.3, n_tickers)),
        baseline_brier_score=sparse(np.full(n_tickers, 0.25)),
        net_asset_value_usd=100_000.0,
        drawdown=float(rng.choice([0.0, 0.1, 0.2, 0.4])),
        rules=TradingRules(shorting=True),
        is_short=rng.random(n_tickers) < 0.3,
        carry_rate=rng.choice([0.0, 0.001], n_tickers),
    )


def _permuted(situation: Situation, order: np.ndarray) -> Situation:
    changes: dict[str, object] = {"tickers": tuple(situation.tickers[at] for at in order)}
    for item in fields(situation):
        value = getattr(situation, item.name)
        if isinstance(value, np.ndarray):
            changes[item.name] = value[order]
    return replace(situation, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=sorted(discover()))
def principle(request: pytest.FixtureRequest) -> Principle:
    return discover()[request.param]


@pytest.mark.parametrize("n_tickers", [1, 7, 40])
@pytest.mark.parametrize("seed", range(6))
def test_a_judgement_has_a_valid_element_per_ticker(principle: Principle, n_tickers: int, seed: int) -> None:
    said = principle.judge(_situation(n_tickers, seed))
    assert isinstance(said, Judgement)
    assert said.verdict.shape == said.factor.shape == (n_tickers,)
    assert set(said.verdict.tolist()) <= set(VERDICTS)
    assert np.isfinite(said.factor).all()
    assert (said.factor >= 0.0).all()
    neutral = np.isin(said.verdict, ["allow", "abstain"])
    assert (said.factor[neutral] == 1.0).all()
    assert len(said.reasons) == n_tickers
    assert all(isinstance(reason, str) and reason.strip() for reason in said.reasons)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_tickers_is_irrelevant(principle: Principle, seed: int) -> None:
    situation = _situation(23, seed)
    order = np.random.default_rng(seed + 100).permutation(23)
    said, permuted = principle.judge(situation), principle.judge(_permuted(situation, order))
    assert permuted.verdict.tolist() == said.verdict[order].tolist()
    assert permuted.factor.tolist() == said.factor[order].tolist()
    assert permuted.reasons == [said.reasons[at] for at in order]


def test_judging_changes_nothing_and_repeats_itself(principle: Principle) -> None:
    situation = _situation(11, 3)
    copies = {
        item.name: getattr(situation, item.name).copy()
        for item in fields(situation)
        if isinstance(getattr(situation, item.name), np.ndarray)
    }
    first, second = principle.judge(situation), principle.judge(situation)
    assert first.reasons == second.reasons
    assert first.factor.tolist() == second.factor.tolist()
    for name, before in copies.items():
        np.testing.assert_array_equal(getattr(situation, name), before)


def test_a_principle_says_why_it_exists(principle: Principle) -> None:
    assert len(principle.rationale) > 60


def test_the_default_rules_name_every_principle_of_the_package() -> None:
    assert set(DEFAULT_PRINCIPLES) == {name for name, it in discover().items() if not it.is_for_shorts}


def test_margin_applies_exactly_where_shares_may_be_sold_short() -> None:
    named = ("evidence", "margin")
    assert [p.name for p in selected(TradingRules(principles=named))] == ["evidence"]
    assert [p.name for p in selected(TradingRules(principles=("evidence",), shorting=True))] == list(named)


def test_principles_apply_by_stage_whatever_the_order_in_settings() -> None:
    backwards = TradingRules(principles=tuple(reversed(DEFAULT_PRINCIPLES)))
    assert [p.name for p in selected(backwards)] == list(DEFAULT_PRINCIPLES)


def test_an_unknown_principle_is_refused_by_name() -> None:
    with pytest.raises(PrincipleError, match="greed"):
        selected(TradingRules(principles=("evidence", "greed")))
