"""Is a measure higher inside a slice than outside? Every slice of a dimension at once, clustered by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextgen_assets.domain import clustering
from nextgen_assets.domain.clustering import BoolArray, FloatArray, IntArray
from nextgen_assets.domain.slices import Dimension


@dataclass(frozen=True)
class SliceTests:
    """Mean of a measure inside less outside, for each slice of one dimension; arrays (n_slices,).

    Attributes
    ----------
    inside, outside : mean of the measure
    standard_error : of the difference, clustered by block; NaN where not testable
    degrees_of_freedom : blocks in which the smaller side appears, less one
    n : rows inside
    is_testable : whether both sides are large enough, in rows and in blocks
    """

    inside: FloatArray
    outside: FloatArray
    standard_error: FloatArray
    degrees_of_freedom: IntArray
    n: IntArray
    is_testable: BoolArray

    @property
    def effect(self) -> FloatArray:
        """Inside less outside."""
        difference: FloatArray = self.inside - self.outside
        return difference

    def p_values(self) -> FloatArray:
        """One-sided probability of such an effect without any; 1 where not testable."""
        found = np.ones(self.n.size)
        for place in np.flatnonzero(self.is_testable).tolist():
            found[place] = clustering.student_upper_tail(
                float(self.effect[place]),
                float(self.standard_error[place]),
                int(self.degrees_of_freedom[place]),
            )
        return found

    def half_width(self, place: int, confidence: float) -> float:
        """Half the two-sided interval of the effect of one slice."""
        quantile = clustering.student_quantile(0.5 + confidence / 2, int(self.degrees_of_freedom[place]))
        return quantile * float(self.standard_error[place])


def compare_slices(
    values: FloatArray,
    blocks: IntArray,
    dimension: Dimension,
    minimum_rows: int,
    minimum_blocks: int,
    *,
    is_share: bool = False,
) -> SliceTests:
    """Compare every slice of ``dimension`` with the rows outside it.

    Parameters
    ----------
    values : array (n_rows,)
        The measure, in the canonical order of the rows; no NaN.
    blocks : array (n_rows,)
        Block of sessions of each row, from 0.
    is_share : bool
        Whether the measure is 0 or 1.

    Notes
    -----
    As ``clustering.clustered_difference`` slice by slice, from sums per slice and block: a thousand slices
    cost one pass over the rows. Where a share shows no spread at all on either side, its error is that of one more
    half block each way, so that a slice that is always at fault is found; other measures without spread tell
    nothing about chance.
    """
    n_blocks, n_slices = int(blocks.max()) + 1 if blocks.size else 1, len(dimension.names)
    member = dimension.codes >= 0
    cells = dimension.codes[member] * n_blocks + blocks[member]
    shape = (n_slices, n_blocks)
    count_in = np.bincount(cells, minlength=n_slices * n_blocks).reshape(shape).astype(np.float64)
    sum_in = np.bincount(cells, weights=values[member], minlength=n_slices * n_blocks).reshape(shape)
    count_out = np.bincount(blocks, minlength=n_blocks)[None, :] - count_in
    sum_out = np.bincount(blocks, weights=values, minlength=n_blocks)[None, :] - sum_in
    n_in, n_out = count_in.sum(axis=1), count_out.sum(axis=1)
    blocks_in, blocks_out = (count_in > 0).sum(axis=1), (count_out > 0).sum(axis=1)
    is_testable = np.minimum(n_in, n_out) >= max(minimum_rows, 1)
    is_testable &= np.minimum(blocks_in, blocks_out) >= max(minimum_blocks, 2)
    safe_in, safe_out = np.maximum(n_in, 1.0), np.maximum(n_out, 1.0)
    inside, outside = sum_in.sum(axis=1) / safe_in, sum_out.sum(axis=1) / safe_out
    influence = (sum_in - inside[:, None] * count_in) / safe_in[:, None]
    influence -= (sum_out - outside[:, None] * count_out) / safe_out[:, None]
    scarce = np.where(n_in <= n_out, blocks_in, blocks_out).astype(np.int64)
    spread = np.maximum(scarce, 2)
    error = np.sqrt((influence * influence).sum(axis=1) * spread / (spread - 1))
    if is_share:
        error = np.where((error <= 1e-12) & (inside > outside), _one_more_block(inside, spread), error)
    return SliceTests(
        inside, outside, np.where(is_testable, error, np.nan), spread - 1, n_in.astype(np.int64), is_testable
    )


def _one_more_block(share: FloatArray, n_blocks: IntArray) -> FloatArray:
    """Standard error of a share that is 0 or 1 in every block."""
    smoothed = (np.clip(share, 0.0, 1.0) * n_blocks + 0.5) / (n_blocks + 1)
    error: FloatArray = np.sqrt(smoothed * (1.0 - smoothed) / n_blocks)
    return error
