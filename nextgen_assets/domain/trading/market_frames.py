"""Market panels from the frames of bars, corporate actions and sectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.grid import Grid
from nextgen_assets.domain.sectors import span_cells
from nextgen_assets.domain.sessions import NEW_YORK, SessionCalendar
from nextgen_assets.domain.trading.market import MarketData, MarketDataError, Panel


def market_from_frames(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    calendar: SessionCalendar,
    last: date,
    tickers: list[str] | None = None,
    renames: Mapping[date, Mapping[str, str]] | None = None,
    sectors: pl.DataFrame | None = None,
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
    sectors : DataFrame, optional
        Spans as of ``sectors.sector_spans``.

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
        None if sectors is None else _sector_panel(sectors, Grid(sessions, tuple(names))),
    )


def _sector_panel(spans: pl.DataFrame, grid: Grid) -> NDArray[np.object_]:
    panel = np.full((len(grid.sessions), len(grid.tickers)), None, dtype=object)
    for rows, column, span in span_cells(spans, grid):
        panel[rows, column] = span["sector"]
    return panel


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
