"""Weights of the ensemble, learned from how well its members had foretold what has matured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nextgen_assets.domain.members import Floats, Indices, Members

_SHARED_MOVE = 0.3
"""Correlation of the losses of two tickers on one session: they share the market's move."""


def learned_weights(
    members: Members,
    rows: Indices,
    went_up: Floats,
    session_index: Indices,
    prior: Mapping[str, float],
    horizon_sessions: int,
    rate: float,
) -> dict[str, float]:
    r"""Exponential weights: ``prior * exp(-rate * evidence-weighted log loss)``, adding up to 1.

    Parameters
    ----------
    members : Members
        What was said.
    rows : ndarray of int64, shape (n,)
        Its rows that have matured, in canonical order.
    went_up, session_index : ndarray, shape (n,)
        Outcome (0 or 1) and calendar position of the session of each row.
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
    spoken = np.column_stack([members.of(recipe, rows)[0] for recipe in recipes])
    paired = np.isfinite(spoken).all(axis=1)
    log_weights = np.log([prior[recipe] / total for recipe in recipes])
    if rate > 0 and paired.any():
        log_weights = log_weights - rate * _total_losses(
            spoken[paired], went_up[paired], session_index[paired], horizon_sessions
        )
    raw = np.exp(log_weights - log_weights.max())
    shares = (raw / raw.sum()).tolist()
    return dict.fromkeys(prior, 0.0) | dict(zip(recipes, shares, strict=True))


def _total_losses(log_odds: Floats, went_up: Floats, session_index: Indices, horizon_sessions: int) -> Floats:
    """Log loss of each column over independent pieces of evidence."""
    losses = np.logaddexp(0.0, np.where(went_up[:, None] > 0, -log_odds, log_odds))
    position = session_index - session_index.min()
    counts = np.bincount(position).astype(np.float64)
    pieces = counts / (1 + _SHARED_MOVE * (counts - 1)) / horizon_sessions
    per_row = (pieces / np.where(counts == 0, 1.0, counts))[position]
    return np.array([(per_row * column).sum() for column in np.ascontiguousarray(losses.T)])
