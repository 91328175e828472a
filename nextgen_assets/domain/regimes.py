"""What kind of market a session belongs to: rising or falling, calm or turbulent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from nextgen_assets.domain.clustering import FloatArray

REGIMES = ("rising calm", "rising turbulent", "falling calm", "falling turbulent")
"""Every regime, in the order in which it is looked at."""


@dataclass(frozen=True)
class RegimeRules:
    """Over which sessions a market is judged.

    Parameters
    ----------
    trend_sessions : int
        Sessions whose summed return tells rising from falling.
    turbulence_sessions, usual_sessions : int
        The market is turbulent when its volatility over the first exceeds the median of that figure over the
        second.
    """

    trend_sessions: int = 60
    turbulence_sessions: int = 20
    usual_sessions: int = 250

    @property
    def history_sessions(self) -> int:
        """Sessions of returns, up to a session, that its regime depends on."""
        return max(self.trend_sessions, self.turbulence_sessions + self.usual_sessions - 1)


def market_regimes(returns: pl.DataFrame, rules: RegimeRules | None = None) -> pl.DataFrame:
    """The regime of every session that has enough sessions before it.

    Parameters
    ----------
    returns : frame
        [session_date, log_return]: return of the market from the close before to the close of the session;
        ascending, one row per session.

    Returns
    -------
    frame
        [session_date, regime], regime one of ``REGIMES``.

    Notes
    -----
    As-of rule: the regime of S uses the returns of S and of the ``history_sessions - 1`` sessions before it.
    Every sum is formed afresh over its own window, so a session alone gives the bytes it gives in a range.
    """
    rules = rules or RegimeRules()
    daily = returns["log_return"].to_numpy()
    n_judged = daily.size - rules.history_sessions + 1
    schema: dict[str, type[pl.DataType]] = {"session_date": pl.Date, "regime": pl.String}
    if n_judged < 1:
        return pl.DataFrame(schema=schema)
    trend = _windows(daily, rules.trend_sessions).sum(axis=1)[-n_judged:]
    volatility = _windows(daily, rules.turbulence_sessions).std(axis=1)
    usual = np.median(_windows(volatility, rules.usual_sessions), axis=1)[-n_judged:]
    place = 2 * (trend < 0).astype(np.int64) + (volatility[-n_judged:] > usual).astype(np.int64)
    names = [REGIMES[number] for number in place.tolist()]
    return pl.DataFrame(
        {"session_date": returns["session_date"].tail(n_judged), "regime": names}, schema=schema
    )


def _windows(values: FloatArray, length: int) -> FloatArray:
    """Trailing windows (n, length) as contiguous rows: a view would be added up in another order."""
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, length))
