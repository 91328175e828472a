"""A code location of two jobs that says where its steps ran: for tests of launchers and daemons."""

import os
import time
from pathlib import Path

import dagster as dg


@dg.asset
def place() -> dg.MaterializeResult[None]:
    """Tells the process that it is made in, and that process's parent."""
    return dg.MaterializeResult(metadata={"pid": os.getpid(), "parent": os.getppid()})


@dg.asset
def slow() -> None:
    """Takes a minute, unless it is interrupted."""
    time.sleep(60)


@dg.sensor(job_name="__ASSET_JOB", minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def counting(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Adds a line for each tick to a file of the instance."""
    with Path(context.instance.root_directory, "ticks").open("a") as ticks:
        ticks.write(f"{time.time()}\n")
    return dg.SkipReason("counted")


defs = dg.Definitions(
    assets=[place, slow],
    jobs=[dg.define_asset_job("where", selection=[place]), dg.define_asset_job("wait", selection=[slow])],
    sensors=[counting],
    executor=dg.in_process_executor,
)
