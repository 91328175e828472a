"""A replay for its fills beside one that keeps every plan with its reasons: the same ledger, the ratio of times.

``python -m tests.benchmarks.bench_replay [tickers] [sessions]``. `nextgen tear-sheet --principles` replays the record once with
every principle and once without each.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.simulation import SessionOutcomes, run_sessions
from tests.domain.trading.trading_builders import CALENDAR, DELAY, forecasts_of, market_of

ROUNDS = 3


def main(tickers: str = "100", sessions: str = "250") -> None:
    """Print the median of processor seconds of either, and their ratio."""
    shape = int(sessions), int(tickers)
    closes = 40 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.02, shape), axis=0))
    market = market_of(closes * 1.001, closes, tuple(f"T{number:04d}" for number in range(shape[1])))
    forecasts, days, rules = forecasts_of(market, 4), list(market.sessions), TradingRules()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    done: dict[bool, SessionOutcomes] = {}
    for _ in range(ROUNDS):
        for is_recorded in (True, False):
            began = time.process_time()
            done[is_recorded] = run_sessions(
                PortfolioState("x"), days, market, forecasts, rules, CALENDAR, DELAY, is_recorded=is_recorded
            )
            seconds[is_recorded].append(time.process_time() - began)
    told, plain = (done[is_recorded].trades.drop("trade_id", "plan_id") for is_recorded in (True, False))
    assert told.equals(plain), "the fills differ"
    recorded, replayed = (statistics.median(seconds[is_recorded]) for is_recorded in (True, False))
    print(f"{tickers} tickers, {sessions} sessions, {told.height:,} fills, the same in both")
    print(f"every plan with its reasons  {recorded:6.2f} s of processor time")
    print(f"orders alone                 {replayed:6.2f} s")
    print(f"ratio                        {recorded / replayed:6.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
