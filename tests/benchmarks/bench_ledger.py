"""The bare ledger on 500 tickers over ten years, beside vectorbt and backtesting.py on the same orders.

Set NEXTGEN_LEDGER_PEER_PYTHON to an interpreter that has vectorbt and backtesting (they want versions of their own).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.trading.bare_ledger import replay_orders
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.money import to_micros_array
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.spreads import fill_slippage

PEER = Path(__file__).with_name("ledger_peer.py")
SESSIONS, TICKERS, SHARE_ORDERED = 2_520, 500, 0.15
RULES = TradingRules(
    initial_cash_usd=1e9, slippage_bps=5.0, commission_per_share_usd=0.0, commission_minimum_usd=1.0
)


def market(sessions: int = SESSIONS, tickers: int = TICKERS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orders that the deposit can always pay, opens and closes in whole cents."""
    rng = np.random.default_rng(11)
    closes = rng.uniform(5, 200, tickers) * np.exp(
        np.cumsum(rng.normal(0.0002, 0.015, (sessions, tickers)), axis=0)
    )
    opens = closes * np.exp(rng.normal(0, 0.004, closes.shape))
    orders = np.where(rng.random(closes.shape) < SHARE_ORDERED, rng.integers(-120, 120, closes.shape), 0)
    return orders.astype(np.int64), np.maximum(opens.round(2), 0.01), np.maximum(closes.round(2), 0.01)


def round_trips(sessions: int) -> np.ndarray:
    """100 shares bought every tenth session and sold five sessions later."""
    orders = np.zeros(sessions, dtype=np.int64)
    orders[10::10], orders[15::10] = 100, -100
    return orders


def never_across_zero(orders: np.ndarray) -> np.ndarray:
    """The orders cut so that each either leaves a position or enters one: the ledger does not cross zero in one fill."""
    kept, held = np.zeros_like(orders), np.zeros(orders.shape[1], dtype=np.int64)
    for row, wanted in enumerate(orders):
        is_leaving = (held != 0) & (np.sign(wanted) == -np.sign(held))
        kept[row] = np.where(is_leaving, np.sign(wanted) * np.minimum(np.abs(wanted), np.abs(held)), wanted)
        held += kept[row]
    return kept


def as_paid(opens: np.ndarray, parts_per_million: np.ndarray) -> np.ndarray:
    """Slippage as the fraction that is paid: whole micro-dollars a share, rounded against us.

    Peers that were given the fraction before rounding differ by half a micro-dollar for every share that was ever traded:
    five dollars in the end.
    """
    quoted = to_micros_array(opens)
    return -((-quoted * parts_per_million) // 1_000_000) / quoted


def estimated_spreads(closes: np.ndarray) -> np.ndarray:
    """Slippage of every fill in millionths of the price: a twentieth of the volatility of the sessions before."""
    none, ones = np.zeros(closes.shape), np.ones(closes.shape)
    days = xnys().sessions[: len(closes)]
    names = tuple(f"T{at:04d}" for at in range(closes.shape[1]))
    market = MarketData(tuple(days), names, closes, closes, none, ones, none)
    return fill_slippage(market, replace(RULES, spread_model="volatility"))


def ours(
    orders: np.ndarray,
    opens: np.ndarray,
    closes: np.ndarray,
    slippage: np.ndarray,
    rules: TradingRules = RULES,
) -> tuple[float, np.ndarray]:
    """Median seconds of five runs, and the value at each close in US dollars."""
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        found = replay_orders(orders, opens, closes, None, rules, slippage)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:]), found.value_micros / 1e6


def peers(given: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """Seconds and values of both peers, or None where there is no interpreter that has them."""
    python = os.environ.get("NEXTGEN_LEDGER_PEER_PYTHON")
    if not python:
        print(
            "vectorbt, backtesting.py: left out, NEXTGEN_LEDGER_PEER_PYTHON names no interpreter that has them"
        )
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "orders.npz"), **given)
        subprocess.run([python, str(PEER), folder], check=True)
        return dict(np.load(Path(folder, "peer.npz")))


def main() -> None:
    """Print seconds, ratios and the largest difference in value."""
    orders, opens, closes = market()
    trips = round_trips(len(orders))
    slippage = estimated_spreads(closes)
    seconds, value = ours(orders, opens, closes, slippage)
    print(f"{TICKERS} tickers, {SESSIONS} sessions, {np.count_nonzero(orders):,} orders")
    print(f"  bare ledger, exact to the micro-dollar  {seconds:8.3f} s")
    short_rules, short_orders = replace(RULES, shorting=True, borrow_rate=0.0), never_across_zero(orders)
    short_seconds, short_value = ours(short_orders, opens, closes, slippage, short_rules)
    print(
        f"  the same, {np.count_nonzero(short_orders):,} orders, half of them of shares sold short  {short_seconds:8.3f} s"
    )
    given = {
        "short_orders": short_orders,
        "orders": orders,
        "opens": opens,
        "closes": closes,
        "round_trips": trips,
    }
    given |= {
        "slippage": as_paid(opens, slippage),
        "fee": np.array(1.0),
        "cash": np.array(RULES.initial_cash_usd),
    }
    found = peers(given)
    if found is None:
        return
    vectorbt, one, theirs, final = (found[name] for name in ("seconds", "one", "value", "final"))
    print(
        f"  vectorbt, the same                      {float(vectorbt):8.3f} s   {vectorbt / seconds:.1f} times"
    )
    print(
        f"  largest difference at a close           {np.abs(theirs - value).max():8.4f} USD of {value[-1]:,.2f}"
    )
    short = float(found["short_seconds"])
    print(f"  vectorbt, sold short too                {short:8.3f} s   {short / short_seconds:.1f} times")
    difference = np.abs(found["short_value"] - short_value).max()
    print(f"  largest difference at a close           {difference:8.4f} USD of {short_value[-1]:,.2f}")
    plain = TradingRules(
        initial_cash_usd=1e9, slippage_bps=0.0, commission_per_share_usd=0.0, commission_minimum_usd=1.0
    )
    alone = replay_orders(trips[:, None], opens[:, :1], closes[:, :1], None, plain)
    print(
        f"  backtesting.py, one ticker              {float(one):8.3f} s   {one * TICKERS / seconds:.0f} times, by ticker"
    )
    print(f"  difference of its final equity          {abs(final - alone.value_micros[-1] / 1e6):8.4f} USD")


if __name__ == "__main__":
    sys.exit(main())
