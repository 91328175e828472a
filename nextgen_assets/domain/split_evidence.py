"""Splits that a source states, against the prices around them."""

from __future__ import annotations

import json

import polars as pl

from nextgen_assets.domain.quality import Inspected

_LARGEST_DISAGREEMENT = 2.0
"""The price may move by the ratio and by as much as doubling or halving beside it."""


def inspect_splits(actions: pl.DataFrame, bars: pl.DataFrame) -> Inspected:
    """Sort stated actions into those that may be believed and splits that the prices contradict.

    Parameters
    ----------
    actions : frame
        Columns of ``corporate_actions`` without run_id.
    bars : frame
        ticker, session_date, close as traded, from a few sessions before the first ex-date.

    Returns
    -------
    Inspected
        accepted: the columns and order of ``actions``. rejected: as for bars, session_date the ex-date.

    Notes
    -----
    A split of ratio r is contradicted when ``close(ex) * r / close(before)`` lies outside one half to two:
    adjusting by it would make a return that nobody had. A split whose two closes are not both known
    stays. Sources also file spin-offs and mergers as splits; their real terms are not in a ratio.
    """
    closes = bars.sort("ticker", "session_date").select(
        "ticker",
        pl.col("session_date").alias("ex_date"),
        "close",
        pl.col("close").shift(1).over("ticker").alias("previous_close"),
    )
    placed = actions.join(closes, on=["ticker", "ex_date"], how="left", maintain_order="left")
    left_over = pl.col("close") * pl.col("split_ratio") / pl.col("previous_close")
    is_explained = left_over.is_between(1 / _LARGEST_DISAGREEMENT, _LARGEST_DISAGREEMENT).fill_null(True)
    is_contradicted = (pl.col("kind") == "split") & ~is_explained
    refused = placed.filter(is_contradicted)
    accepted = placed.filter(~is_contradicted).select(actions.columns)
    return Inspected(accepted, _rejected(refused), duplicate_count=0)


def _rejected(refused: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for row in refused.sort("ticker", "ex_date").iter_rows(named=True):
        reason = (
            f"a split of {row['split_ratio']:g} is stated, but the price went from {row['previous_close']:g} to "
            f"{row['close']:g}; not believed"
        )
        stated = {name: row[name] for name in ("ticker", "kind", "split_ratio", "source")}
        payload = json.dumps(stated | {"ex_date": str(row["ex_date"])}, sort_keys=True)
        rows.append(("split_contradicts_prices", reason, payload, row["ticker"], row["ex_date"]))
    schema = {
        "reason_code": pl.String,
        "reason": pl.String,
        "payload": pl.String,
        "ticker": pl.String,
        "session_date": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
