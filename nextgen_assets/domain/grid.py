"""Where the rows of a frame lie in an array of sessions by tickers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]
Index = NDArray[np.int64]


def day_numbers(dates: Sequence[date] | pl.Series) -> NDArray[np.int32]:
    """Days since 1970-01-01, (n_dates,)."""
    return pl.Series(dates, dtype=pl.Date).cast(pl.Int32).to_numpy()


@dataclass(frozen=True)
class Grid:
    """Consecutive ``sessions`` (rows) by ``tickers`` (columns)."""

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]

    def cells(
        self, frame: pl.DataFrame, date_column: str, columns: Sequence[str], table: str
    ) -> tuple[pl.DataFrame, Index, Index]:
        """The rows of ``frame`` inside the grid and the cell of each.

        Parameters
        ----------
        frame : DataFrame
            Any order; rows outside the sessions and of other tickers are left out.
        date_column : str
            The column that places a row.
        columns : sequence of str
            Columns that must be there.
        table : str
            Named in errors.

        Returns
        -------
        inside : DataFrame
            The rows that remain, in their order.
        session_index, ticker_index : ndarray (n_rows,)
            The first session not before the day of each row, and its ticker.

        Raises
        ------
        ValueError
            If a column is missing: select it where the frame is read.
        """
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            raise ValueError(f"{table}: the columns {missing} are missing; found {frame.columns}")
        inside = frame.filter(
            pl.col(date_column).is_between(self.sessions[0], self.sessions[-1])
            & pl.col("ticker").is_in(list(self.tickers))
        )
        if inside.is_empty():
            return inside, np.empty(0, np.int64), np.empty(0, np.int64)
        position = {ticker: number for number, ticker in enumerate(self.tickers)}
        ticker_index = inside["ticker"].replace_strict(position, return_dtype=pl.Int64).to_numpy()
        session_index = np.searchsorted(day_numbers(self.sessions), day_numbers(inside[date_column]))
        return inside, session_index.astype(np.int64), ticker_index

    def session_cells(
        self, frame: pl.DataFrame, columns: Sequence[str], table: str
    ) -> tuple[pl.DataFrame, Index, Index]:
        """Cells of a frame with one row per ticker and ``session_date``.

        Raises
        ------
        ValueError
            As :meth:`cells`, and if a row lies on a day that is no session or a key repeats.
        """
        inside, session_index, ticker_index = self.cells(frame, "session_date", columns, table)
        strays = day_numbers(self.sessions)[session_index] != day_numbers(inside["session_date"])
        if strays.any():
            row = inside.row(int(np.argmax(strays)), named=True)
            raise ValueError(
                f"{table}: {int(strays.sum())} rows lie on days that are no session of the panel, first "
                f"{row['ticker']} {row['session_date']}; quarantine them, or pass every session of the range"
            )
        counts = np.bincount(session_index * len(self.tickers) + ticker_index, minlength=1)
        if counts.max() > 1:
            session, column = divmod(int(np.argmax(counts > 1)), len(self.tickers))
            raise ValueError(
                f"{table}: {self.tickers[column]} {self.sessions[session]} stands {int(counts.max())} times, "
                "expected once; pass one version (and one method) of each row"
            )
        return inside, session_index, ticker_index

    def place(self, frame: pl.DataFrame, columns: Sequence[str], table: str) -> dict[str, Values]:
        """Numeric ``columns`` as (n_sessions, n_tickers) arrays, NaN where the frame has no row or a null."""
        keyed = ["ticker", "session_date", *columns]
        inside, session_index, ticker_index = self.session_cells(frame, keyed, table)
        placed = {}
        for name in columns:
            values = np.full((len(self.sessions), len(self.tickers)), np.nan)
            values[session_index, ticker_index] = inside[name].cast(pl.Float64).to_numpy()
            placed[name] = values
        return placed
