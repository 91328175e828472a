"""Who executes the steps of a run: one of Dagster's executors, by the settings."""

from __future__ import annotations

import dagster as dg

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.execution_section import ExecutionSettings


def executor_of(execution: ExecutionSettings) -> dg.ExecutorDefinition:
    """The executor that the settings name; libraries of the others are not imported.

    Raises
    ------
    SettingsError
        Its package is not installed; the message names the extra.

    Notes
    -----
    Celery's broker is told by ``DAGSTER_CELERY_BROKER_HOST`` or in a run's own configuration, what a pod of Kubernetes is
    like by the run launcher of ``dagster.yaml``.
    """
    try:
        match execution.executor:
            case "in_process":
                return dg.in_process_executor
            case "dask":
                import distributed  # noqa: F401 (a missing extra is told now, not in the run)

                from nextgen_resources.dask_executor import dask_executor

                where = {"address": execution.dask_address, "workers": execution.dask_workers}
                return dask_executor.configured(where, name="dask")
            case "celery":
                from dagster_celery import celery_executor

                return celery_executor
            case "kubernetes":
                from dagster_k8s import k8s_job_executor

                return k8s_job_executor
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"execution.executor is {execution.executor}, whose package {error.name} is not installed: "
            f"pip install -e '.[{execution.executor}]' -c constraints.txt"
        ) from error
