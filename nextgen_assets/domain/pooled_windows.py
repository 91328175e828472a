"""Windows that share their vectors: a window is a position, and a batch is gathered when it is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.scaling import NonFiniteValuesError

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PooledWindows:
    """Windows over one table of vectors: window i is ``vectors[first[i] : first[i] + lookback]``.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_vectors, n_features)
        C-contiguous. Rows that belong to no window may hold anything.
    first : ndarray of int64, shape (n_windows,)
        Row of the oldest vector of each window.
    lookback : int
        Vectors of a window.

    Notes
    -----
    Windows of neighbouring sessions share all but one of their vectors. Kept whole, they take ``lookback``
    times the memory, and most of the time of a training pass would go into copying them.
    """

    vectors: npt.NDArray[np.float32]
    first: Positions
    lookback: int

    @classmethod
    def of(cls, windows: npt.NDArray[np.float32]) -> PooledWindows:
        """Windows that are whole already, (n_windows, lookback, n_features); they keep their memory."""
        n_windows, lookback, n_features = windows.shape
        vectors = np.ascontiguousarray(windows, dtype=np.float32).reshape(n_windows * lookback, n_features)
        return cls(vectors, np.arange(n_windows, dtype=np.int64) * lookback, lookback)

    def __len__(self) -> int:
        return int(self.first.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_windows, lookback, n_features)."""
        return len(self), self.lookback, int(self.vectors.shape[1])

    def take(self, rows: Positions) -> PooledWindows:
        """The windows at ``rows``, in that order, on the same vectors."""
        return PooledWindows(self.vectors, self.first[rows], self.lookback)

    def over(self, vectors: npt.NDArray[np.float32]) -> PooledWindows:
        """The same windows over other vectors of the same rows, such as scaled ones."""
        return PooledWindows(vectors, self.first, self.lookback)

    def whole(self) -> npt.NDArray[np.float32]:
        """A copy of every window, (n_windows, lookback, n_features)."""
        return np.asarray(self.vectors[self.first[:, None] + np.arange(self.lookback)])

    def step(self, back: int) -> npt.NDArray[np.float32]:
        """A copy of one vector of each window, (n_windows, n_features); 0 is the newest."""
        return np.asarray(self.vectors[self.first + (self.lookback - 1 - back)])

    def time_major(self, rows: Positions) -> npt.NDArray[np.float32]:
        """A copy of the windows at ``rows`` as (lookback, n_rows, n_features)."""
        return np.asarray(self.vectors[np.arange(self.lookback)[:, None] + self.first[rows]])

    def uses(self) -> Positions:
        """How many windows each vector is part of, (n_vectors,)."""
        changes = np.bincount(self.first, minlength=len(self.vectors) + 1)
        ends = np.bincount(self.first + self.lookback, minlength=len(self.vectors) + 1)
        return np.cumsum(changes - ends)[: len(self.vectors)].astype(np.int64)

    def refuse_non_finite(self, what: str) -> None:
        """Raise when a window holds NaN or infinity; each value is counted once per window.

        Raises
        ------
        NonFiniteValuesError
            With the number of such values.
        """
        broken = int((np.count_nonzero(~np.isfinite(self.vectors), axis=1) * self.uses()).sum())
        if broken:
            n_values = len(self) * self.lookback * self.vectors.shape[1]
            raise NonFiniteValuesError(
                f"{what}: {broken} of {n_values} values are NaN or infinite (shape {self.shape}), "
                "expected none; pass complete windows only (is_complete = true)"
            )
