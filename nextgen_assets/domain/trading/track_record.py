"""The record of a portfolio up to each close: growth, risk and how much of it could be luck.

Every figure of a session is made of running sums from the first value on, so a session's row is the same
whether it is computed alone or in a pass over many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAYS_PER_YEAR: Final = 365.25
MINIMUM_RETURNS: Final = 63
"""Sessions (a quarter) before anything is stated per year: shorter records annualise to nonsense."""

ROLLING_SESSIONS: Final = 252
_EULER_MASCHERONI: Final = 0.5772156649015329
_Z95: Final = NormalDist().inv_cdf(0.975)


class TrackRecordError(ValueError):
    """There is no value, or one that is not positive, to measure a record by."""


@dataclass(frozen=True, eq=False)
class Record:
    """Figures of one series of values at each of its sessions; NaN where the record is too short.

    Parameters
    ----------
    total_return, cagr : array (n_sessions,)
        Since the first value: growth, and compound growth per calendar year.
    volatility, sharpe, sortino : array (n_sessions,)
        Annualised by the sessions a year that the record itself shows; risk-free rate 0. The Sortino ratio
        divides by the root of the mean squared loss over all sessions.
    sharpe_error : array (n_sessions,)
        Standard error of the annualised Sharpe ratio.
    skewness, kurtosis : array (n_sessions,)
        Of the session returns; 0 and 3 for a normal distribution.
    max_drawdown : array (n_sessions,)
        Largest fraction below an earlier high so far.
    n_returns : int array (n_sessions,)
        Returns so far; 0 at the first value.
    """

    total_return: Floats
    cagr: Floats
    volatility: Floats
    sharpe: Floats
    sharpe_error: Floats
    sortino: Floats
    skewness: Floats
    kurtosis: Floats
    max_drawdown: Floats
    n_returns: NDArray[np.int64]


def sessions_per_year(days: Sequence[date], span: int | None = None) -> Floats:
    """Returns per calendar year, as the sessions themselves show it.

    Parameters
    ----------
    days : sequence of date, length n_sessions
        Sessions of the values, ascending.
    span : int, optional
        Returns to look back over; default all since the first.

    Returns
    -------
    array (n_sessions,)
        About 251.7 for a long record of the New York exchange; NaN before ``MINIMUM_RETURNS`` (or ``span``)
        returns. A constant 252, or 365, would be wrong for another calendar or for a feed with gaps.
    """
    ordinals = np.array([day.toordinal() for day in days], dtype=np.float64)
    back = np.arange(len(days)) if span is None else np.full(len(days), span)
    enough = np.arange(len(days)) >= max(MINIMUM_RETURNS, span or 0)
    begin = np.where(enough, np.arange(len(days)) - back, 0)
    elapsed = np.where(enough, (ordinals - ordinals[begin]) / DAYS_PER_YEAR, np.nan)
    return back / elapsed


def measure(values_usd: Floats, days: Sequence[date]) -> Record:
    """The record of a series of values, without deposits in between, at each of its sessions.

    Parameters
    ----------
    values_usd : array (n_sessions,)
        Values at the closes, US dollars, > 0.
    days : sequence of date, length n_sessions
        Their sessions, ascending.

    Raises
    ------
    TrackRecordError
        If there is no value, or one is not a positive number.

    Notes
    -----
    The standard error of the Sharpe ratio allows for skewness and fat tails and takes sessions as
    independent; where returns trend it is too small.

    References
    ----------
    Mertens (2002), "Comments on variance of the IID estimator in Lo (2002)".
    Sortino and Price (1994), "Performance measurement in a downside risk framework".
    """
    if not len(values_usd) or not np.all(np.isfinite(values_usd) & (values_usd > 0.0)):
        raise TrackRecordError(
            f"found {len(values_usd)} values, the lowest {np.min(values_usd, initial=math.inf)}; expected one or "
            "more, all positive; materialise portfolio_holdings of these sessions"
        )
    returns = np.concatenate([[0.0], values_usd[1:] / values_usd[:-1] - 1.0])
    n = np.arange(len(returns))
    moments = _moments(np.cumsum(np.stack([returns**power for power in range(1, 5)]), axis=1), n)
    mean, spread, skewness, kurtosis = moments
    a_year = sessions_per_year(days)
    per_session = _ratio(mean, spread)
    losses = np.sqrt(_ratio(np.cumsum(np.minimum(returns, 0.0) ** 2), n.astype(np.float64)))
    root = np.sqrt(a_year)
    growth = values_usd / values_usd[0]
    return Record(
        growth - 1.0,
        np.where(np.isfinite(a_year), growth ** _ratio(a_year, n.astype(np.float64)) - 1.0, np.nan),
        spread * root,
        per_session * root,
        _sharpe_error(per_session, skewness, kurtosis, n) * root,
        _ratio(mean, losses) * root,
        skewness,
        kurtosis,
        np.maximum.accumulate(1.0 - values_usd / np.maximum.accumulate(values_usd)),
        n,
    )


def rolling_sharpe(
    values_usd: Floats, days: Sequence[date], span: int = ROLLING_SESSIONS
) -> tuple[Floats, Floats]:
    """Annualised Sharpe ratio of the last ``span`` returns at each session, and its standard error.

    Returns
    -------
    (array (n_sessions,), array (n_sessions,))
        NaN before ``span`` returns, or where nothing moved.
    """
    returns = np.concatenate([[0.0], values_usd[1:] / values_usd[:-1] - 1.0])
    sums = np.cumsum(np.stack([returns**power for power in range(1, 5)]), axis=1)
    empty = np.full(len(returns), np.nan)
    if len(returns) <= span:
        return empty, empty.copy()
    n = np.full(len(returns) - span, span)
    mean, spread, skewness, kurtosis = _moments(sums[:, span:] - sums[:, :-span], n)
    root = np.sqrt(sessions_per_year(days, span)[span:])
    per_session = _ratio(mean, spread)
    error = _sharpe_error(per_session, skewness, kurtosis, n)
    return np.concatenate([empty[:span], per_session * root]), np.concatenate([empty[:span], error * root])


def deflated_sharpe(record: Record, days: Sequence[date], trials: NDArray[np.int64]) -> Floats:
    """Probability that the Sharpe ratio is above what the best of so many tries without skill would show.

    Parameters
    ----------
    record : Record
        From :func:`measure`.
    days : sequence of date, length n_sessions
        Its sessions.
    trials : int array (n_sessions,)
        Configurations tried by each session, >= 1; with one, nothing is deflated: the probability that the
        true ratio is above zero.

    Returns
    -------
    array (n_sessions,)
        0 to 1; NaN where there is no Sharpe ratio.

    Notes
    -----
    Tries without skill are taken to scatter as the estimate itself does when the true ratio is zero,
    1 / n_returns: the ratios of configurations that were never traded are not known.

    References
    ----------
    Bailey and López de Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5).
    """
    from scipy.special import ndtr

    per_session = record.sharpe / np.sqrt(sessions_per_year(days))
    hurdle = np.array([_best_of(int(count)) for count in trials]) / np.sqrt(np.maximum(record.n_returns, 1))
    error = record.sharpe_error / np.sqrt(sessions_per_year(days))
    chance: Floats = ndtr(_ratio(per_session - hurdle, error))
    return chance


def _best_of(trials: int) -> float:
    """Expected largest of ``trials`` independent standard normal values, by the approximation of the paper."""
    if trials <= 1:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1.0 - _EULER_MASCHERONI) * quantile(1.0 - 1.0 / trials) + _EULER_MASCHERONI * quantile(
        1.0 - 1.0 / (trials * math.e)
    )


def interval(value: Floats, error: Floats) -> tuple[Floats, Floats]:
    """95 % interval of normally distributed estimates."""
    return value - _Z95 * error, value + _Z95 * error


def _moments(sums: Floats, n: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, sample standard deviation, skewness and kurtosis from power sums (4, n_sessions)."""
    count = np.where(n > 1, n, 1).astype(np.float64)
    mean, second, third, fourth = sums / count
    variance = second - mean**2
    moved = (n > 1) & (variance > 1e-12 * np.maximum(second, 1e-300))
    spread = np.sqrt(np.where(moved, variance, np.nan))
    central = third - 3.0 * mean * second + 2.0 * mean**3
    quartic = fourth - 4.0 * mean * third + 6.0 * mean**2 * second - 3.0 * mean**4
    sample = spread * np.sqrt(count / np.maximum(count - 1.0, 1.0))
    return np.where(n > 1, mean, np.nan), sample, central / spread**3, quartic / spread**4


def _sharpe_error(per_session: Floats, skewness: Floats, kurtosis: Floats, n: NDArray[np.int64]) -> Floats:
    inner = 1.0 - skewness * per_session + (kurtosis - 1.0) / 4.0 * per_session**2
    error: Floats = np.sqrt(_ratio(np.maximum(inner, 0.0), (n - 1).astype(np.float64)))
    return error


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    defined = denominator > 0.0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)


def nullable(name: str, values: Floats) -> pl.Series:
    """A column of figures, null where they are not a number."""
    return pl.Series(name, np.where(np.isfinite(values), values, np.nan)).fill_nan(None)
