"""Small markets, forecasts and situations that tests of trading are worked on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.trading.forecasts import Forecasts
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.principles import Situation
from nextgen_assets.domain.trading.rules import TradingRules

CALENDAR = xnys()
FIRST = date(2005, 1, 3)
DELAY = 30


def sessions_from(n_sessions: int, first: date = FIRST) -> list[date]:
    start = CALENDAR.index(first)
    return list(CALENDAR.sessions[start : start + n_sessions])


def market_of(
    opens: Any, closes: Any, tickers: tuple[str, ...] = ("AAA",), splits: Any = None, dividends: Any = None
) -> MarketData:
    opens, closes = np.array(opens, dtype=float), np.array(closes, dtype=float)
    if opens.ndim == 1:
        opens, closes = opens[:, None], closes[:, None]
    ratios, paid = np.ones(opens.shape), np.zeros(opens.shape)
    for (row, column), ratio in (splits or {}).items():
        ratios[row, column] = ratio
    for (row, column), cash in (dividends or {}).items():
        paid[row, column] = cash
    volumes = np.where(np.isfinite(opens), 1e9, np.nan)
    return MarketData(tuple(sessions_from(len(opens))), tickers, opens, closes, volumes, ratios, paid)


def forecasts_of(market: MarketData, seed: int = 0, abstaining: float = 0.1) -> Forecasts:
    shape, rng = market.closes.shape, np.random.default_rng(seed)
    expected = rng.normal(0.004, 0.012, shape)
    ids = [[f"p-{session}-{ticker}" for ticker in market.tickers] for session in market.sessions]
    return Forecasts(
        market.sessions,
        market.tickers,
        np.array(ids, dtype=object),
        rng.random(shape) < abstaining,
        {
            "probability_up": np.clip(0.54 + rng.normal(0, 0.08, shape), 0.05, 0.95),
            "expected_log_return": expected,
            "lower_log_return": expected - 0.06,
            "upper_log_return": expected + 0.06,
            "volatility": np.full(shape, 0.04),
            "priority_score": rng.random(shape),
            "brier_score": np.full(shape, 0.245),
            "baseline_brier_score": np.full(shape, 0.25),
        },
    )


def predictions_of(forecasts: Forecasts, horizon: int = 5) -> pl.DataFrame:
    n_tickers = len(forecasts.tickers)
    columns = {
        name: forecasts.numbers[name].ravel()
        for name in (
            "probability_up",
            "expected_log_return",
            "lower_log_return",
            "upper_log_return",
            "volatility",
        )
    }
    return pl.DataFrame(
        {
            "prediction_id": forecasts.prediction_id.ravel().tolist(),
            "ticker": list(forecasts.tickers) * len(forecasts.sessions),
            "session_date": [s for s in forecasts.sessions for _ in range(n_tickers)],
            "target_session_date": [
                CALENDAR.shift(s, horizon) for s in forecasts.sessions for _ in range(n_tickers)
            ],
            "horizon_sessions": horizon,
            "interval_coverage": 0.9,
            "abstained": forecasts.abstained.ravel(),
            **columns,
        }
    )


def plan_rows(*rows: tuple[date, str, str, int]) -> pl.DataFrame:
    """Plans of (session, ticker, action, quantity), with what execution reads."""
    return pl.DataFrame(
        [(f"plan-{s}-{t}", s, t, action, quantity) for s, t, action, quantity in rows],
        schema={
            "plan_id": pl.String,
            "session_date": pl.Date,
            "ticker": pl.String,
            "action": pl.String,
            "quantity": pl.Int64,
        },
        orient="row",
    )


def situation_of(n_tickers: int = 1, rules: TradingRules | None = None, **changes: Any) -> Situation:
    """A situation in which every principle is content: nothing held, a clear and trusted forecast."""

    def full(value: float) -> np.ndarray:
        return np.full(n_tickers, value)

    base = Situation(
        session_date=FIRST,
        tickers=tuple(f"T{at}" for at in range(n_tickers)),
        proposed_weight=full(0.2),
        ordered_out=np.zeros(n_tickers, dtype=bool),
        current_weight=full(0.0),
        quantity_held=np.zeros(n_tickers, dtype=np.int64),
        sessions_held=np.zeros(n_tickers, dtype=np.int64),
        price_usd=full(50.0),
        unrealized_return=full(np.nan),
        below_high=full(np.nan),
        median_dollar_volume_usd=full(1e9),
        recent_returns=np.full((n_tickers, 60), np.nan),
        has_prediction=np.ones(n_tickers, dtype=bool),
        abstained=np.zeros(n_tickers, dtype=bool),
        probability_up=full(0.6),
        expected_log_return=full(0.02),
        lower_log_return=full(-0.05),
        upper_log_return=full(0.09),
        volatility=full(0.04),
        priority_score=full(1.0),
        brier_score=full(0.24),
        baseline_brier_score=full(0.25),
        net_asset_value_usd=100_000.0,
        drawdown=0.0,
        rules=rules or TradingRules(),
    )
    arrays = {
        name: np.array(value) if isinstance(value, (list, tuple)) and name != "tickers" else value
        for name, value in changes.items()
    }
    return replace(base, **arrays)
