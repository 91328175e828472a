"""Bounds of the return from the errors of matured predictions: split conformal, one quantile per side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-9
"""Keeps ``20 * 0.05`` from counting as less than one."""


@dataclass(frozen=True)
class ConformalBounds:
    """Quantiles of ``(realised - expected) / volatility``.

    Parameters
    ----------
    lower_quantile, upper_quantile : float
        In units of the forecast volatility over the horizon.
    n : int
        Matured predictions behind them.
    """

    lower_quantile: float
    upper_quantile: float
    n: int

    def apply(self, expected: Floats, volatility: Floats) -> tuple[Floats, Floats]:
        """Lower and upper bound around each expected log return, ``lower <= expected <= upper``.

        Parameters
        ----------
        expected, volatility : ndarray of float64, shape (n,)
            Log return and its forecast standard deviation over the horizon.

        Notes
        -----
        When all matured errors lie on one side, the other bound is the expectation itself: bounds only widen.
        """
        lower = np.minimum(expected + self.lower_quantile * volatility, expected)
        upper = np.maximum(expected + self.upper_quantile * volatility, expected)
        return lower, upper


def smallest_history(coverage: float) -> int:
    """Fewest matured predictions for which both corrected quantiles exist.

    Examples
    --------
    >>> smallest_history(0.9)
    19
    """
    if not 0.0 < coverage < 1.0:
        raise ValueError(f"coverage={coverage}, expected between 0 and 1")
    return math.ceil(2.0 / (1.0 - coverage) - _ROUNDING) - 1


def fit_bounds(
    realised: Floats, expected: Floats, volatility: Floats, coverage: float, minimum_n: int = 0
) -> ConformalBounds | None:
    """Finite-sample-corrected quantiles of the standardised errors.

    With ``n`` errors and ``tail = (1 - coverage) / 2``: the ``floor((n + 1) tail)``-th smallest and the
    ``ceil((n + 1) (1 - tail))``-th smallest.

    Parameters
    ----------
    realised, expected, volatility : ndarray of float64, shape (n,)
        Matured predictions: log return, its expectation before any calibration, and its forecast standard
        deviation over the horizon, positive. No NaN.
    coverage : float
        Share of returns that the bounds should hold.
    minimum_n : int
        Fewer predictions give None.

    Returns
    -------
    ConformalBounds or None
        None when the history is too short to say anything; the caller abstains.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite or a volatility not positive.

    References
    ----------
    Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic Learning in a Random World. Lei, J. et al.
    (2018). Distribution-free predictive inference for regression.

    Notes
    -----
    As-of rule: the caller passes predictions whose target session had closed by the session at hand. The
    coverage is exact for exchangeable errors; those of markets are not, so realised coverage is measured.
    """
    if not realised.shape == expected.shape == volatility.shape or realised.ndim != 1:
        raise ValueError(
            f"realised {realised.shape}, expected {expected.shape}, volatility {volatility.shape}: "
            "expected three times (n,)"
        )
    n = realised.size
    if n < max(minimum_n, smallest_history(coverage)):
        return None
    if not (volatility > 0).all():
        raise ValueError(f"{int(np.count_nonzero(~(volatility > 0)))} of {n} volatilities are not positive")
    errors = (realised - expected) / volatility
    if not np.isfinite(errors).all():
        raise ValueError(f"{int(np.count_nonzero(~np.isfinite(errors)))} of {n} errors are NaN or infinite")
    tail = (1.0 - coverage) / 2
    rank_lower = math.floor((n + 1) * tail + _ROUNDING)
    rank_upper = math.ceil((n + 1) * (1.0 - tail) - _ROUNDING)
    ordered = np.partition(errors, [rank_lower - 1, rank_upper - 1])
    return ConformalBounds(float(ordered[rank_lower - 1]), float(ordered[rank_upper - 1]), n)


@dataclass(frozen=True)
class ScaleConfig:
    """How the yardstick of a ticker's errors follows what has become of its predictions.

    Parameters
    ----------
    volatility_weight : float
        Share of the newest volatility in the yardstick, the rest being the ticker's own trailing level, both as
        logarithms: volatility returns to its level, so that 1 makes bounds too narrow in calm times and too
        wide in wild ones.
    ticker_strength : float
        How many predictions' worth of evidence draw a ticker's width towards that of all tickers.
    overlap_sessions : int
        So many predictions of one ticker in a row count as one observation: twice the horizon.
    """

    volatility_weight: float = 0.3
    ticker_strength: float = 20.0
    overlap_sessions: int = 10

    def __post_init__(self) -> None:
        if not 0.0 <= self.volatility_weight <= 1.0 or not self.ticker_strength > 0:
            raise ValueError(f"{self}: expected a weight between 0 and 1 and a positive strength")
        if self.overlap_sessions < 1:
            raise ValueError(f"{self}: expected overlap_sessions of at least 1")


@dataclass(frozen=True, eq=False)
class ErrorScale:
    """The yardstick by which errors are measured and bounds drawn, learned per ticker. See :func:`fit_scale`."""

    config: ScaleConfig
    tickers: tuple[str, ...]
    counts: Floats
    log_volatilities: Floats
    widths: Floats

    def of(self, tickers: Sequence[str], volatility: Floats) -> Floats:
        """Yardstick of each ticker at its newest ``volatility``, shape (n,); NaN where that is.

        Notes
        -----
        A ticker without matured predictions has its volatility.
        """
        place = {ticker: row for row, ticker in enumerate(self.tickers)}
        rows = np.array([place.get(ticker, len(place)) for ticker in tickers], dtype=np.int64)
        counts, sums = np.append(self.counts, 0.0)[rows], np.append(self.log_volatilities, 0.0)[rows]
        newest = np.log(np.where(volatility > 0, volatility, np.nan))
        strength, weight = self.config.ticker_strength, self.config.volatility_weight
        level = (sums + strength * newest) / (counts + strength)
        return np.asarray(
            np.exp(weight * newest + (1.0 - weight) * level) * np.append(self.widths, 1.0)[rows]
        )


def fit_scale(
    tickers: Sequence[str],
    codes: npt.NDArray[np.int64],
    error: Floats,
    volatility: Floats,
    config: ScaleConfig,
    coverage: float,
) -> tuple[ErrorScale, Floats]:
    """Learn the yardstick of every ticker, and measure its errors by it.

    ``yardstick = newest volatility^w * trailing level^(1 - w) * width``, where the width is the
    ``coverage`` quantile of the ticker's absolute errors in units of the first two over that of all tickers, drawn
    towards 1. The quantile of a ticker is corrected for its number of observations, as many as its predictions over
    ``overlap_sessions``: a short history makes bounds wider.

    Parameters
    ----------
    tickers : sequence of str
        Names; those without a matured prediction may be among them.
    codes : ndarray of int64, shape (n,)
        Place in ``tickers`` of each matured prediction, in canonical order.
    error, volatility : ndarray of float64, shape (n,)
        Realised less expected log return; forecast standard deviation, positive.
    config : ScaleConfig
        Weight, strength and overlap.
    coverage : float
        Share of returns that the bounds should hold.

    Returns
    -------
    scale : ErrorScale
    yardstick : ndarray of float64, shape (n,)
        Of each matured prediction, to divide its error by.

    References
    ----------
    Lei, J. et al. (2018), section 5.2: locally weighted conformal inference. Corsi, F. (2009) on volatility that
    returns to a slower level.

    Notes
    -----
    As-of rule: as for :func:`fit_bounds`. Each ticker is summed up in the order of its own rows: which others
    there are moves its width by their common quantile alone.
    """
    counts: Floats = np.bincount(codes, minlength=len(tickers)).astype(np.float64)
    logs = np.log(volatility)
    sums: Floats = np.asarray(np.bincount(codes, logs, len(tickers)), dtype=np.float64)
    weight = config.volatility_weight
    strength = config.ticker_strength
    level = (sums[codes] + strength * logs) / (counts[codes] + strength)
    base = np.exp(weight * logs + (1.0 - weight) * level)
    size = np.abs(error) / base
    own, common = _quantiles(codes, size, counts, coverage, config.overlap_sessions)
    widths = (counts * own + strength * common) / ((counts + strength) * common)
    scale = ErrorScale(config, tuple(tickers), counts, sums, widths)
    return scale, np.asarray(base * widths[codes])


def _quantiles(
    codes: npt.NDArray[np.int64], size: Floats, counts: Floats, coverage: float, overlap: int
) -> tuple[Floats, float]:
    """The ``coverage`` quantile of the sizes of each ticker, that of all where it has none, and that of all."""
    if not size.size:
        return np.ones_like(counts), 1.0
    last = size.size - 1
    rank = min(math.ceil((size.size + 1) * coverage - _ROUNDING) - 1, last)
    common = float(np.partition(size, rank)[rank])
    common = common if common > 0 else 1.0
    by_size = np.argsort(size)
    ordered = size[by_size[np.argsort(codes[by_size], kind="stable")]]
    ends = np.cumsum(counts).astype(np.int64)
    number = counts.astype(np.int64)
    ranks = np.minimum(np.ceil((counts + overlap) * coverage - _ROUNDING).astype(np.int64), number)
    return np.where(number > 0, ordered[np.clip(ends - number + ranks - 1, 0, last)], common), common
