"""What the domain returns fits the migrated tables, and survives the way through them."""

from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from nextgen_assets.domain.trading.ledger import state_from_ledger
from nextgen_assets.domain.trading.performance import value_portfolio
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.reflection import reflect
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import execute_plans, run_sessions
from tests.domain.trading.trading_builders import CALENDAR, DELAY, forecasts_of, market_of, predictions_of

FOLDER = Path(__file__).parents[3] / "sql" / "migrations"
MIGRATIONS = [
    FOLDER / name
    for name in (
        "0004_trading.sql",
        "0023_reflection_chance.sql",
        "0030_fractional_shares.sql",
        "0031_short_positions.sql",
    )
]


def test_frames_fit_their_tables_and_read_back_to_the_same_state_and_fills() -> None:
    rng, rules = np.random.default_rng(4), TradingRules(shares="fractional")
    closes = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, (60, 3)), axis=0))
    opens = np.where(rng.random(closes.shape) < 0.05, np.nan, closes * 1.001)
    market = market_of(
        opens, np.where(np.isnan(opens), np.nan, closes), ("AAA", "BBB", "CCC"), {(30, 0): 1.5}
    )
    forecasts, sessions, empty = forecasts_of(market, 4), list(market.sessions), PortfolioState("baseline")
    out = run_sessions(empty, sessions, market, forecasts, rules, CALENDAR, DELAY)
    holdings, values = value_portfolio(out.entries, market, sessions, "baseline", CALENDAR, DELAY)
    predictions = predictions_of(forecasts)
    frames = {
        "trade_plans": out.plans,
        "trades": out.trades,
        "ledger_entries": out.entries,
        "portfolio_holdings": holdings,
        "portfolio_values": values,
        "trade_reflections": reflect(
            out.entries, out.trades, out.plans, predictions, market, sessions, "baseline", CALENDAR, DELAY
        ),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for migration in MIGRATIONS:
            connection.execute(migration.read_text())
        read = {}
        for table, frame in frames.items():
            assert frame.height > 0, table
            stamped = frame.with_columns(run_id=pl.lit("run"))
            columns = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()]
            assert sorted(stamped.columns) == sorted(columns)
            connection.register("stamped", stamped.to_arrow())
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM stamped")
            connection.unregister("stamped")
            read[table] = connection.sql(f"SELECT * FROM {table}").pl()
    state = state_from_ledger(
        read["ledger_entries"], "baseline", sessions[-1], read["portfolio_values"], rules
    )
    assert state == out.state
    trades, entries = execute_plans(empty, read["trade_plans"], sessions, market, rules, CALENDAR)
    assert trades.equals(out.trades)
    assert entries.equals(out.entries)
