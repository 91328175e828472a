"""Percentile intervals of ratios over sessions: blocks of consecutive sessions are resampled, never rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class BootstrapConfig:
    """How an interval is drawn.

    Parameters
    ----------
    block_sessions : int
        Consecutive sessions that are drawn together: the horizon, because its targets overlap.
    n_draws : int
        Resamples.
    level : float
        Share of the draws inside the interval.
    seed : int
        Same seed, same interval.
    """

    block_sessions: int = 5
    n_draws: int = 500
    level: float = 0.95
    seed: int = 20_000_301

    def __post_init__(self) -> None:
        if self.block_sessions < 1 or self.n_draws < 2 or not 0.0 < self.level < 1.0:
            raise ValueError(
                f"block_sessions={self.block_sessions}, n_draws={self.n_draws}, level={self.level}: "
                "expected at least 1, at least 2, and between 0 and 1"
            )


@dataclass(frozen=True)
class Interval:
    """A statistic with its day-clustered interval.

    Parameters
    ----------
    value, lower, upper : float
        In the unit of the statistic.
    n : int
        Rows behind it.
    n_sessions : int
        Sessions with at least one of them.
    """

    value: float
    lower: float
    upper: float
    n: int
    n_sessions: int

    def as_dict(self) -> dict[str, float]:
        """Plain values for a JSON column."""
        return asdict(self)


@lru_cache(maxsize=16)
def block_weights(n_sessions: int, config: BootstrapConfig) -> Floats:
    """How often each session is drawn, by circular moving blocks.

    Parameters
    ----------
    n_sessions : int
        Length of the axis.
    config : BootstrapConfig
        Block length, draws and seed.

    Returns
    -------
    ndarray of float64, shape (n_draws, n_sessions)
        Counts; each row sums to ``n_sessions``. Read-only, shared between calls.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1992). A circular block-resampling procedure for stationary data.
    """
    block = min(config.block_sessions, n_sessions)
    n_blocks = -(-n_sessions // block)
    generator = np.random.Generator(np.random.PCG64([config.seed, n_sessions, block]))
    starts = generator.integers(0, n_sessions, size=(config.n_draws, n_blocks))
    drawn = ((starts[:, :, None] + np.arange(block)) % n_sessions).reshape(config.n_draws, -1)[:, :n_sessions]
    flat = (drawn + np.arange(config.n_draws)[:, None] * n_sessions).ravel()
    counts = np.bincount(flat, minlength=config.n_draws * n_sessions)
    weights = counts.reshape(config.n_draws, n_sessions).astype(np.float64)
    weights.setflags(write=False)
    return weights


def ratio(sums: Floats) -> Floats:
    """First column over the second; NaN where the second is zero."""
    numerator, denominator = sums[..., 0], sums[..., 1]
    undefined = denominator == 0
    return np.where(undefined, np.nan, numerator / np.where(undefined, 1.0, denominator))


def clustered_interval(
    numerators_per_session: Floats,
    denominators_per_session: Floats,
    config: BootstrapConfig | None = None,
    *,
    statistic: Statistic = ratio,
    counts_per_session: Floats | None = None,
) -> Interval:
    """A statistic of per-session sums with its percentile interval.

    By default ``sum(numerators) / sum(denominators)``. One call costs a product of the cached weights
    ``(n_draws, n_sessions)`` with the sums, so a trailing window over thousands of sessions is quick.

    Parameters
    ----------
    numerators_per_session : ndarray of float64, shape (n_sessions,) or (n_sessions, k)
        Sums of consecutive sessions in order; zero where a session has no rows.
    denominators_per_session : ndarray of float64, shape (n_sessions,)
        Weights of the ratio; the count of rows for a mean.
    config : BootstrapConfig, optional
        Block length, draws, level, seed.
    statistic : callable
        Maps sums ``(..., k + 1)``, the denominator last, to values ``(...)``; NaN where undefined.
    counts_per_session : ndarray, shape (n_sessions,), optional
        Rows per session, when the denominator counts something else.

    Returns
    -------
    Interval
        Percentiles by linear interpolation between the ordered draws.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or the statistic is undefined for the sample or for
        more than half of the draws.

    Notes
    -----
    The result depends on these sessions alone, bit for bit, wherever the pass that calls started.
    """
    config = config or BootstrapConfig()
    sums = _stacked(numerators_per_session, denominators_per_session)
    weights = block_weights(sums.shape[0], config)
    drawn = np.stack([np.einsum("ds,s->d", weights, column) for column in np.ascontiguousarray(sums.T)], 1)
    value = float(statistic(sums.sum(axis=0)))
    draws = statistic(drawn)
    ordered = np.sort(draws[~np.isnan(draws)])
    if np.isnan(value) or 2 * ordered.size < config.n_draws:
        raise ValueError(
            f"the statistic is undefined for the sample ({value}) or for {config.n_draws - ordered.size} of "
            f"{config.n_draws} draws over {sums.shape[0]} sessions; widen the window"
        )
    counts = denominators_per_session if counts_per_session is None else counts_per_session
    tail = (1.0 - config.level) / 2
    lower, upper = _quantile(ordered, tail), _quantile(ordered, 1.0 - tail)
    return Interval(value, lower, upper, int(counts.sum()), int(np.count_nonzero(counts)))


def sums_per_session(values: Floats, session_index: npt.NDArray[np.int64]) -> Floats:
    """Add rows up per session, over every session from the first to the last.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows,) or (n_rows, k)
        Rows in canonical order: the order of addition.
    session_index : ndarray of int64, shape (n_rows,)
        Calendar positions.

    Returns
    -------
    ndarray, shape (n_sessions,) or (n_sessions, k)
        Zero for a session without rows.
    """
    first = int(session_index.min())
    sums = np.zeros((int(session_index.max()) - first + 1, *values.shape[1:]))
    np.add.at(sums, session_index - first, values)
    return sums


def _stacked(numerators: Floats, denominators: Floats) -> Floats:
    columns = numerators.reshape(numerators.shape[0], -1) if numerators.size else numerators
    if columns.ndim != 2 or denominators.shape != (columns.shape[0],):
        raise ValueError(
            f"numerators {numerators.shape} and denominators {denominators.shape}: expected "
            "(n_sessions > 0,) or (n_sessions, k), and (n_sessions,)"
        )
    sums = np.column_stack([columns, denominators]).astype(np.float64)
    if not np.isfinite(sums).all():
        broken = int(np.count_nonzero(~np.isfinite(sums)))
        raise ValueError(f"{broken} of {sums.size} per-session sums are NaN or infinite, expected none")
    return sums


def _quantile(ordered: Floats, share: float) -> float:
    position = share * (ordered.size - 1)
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))
