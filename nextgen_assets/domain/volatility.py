"""Trailing volatility of daily log returns: the yardstick of bounds, sizes and priorities."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

WINDOW_SESSIONS = 20
_NO_MOVEMENT = 1e-9
"""Below this, a deviation is the rounding of equal returns."""


def daily_volatility(log_returns: Values, window_sessions: int = WINDOW_SESSIONS) -> Values:
    """Sample standard deviation of the last ``window_sessions`` daily log returns.

    Parameters
    ----------
    log_returns : ndarray (n_sessions, n_tickers)
        Daily total log returns; NaN where unknown.

    Returns
    -------
    ndarray (n_sessions, n_tickers)
        One degree of freedom less than the count; NaN where a return of the window is missing or all
        of them are equal.

    Notes
    -----
    Each window is summed afresh in the order of time: the value of a session does not depend on where
    the pass began.
    """
    n_sessions = log_returns.shape[0]
    volatility = np.full(log_returns.shape, np.nan)
    if n_sessions < window_sessions:
        return volatility
    rows = n_sessions - window_sessions + 1
    total = np.zeros((rows, log_returns.shape[1]))
    for offset in range(window_sessions):
        total += log_returns[offset : offset + rows]
    mean = total / window_sessions
    squares = np.zeros_like(total)
    for offset in range(window_sessions):
        squares += (log_returns[offset : offset + rows] - mean) ** 2
    deviation = np.sqrt(squares / (window_sessions - 1))
    volatility[window_sessions - 1 :] = np.where(deviation > _NO_MOVEMENT, deviation, np.nan)
    return volatility


def horizon_volatility(panel: Panel, horizon_sessions: int) -> Values:
    """Forecast standard deviation of the log return over ``horizon_sessions``: daily times its root."""
    return daily_volatility(panel.fields["log_return"]) * math.sqrt(horizon_sessions)


def trailing_volatility(panel: Panel, horizon_sessions: int = 1) -> pl.DataFrame:
    """Volatility over ``horizon_sessions`` as rows.

    Returns
    -------
    DataFrame
        ``ticker, session_date, volatility``, sorted by ticker and session; unknown ones have no row.
    """
    volatility = horizon_volatility(panel, horizon_sessions)
    order = np.argsort(np.array(panel.tickers))
    ticker_rank, session_index = np.nonzero(~np.isnan(volatility.T[order]))
    ticker_index = order[ticker_rank]
    return pl.DataFrame(
        {
            "ticker": pl.Series(panel.tickers, dtype=pl.String).gather(ticker_index),
            "session_date": pl.Series(panel.sessions, dtype=pl.Date).gather(session_index),
            "volatility": volatility[session_index, ticker_index],
        }
    )
