"""Opens, closes, volumes and corporate actions as panels (n_sessions, n_tickers)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Panel = NDArray[np.float64]

VOLUME_SESSIONS: Final = 20
"""Sessions over which the usual dollar volume is taken."""


class MarketDataError(ValueError):
    """Prices that the simulation needs are not in the panels, or the panels do not fit together."""


@dataclass(frozen=True, eq=False)
class MarketData:
    """Prices as traded, on consecutive sessions.

    Parameters
    ----------
    sessions : tuple of date
        Consecutive exchange sessions, ascending. May begin long before the sessions to simulate.
    tickers : tuple of str
        Ascending.
    opens, closes, volumes : float array (n_sessions, n_tickers)
        US dollars and shares; NaN where the security has no bar.
    split_ratios : float array (n_sessions, n_tickers)
        Shares after for one before, on the ex-date; 1 elsewhere.
    dividends_usd : float array (n_sessions, n_tickers)
        Cash per share held before the ex-date, on the ex-date; 0 elsewhere. (``corporate_actions`` states
        it per share after a split of the same day; the panels multiply by the ratio.) Spin-offs count as
        dividends of their value.
    renames : mapping of date to mapping
        By the first session under it, the new ticker and the old one; the column of the new ticker holds
        the prices of both.
    delistings : mapping of date to mapping
        By the session of the exit, ticker and the US dollars paid per share, None where nothing is stated.
    highs, lows : float array (n_sessions, n_tickers) or None
        US dollars; only orders with a limit, fills over the session and estimates of the spread read them.
    sectors : object array (n_sessions, n_tickers) or None
        Name of the sector as known on each session, None where it is not.
    """

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]
    opens: Panel
    closes: Panel
    volumes: Panel
    split_ratios: Panel
    dividends_usd: Panel
    renames: Mapping[date, Mapping[str, str]] = field(default_factory=dict)
    delistings: Mapping[date, Mapping[str, float | None]] = field(default_factory=dict)
    highs: Panel | None = None
    lows: Panel | None = None
    sectors: NDArray[np.object_] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.tickers))
        for name in ("opens", "closes", "volumes", "split_ratios", "dividends_usd"):
            if getattr(self, name).shape != shape:
                raise MarketDataError(f"panel {name} is {getattr(self, name).shape}; expected {shape}")
        if list(self.tickers) != sorted(set(self.tickers)):
            raise MarketDataError("tickers of the market panels must be ascending and different")

    @cached_property
    def session_rows(self) -> dict[date, int]:
        """Row of each session."""
        return {session: row for row, session in enumerate(self.sessions)}

    @cached_property
    def ticker_columns(self) -> dict[str, int]:
        """Column of each ticker."""
        return {ticker: column for column, ticker in enumerate(self.tickers)}

    @cached_property
    def _marks(self) -> tuple[Panel, NDArray[np.int64]]:
        marks = np.full(self.closes.shape, np.nan)
        rows = np.full(self.closes.shape, -1, dtype=np.int64)
        for row in range(len(self.sessions)):
            fresh = np.isfinite(self.closes[row])
            if row:
                marks[row] = marks[row - 1] / self.split_ratios[row]
                rows[row] = rows[row - 1]
            marks[row, fresh] = self.closes[row, fresh]
            rows[row, fresh] = row
        return marks, rows

    @property
    def marks(self) -> Panel:
        """Last known close of every session and ticker, divided by the splits since; NaN before the first."""
        return self._marks[0]

    @property
    def mark_rows(self) -> NDArray[np.int64]:
        """Row of the session whose close is the mark; -1 before the first."""
        return self._marks[1]

    @cached_property
    def adjusted_marks(self) -> Panel:
        """Last known closes in shares of the first session: the splits since then taken out."""
        return self.marks * np.cumprod(self.split_ratios, axis=0)

    @cached_property
    def log_returns(self) -> Panel:
        """Log return of the adjusted marks over each session; NaN on the first session and before a first close."""
        first = np.full((1, len(self.tickers)), np.nan)
        return np.concatenate([first, np.diff(np.log(self.adjusted_marks), axis=0)])

    @cached_property
    def median_dollar_volumes(self) -> Panel:
        """Median of close times volume over 20 sessions up to each; NaN until there are 20 since the first bar."""
        traded = np.where(np.isfinite(self.marks), np.nan_to_num(self.closes * self.volumes, nan=0.0), np.nan)
        medians = np.full(traded.shape, np.nan)
        if len(traded) >= VOLUME_SESSIONS:
            windows = np.lib.stride_tricks.sliding_window_view(traded, VOLUME_SESSIONS, axis=0)
            medians[VOLUME_SESSIONS - 1 :] = np.median(windows, axis=-1)
        return medians

    def sectors_of(self, row: int, columns: NDArray[np.intp]) -> NDArray[np.object_] | None:
        """Sectors of some tickers on a session, where any are known."""
        return None if self.sectors is None else self.sectors[row, columns]

    def row(self, session: date) -> int:
        """Row of ``session``.

        Raises
        ------
        MarketDataError
            If the panels do not contain the session; build them over a longer range.
        """
        try:
            return self.session_rows[session]
        except KeyError:
            reach = f"{self.sessions[0]}..{self.sessions[-1]}" if self.sessions else "nothing"
            raise MarketDataError(
                f"market panels cover {reach}; session {session} is missing; build them over a longer range"
            ) from None

    def column(self, ticker: str) -> int:
        """Column of ``ticker``.

        Raises
        ------
        MarketDataError
            If the panels do not contain the ticker; include every ticker ever held.
        """
        try:
            return self.ticker_columns[ticker]
        except KeyError:
            raise MarketDataError(
                f"{ticker} is held or planned and not in the market panels ({len(self.tickers)} tickers); "
                "include the bars of every ticker ever held"
            ) from None
