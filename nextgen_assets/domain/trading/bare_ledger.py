"""Many given orders replayed in one compiled pass, exact to the micro-dollar.

The books of the graph keep every event; this keeps balances only. Both follow the same rules of fills, so
it proves the one by the other, and replays what has no splits, dividends or departures in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.market import MarketDataError
from nextgen_assets.domain.trading.money import to_micros_array
from nextgen_assets.domain.trading.rules import TradingRules

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_UNLIMITED = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class BareLedger:
    """Balances after a replay.

    Parameters
    ----------
    fills : int array (n_sessions, n_tickers)
        Lots filled (shares, or millionths of them where they may be fractions): bought positive, sold negative.
    cash_micros, value_micros : int array (n_sessions,)
        Cash, and net asset value at the last known closes, after each session.
    shares, cost_micros : int array (n_tickers,)
        Lots held at the end, and what they cost before commission by the average-cost method; negative where sold
        short.
    realized_micros, commission_micros, slippage_micros, borrow_micros : int
        Gains before commission; commission; part of the fills that is slippage; fees of borrowing.
    """

    fills: Counts
    cash_micros: Counts
    value_micros: Counts
    shares: Counts
    cost_micros: Counts
    realized_micros: int
    commission_micros: int
    slippage_micros: int
    borrow_micros: int


def replay_orders(
    orders: Counts,
    opens_usd: Floats,
    closes_usd: Floats,
    volumes: Floats | None,
    rules: TradingRules,
    slippage_parts_per_million: Counts | None = None,
    days: Counts | None = None,
) -> BareLedger:
    """Fill orders at their opens: sells before buys, in ticker order, from one cash account.

    Parameters
    ----------
    orders : int array (n_sessions, n_tickers)
        Lots wanted at the open of each session: positive to buy, negative to sell, 0 for none.
    opens_usd, closes_usd : float array (n_sessions, n_tickers)
        As traded, US dollars; NaN without a bar. A position without a close keeps its last one.
    volumes : float array (n_sessions, n_tickers) or None
        Shares traded, NaN where unknown; None leaves the volume cap out.
    rules : TradingRules
        Deposit, slippage, commission and volume cap. Principles are not asked.
    slippage_parts_per_million : int array (n_sessions, n_tickers), optional
        Slippage of the fills of each session; default the fixed one of the rules.
    days : int array (n_sessions,), optional
        Calendar days since the session before, for which borrowing is paid; default one each.

    Returns
    -------
    BareLedger
        What is bought is cut to the cash, what is sold to the shares held or to the margin for selling short, all to
        the volume cap; no fill crosses zero shares.

    Raises
    ------
    MarketDataError
        If the panels have different shapes.
    """
    from nextgen_assets.domain.trading._ledger_kernel import run

    given = (orders, opens_usd, closes_usd, volumes, slippage_parts_per_million)
    shapes = {panel.shape for panel in given if panel is not None}
    if len(shapes) != 1:
        raise MarketDataError(
            f"orders and panels have the shapes {sorted(shapes)}; expected one and the same"
        )
    slippage = slippage_parts_per_million
    if slippage is None:
        slippage = np.full(orders.shape, rules.slippage_parts_per_million)
    n_sessions, n_tickers = orders.shape
    caps = np.full(orders.shape, _UNLIMITED)
    if volumes is not None:
        known = np.isfinite(volumes)
        caps[known] = np.floor(volumes[known] * rules.max_volume_fraction * rules.lots_per_share).astype(
            np.int64
        )
    fills = np.zeros(orders.shape, dtype=np.int64)
    cash, value = np.zeros(n_sessions, dtype=np.int64), np.zeros(n_sessions, dtype=np.int64)
    shares, cost = np.zeros(n_tickers, dtype=np.int64), np.zeros(n_tickers, dtype=np.int64)
    totals = np.zeros(4, dtype=np.int64)
    run(
        np.ascontiguousarray(orders, dtype=np.int64),
        to_micros_array(opens_usd),
        caps,
        to_micros_array(_carried(closes_usd)),
        np.ones(n_sessions, dtype=np.int64) if days is None else np.ascontiguousarray(days, dtype=np.int64),
        rules.initial_cash_micros,
        np.ascontiguousarray(slippage, dtype=np.int64),
        rules.commission_minimum_micros,
        rules.commission_per_share_micros,
        rules.lots_per_share,
        rules.initial_margin_parts_per_million if rules.shorting else -1,
        rules.borrow_parts_per_million,
        fills,
        cash,
        value,
        shares,
        cost,
        totals,
    )
    return BareLedger(fills, cash, value, shares, cost, *totals.tolist())


def _carried(closes_usd: Floats) -> Floats:
    """Closes with the last known one where a session has none."""
    known = np.isfinite(closes_usd)
    if known.all():
        return closes_usd
    rows = np.where(known, np.arange(len(closes_usd))[:, None], 0)
    return np.take_along_axis(closes_usd, np.maximum.accumulate(rows, axis=0), axis=0)
