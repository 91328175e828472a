"""Cash by plain fractions from fills and actions, without any ledger: what the books are compared with."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl

from nextgen_assets.domain.trading.market import MarketData


def cash_by_fractions(
    market: MarketData, trades: pl.DataFrame, deposit: Fraction, lots_per_share: int = 1
) -> Fraction:
    """Cash by plain exact fractions from fills and actions, without any ledger."""
    cash, held = deposit, dict.fromkeys(market.tickers, Fraction(0))
    for row, session in enumerate(market.sessions):
        before = dict(held)
        for at, ticker in enumerate(market.tickers):
            if not before[ticker]:
                continue
            ratio = Fraction(market.split_ratios[row, at]).limit_denominator(1_000_000)
            exact = before[ticker] * ratio
            held[ticker] = Fraction(int(exact * lots_per_share), lots_per_share)
            price = market.opens[row, at]
            if np.isnan(price):
                price = market.marks[row - 1, at] / market.split_ratios[row, at] if row else 0.0
            cash += Fraction(round((exact - held[ticker]) * round(price * 1e6)), 10**6)
            cash += Fraction(round(before[ticker] * round(market.dividends_usd[row, at] * 1e6)), 10**6)
        for trade in trades.filter(pl.col("session_date") == session).rows(named=True):
            sign = 1 if trade["side"] == "sell" else -1
            held[trade["ticker"]] -= sign * Fraction(trade["quantity"])
            cash += sign * Fraction(trade["gross_usd"]) - Fraction(trade["commission_usd"])
    return cash
