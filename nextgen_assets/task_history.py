"""What ran and how it ended, from Dagster's own records."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl

RUNS_LOOKED_AT = 20
_SCHEMA = {
    "run_id": pl.String,
    "step_key": pl.String,
    "asset": pl.String,
    "partition_key": pl.String,
    "started_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "status": pl.String,
    "rows_written": pl.Int64,
    "error_class": pl.String,
}


def recent_task_runs(instance: dg.DagsterInstance) -> pl.DataFrame:
    """The steps of the newest runs as rows of ``task_runs``; of a running one, those that have begun."""
    rows = []
    for record in instance.get_run_records(limit=RUNS_LOOKED_AT):
        run = record.dagster_run
        tags = run.tags
        span = (tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end"))
        partition = tags.get("dagster/partition") or ("..".join(map(str, span)) if all(span) else "all")
        for step in instance.get_run_step_stats(run.run_id):
            if step.start_time is None:
                continue
            rows.append(
                {
                    "run_id": run.run_id,
                    "step_key": step.step_key,
                    "asset": step.step_key.split("__")[0],
                    "partition_key": partition,
                    "started_at": _moment(step.start_time),
                    "ended_at": _moment(step.end_time),
                    "status": step.status.value if step.status else "STARTED",
                    "rows_written": None,
                    "error_class": None,
                }
            )
    return pl.DataFrame(rows, schema=_SCHEMA)


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
