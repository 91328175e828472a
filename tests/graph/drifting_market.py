"""A made-up market of four tickers: where a bar closed in its range foretells the next day, until one ticker turns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data import BAR_SCHEMA
from nextgen_resources.market_data.bokeh import Provider as EmbeddedMarket

TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")
TURNED = "IBM"
_FIRST, _LAST = date(2003, 8, 1), date(2005, 6, 30)
_PULL, _NOISE, _SEED = 0.012, 0.0065, 5
"""Of the twelve looks at each ticker some alarm by chance under other seeds: one in a hundred may."""


class DriftingMarket:
    """A close near the high is followed by a rise, one near the low by a fall; of ``TURNED`` the other way from ``turn`` on.

    Parameters
    ----------
    turn : date
        First session at which it behaves otherwise.
    """

    name = EmbeddedMarket.name
    capabilities = EmbeddedMarket.capabilities
    dividend_basis = EmbeddedMarket.dividend_basis

    def __init__(self, turn: date) -> None:
        self._turn = turn
        self.delay_minutes = EmbeddedMarket().delay_minutes

    def listings(self) -> pl.DataFrame:
        """Four of the embedded companies, listed all the time."""
        known = EmbeddedMarket().listings().filter(pl.col("ticker").is_in(TICKERS))
        return known.with_columns(first_session=pl.lit(_FIRST), last_session=pl.lit(None, pl.Date))

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars of ``tickers`` from ``first`` to ``last``."""
        wanted = pl.col("ticker").is_in(sorted(set(tickers)))
        return self._bars.filter(wanted & pl.col("session_date").is_between(first, last))

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> None:
        """None happen."""
        return

    @cached_property
    def _bars(self) -> pl.DataFrame:
        sessions, dice = xnys().between(_FIRST, _LAST), np.random.default_rng(_SEED)
        frames = []
        for ticker in TICKERS:
            place = dice.uniform(0.02, 0.98, len(sessions))
            turned = np.array([ticker == TURNED and day >= self._turn for day in sessions])
            pull = np.where(turned, -_PULL, _PULL) * (2 * place - 1)
            returns = _NOISE * dice.standard_normal(len(sessions))
            returns[1:] += pull[:-1]
            close = 50.0 * np.exp(np.cumsum(returns))
            spread = 0.03 * close
            low = close - place * spread
            frames.append(
                pl.DataFrame(
                    {
                        "ticker": ticker,
                        "session_date": sessions,
                        "open": low + spread / 2,
                        "high": low + spread,
                        "low": low,
                        "close": close,
                        "volume": np.full(len(sessions), 5e6) + 1e4 * np.arange(len(sessions)),
                        "adjusted_close": close,
                    }
                )
            )
        bars = pl.concat(frames).sort("ticker", "session_date")
        return bars.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items())
