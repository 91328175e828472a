"""Windows rebuilt from the stored vectors: strided views, gathered only for the rows asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.grid import Grid, Index
from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.windows import Vectors

_COLUMNS = (
    "ticker",
    "session_date",
    "feature_set_id",
    "window_id",
    "values",
    "lookback_sessions",
    "is_complete",
)


@dataclass(frozen=True, eq=False)
class WindowBatch:
    """Complete windows in the order (session, ticker).

    Parameters
    ----------
    indices : ndarray (n_windows, 2)
        Index of the session and of the ticker in the store that gave them.
    tensor : ndarray (n_windows, lookback, n_features), float32
        Oldest session first; every value finite.
    tickers, sessions, window_ids : list
        Of each window; the session is the last of the window.
    """

    indices: Index
    tensor: Vectors
    tickers: list[str]
    sessions: list[date]
    window_ids: list[str]


@dataclass(frozen=True, eq=False)
class WindowStore:
    """Vectors of consecutive sessions, from which windows are cut.

    Parameters
    ----------
    sessions : tuple of date
        Consecutive sessions.
    tickers : tuple of str
        Sorted.
    matrix : ndarray (n_tickers, n_sessions, n_features), float32
        NaN where there is no vector or a null; a window of a ticker is one contiguous slab of it.
    lookback_sessions : int
        Sessions of a window.
    complete : ndarray (n_complete, 2)
        Session and ticker index of every complete window, ascending.
    window_ids : ndarray (n_complete,), object
        Of each complete window.
    """

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]
    matrix: Vectors
    lookback_sessions: int
    complete: Index
    window_ids: np.ndarray[tuple[int], np.dtype[np.object_]]

    @classmethod
    def from_rows(cls, rows: pl.DataFrame, sessions: Sequence[date]) -> WindowStore:
        """Place stored rows of ``feature_windows``.

        Parameters
        ----------
        rows : DataFrame
            Rows of one feature set; those outside ``sessions`` are left out. Sessions of history are needed
            before the first window: ``lookback_sessions - 1``.
        sessions : sequence of date
            Consecutive sessions.

        Raises
        ------
        ValueError
            If there are no rows, or they are of several feature sets or sizes.

        Notes
        -----
        A window is complete when its row says so *and* every stored vector of it is finite. The second can
        fail where a bar came late: its session has no vector, though a later row knew of the bar.
        """
        if rows.is_empty():
            raise ValueError(
                "feature_windows: no rows to build windows from; materialise feature_windows first"
            )
        grid = Grid(tuple(sessions), tuple(sorted(rows["ticker"].unique().to_list())))
        inside, session_index, ticker_index = grid.session_cells(rows, _COLUMNS, "feature_windows")
        lookback, n_features = _one_size(rows)
        matrix = np.full((len(grid.tickers), len(grid.sessions), n_features), np.nan, dtype=np.float32)
        flat = inside["values"].explode(empty_as_null=True).cast(pl.Float32).fill_null(float("nan"))
        matrix[ticker_index, session_index] = flat.to_numpy().reshape(-1, n_features)

        finite = np.asarray(np.isfinite(matrix).all(axis=2))
        is_whole = np.zeros(finite.shape, dtype=np.bool_)
        is_whole[:, lookback - 1 :] = True
        for back in range(lookback):
            is_whole[:, lookback - 1 :] &= finite[:, lookback - 1 - back : len(grid.sessions) - back]
        row_number = np.full(finite.shape, -1, dtype=np.int64)
        stated = inside["is_complete"].to_numpy()
        row_number[ticker_index[stated], session_index[stated]] = np.flatnonzero(stated)
        complete = np.argwhere((is_whole & (row_number >= 0)).T)
        window_ids = np.array(inside["window_id"].to_list(), dtype=object)
        chosen = window_ids[row_number[complete[:, 1], complete[:, 0]]]
        return cls(grid.sessions, grid.tickers, matrix, lookback, complete, chosen)

    def at(self, session: date) -> WindowBatch:
        """The complete windows that end at ``session``, by ticker; perhaps none.

        Raises
        ------
        ValueError
            If the session is not in the store, or has too little history in it.
        """
        if session not in self.sessions:
            raise ValueError(
                f"{session} is not in the store {self.sessions[0]}..{self.sessions[-1]}, or no session at all"
            )
        return self.training(session, session)

    def training(self, first: date, last: date) -> WindowBatch:
        """The complete windows that end from ``first`` to ``last``, gathered.

        Raises
        ------
        ValueError
            If the range leaves the sessions of the store, or ``first`` has too little history in it.
        """
        earliest = self.lookback_sessions - 1
        start, stop = bisect_left(self.sessions, first), bisect_left(self.sessions, last)
        if start < earliest or stop >= len(self.sessions):
            raise ValueError(
                f"windows from {first} to {last} need the vectors of {earliest} earlier sessions, but the "
                f"store holds {self.sessions[0]}..{self.sessions[-1]}; build it over more sessions"
            )
        stop += self.sessions[stop] == last
        rows = slice(*np.searchsorted(self.complete[:, 0], (start, stop)).tolist())
        indices = self.complete[rows]
        return WindowBatch(
            indices=indices,
            tensor=self.gather(indices),
            tickers=[self.tickers[ticker] for ticker in indices[:, 1].tolist()],
            sessions=[self.sessions[session] for session in indices[:, 0].tolist()],
            window_ids=self.window_ids[rows].tolist(),
        )

    def view(self) -> Vectors:
        """Every window without copying, (n_tickers, n_sessions - lookback + 1, lookback, n_features).

        Element ``[ticker, session - lookback + 1]`` is the window that ends at ``session``, complete or not:
        choose by ``complete``. It shares its memory with ``matrix``, and so does ``torch.from_numpy`` of it.
        """
        window = (self.lookback_sessions, self.matrix.shape[2])
        strided = np.lib.stride_tricks.sliding_window_view(self.matrix, window, axis=(1, 2), writeable=True)
        return strided[:, :, 0]

    def pooled(self, indices: Index) -> PooledWindows:
        """Windows at (session index, ticker index) by position, over the vectors of their span of sessions.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not len(indices):
            raise ValueError("no window to pool; expected at least one (session index, ticker index)")
        lookback, first = self.lookback_sessions, int(indices[:, 0].min()) - self.lookback_sessions + 1
        span = self.matrix[:, first : int(indices[:, 0].max()) + 1]
        vectors = np.ascontiguousarray(span).reshape(-1, span.shape[2])
        positions = indices[:, 1] * span.shape[1] + indices[:, 0] - first - lookback + 1
        return PooledWindows(vectors, positions.astype(np.int64), lookback)

    def gather(self, indices: Index) -> Vectors:
        """Windows at (session index, ticker index), (n_windows, lookback, n_features)."""
        return gather_windows(self.matrix, indices[:, 0], indices[:, 1], self.lookback_sessions)


def gather_windows(
    matrix: Vectors, session_index: Index, ticker_index: Index, lookback_sessions: int
) -> Vectors:
    """Copy windows out of a strided view over ``matrix``.

    Parameters
    ----------
    matrix : ndarray (n_tickers, n_sessions, n_features)
        Vectors by ticker.
    session_index, ticker_index : ndarray (n_windows,)
        Last session and ticker of each window; a session index of at least ``lookback_sessions - 1``.

    Returns
    -------
    ndarray (n_windows, lookback_sessions, n_features)
        Oldest session first.

    Raises
    ------
    ValueError
        If a window would begin before the matrix.
    """
    if session_index.size and int(session_index.min()) < lookback_sessions - 1:
        raise ValueError(
            f"a window of {lookback_sessions} sessions cannot end at index {int(session_index.min())}"
        )
    n_features = matrix.shape[2]
    if not session_index.size:
        return np.empty((0, lookback_sessions, n_features), dtype=matrix.dtype)
    view = np.lib.stride_tricks.sliding_window_view(matrix, (lookback_sessions, n_features), axis=(1, 2))
    return np.ascontiguousarray(view[ticker_index, session_index - lookback_sessions + 1, 0])


def _one_size(rows: pl.DataFrame) -> tuple[int, int]:
    ids, lookbacks = rows["feature_set_id"].unique().sort(), rows["lookback_sessions"].unique().sort()
    values = rows["values"]
    lengths = (values.list.len() if isinstance(values.dtype, pl.List) else values.arr.len()).unique().sort()
    if len(ids) != 1 or len(lookbacks) != 1 or len(lengths) != 1:
        raise ValueError(
            f"feature_windows: rows of {ids.to_list()} with lookbacks {lookbacks.to_list()} and "
            f"{lengths.to_list()} values; pass the rows of one feature set"
        )
    return int(lookbacks[0]), int(lengths[0])
