"""How much of a good result is the luck of having tried often: deflated Sharpe ratio and CSCV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EULER_MASCHERONI = 0.577215664901532860606512090082
_NORMAL = NormalDist()


@dataclass(frozen=True)
class ReturnMoments:
    """What the deflated Sharpe ratio needs of a series of returns; nothing is annualised.

    Parameters
    ----------
    n : int
        Returns that do not overlap.
    sharpe : float
        Mean over standard deviation, per return.
    skewness, kurtosis : float
        Third and fourth standardised moment; 0 and 3 for a normal distribution.
    """

    n: int
    sharpe: float
    skewness: float
    kurtosis: float


def return_moments(returns: Floats) -> ReturnMoments:
    """Moments of ``returns``, a series that does not overlap.

    Parameters
    ----------
    returns : ndarray of float64, shape (n,)
        Finite, at least two.

    Raises
    ------
    ValueError
        If there are fewer than two or one is not finite.

    Notes
    -----
    A series without movement has Sharpe ratio 0: that nothing ever happened is no skill.
    """
    if returns.ndim != 1 or returns.size < 2 or not np.isfinite(returns).all():
        raise ValueError(f"returns of shape {returns.shape}: expected (n >= 2,), all finite")
    deviations = returns - returns.mean()
    variance = float((deviations**2).mean())
    if variance <= 1e-24:
        return ReturnMoments(returns.size, 0.0, 0.0, 3.0)
    scale = math.sqrt(variance)
    return ReturnMoments(
        n=returns.size,
        sharpe=float(returns.mean()) / float(returns.std(ddof=1)),
        skewness=float((deviations**3).mean()) / scale**3,
        kurtosis=float((deviations**4).mean()) / scale**4,
    )


def expected_maximum_sharpe(n_trials: int, variance_of_sharpes: float) -> float:
    r"""Sharpe ratio that the luckiest of ``n_trials`` trials without skill is expected to show.

    ``sqrt(V) * ((1 - g) * Z(1 - 1/N) + g * Z(1 - 1/(N e)))``, with g the Euler-Mascheroni constant and Z the
    normal quantile; 0 for a single trial.

    Parameters
    ----------
    n_trials : int
        Independent configurations that were tried.
    variance_of_sharpes : float
        Variance of their Sharpe ratios.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014). The deflated Sharpe ratio: correcting for selection bias,
    backtest overfitting and non-normality. Equation 1.

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if n_trials < 1 or not variance_of_sharpes >= 0:
        raise ValueError(
            f"n_trials={n_trials}, variance_of_sharpes={variance_of_sharpes}: expected at least 1 and 0"
        )
    if n_trials == 1:
        return 0.0
    usual = _NORMAL.inv_cdf(1 - 1 / n_trials)
    extreme = _NORMAL.inv_cdf(1 - 1 / (n_trials * math.e))
    return math.sqrt(variance_of_sharpes) * ((1 - EULER_MASCHERONI) * usual + EULER_MASCHERONI * extreme)


def probabilistic_sharpe_ratio(moments: ReturnMoments, threshold: float) -> float:
    """Probability that the true Sharpe ratio exceeds ``threshold``.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2012). The Sharpe ratio efficient frontier.

    Raises
    ------
    ValueError
        If the moments contradict each other (the variance of the estimate is not positive).
    """
    spread = 1 - moments.skewness * moments.sharpe + (moments.kurtosis - 1) / 4 * moments.sharpe**2
    if moments.n < 2 or spread <= 0:
        raise ValueError(f"{moments}: no Sharpe ratio has these moments; pass those of one series")
    return _NORMAL.cdf((moments.sharpe - threshold) * math.sqrt((moments.n - 1) / spread))


def deflated_sharpe_ratio(moments: ReturnMoments, n_trials: int, variance_of_sharpes: float) -> float:
    """Probability that the Sharpe ratio is more than the luck of the best of ``n_trials``.

    References
    ----------
    Bailey and López de Prado (2014), equation 2.

    Examples
    --------
    >>> daily = ReturnMoments(n=1250, sharpe=2.5 / 250**0.5, skewness=-3.0, kurtosis=10.0)
    >>> round(deflated_sharpe_ratio(daily, 100, 0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe_ratio(moments, expected_maximum_sharpe(n_trials, variance_of_sharpes))


def variance_of_trials(sharpes: Floats, n_returns: int) -> float:
    """Variance of the Sharpe ratios of the trials, at least that of one ratio without skill.

    Notes
    -----
    Few or alike trials would say too little: ``1 / (n_returns - 1)`` is how much a ratio moves by itself.
    """
    if n_returns < 2:
        raise ValueError(f"n_returns={n_returns}, expected at least 2")
    among = float(np.var(sharpes, ddof=1)) if sharpes.size > 1 else 0.0
    return max(among, 1.0 / (n_returns - 1))


@dataclass(frozen=True)
class BacktestOverfitting:
    """What combinatorially symmetric cross-validation says about choosing the best trial.

    Parameters
    ----------
    probability : float
        Share of the splits in which the trial that was best in one half is below the median in the other.
    logits : ndarray, shape (n_splits,)
        Log odds of its relative rank in the other half, in the order of the splits.
    loss_probability : float
        Share of the splits in which it lost in the other half.
    """

    probability: float
    logits: Floats
    loss_probability: float


def backtest_overfitting(performance: Floats, n_parts: int = 10) -> BacktestOverfitting:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV).

    The rows are cut into ``n_parts`` stretches of time. For each way to take half of them, the trial with the
    best Sharpe ratio there is ranked among all trials in the other half.

    Parameters
    ----------
    performance : ndarray of float64, shape (n_returns, n_trials)
        Returns of every trial over the same periods in order; finite.
    n_parts : int
        Even; at most ``n_returns // 2``. Ten give 252 splits.

    Raises
    ------
    ValueError
        If there are fewer than two trials, too few rows, or a value is not finite.

    References
    ----------
    Bailey, D. H., Borwein, J., López de Prado, M. and Zhu, Q. J. (2017). The probability of backtest
    overfitting. Journal of Computational Finance 20(4), algorithm 2.3.

    Notes
    -----
    The relative rank is ``rank / (n_trials + 1)``, ties share their mean rank; a rank in the middle counts
    half towards the probability. Rows that cannot be shared evenly among the parts are left out at the start.
    """
    parts = _parts(performance, n_parts)
    sums, squares, size = parts.sum(axis=1), (parts**2).sum(axis=1), parts.shape[1]
    chosen = np.array(list(combinations(range(n_parts), n_parts // 2)))
    is_in = np.zeros((len(chosen), n_parts))
    np.put_along_axis(is_in, chosen, 1.0, axis=1)
    n = size * n_parts // 2
    inside = _sharpes(is_in @ sums, is_in @ squares, n)
    total, total_squares = sums.sum(axis=0), squares.sum(axis=0)
    outside = _sharpes(total - is_in @ sums, total_squares - is_in @ squares, n)
    best = inside.argmax(axis=1)
    reached = np.take_along_axis(outside, best[:, None], axis=1)
    rank = (outside < reached).sum(axis=1) + ((outside == reached).sum(axis=1) + 1) / 2
    share = rank / (performance.shape[1] + 1)
    logits = np.log(share / (1 - share))
    below = float((logits < 0).mean() + (logits == 0).mean() / 2)
    return BacktestOverfitting(below, logits, float((reached < 0).mean()))


def _parts(performance: Floats, n_parts: int) -> Floats:
    """(n_parts, rows of a part, n_trials)."""
    if performance.ndim != 2 or performance.shape[1] < 2 or not np.isfinite(performance).all():
        raise ValueError(
            f"performance of shape {performance.shape}: expected (n_returns, n_trials >= 2), all finite"
        )
    n_returns, n_trials = performance.shape
    if n_parts < 2 or n_parts % 2 or n_returns < 2 * n_parts:
        raise ValueError(
            f"n_parts={n_parts} for {n_returns} returns: expected an even number of parts with at least two "
            "returns each; lower n_parts or lengthen the history"
        )
    size = n_returns // n_parts
    return performance[n_returns - size * n_parts :].reshape(n_parts, size, n_trials)


def _sharpes(sums: Floats, squares: Floats, n: int) -> Floats:
    mean = sums / n
    variance = np.maximum(squares / n - mean**2, 0.0)
    is_still = variance <= 1e-24
    return np.asarray(np.where(is_still, 0.0, mean / np.sqrt(np.where(is_still, 1.0, variance))))
