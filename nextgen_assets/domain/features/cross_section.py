"""Where a ticker stands among all that trade on the session, and what the market as a whole did.

The cross-section of a session is every ticker with a bar on it and the value in question: the members of the
universe, of which ``market_prices`` keeps the bars. Means are summed without rounding and rounded once, and
ranks are counts, so the order of tickers changes no bit and tickers that do not trade change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nextgen_assets.domain.features import Feature, returns, volatility, volume
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, earlier, ratio_or, trailing_mean
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_RETURNS = {feature.name: feature for feature in returns.FEATURES}
_RANKED = (*returns.FEATURES, volatility.FEATURES[0], volume.FEATURE)
_BETA_SESSIONS = 60
_MOMENTUM = "Jegadeesh and Titman (1993), Returns to Buying Winners, J. Finance 48(1)."
_RANKS = "Kelly, Pruitt and Su (2019), Characteristics Are Covariances, JFE 134(3): characteristics as ranks."
_MARKET = "Sharpe (1964), Capital Asset Prices, J. Finance 19(3); the market is equally weighted here."


def session_mean(values: Values) -> Values:
    """Mean over the tickers that have a value, (n_sessions, 1); NaN where none has."""
    rows = [row[~np.isnan(row)].tolist() for row in values]
    means = [math.fsum(row) / len(row) if row else math.nan for row in rows]
    return np.array(means).reshape(-1, 1)


def session_rank(values: Values) -> Values:
    """Share of the other tickers below, ties counted half: 0 lowest, 1 highest, 0.5 alone; NaN for NaN."""
    ranks = np.full(values.shape, np.nan)
    for row, found in zip(values, ranks, strict=True):
        known = ~np.isnan(row)
        ordered = np.sort(row[known])
        if ordered.size:
            below = np.searchsorted(ordered, row[known], side="left")
            up_to = np.searchsorted(ordered, row[known], side="right")
            found[known] = (below + up_to - 1) / 2.0 / (ordered.size - 1) if ordered.size > 1 else 0.5
    return ranks


def _rank_of(base: Feature) -> Feature:
    def compute(panel: Panel) -> Values:
        return session_rank(base.compute(panel))

    return _market_wide(
        f"rank_{base.name}",
        base,
        f"Rank of {base.name} among the tickers of the session, 0 to 1.",
        _RANKS,
        compute,
    )


def _over_market(base: Feature) -> Feature:
    def compute(panel: Panel) -> Values:
        values = base.compute(panel)
        return np.asarray(values - session_mean(values))

    text = f"{base.name} minus its mean over the tickers of the session."
    return _market_wide(f"{base.name}_over_market", base, text, _MOMENTUM, compute)


def _of_market(base: Feature) -> Feature:
    def compute(panel: Panel) -> Values:
        values = base.compute(panel)
        return np.where(np.isnan(values), np.nan, session_mean(values))

    text = f"Mean of {base.name} over the tickers of the session."
    return _market_wide(f"market_{base.name}", base, text, _MARKET, compute)


def _breadth(panel: Panel) -> Values:
    moves = panel.fields["log_return"]
    known = ~np.isnan(moves)
    rises = (moves > 0.0).sum(axis=1, keepdims=True)
    share = rises / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, share, np.nan)


def _dispersion(panel: Panel) -> Values:
    moves = panel.fields["log_return"]
    apart = np.asarray(moves - session_mean(moves))
    return np.where(np.isnan(moves), np.nan, np.sqrt(session_mean(apart * apart)))


def _beta(panel: Panel) -> Values:
    moves = panel.fields["log_return"]
    market = np.broadcast_to(session_mean(moves), moves.shape).copy()
    own_mean, market_mean = trailing_mean(moves, _BETA_SESSIONS), trailing_mean(market, _BETA_SESSIONS)
    together, spread = np.zeros(moves.shape), np.zeros(moves.shape)
    for offset in range(_BETA_SESSIONS):
        apart = earlier(market, offset) - market_mean
        together += apart * (earlier(moves, offset) - own_mean)
        spread += apart * apart
    return np.where(np.isnan(together), np.nan, ratio_or(together, spread, 0.0, SMALLEST_MOVE**2))


def _market_wide(
    name: str, base: Feature, description: str, reference: str, compute: Callable[[Panel], Values]
) -> Feature:
    return Feature(
        name=name,
        inputs=base.inputs,
        lookback_sessions=base.lookback_sessions,
        null_policy="null_if_any_missing",
        description=description,
        reference=reference,
        compute=compute,
        family="cross_section",
        scope="market",
    )


def _of_returns(name: str, sessions: int, description: str, compute: Callable[[Panel], Values]) -> Feature:
    return Feature(
        name=name,
        inputs=("log_return",),
        lookback_sessions=sessions - 1,
        null_policy="null_if_any_missing",
        description=description,
        reference=_MARKET,
        compute=compute,
        family="cross_section",
        scope="market",
    )


FEATURES = (
    *(_rank_of(base) for base in _RANKED),
    *(_over_market(base) for base in _RETURNS.values()),
    *(_of_market(base) for base in _RETURNS.values()),
    _of_returns("market_breadth", 1, "Share of the tickers of the session that rose.", _breadth),
    _of_returns("market_dispersion", 1, "Population deviation of return_1 over the tickers.", _dispersion),
    _of_returns(
        "market_beta_60", 60, "Slope of 60 daily returns on the mean of all; 0 if it is flat.", _beta
    ),
)
