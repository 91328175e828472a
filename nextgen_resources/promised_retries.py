"""Failed runs that Dagster will try again, and whose next try has not been made yet."""

from __future__ import annotations

from datetime import datetime

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG

_MOST_RUNS = 500


def promised_retries(
    instance: DagsterInstance, since: datetime | None = None, job_name: str | None = None
) -> list[RunRecord]:
    """Those of the newest 500 that failed and shall be tried again, newest first.

    Parameters
    ----------
    since : datetime, optional
        Aware; only runs that were changed after it.
    job_name : str, optional
        Only runs of this job.
    """
    wanted = RunsFilter(
        job_name=job_name,
        statuses=[DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "true"},
        updated_after=since,
    )
    records = instance.get_run_records(wanted, limit=_MOST_RUNS)
    return [record for record in records if AUTO_RETRY_RUN_ID_TAG not in record.dagster_run.tags]
