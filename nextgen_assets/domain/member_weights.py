"""Weights of the ensemble, learned from how well its members had foretold what has matured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nextgen_assets.domain.members import Floats, Indices

_SHARED_MOVE = 0.3
"""Correlation of the losses of two tickers on one session: they share the market's move."""


def learned_weights(
    losses: Mapping[str, Floats],
    session_index: Indices,
    prior: Mapping[str, float],
    horizon_sessions: int,
    rate: float,
) -> dict[str, float]:
    r"""Exponential weights: ``prior * exp(-rate * evidence-weighted log loss)``, adding up to 1.

    Parameters
    ----------
    losses : mapping of str to ndarray of float64, shape (n,)
        Log loss of every live recipe on the forecasts that have matured, in canonical order; NaN where it was silent.
    session_index : ndarray of int64, shape (n,)
        Calendar position of the session of each forecast.
    prior : mapping of str to float
        Weight of each live recipe before anything is learned; not negative, one of them positive.
    horizon_sessions : int
        Targets overlap that deep: a session counts ``1 / horizon_sessions``.
    rate : float
        0 keeps the prior, 1 is the mixture of Bayes.

    Notes
    -----
    As-of rule: the caller passes rows whose target session had closed by the session at hand. Only rows where
    every recipe spoke count, so that none is judged on easier days. A session of n tickers counts as
    ``n / (1 + 0.3 (n - 1))`` independent ones (Kish's design effect), or a large universe
    would make one member win by the noise of a month.

    References
    ----------
    Vovk, V. (1998). A game of prediction with expert advice. Kish, L. (1965). Survey Sampling, section 8.2.
    """
    recipes = sorted(recipe for recipe, weight in prior.items() if weight > 0)
    total = sum(prior[recipe] for recipe in recipes)
    if total <= 0:
        raise ValueError(
            f"the ensemble weights of {', '.join(sorted(prior))} are all zero; give one a weight"
        )
    paired = np.logical_and.reduce([np.isfinite(losses[recipe]) for recipe in recipes])
    log_weights = np.log([prior[recipe] / total for recipe in recipes])
    if rate > 0 and paired.any():
        log_weights = log_weights - rate * _total_losses(
            [losses[recipe][paired] for recipe in recipes], session_index[paired], horizon_sessions
        )
    raw = np.exp(log_weights - log_weights.max())
    shares = (raw / raw.sum()).tolist()
    return dict.fromkeys(prior, 0.0) | dict(zip(recipes, shares, strict=True))


def _total_losses(losses: Sequence[Floats], session_index: Indices, horizon_sessions: int) -> Floats:
    """Sum of each recipe's losses over independent pieces of evidence."""
    position = session_index - session_index.min()
    counts = np.bincount(position).astype(np.float64)
    pieces = counts / (1 + _SHARED_MOVE * (counts - 1)) / horizon_sessions
    per_row = (pieces / np.where(counts == 0, 1.0, counts))[position]
    return np.array([(per_row * loss).sum() for loss in losses])
