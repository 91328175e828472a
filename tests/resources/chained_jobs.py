"""Jobs of two steps for tests of executors; files in a folder say what fails and tell what was done."""

import os
import time
from pathlib import Path

import dagster as dg
from dagster._core.definitions.job_definition import JobDefinition

from nextgen_resources.dask_executor import dask_executor

FOLDER_VARIABLE = "NEXTGEN_TEST_FOLDER"


def folder() -> Path:
    return Path(os.environ[FOLDER_VARIABLE])


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
def before() -> None:
    """Fails or lingers if it is told to; a second try does neither."""
    tries = folder() / "tries"
    with tries.open("a") as told:
        told.write(f"{os.getpid()}\n")
    if (folder() / "always_fail").exists():
        raise RuntimeError("told to fail")
    if len(tries.read_text().split()) == 1:
        if (folder() / "fail_once").exists():
            raise RuntimeError("told to fail once")
        if (folder() / "linger").exists():
            time.sleep(120)


@dg.asset_check(asset=before, blocking=True)
def gate() -> dg.AssetCheckResult:
    """Closed if it is told to be."""
    return dg.AssetCheckResult(passed=not (folder() / "closed").exists())


@dg.asset(deps=[before])
def after() -> None:
    """Tells that it was done."""
    (folder() / "done").touch()


defs = dg.Definitions(
    assets=[before, after],
    asset_checks=[gate],
    jobs=[dg.define_asset_job("chain")],
    executor=dask_executor,
)


def chain() -> JobDefinition:
    """The job, for workers that load it by its name."""
    return defs.resolve_job_def("chain")
