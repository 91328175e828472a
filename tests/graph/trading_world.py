"""A small world to trade in: real bars and actions by the real graph, forecasts that make it trade a lot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import xnys
from tests.graph.harness import Built, built

CALENDAR = xnys()
SESSIONS = CALENDAR.between(date(2005, 2, 1), date(2005, 3, 4))
"""A month: a dividend of IBM on 2005-02-08, AAPL splits on 2005-02-28."""
TRADED = ("trade_plans", "trades", "portfolio_holdings")
"""The assets whose partitions are run again."""
TABLES_TRADED = ("trade_plans", "trades", "ledger_entries", "portfolio_holdings", "portfolio_values")
HORIZON = 3

SETTINGS: dict[str, Any] = {
    "ingestion.first_session": str(SESSIONS[0]),
    "ingestion.last_session": str(SESSIONS[-1]),
    "models.horizon_sessions": HORIZON,
    "trading.minimum_hold_sessions": 1,
    "trading.minimum_trade_weight": 0.01,
    "warehouse.threads": 1,
}


@contextmanager
def trading_world(
    folder: Path, overrides: Mapping[str, Any] | None = None, mean: float = 0.01
) -> Iterator[Built]:
    """A scenario with bars, actions, forecasts (of this mean) and priorities of every session, and no plan yet."""
    with built(folder, SETTINGS | dict(overrides or {})) as scenario:
        if not scenario.warehouse.scalar("SELECT count(*) FROM market_prices"):
            assets = {"security_listings", "ticker_universe", "market_prices", "corporate_actions"}
            scenario.run("prepare_inputs", SESSIONS[0], SESSIONS[-1], assets)
            foretell(scenario, SESSIONS, mean=mean)
        yield scenario


def foretell(scenario: Built, sessions: list[date], seed: int = 1, mean: float = 0.01) -> None:
    """Write a forecast and a priority for every bar of the sessions, one in ten an abstention."""
    bars = scenario.warehouse.read(
        "SELECT ticker, session_date FROM market_prices WHERE session_date BETWEEN $first AND $last ORDER BY ALL",
        first=sessions[0],
        last=sessions[-1],
    )
    rng = np.random.default_rng(seed)
    expected = rng.normal(mean, 0.02, bars.height)
    abstained = rng.random(bars.height) < 0.1
    rises = ((bars["ticker"] == "IBM") & (bars["session_date"] <= date(2005, 2, 8))).to_numpy()
    rises |= ((bars["ticker"] == "AAPL") & (bars["session_date"] >= date(2005, 2, 24))).to_numpy()
    expected, abstained = np.where(rises, 0.04, expected), abstained & ~rises  # held over dividend and split
    cutoffs = [CALENDAR.cutoff(day, 30) for day in bars["session_date"]]
    common = [
        pl.Series("as_of", cutoffs, dtype=pl.Datetime("us", "UTC")),
        pl.lit("foretold").alias("run_id"),
    ]
    predictions = bars.with_columns(
        pl.format("p{}-{}-{}", pl.lit(seed), "ticker", "session_date").alias("prediction_id"),
        pl.lit(scenario.settings.scenario_id).alias("scenario_id"),
        pl.lit(HORIZON).alias("horizon_sessions"),
        pl.Series("target_session_date", [CALENDAR.shift(day, HORIZON) for day in bars["session_date"]]),
        pl.lit("model").alias("model_id"),
        pl.format("w-{}-{}", "ticker", "session_date").alias("window_id"),
        pl.Series("direction", np.where(expected > 0, "up", "down")),
        pl.Series("probability_up", np.clip(0.5 + 6 * expected, 0.05, 0.95)),
        pl.Series("raw_probability_up", np.clip(0.5 + 6 * expected, 0.05, 0.95)),
        pl.Series("expected_log_return", expected),
        pl.Series("lower_log_return", expected - 0.05),
        pl.Series("upper_log_return", expected + 0.05),
        pl.lit(0.03).alias("volatility"),
        pl.lit(0.9).alias("interval_coverage"),
        pl.lit("{}").alias("ensemble"),
        pl.lit("{}").alias("adjustments"),
        pl.Series("abstained", abstained),
        pl.Series("abstain_reason", ["unfamiliar" if silent else None for silent in abstained.tolist()]),
        *common,
        pl.Series("inputs_known_until", cutoffs, dtype=pl.Datetime("us", "UTC")),
        pl.Series("issued_at", cutoffs, dtype=pl.Datetime("us", "UTC")),
        pl.lit("live").alias("origin"),
    )
    priorities = bars.with_columns(
        pl.lit("core").alias("tier"),
        pl.Series("score", rng.random(bars.height)),
        pl.lit("foretold").alias("rationale"),
        pl.lit("{}").alias("factors"),
        *common,
    )
    with scenario.warehouse.transaction() as connection:
        for name, frame in (("predictions", predictions), ("strategic_priorities", priorities)):
            connection.register("incoming", frame)
            connection.execute(f"INSERT OR REPLACE INTO {name} BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")
