"""Uncertainty of means over sessions that are not independent: blocks of sessions are the unit.

Predictions of one session share the market's move, and horizons of neighbouring sessions overlap, so
a row is not an observation. Sums are formed per session, then per block of consecutive sessions, and
only blocks are resampled or counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClusteredEstimate:
    """A mean, or a difference of two, with the standard error that blocks of sessions give it."""

    value: float
    standard_error: float
    degrees_of_freedom: int

    @property
    def upper_tail_p_value(self) -> float:
        """Probability of an estimate at least this high when the truth is zero."""
        return student_upper_tail(self.value, self.standard_error, self.degrees_of_freedom)

    def half_width(self, confidence: float) -> float:
        """Half the width of the two-sided interval, in the unit of the value."""
        return student_quantile(0.5 + confidence / 2, self.degrees_of_freedom) * self.standard_error


def student_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Quantile of Student's t, by expansion around the normal quantile.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; within 0.2 percent from five
    degrees of freedom up.

    Examples
    --------
    >>> round(student_quantile(0.975, 24), 3)
    2.064
    """
    if degrees_of_freedom < 1:
        raise ValueError(f"degrees of freedom are {degrees_of_freedom}, expected at least 1: need two blocks")
    z, v = NormalDist().inv_cdf(probability), float(degrees_of_freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3


def student_upper_tail(value: float, standard_error: float, degrees_of_freedom: int) -> float:
    """Upper tail probability of ``value / standard_error`` under Student's t.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.8.

    Notes
    -----
    A standard error of zero tells nothing about chance; the answer is then 1, never a finding.
    """
    if standard_error <= 0:
        return 1.0
    t, v = value / standard_error, float(degrees_of_freedom)
    return NormalDist().cdf(-t * (1 - 1 / (4 * v)) / (1 + t * t / (2 * v)) ** 0.5)


def session_sums(positions: IntArray, columns: FloatArray, n_sessions: int) -> FloatArray:
    """Sums per session.

    Parameters
    ----------
    positions : array (n_rows,)
        Position of each row's session on a dense axis, in ``0..n_sessions-1``.
    columns : array (n_rows, n_columns)
        Values to add, rows in their canonical order: the order of addition is the order of the rows.

    Returns
    -------
    array (n_sessions, n_columns)
        Zero where a session has no row.
    """
    sums = np.zeros((n_sessions, columns.shape[1]))
    np.add.at(sums, positions, columns)
    return sums


def require_whole_blocks(window_sessions: int, block_sessions: int, minimum_sessions: int) -> None:
    """Refuse a window that its blocks do not fill, and a minimum that a single block meets.

    Raises
    ------
    ValueError
        Names the numbers and what to choose instead.
    """
    if block_sessions < 1 or window_sessions % block_sessions:
        raise ValueError(
            f"window_sessions {window_sessions} is not a multiple of block_sessions {block_sessions}; "
            "choose blocks that fill the window"
        )
    if minimum_sessions <= block_sessions:
        raise ValueError(
            f"minimum_sessions {minimum_sessions} must exceed block_sessions {block_sessions}: "
            "a single block has no spread"
        )


def trailing_block_sums(per_session: FloatArray, block_sessions: int) -> FloatArray:
    """Sum of each session and the ``block_sessions - 1`` before it, shape unchanged.

    Notes
    -----
    Each sum adds its own terms, newest first. A running sum would carry rounding from wherever the
    pass started, and a session computed alone would differ from the same session in a range.
    """
    sums = per_session.copy()
    for lag in range(1, block_sessions):
        sums[lag:] += per_session[:-lag]
    return sums


def trailing_blocks(
    positions: IntArray, columns: FloatArray, ends: IntArray, window_sessions: int, block_sessions: int
) -> tuple[IntArray, FloatArray]:
    """The blocks of trailing windows, as sums of their rows.

    Parameters
    ----------
    positions : array (n_rows,)
        Calendar position of the session of each row.
    columns : array (n_rows, n_columns)
        Values to add, rows in their canonical order.
    ends : array (n_windows,)
        Calendar positions that the windows end at.
    window_sessions, block_sessions : int
        Lengths; the first a multiple of the second.

    Returns
    -------
    (n_sessions, blocks) : array (n_windows,), array (n_windows, n_blocks, n_columns)
        Sessions of the window with a row; sums of each block, newest first.
    """
    return trailing_blocks_of([(positions, columns)], ends, window_sessions, block_sessions)


def trailing_blocks_of(
    parts: Iterable[tuple[IntArray, FloatArray]], ends: IntArray, window_sessions: int, block_sessions: int
) -> tuple[IntArray, FloatArray]:
    """As :func:`trailing_blocks`, of rows that come in parts: never all of their columns are in memory.

    Parameters
    ----------
    parts : iterable of (positions, columns)
        At least one; rows in their canonical order, so that the sums have the bytes of one part.
    """
    first = int(ends.min()) - window_sessions + 1
    n_dense = int(ends.max()) - first + 1
    filled = np.zeros(n_dense, dtype=np.bool_)
    per_session: FloatArray | None = None
    for positions, columns in parts:
        if per_session is None:
            per_session = np.zeros((n_dense, columns.shape[1]))
        inside = (positions >= first) & (positions < first + n_dense)
        filled[positions[inside] - first] = True
        np.add.at(per_session, positions[inside] - first, columns[inside])
    if per_session is None:
        raise ValueError("no part of rows was given, expected at least one: pass an empty one")
    seen = np.concatenate([[0], np.cumsum(filled)])
    now = ends - first
    n_sessions: IntArray = seen[now + 1] - seen[now - window_sessions + 1]
    newest_first = now[:, None] - block_sessions * np.arange(window_sessions // block_sessions)
    return n_sessions, trailing_block_sums(per_session, block_sessions)[newest_first]


def bootstrap_weights(n_blocks: int, n_replicates: int, seed: int) -> FloatArray:
    """Weights of a Bayesian block bootstrap, one row per replicate under a first row of ones.

    Returns
    -------
    array (1 + n_replicates, n_blocks)
        Row 0 gives the estimate itself; the others are independent exponentials.

    References
    ----------
    Rubin, The Bayesian bootstrap, Annals of Statistics 9 (1981). Exponential weights are never all
    zero, and an empty block changes no ratio.
    """
    draws = np.random.Generator(np.random.PCG64(seed)).standard_exponential((n_replicates, n_blocks))
    return np.vstack([np.ones((1, n_blocks)), draws])


def bootstrap_standard_error(
    replicates: FloatArray, n_filled_blocks: int | IntArray, axis: int = 0
) -> FloatArray:
    """Standard error from replicates along ``axis``, of ``(n_replicates, n_columns)`` per column.

    Notes
    -----
    The variance of a Bayesian bootstrap over m blocks is that of the sample times (m - 1) / (m + 1)
    too small; the factor takes it back.
    """
    spread = np.std(replicates, axis=axis)
    error: FloatArray = spread * np.sqrt((n_filled_blocks + 1) / (n_filled_blocks - 1))
    return error


def clustered_mean(values: FloatArray, blocks: IntArray) -> ClusteredEstimate:
    """Mean of ``values`` with the standard error over ``blocks``.

    Parameters
    ----------
    values : array (n_rows,)
        No NaN.
    blocks : array (n_rows,)
        Block of each row.
    """
    mean = float(values.sum() / values.size)
    return _estimate(mean, (values - mean) / values.size, blocks, blocks)


def block_count(blocks: IntArray) -> int:
    """How many different blocks there are; a count instead of the sort of ``np.unique``."""
    return int(np.count_nonzero(np.bincount(blocks - blocks.min()))) if blocks.size else 0


def block_standard_error(
    counts: FloatArray, sums: FloatArray, mean: FloatArray, n: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Standard errors of many means from the sums of their blocks, as :func:`clustered_mean` of each.

    Parameters
    ----------
    counts, sums : array (n_windows, n_blocks)
        Rows and sum of the values of each block; at least two blocks of a window hold rows.
    mean, n : array (n_windows,)
        ``sums.sum(axis=1) / n`` and the rows of the window.

    Returns
    -------
    (standard_error, degrees_of_freedom) : arrays (n_windows,)
    """
    influence = (sums - mean[:, None] * counts) / n[:, None]
    n_blocks = np.asarray((counts > 0).sum(axis=1), dtype=np.int64)
    variance = (influence * influence).sum(axis=1) * n_blocks / (n_blocks - 1)
    return np.sqrt(variance), n_blocks - 1


def clustered_difference(values: FloatArray, is_member: BoolArray, blocks: IntArray) -> ClusteredEstimate:
    """Mean of the members less the mean of the rest, clustered by block.

    Notes
    -----
    Degrees of freedom count the blocks in which the smaller side appears: sixty sessions of one side
    in a single block are one observation.
    """
    inside, outside = values[is_member], values[~is_member]
    mean_in, mean_out = float(inside.sum() / inside.size), float(outside.sum() / outside.size)
    influence = np.where(is_member, (values - mean_in) / inside.size, -(values - mean_out) / outside.size)
    scarce = is_member if inside.size <= outside.size else ~is_member
    return _estimate(mean_in - mean_out, influence, blocks, blocks[scarce])


def _estimate(value: float, influence: FloatArray, blocks: IntArray, counted: IntArray) -> ClusteredEstimate:
    """Sandwich standard error of an estimate whose rows have ``influence``."""
    first = int(blocks.min())
    per_block = np.zeros(int(blocks.max()) - first + 1)
    np.add.at(per_block, blocks - first, influence)
    n_blocks = block_count(counted)
    if n_blocks < 2:
        raise ValueError(f"{n_blocks} block of sessions, expected at least 2: widen the window")
    variance = float((per_block * per_block).sum()) * n_blocks / (n_blocks - 1)
    return ClusteredEstimate(value, variance**0.5, n_blocks - 1)


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """False-discovery-rate adjusted p-values (q-values), in the order given.

    References
    ----------
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * p_values.size / np.arange(1, p_values.size + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    q_values = np.empty_like(adjusted)
    q_values[order] = adjusted
    return q_values
