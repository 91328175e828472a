"""Parity of live and backfill: a session issued again, alone and from its inputs, must give the stored bytes."""

from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.domain.prediction_ledger import LEDGER_SCHEMA
from nextgen_assets.markdown import markdown_table
from nextgen_assets.partitions import requested_bounds
from nextgen_assets.prediction_service import issue
from nextgen_resources.clock import Clock
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

_SAMPLE_ROWS = 5


def differing_cells(stored: pl.DataFrame, again: pl.DataFrame) -> pl.DataFrame:
    """Cells of predictions of the same id that are not the same, bit for bit.

    Parameters
    ----------
    stored, again : DataFrame
        With the columns of ``LEDGER_SCHEMA``.

    Returns
    -------
    DataFrame
        ``prediction_id, ticker, session_date, column, stored, again``, both as text; no rows where all is equal.
    """
    kept = [name for name in LEDGER_SCHEMA if name != "prediction_id"]
    pairs = stored.select(LEDGER_SCHEMA.keys()).join(
        again.select(LEDGER_SCHEMA.keys()), on="prediction_id", how="inner", suffix="_again", validate="1:1"
    )
    found = [
        pairs.filter(~_same(name, pairs.schema[name])).select(
            "prediction_id",
            "ticker",
            "session_date",
            column=pl.lit(name),
            stored=pl.col(name).cast(pl.String),
            again=pl.col(f"{name}_again").cast(pl.String),
        )
        for name in kept
    ]
    return pl.concat(found)


def _same(name: str, kind: pl.DataType) -> pl.Expr:
    left, right = pl.col(name), pl.col(f"{name}_again")
    if kind.is_float():
        left, right = left.reinterpret(signed=True), right.reinterpret(signed=True)
    return left.eq_missing(right)


@dg.asset_check(
    asset="predictions",
    name="issued_again_gives_the_same_bytes",
    description=(
        "The first and the last session of the run, each issued again alone as a backfill would, give the stored "
        "predictions bit for bit: live runs, ranges and backfills agree."
    ),
)
def issued_again_gives_the_same_bytes(
    context: dg.AssetCheckExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    model_store: dg.ResourceParam[ModelStore],
    clock: dg.ResourceParam[Clock],
) -> dg.AssetCheckResult:
    """Compare the stored rows of two sessions with those that their inputs give now."""
    first, last = requested_bounds(context)
    stored = warehouse.read(
        "SELECT * FROM predictions WHERE scenario_id = $scenario_id AND session_date IN ("
        "SELECT unnest([min(session_date), max(session_date)]) FROM predictions "
        "WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last)",
        scenario_id=settings.scenario_id,
        first=first,
        last=last,
    )
    sessions: list[date] = stored["session_date"].unique().sort().to_list()
    issued = [
        issue(warehouse, settings, model_store, [day], clock.now(), Stopwatch()).predictions
        for day in sessions
    ]
    again = pl.concat(issued) if issued else stored.head(0)
    cells = differing_cells(stored, again)
    compared = stored.join(again, on="prediction_id", how="semi").height
    metadata: dict[str, Any] = {
        "sessions": ", ".join(map(str, sessions)),
        "predictions compared": compared,
        "not compared: other models or windows by now": stored.height - compared,
        "cells that differ": cells.height,
    }
    if cells.height:
        metadata["sample"] = dg.MetadataValue.md(markdown_table(cells.head(_SAMPLE_ROWS)))
    return dg.AssetCheckResult(
        passed=cells.is_empty(), severity=dg.AssetCheckSeverity.ERROR, metadata=metadata
    )
