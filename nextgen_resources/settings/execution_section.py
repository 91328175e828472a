"""Settings of where the steps of a run are executed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nextgen_resources.settings.field_types import Section, WholeNumber

SchedulerAddress = Annotated[
    str, Field(pattern=r"^(tcp|tls)://([A-Za-z0-9][A-Za-z0-9.\-]{0,252}|\[[0-9A-Fa-f:]{2,39}\]):[0-9]{1,5}$")
]


class ExecutionSettings(Section):
    """Whose processes execute the steps of a run, and how a backfill of raw rows is cut. Changes no row."""

    executor: Literal["in_process", "dask", "celery", "kubernetes"] = Field(
        description="who executes the steps: the run's own process, workers of Dask or Celery, pods of Kubernetes"
    )
    dask_address: SchedulerAddress | None = Field(
        description="scheduler of Dask, such as tcp://127.0.0.1:8786; null: workers of this machine for the run"
    )
    dask_workers: WholeNumber = Field(
        ge=1, le=256, description="worker processes of this machine where dask_address is null"
    )
    raw_sessions_per_run: WholeNumber | None = Field(
        ge=1,
        le=10_000,
        description="sessions in one run of a backfill of bars, actions or articles by themselves; null: all",
    )
