"""Quotes and trades within the day, imported from files, each with the line it came from."""

import dagster as dg
import polars as pl

from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.tick_import import Tally, TickImport
from nextgen_resources.clock import Clock
from nextgen_resources.market_data.ticks.declaration import read_declaration
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.tick_store import TickStore
from nextgen_resources.warehouse.warehouse import Warehouse

ROWS = """
SELECT session_date, instrument, count(*) AS ticks, count(last) AS trades, min(ts) AS first_ts, max(ts) AS last_ts
FROM market_ticks WHERE session_date BETWEEN $first AND $last GROUP BY ALL ORDER BY ALL
"""


@session_asset(group="intraday", kinds={"duckdb", "polars", "file"})
def market_ticks(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult[None]:
    """One row per quote or trade; session_date is the session whose cut-off first admits it.

    Key: instrument, ts, sequence. Source: the files that intraday.yaml declares in the folder of the
    settings; without a folder, nothing. Cadence: when files have come, by the job import_ticks. A re-run
    goes on where the last one stopped and writes nothing twice: tick_imports knows which lines of which
    content are settled. Lines that are no ticks go to quarantine, whole, with the reason.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    tally, folder = Tally(), settings.intraday.folder
    if folder is not None:
        task = TickImport(
            TickStore(warehouse, context.run.run_id, clock.now()),
            calendar_of(settings),
            settings.ingestion.cutoff_delay_minutes,
            settings.intraday,
            sessions[0],
            sessions[-1],
            clock.now(),
        )
        with watch.measure("import"):
            tally = task.run(folder, read_declaration(folder).ticks)
    with watch.measure("read"):
        held = warehouse.read(ROWS, first=sessions[0], last=sessions[-1])
    counts = held.select("session_date", pl.col("ticks"))
    figures = {
        "folder": str(folder) if folder is not None else "none: intraday.folder is not set",
        "files_read": tally.files,
        "rows_written": tally.accepted,
        "held_from_other_files": tally.held,
        "quarantined": sum(tally.reasons.values()),
        "quarantined_by_reason": ", ".join(f"{code} {n}" for code, n in sorted(tally.reasons.items()))
        or "none",
        "ticks_of_the_sessions": int(counts["ticks"].sum()),
    }
    record(context, watch, held, None, figures=figures)
    return dg.MaterializeResult()
