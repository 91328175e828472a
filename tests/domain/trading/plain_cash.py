"""Cash by plain fractions from fills and actions, without any ledger: what the books are compared with."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl

from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.rules import TradingRules


def cash_by_fractions(market: MarketData, trades: pl.DataFrame, rules: TradingRules) -> Fraction:
    """Cash by plain exact fractions from fills and actions, without any ledger."""
    cash, held = Fraction(rules.initial_cash_micros, 10**6), dict.fromkeys(market.tickers, Fraction(0))
    lots_per_share, rate = rules.lots_per_share, Fraction(rules.borrow_parts_per_million, 365 * 10**6)
    for row, session in enumerate(market.sessions):
        before, owed = dict(held), max(Fraction(0), -cash)
        for at, ticker in enumerate(market.tickers):
            if before[ticker] < 0:
                worth = round(-before[ticker] * round(market.marks[row - 1, at] * 1e6))
                cash -= Fraction(round(worth * rate * (session - market.sessions[row - 1]).days), 10**6)
        if owed:
            cash -= Fraction(round(owed * 10**6 * rate * (session - market.sessions[row - 1]).days), 10**6)
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
