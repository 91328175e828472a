"""What ran and how it ended, from Dagster's own records."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

RUNS_LOOKED_AT = 20
_SCHEMA: dict[str, Any] = {
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
        span = (
            tags.get("dagster/asset_partition_range_start"),
            tags.get("dagster/asset_partition_range_end"),
        )
        partition = tags.get("dagster/partition") or ("..".join(map(str, span)) if all(span) else "all")
        steps: dict[str, dict[str, object]] = {}
        for event in _step_events(instance, run.run_id):
            step = steps.setdefault(str(event.step_key), {})
            moment = datetime.fromtimestamp(event.timestamp, UTC)
            kind = event.get_dagster_event().event_type
            if kind == dg.DagsterEventType.STEP_START:
                step.setdefault("started_at", moment)
                step.setdefault("status", "STARTED")
            else:
                step |= {
                    "ended_at": moment,
                    "status": "SUCCESS" if kind == dg.DagsterEventType.STEP_SUCCESS else "FAILURE",
                }
                step["error_class"] = _error_class(event)
        rows += [
            {
                "run_id": run.run_id,
                "step_key": key,
                "asset": key.split("__")[0],
                "partition_key": partition,
                **step,
            }
            for key, step in steps.items()
            if "started_at" in step
        ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _step_events(instance: dg.DagsterInstance, run_id: str) -> list[dg.EventLogEntry]:
    """Starts and ends of the steps of one run: a ranged run has thousands of other events."""
    wanted = {
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.STEP_FAILURE,
    }
    return [record.event_log_entry for record in instance.get_records_for_run(run_id, of_type=wanted).records]


def _error_class(event: dg.EventLogEntry) -> str | None:
    happened = event.get_dagster_event()
    if not happened.is_step_failure or happened.step_failure_data.error is None:
        return None
    error = happened.step_failure_data.error
    return (error.cause or error).cls_name
