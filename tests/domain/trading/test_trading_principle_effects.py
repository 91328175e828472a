"""What a principle cost or saved is the difference of two replays, worked from both sides."""

import numpy as np
import pytest

from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.principle_effects import principle_effects
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import run_sessions
from tests.domain.trading.trading_builders import CALENDAR, DELAY, forecasts_of, market_of


def test_effects_are_the_differences_of_replays() -> None:
    closes = 40 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.02, (60, 3)), axis=0))
    market = market_of(closes * 1.001, closes, ("AAA", "BBB", "CCC"))
    forecasts, sessions, rules = forecasts_of(market, 4), list(market.sessions), TradingRules()
    effects = principle_effects(sessions, market, forecasts, rules, CALENDAR, DELAY)
    assert effects["principle"].to_list() == [None, *rules.principles]

    def final(names: tuple[str, ...]) -> float:
        state = PortfolioState("x")
        fewer = TradingRules(principles=names)
        outcome = run_sessions(state, sessions, market, forecasts, fewer, CALENDAR, DELAY)
        _, values = value_portfolio(outcome.entries, market, sessions, "x", CALENDAR, DELAY)
        return float(values["net_asset_value_usd"][-1])

    whole = final(rules.principles)
    by_name = {row["principle"]: row for row in effects.iter_rows(named=True)}
    assert by_name[None]["final_value_usd"] == whole
    for name in ("patience", "conviction"):
        rest = tuple(other for other in rules.principles if other != name)
        assert by_name[name]["effect_usd"] == pytest.approx(whole - final(rest), abs=1e-9)
        assert by_name[name]["effect_usd"] != 0.0


def test_a_principle_that_never_speaks_has_no_effect() -> None:
    market = market_of(np.full(12, 10.0), np.full(12, 10.0))
    effects = principle_effects(
        list(market.sessions), market, forecasts_of(market), TradingRules(), CALENDAR, DELAY
    )
    spoken = {row["principle"]: row["effect_usd"] for row in effects.iter_rows(named=True)}
    assert spoken["preserve_capital"] == 0.0
