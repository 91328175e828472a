"""Regimes: what is rising, what is turbulent, and that each session stands alone."""

from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.regimes import RegimeRules, market_regimes
from nextgen_assets.domain.sessions import xnys

RULES = RegimeRules(trend_sessions=5, turbulence_sessions=4, usual_sessions=10)


def _returns(values):
    first = xnys().index(date(2004, 1, 5))
    days = xnys().sessions[first : first + len(values)]
    return pl.DataFrame({"session_date": days, "log_return": [float(value) for value in values]})


def test_calm_rise_and_turbulent_fall_are_told_apart():
    calm = [0.002, 0.001] * 15
    wild = [-0.05, 0.02, -0.06, 0.01, -0.04]
    regimes = market_regimes(_returns(calm + wild), RULES)
    assert regimes["regime"][-6] == "rising calm"
    assert regimes["regime"][-1] == "falling turbulent"
    assert regimes.height == 35 - RULES.history_sessions + 1


def test_session_alone_gives_what_it_gives_in_a_range():
    returns = _returns(np.random.default_rng(5).normal(0, 0.01, 80))
    whole = market_regimes(returns, RULES)
    for last in range(RULES.history_sessions, 81, 7):
        alone = market_regimes(returns.head(last).tail(RULES.history_sessions), RULES)
        assert alone.rows() == [whole.row(last - RULES.history_sessions)]


def test_too_short_a_history_has_no_regime():
    assert market_regimes(_returns([0.01] * (RULES.history_sessions - 1)), RULES).is_empty()
