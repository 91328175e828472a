"""What a run tells the UI: rows per partition, where the time went, a preview, pictures."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.lineage import column_lineage
from nextgen_assets.markdown import preview
from nextgen_resources.timing import Stopwatch

_COUNTED_PARTITIONS = 60


def record(
    context: dg.AssetExecutionContext,
    watch: Stopwatch,
    frame: pl.DataFrame,
    day_column: str | None,
    *,
    figures: Mapping[str, Any] | None = None,
    pictures: Mapping[str, str] | None = None,
) -> None:
    """Attach metadata to the materialisations of this run.

    Parameters
    ----------
    frame : pl.DataFrame
        What the asset returns for its main table.
    day_column : str or None
        Column whose days are partitions; each partition learns its own row count.
    figures, pictures : mapping
        Extra values, and Markdown (mostly pictures), for the last partition.

    Notes
    -----
    Dagster repeats the metadata of a ranged run on every one of its partitions. The preview and the
    pictures therefore go to the last partition only, which is the one the asset's page shows. Giving
    each partition its own row count costs milliseconds that grow with their number, so a long range
    leaves that to the total.
    """
    keys = context.partition_keys
    if day_column is not None and len(keys) <= _COUNTED_PARTITIONS:
        counts = dict(frame.group_by(day_column).len().iter_rows())
        for key in keys:
            rows = sum_of_month(counts, key) if _is_monthly(keys) else counts.get(date.fromisoformat(key), 0)
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=key)
    last: dict[str, dg.MetadataValue] = {
        "rows_in_run": dg.MetadataValue.int(frame.height),
        "seconds": dg.MetadataValue.json({name: round(value, 3) for name, value in watch.seconds.items()}),
        "preview": dg.MetadataValue.md(preview(frame)),
    }
    lineage = column_lineage(context.asset_key.to_user_string())
    if lineage is not None:
        last["dagster/column_lineage"] = dg.MetadataValue.column_lineage(lineage)
    for name, value in (figures or {}).items():
        last[name] = _figure(value)
    for name, markdown in (pictures or {}).items():
        last[name] = dg.MetadataValue.md(markdown)
    context.add_asset_metadata(last, partition_key=keys[-1])


def _figure(value: float | int | str) -> dg.MetadataValue:
    """Text, a whole number, or a float to four significant digits (cents, from a thousand on)."""
    if isinstance(value, str):
        return dg.MetadataValue.text(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    return dg.MetadataValue.float(round(value, 2) if abs(value) >= 1000 else float(f"{value:.4g}"))


def _is_monthly(keys: list[str]) -> bool:
    return all(key.endswith("-01") for key in keys)


def sum_of_month(counts: Mapping[date, int], key: str) -> int:
    """Rows of the month named ``key``."""
    return sum(rows for day, rows in counts.items() if day.isoformat()[:7] == key[:7])
