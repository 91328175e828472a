"""Opens, closes, volumes and corporate actions as panels (n_sessions, n_tickers)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.sessions import NEW_YORK, SessionCalendar

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
        US dollars; only orders with a limit and fills over the session read them.
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


def market_from_frames(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    calendar: SessionCalendar,
    last: date,
    tickers: list[str] | None = None,
    renames: Mapping[date, Mapping[str, str]] | None = None,
) -> MarketData:
    """Panels from the first bar to ``last``.

    Parameters
    ----------
    bars : DataFrame
        ticker, session_date, open, close, volume and, where they are needed, high and low as traded, from the
        inception of the ledger (its
        first session included) so that the benchmark and last known closes can be told.
    actions : DataFrame
        ticker, ex_date, kind, split_ratio, cash_amount_usd and, where delistings may come late, known_at.
        An ex-date without a session counts for the next session.
    calendar : SessionCalendar
        Sessions of the exchange.
    last : date
        Last session of the panels; later rows are ignored.
    tickers : list of str, optional
        Columns; default every ticker with a bar.
    renames : mapping, optional
        As in `MarketData`.

    Raises
    ------
    MarketDataError
        If there is no bar, or a bar lies on a day that is no session.

    Notes
    -----
    Rows must have been known by the cut-off of ``last``: the caller filters ``known_at``.
    """
    bars = bars.filter(pl.col("session_date") <= last)
    if bars.is_empty():
        raise MarketDataError(f"no bar up to {last}; load market prices first")
    names = sorted(set(tickers if tickers is not None else bars["ticker"].unique().to_list()))
    first = bars["session_date"].to_list()[bars["session_date"].arg_min() or 0]
    sessions = tuple(calendar.between(first, last))
    rows = pl.DataFrame({"session_date": sessions, "_row": range(len(sessions))})
    columns = pl.DataFrame({"ticker": names, "_column": range(len(names))})
    placed = bars.join(columns, on="ticker").join(rows, on="session_date", how="left")
    if placed["_row"].null_count():
        stray = placed.filter(pl.col("_row").is_null()).row(0, named=True)
        raise MarketDataError(
            f"bar of {stray['ticker']} on {stray['session_date']}, which is no session; quarantine it"
        )
    shape = (len(sessions), len(names))
    panels = {}
    for name in ("open", "close", "volume", *(name for name in ("high", "low") if name in placed.columns)):
        panel = np.full(shape, np.nan)
        panel[placed["_row"].to_numpy(), placed["_column"].to_numpy()] = (
            placed[name].cast(pl.Float64).to_numpy()
        )
        panels[name] = panel
    splits, dividends = _action_panels(actions, sessions, {n: i for i, n in enumerate(names)}, calendar)
    return MarketData(
        sessions,
        tuple(names),
        panels["open"],
        panels["close"],
        panels["volume"],
        splits,
        dividends,
        renames or {},
        _delistings(actions, set(names), sessions, calendar),
        panels.get("high"),
        panels.get("low"),
    )


def _delistings(
    actions: pl.DataFrame, tickers: set[str], sessions: tuple[date, ...], calendar: SessionCalendar
) -> dict[date, dict[str, float | None]]:
    """Exits by session: that of the ex-date, or the first whose open comes after the delisting was known."""
    exits: dict[date, dict[str, float | None]] = {}
    found = actions.filter((pl.col("kind") == "delisting") & (pl.col("ex_date") <= sessions[-1]))
    for row in found.sort("ticker", "ex_date").iter_rows(named=True):
        session = calendar.on_or_after(row["ex_date"])
        known_at = row.get("known_at")
        if known_at is not None and known_at > calendar.open_at(session):
            day = calendar.on_or_after(max(session, known_at.astimezone(NEW_YORK).date()))
            session = day if known_at <= calendar.open_at(day) else calendar.shift(day, 1)
        if row["ticker"] in tickers:
            exits.setdefault(session, {})[row["ticker"]] = row["cash_amount_usd"]
    return exits


def _action_panels(
    actions: pl.DataFrame, sessions: tuple[date, ...], columns: dict[str, int], calendar: SessionCalendar
) -> tuple[Panel, Panel]:
    splits, dividends = np.ones((len(sessions), len(columns))), np.zeros((len(sessions), len(columns)))
    rows = {session: row for row, session in enumerate(sessions)}
    wanted = actions.filter(pl.col("kind").is_in(["split", "dividend", "spinoff"])).sort(
        "ticker", "ex_date", "kind"
    )
    for ticker, ex_date, kind, ratio, cash in wanted.select(
        "ticker", "ex_date", "kind", "split_ratio", "cash_amount_usd"
    ).iter_rows():
        if ticker not in columns or not sessions or ex_date > sessions[-1]:
            continue
        row = rows.get(calendar.on_or_after(ex_date))
        if row is None:
            continue
        if kind == "split":
            splits[row, columns[ticker]] *= ratio
        else:
            dividends[row, columns[ticker]] += cash
    return splits, dividends * splits
