"""Plans on the short side: the same principles, mirrored, and the margin that comes with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.trading.forecasts import Forecasts
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.planning import weigh
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.principles import Judgement, discover, selected
from nextgen_assets.domain.trading.reflection import reflect
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.sides import mirrored, on_short_side
from nextgen_assets.domain.trading.simulation import SessionOutcomes, run_sessions
from tests.domain.trading.trading_builders import (
    CALENDAR,
    DELAY,
    forecasts_of,
    market_of,
    predictions_of,
    situation_of,
)

SHORT = TradingRules(shorting=True, run_from=10.0)  # no gain is let run against its forecast


def _margin(**changes: Any) -> Judgement:
    n_tickers = len(changes["is_short"])
    held = [100 if weight else 0 for weight in changes["current_weight"]]
    return discover()["margin"].judge(situation_of(n_tickers, SHORT, quantity_held=held, **changes))


def _foretold(market: MarketData, until: int) -> Forecasts:
    """Forecasts that say down up to a row, and up from there on."""
    forecasts = forecasts_of(market, abstaining=0.0)
    down = (np.arange(len(market.sessions)) < until)[:, None]
    forecasts.numbers["probability_up"][:] = np.where(down, 0.35, 0.65)
    forecasts.numbers["expected_log_return"][:] = np.where(down, -0.02, 0.02)
    forecasts.numbers["lower_log_return"][:] = forecasts.numbers["expected_log_return"] - 0.05
    forecasts.numbers["upper_log_return"][:] = forecasts.numbers["expected_log_return"] + 0.05
    return forecasts


def _run(market: MarketData, rules: TradingRules, until: int = 12) -> SessionOutcomes:
    sessions = list(market.sessions)
    return run_sessions(
        PortfolioState("x"), sessions, market, _foretold(market, until), rules, CALENDAR, DELAY
    )


def falling(n_sessions: int = 24) -> MarketData:
    closes = 50.0 * 0.99 ** np.arange(n_sessions)
    return market_of(closes, closes)


def test_a_forecast_of_a_fall_is_sold_short_and_covered_when_it_turns() -> None:
    market = falling()
    out = _run(market, SHORT)
    first = out.plans.row(0, named=True)
    assert (first["action"], first["target_weight"] < 0.0) == ("sell", True)
    holdings, values = value_portfolio(out.entries, market, list(market.sessions), "x", CALENDAR, DELAY)
    short = holdings.filter(pl.col("quantity") < 0)
    assert short["session_date"].to_list() == list(market.sessions[1:13])
    assert (short["weight"] < 0.0).all()
    assert (short["weight"] >= -SHORT.max_weight * 1.05).all()
    sides = out.trades.filter(pl.col("quantity") > 0)["side"].to_list()
    assert sides[0] == "sell"
    turned = out.plans.filter(pl.col("session_date") == market.sessions[12]).row(0, named=True)
    assert turned["action"] == "buy"
    assert "the cover is due" in turned["principles"]
    covered = out.trades.filter(pl.col("session_date") == market.sessions[13])
    assert covered.row(0, named=True)["realized_pnl_usd"] > 0
    assert values["net_asset_value_usd"][13] > 100_000
    assert (holdings.filter(pl.col("session_date") > market.sessions[14])["quantity"] > 0).all()


def test_the_reflection_on_a_short_has_the_sign_of_what_was_earned() -> None:
    market = falling()
    out, forecasts = _run(market, SHORT), _foretold(market, 12)
    (said,) = reflect(
        out.entries, out.trades, out.plans, predictions_of(forecasts), market, list(market.sessions), "x", CALENDAR, DELAY
    ).rows(named=True)  # fmt: skip
    parts = json.loads(said["attribution"])
    assert said["thesis"].startswith("AAA, sold short: up with probability 0.35")
    assert "sold short) after 12 sessions" in said["outcome"]
    assert said["realized_pnl_usd"] > 0
    assert (
        said["outcome_quantile"] > 0.6
    )  # it fell by five per cent where two were expected: better for who is short
    assert "to be as low by the prediction" in said["outcome"]
    assert parts["market"] > 0  # the universe is the ticker itself: it fell, and that was gained
    assert parts["cost"] < 0
    assert sum(parts.values()) == pytest.approx(float(said["realized_pnl_usd"]), abs=1e-6)
    paid = -out.entries.filter((pl.col("event_kind") == "borrow") & (pl.col("account") == "cash"))[
        "amount_usd"
    ].sum()
    assert paid > 0
    assert float(paid) <= -parts["cost"]


def test_without_the_option_a_forecast_of_a_fall_is_left_alone() -> None:
    out = _run(falling(12), TradingRules())
    assert set(out.plans["action"]) == {"none"}
    assert "margin" not in out.plans["principles"][0]


def test_shares_are_bought_in_at_the_open_after_the_maintenance_margin_is_gone() -> None:
    closes = np.concatenate([np.full(6, 50.0), np.full(6, 180.0)])
    rules = TradingRules(shorting=True, principles=("evidence", "conviction", "diversify", "budget"))
    market = market_of(closes, closes)
    out = _run(market, rules, until=99)
    called = out.plans.filter(pl.col("principles").str.contains("maintenance margin is gone"))
    assert called["session_date"].to_list()[0] == market.sessions[6]
    assert called.row(0, named=True)["action"] == "buy"
    fill = out.trades.filter(pl.col("session_date") == market.sessions[7]).row(0, named=True)
    assert (fill["side"], fill["status"], fill["realized_pnl_usd"] < 0) == ("buy", "filled", True)
    assert fill["quantity"] == out.trades["quantity"][0]


def test_margin_case_by_case() -> None:
    def said(
        is_short: list[bool], current: list[float], proposed: list[float]
    ) -> tuple[list[str], list[float]]:
        found = _margin(is_short=is_short, current_weight=current, proposed_weight=proposed)
        return found.verdict.tolist(), (found.factor * np.array(proposed)).round(6).tolist()

    assert said([False, False], [0.5, 0.0], [0.5, 0.2]) == (["abstain"] * 2, [0.5, 0.2])
    assert said([True, False], [0.4, 0.3], [0.4, 0.3]) == (["allow", "abstain"], [0.4, 0.3])
    assert said([True, False], [0.4, 0.3], [0.6, 0.4]) == (["allow", "allow"], [0.6, 0.4])  # 0.3 + 0.4 <= 1
    # 0.2 + 0.3 are tied up, and 0.5 + 0.5 wanted: half of each
    assert said([True, False], [0.4, 0.3], [1.4, 0.8]) == (["scale", "scale"], [0.9, 0.55])
    # beyond the initial margin (0.6 + 0.5) and within maintenance (0.36 + 0.5)
    assert said([True, False], [1.2, 0.5], [1.3, 0.5]) == (["veto", "abstain"], [1.3, 0.5])
    # 0.3 x 2.4 + 0.5 > 1: the largest short goes, the other stays
    assert said([True, True, False], [1.6, 0.8, 0.5], [1.6, 0.8, 0.5]) == (
        ["veto", "allow", "abstain"],
        [0.0, 0.8, 0.5],
    )
    # cash is owed even without shorts: the larger long position goes
    assert said([False, False], [0.8, 0.5], [0.8, 0.5]) == (["veto", "abstain"], [0.0, 0.5])


def test_what_the_margin_orders_out_is_not_delayed_and_cannot_be_switched_off() -> None:
    situation = situation_of(
        2, SHORT, is_short=[True, False], current_weight=[3.0, 0.5], proposed_weight=[1.0, 1.0],
        quantity_held=[600, 50], sessions_held=[1, 1],
    )  # fmt: skip
    weights, _ = weigh(situation, selected(TradingRules(shorting=True, principles=("patience",))))
    assert weights[0] == 0.0


def test_sides_follow_positions_first_and_forecasts_then() -> None:
    numbers = {
        "probability_up": np.array([0.4, 0.4, 0.4, 0.6, 0.4]),
        "expected_log_return": np.array([-0.01, -0.01, -0.01, -0.01, np.nan]),
    }
    held = np.array([0, 5, -5, 0, 0])
    silent = np.array([False] * 5)
    assert on_short_side(held, numbers, silent, SHORT).tolist() == [True, False, True, False, False]
    assert not on_short_side(np.zeros(5, dtype=np.int64), numbers, silent, TradingRules()).any()
    bounds = {"lower_log_return": np.array([-0.05] * 5), "upper_log_return": np.array([0.02] * 5)}
    turned = mirrored({**numbers, **bounds}, np.array([True, False, False, False, False]))
    assert turned["lower_log_return"][:2].tolist() == [-0.02, -0.05]
    assert turned["probability_up"][0] == pytest.approx(0.6)
