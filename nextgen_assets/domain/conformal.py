"""Bounds of the return from the errors of matured predictions: split conformal, one quantile per side."""

from __future__ import annotations

import math
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
    ordered = np.sort(errors)
    return ConformalBounds(float(ordered[rank_lower - 1]), float(ordered[rank_upper - 1]), n)
