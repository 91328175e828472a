"""Summary statistics of a portfolio beside its benchmark, with bootstrap intervals of the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.trading.track_record import DAYS_PER_YEAR

Floats = NDArray[np.float64]


class TooFewSessionsError(ValueError):
    """There are too few values to compute statistics from."""


@dataclass(frozen=True)
class Summary:
    """Statistics of one series of values.

    Parameters
    ----------
    total_return : float
        Last value over first, minus 1.
    cagr : float
        Compound growth per calendar year, from elapsed days.
    volatility : float
        Standard deviation of simple session returns, annualised by the sessions a year that the series shows.
    sharpe : float
        Annualised mean over standard deviation of session returns, risk-free rate 0; NaN when the
        series never moved.
    max_drawdown : float
        Largest fraction below an earlier high, 0 to 1.
    """

    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    max_drawdown: float


@dataclass(frozen=True)
class Difference:
    """Portfolio minus benchmark of one statistic, with its block-bootstrap interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Comparison:
    """Portfolio, benchmark and their differences by statistic (cagr, sharpe, max_drawdown)."""

    portfolio: Summary
    benchmark: Summary
    differences: dict[str, Difference]
    n_sessions: int


def summarise(values_usd: Floats, days: Sequence[date]) -> Summary:
    """Statistics of a series of values at consecutive closes, without deposits in between.

    Parameters
    ----------
    values_usd : array (n_sessions,)
        Positive values.
    days : sequence of date, length n_sessions
        Their sessions, ascending.

    Raises
    ------
    TooFewSessionsError
        With fewer than three values.

    Notes
    -----
    A constant 252 returns a year would be wrong for another calendar, or for a feed with gaps.

    References
    ----------
    Sharpe (1994), "The Sharpe Ratio", Journal of Portfolio Management 21(1).
    """
    if len(values_usd) < 3:
        raise TooFewSessionsError(f"found {len(values_usd)} values; expected at least 3; widen the range")
    returns = values_usd[1:] / values_usd[:-1] - 1.0
    return Summary(
        float(values_usd[-1] / values_usd[0] - 1.0),
        *(float(column[0]) for column in _statistics(returns[None, :], _years(days))),
    )


def _years(days: Sequence[date]) -> float:
    return (days[-1] - days[0]).days / DAYS_PER_YEAR


def _statistics(returns: Floats, years: float) -> tuple[Floats, Floats, Floats, Floats]:
    """CAGR, volatility, Sharpe and maximum drawdown of each row of (n_samples, n_returns) over ``years``."""
    growth = np.cumprod(1.0 + returns, axis=1)
    root = math.sqrt(returns.shape[1] / years)
    cagr = np.asarray(growth[:, -1] ** (1.0 / years) - 1.0, dtype=np.float64)
    spread = returns.std(axis=1, ddof=1)
    moved = spread > 0.0
    sharpe = returns.mean(axis=1) / np.where(moved, spread, 1.0) * root
    peaks = np.maximum(np.maximum.accumulate(growth, axis=1), 1.0)
    drawdown = (1.0 - growth / peaks).max(axis=1)
    return cagr, spread * root, np.where(moved, sharpe, np.nan), drawdown


def compare_with_benchmark(
    values: pl.DataFrame,
    seed: int,
    n_resamples: int = 1_000,
    block_sessions: int = 21,
    coverage: float = 0.95,
) -> Comparison:
    """Portfolio beside benchmark, with intervals of the differences.

    Parameters
    ----------
    values : DataFrame
        session_date, net_asset_value_usd, benchmark_value_usd of one scenario, from ``portfolio_values``.
    seed : int
        Seed of the resampling; the same seed gives the same interval.
    n_resamples, block_sessions : int
        Bootstrap samples, and length of a block.
    coverage : float
        Coverage of the percentile interval.

    Returns
    -------
    Comparison

    Raises
    ------
    TooFewSessionsError
        With fewer than three sessions.

    Notes
    -----
    Circular block bootstrap of *paired* session returns: portfolio and benchmark keep their common
    days, and blocks keep the dependence from day to day. A sample spans the calendar time of the record.

    References
    ----------
    Politis and Romano (1992), "A circular block-resampling procedure for stationary data".
    """
    ordered = values.sort("session_date")
    portfolio = ordered["net_asset_value_usd"].cast(pl.Float64).to_numpy()
    benchmark = ordered["benchmark_value_usd"].to_numpy()
    days: list[date] = ordered["session_date"].to_list()
    ours, theirs = summarise(portfolio, days), summarise(benchmark, days)
    n_returns = len(portfolio) - 1
    block = min(block_sessions, n_returns)
    n_blocks = -(-n_returns // block)
    starts = np.random.default_rng(seed).integers(0, n_returns, size=(n_resamples, n_blocks))
    places = (starts[:, :, None] + np.arange(block)) % n_returns
    places = places.reshape(n_resamples, -1)[:, :n_returns]
    sampled_ours = _statistics((portfolio[1:] / portfolio[:-1] - 1.0)[places], _years(days))
    sampled_theirs = _statistics((benchmark[1:] / benchmark[:-1] - 1.0)[places], _years(days))
    tails = [(1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0]
    differences = {}
    for at, name in ((0, "cagr"), (2, "sharpe"), (3, "max_drawdown")):
        sampled = sampled_ours[at] - sampled_theirs[at]
        finite = sampled[np.isfinite(sampled)]
        lower, upper = np.quantile(finite, tails).tolist() if len(finite) else (math.nan, math.nan)
        differences[name] = Difference(getattr(ours, name) - getattr(theirs, name), lower, upper)
    return Comparison(ours, theirs, differences, len(portfolio))
