"""Closes that jump by a factor of about 100: pence for pounds, cents for dollars."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl

ROW_COLUMN = "_row"
_FACTORS = (80.0, 125.0)
_REFERENCE_AGE = timedelta(days=30)


def find_unit_switches(
    candidates: pl.DataFrame,
    earlier: pl.DataFrame | None,
    actions: pl.DataFrame | None,
    version: str | None = None,
) -> dict[int, float]:
    """Candidates whose close is in another unit than the accepted close before it.

    Parameters
    ----------
    candidates : polars.DataFrame
        ticker, session_date, close (Float64, > 0) and ``ROW_COLUMN`` (a number that names the row), one
        row per ticker, session and version.
    earlier, actions : polars.DataFrame, optional
        As for `quality.inspect_bars`.
    version : str, optional
        Column by which rows of a ticker follow each other before they do by session.

    Returns
    -------
    dict of int to float
        Row number of each refused candidate, with the close it was measured against.

    Notes
    -----
    A refused close is no reference for the next one. The sequential pass runs only over tickers with a
    jump between neighbours: without one nothing can be refused.
    """
    order = ["ticker", *([version] if version else []), "session_date"]
    rows = candidates.select(*order, "close", ROW_COLUMN)
    history = _last_closes(earlier, rows)
    rows = pl.concat([history, rows], how="diagonal").sort(order, maintain_order=True)
    moves = pl.col("close") / pl.col("close").shift(1).over("ticker")
    suspects = rows.filter(_is_unit_switch(moves)).get_column("ticker").unique()
    if suspects.is_empty():
        return {}
    ratios = _split_ratios(actions)
    switched: dict[int, float] = {}
    reference: dict[str, tuple[date, float]] = {}
    walked = rows.filter(pl.col("ticker").is_in(suspects.to_list()))
    for ticker, session, close, row in walked.select(
        "ticker", "session_date", "close", ROW_COLUMN
    ).iter_rows():
        since, last_close = reference.get(ticker, (date.min, math.nan))
        factor = math.prod(ratio for day, ratio in ratios.get(ticker, []) if since < day <= session)
        is_recent = session - since <= _REFERENCE_AGE
        if (
            row is not None
            and is_recent
            and _differs_in_unit(close, last_close)
            and _differs_in_unit(close * factor, last_close)
        ):
            switched[row] = last_close
        else:
            reference[ticker] = (session, close)
    return switched


def _is_unit_switch(move: pl.Expr) -> pl.Expr:
    least, most = _FACTORS
    slack = 1e-9
    return move.is_between(least - slack, most + slack) | (1 / move).is_between(least - slack, most + slack)


def _differs_in_unit(close: float, last_close: float) -> bool:
    least, most = _FACTORS
    return least <= close / last_close <= most or least * close <= last_close <= most * close


def _last_closes(earlier: pl.DataFrame | None, rows: pl.DataFrame) -> pl.DataFrame:
    """The last accepted close of each ticker before its first row, in the columns of ``rows``."""
    if earlier is None or earlier.is_empty() or rows.is_empty():
        return rows.clear()
    starts = rows.group_by("ticker").agg(pl.col("session_date").min().alias("_start"))
    known = earlier.select("ticker", "session_date", pl.col("close").cast(pl.Float64))
    before = known.join(starts, on="ticker").filter(pl.col("session_date") < pl.col("_start"))
    return before.sort("ticker", "session_date").unique("ticker", keep="last").drop("_start")


def _split_ratios(actions: pl.DataFrame | None) -> dict[str, list[tuple[date, float]]]:
    if actions is None:
        return {}
    ratios: dict[str, list[tuple[date, float]]] = {}
    splits = actions.filter(pl.col("kind") == "split").sort("ticker", "ex_date")
    for ticker, ex_date, ratio in splits.select("ticker", "ex_date", "split_ratio").iter_rows():
        ratios.setdefault(ticker, []).append((ex_date, ratio))
    return ratios
