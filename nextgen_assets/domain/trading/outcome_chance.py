"""How likely an outcome was under the distribution that had been predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from nextgen_assets.domain.trading.market import MarketData


@dataclass(frozen=True)
class Outcome:
    """What came of a prediction while its position was held.

    Parameters
    ----------
    log_return : float
        Total log return of the security from the close of the prediction on.
    sessions, horizon_sessions : int
        Sessions that it spans, and those that the prediction was for.
    quantile : float
        Probability of this return or a lower one under the prediction, 0 to 1.
    """

    log_return: float
    sessions: int
    horizon_sessions: int
    quantile: float

    @property
    def chance(self) -> float:
        """Probability of a return as far on this side of what was expected, 0 to one half."""
        return min(self.quantile, 1.0 - self.quantile)

    @property
    def words(self) -> str:
        """The outcome as part of a sentence."""
        side = "low" if self.quantile < 0.5 else "high"
        chance = "below 0.1%" if self.chance < 0.001 else f"of {self.chance:.1%}"
        return (
            f"log return {self.log_return:+.4f} over {self.sessions} of {self.horizon_sessions} sessions, a chance "
            f"{chance} to be as {side} by the prediction"
        )


def predicted_quantile(
    log_return: float,
    expected: float,
    lower: float,
    upper: float,
    coverage: float,
    share_of_horizon: float = 1.0,
) -> float:
    """Probability of a return of at most ``log_return`` under a prediction with bounds.

    Parameters
    ----------
    log_return : float
        What came.
    expected, lower, upper : float
        Prediction over its whole horizon: the middle, and the bounds that hold ``coverage`` of the returns.
    coverage : float
        Between 0 and 1.
    share_of_horizon : float
        Part of the horizon that ``log_return`` spans, above 0 and at most 1.

    Returns
    -------
    float
        0 to 1; one half at what was expected.

    Notes
    -----
    The distribution is taken as two halves of normal curves that meet at the expected return, each as wide as
    the bound of its side says. Over a part of the horizon the expected return shrinks in proportion and the
    widths with the root, as they do where returns are independent. A side of no width is certain.

    Examples
    --------
    >>> round(predicted_quantile(-0.05, 0.01, -0.05, 0.03, 0.9), 9), predicted_quantile(0.01, 0.01, -0.05, 0.03, 0.9)
    (0.05, 0.5)
    """
    normal = NormalDist()
    distance = log_return - expected * share_of_horizon
    bound = lower if distance < 0.0 else upper
    width = abs(bound - expected) / normal.inv_cdf((1.0 + coverage) / 2.0) * math.sqrt(share_of_horizon)
    if distance == 0.0:
        return 0.5
    if width <= 0.0:
        return 0.0 if distance < 0.0 else 1.0
    return normal.cdf(distance / width)


def held_outcome(
    market: MarketData,
    ticker: str,
    rows: tuple[int, int, int],
    prediction: tuple[float, float, float, float],
    horizon_sessions: int,
) -> Outcome:
    """The outcome of the prediction that opened a position.

    Parameters
    ----------
    market : MarketData
        Panels over the life of the position.
    ticker : str
        The security.
    rows : (int, int, int)
        Rows of the session of the prediction, of its target, and of the open at which the position was closed.
    prediction : (float, float, float, float)
        Expected log return, bounds, and their coverage.
    horizon_sessions : int
        Of the prediction.

    Notes
    -----
    Uses closes up to the target, or up to the last one before the position was closed; dividends count as
    reinvested. The chance of one outcome says little: what tells skill from luck is how many of them are rare.
    """
    begin, target, closed = rows
    end = min(target, closed - 1)
    column = market.column(ticker)
    marks = market.marks[begin : end + 1, column]
    ratios, paid = (
        market.split_ratios[begin + 1 : end + 1, column],
        market.dividends_usd[begin + 1 : end + 1, column],
    )
    gains = (marks[1:] * ratios + paid) / marks[:-1]
    log_return = math.fsum(np.log(gains).tolist())
    share = (end - begin) / horizon_sessions
    return Outcome(
        log_return,
        end - begin,
        horizon_sessions,
        predicted_quantile(log_return, *prediction, min(share, 1.0)),
    )
