"""What each principle cost or saved: the same record replayed without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.forecasts import Forecasts
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.money import series_to_micros
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import run_sessions

EFFECT_SCHEMA = {
    "principle": pl.String,
    "final_value_usd": pl.Float64,
    "effect_usd": pl.Float64,
    "max_drawdown": pl.Float64,
    "drawdown_effect": pl.Float64,
    "volatility_effect": pl.Float64,
    "costs_usd": pl.Float64,
    "fills": pl.Int64,
}


@dataclass(frozen=True)
class _Outcome:
    final_value_usd: float
    max_drawdown: float
    volatility: float
    costs_usd: float
    fills: int


def principle_effects(
    sessions: list[date],
    market: MarketData,
    forecasts: Forecasts,
    rules: TradingRules,
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """Replay the sessions with every principle of the rules, then without each in turn.

    Parameters
    ----------
    sessions : list of date
        Consecutive sessions from inception.
    market, forecasts, rules, calendar, delay_minutes
        As in :func:`nextgen_assets.domain.trading.simulation.run_sessions`.

    Returns
    -------
    DataFrame
        One row for all principles together (principle null, effects 0), then one per principle in the order
        of application. ``effect_usd`` is the final value with all of them minus the one without it:
        positive where it saved money. ``drawdown_effect`` and ``volatility_effect`` (per session) likewise:
        negative where it took risk away. ``costs_usd`` and ``fills`` are those of the replay without it.

    Notes
    -----
    Forecasts stay as they were. Effects do not add up: principles overlap, and what one lets through another
    may stop. One path of history says what happened, not what to expect.
    """
    whole = _replay(sessions, market, forecasts, rules, calendar, delay_minutes)
    rows: list[tuple[object, ...]] = [
        (None, whole.final_value_usd, 0.0, whole.max_drawdown, 0.0, 0.0, whole.costs_usd, whole.fills)
    ]
    for name, fewer in _without_each(rules):
        outcome = _replay(sessions, market, forecasts, fewer, calendar, delay_minutes)
        rows.append(
            (
                name,
                outcome.final_value_usd,
                whole.final_value_usd - outcome.final_value_usd,
                outcome.max_drawdown,
                whole.max_drawdown - outcome.max_drawdown,
                whole.volatility - outcome.volatility,
                outcome.costs_usd,
                outcome.fills,
            )
        )
    return pl.DataFrame(rows, schema=EFFECT_SCHEMA, orient="row")


def _without_each(rules: TradingRules) -> Iterator[tuple[str, TradingRules]]:
    for name in rules.principles:
        rest = tuple(other for other in rules.principles if other != name)
        if rest:
            yield name, replace(rules, principles=rest)


def _replay(
    sessions: list[date],
    market: MarketData,
    forecasts: Forecasts,
    rules: TradingRules,
    calendar: SessionCalendar,
    delay_minutes: int,
) -> _Outcome:
    state = PortfolioState("replay")
    outcome = run_sessions(
        state, sessions, market, forecasts, rules, calendar, delay_minutes, is_recorded=False
    )
    _, values = value_portfolio(outcome.entries, market, sessions, "replay", calendar, delay_minutes)
    net = values["net_asset_value_usd"].cast(pl.Float64).to_numpy()
    done = outcome.trades.filter(pl.col("status") != "rejected")
    paid = sum(int(series_to_micros(done[name]).sum()) for name in ("commission_usd", "slippage_usd"))
    returns = net[1:] / net[:-1] - 1.0
    return _Outcome(
        float(net[-1]),
        float(np.max(values["drawdown"].to_numpy())),
        float(np.std(returns)) if len(returns) else 0.0,
        paid / 1e6,
        done.height,
    )
