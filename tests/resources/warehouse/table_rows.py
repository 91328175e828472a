"""Small, valid frames for the migrated tables, one row per ticker and session."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl


def day(text: str) -> date:
    return date.fromisoformat(text)


def cutoff(session: date) -> datetime:
    return datetime.combine(session, time(21, 30), tzinfo=UTC)


def _frame(rows: list[dict[str, Any]], overrides: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([row | overrides for row in rows])


def priorities(
    sessions: Iterable[date], tickers: Iterable[str] = ("AAPL", "IBM"), **overrides: Any
) -> pl.DataFrame:
    """Rows of strategic_priorities (a slice is replaced)."""
    rows = [
        {
            "ticker": ticker,
            "session_date": session,
            "tier": "core",
            "score": 0.5,
            "rationale": "liquid",
            "factors": "{}",
            "as_of": cutoff(session),
        }
        for session in sessions
        for ticker in tickers
    ]
    return _frame(rows, overrides)


def bars(
    sessions: Iterable[date], tickers: Iterable[str] = ("AAPL", "IBM"), **overrides: Any
) -> pl.DataFrame:
    """Rows of market_prices (a changed row keeps its old version)."""
    rows = [
        {
            "ticker": ticker,
            "session_date": session,
            "open": 10.0,
            "high": 12.0,
            "low": 9.0,
            "close": 11.0,
            "volume": 1000,
            "source": "recorded",
            "known_at": cutoff(session) - timedelta(minutes=15),
            "known_at_is_assumed": True,
        }
        for session in sessions
        for ticker in tickers
    ]
    return _frame(rows, overrides)


def signals(sessions: Iterable[date], **overrides: Any) -> pl.DataFrame:
    """Rows of retrain_signals (rows with a new key are added)."""
    rows = [
        {
            "signal_id": f"signal-{session}",
            "session_date": session,
            "ticker": "AAPL",
            "reason": "worse than the base rate",
            "confidence": 0.9,
            "window_start": session - timedelta(days=30),
            "window_end": session,
            "status": "open",
            "as_of": cutoff(session),
        }
        for session in sessions
    ]
    return _frame(rows, overrides)


def stays(tickers: Iterable[str], **overrides: Any) -> pl.DataFrame:
    """Rows of ticker_universe (replaced as a whole), still in the universe."""
    rows = [
        {
            "ticker": ticker,
            "valid_from": date(2005, 1, 3),
            "security_id": f"security-{ticker}",
            "name": ticker,
            "exchange": "XNYS",
            "currency": "USD",
            "sector": "technology",
            "reason_in": "liquid",
            "source": "recorded",
            "known_at": datetime(2005, 1, 1, tzinfo=UTC),
        }
        for ticker in tickers
    ]
    return _frame(rows, overrides)


def steps(names: Iterable[str], **overrides: Any) -> pl.DataFrame:
    """Rows of task_runs (rows with a known key are overwritten)."""
    rows = [
        {
            "run_id": "run-1",
            "step_key": name,
            "asset": name,
            "partition_key": "2005-01-10",
            "started_at": datetime(2005, 1, 10, 22, tzinfo=UTC),
            "status": "started",
        }
        for name in names
    ]
    return _frame(rows, overrides)


def plans(sessions: Iterable[date], *, scenario_id: str = "baseline", **overrides: Any) -> pl.DataFrame:
    """Rows of trade_plans (the tail of a scenario is replaced)."""
    rows = [
        {
            "plan_id": f"{scenario_id}-{session}",
            "scenario_id": scenario_id,
            "session_date": session,
            "ticker": "AAPL",
            "action": "buy",
            "target_weight": 0.1,
            "quantity": 5,
            "reference_price": 10.0,
            "principles": "[]",
            "as_of": cutoff(session),
        }
        for session in sessions
    ]
    return _frame(rows, overrides)


def portfolio(sessions: Iterable[date], *, scenario_id: str = "baseline", **overrides: Any) -> pl.DataFrame:
    """Rows of portfolio_values (a slice of a scenario is replaced)."""
    rows = [
        {
            "scenario_id": scenario_id,
            "session_date": session,
            "cash_usd": 100,
            "net_asset_value_usd": 100,
            "gross_exposure": 0.0,
            "net_exposure": 0.0,
            "daily_pnl_usd": 0,
            "drawdown": 0.0,
            "turnover": 0.0,
            "benchmark_value_usd": 100.0,
            "as_of": cutoff(session),
        }
        for session in sessions
    ]
    return _frame(rows, overrides)


def holdings(sessions: Iterable[date], *, scenario_id: str = "baseline", **overrides: Any) -> pl.DataFrame:
    """Rows of portfolio_holdings (a slice of a scenario is replaced; may become empty)."""
    rows = [
        {
            "scenario_id": scenario_id,
            "session_date": session,
            "ticker": "AAPL",
            "quantity": 5,
            "average_cost_usd": 10,
            "close": 11.0,
            "close_session_date": session,
            "market_value_usd": 55,
            "unrealized_pnl_usd": 5,
            "weight": 0.1,
            "as_of": cutoff(session),
        }
        for session in sessions
    ]
    return _frame(rows, overrides)
