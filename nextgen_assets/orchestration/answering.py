"""The sensor that has new retrain signals answered, one batch of them in one run, none twice."""

import hashlib

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from nextgen_assets.orchestration.jobs import answer_signals, daily_cycle, decide_and_trade, train_models
from nextgen_resources.clock import Clock
from nextgen_resources.errors import WarehouseBusyError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_OPEN = """
SELECT s.signal_id, s.session_date FROM retrain_signals s ANTI JOIN retrain_answers a USING (signal_id)
WHERE s.session_date >= $first ORDER BY s.session_date, s.signal_id
"""


@dg.sensor(
    name="answer_retrain_signals",
    job=answer_signals,
    minimum_interval_seconds=60,
    description="Starts answer_signals for retrain signals that have no answer yet, all of them in one run, when "
    "nothing is running that writes predictions or models.",
)
def answer_retrain_signals(
    context: dg.SensorEvaluationContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Start the run that answers the signals without an answer, if there are any and nothing stands in its way.

    Notes
    -----
    A batch is named by its signals and the day: a run that fails although it was tried again waits for tomorrow,
    and no batch is started twice. Signals before ingestion.first_session are no partitions.
    """
    for job in (answer_signals, train_models, daily_cycle, decide_and_trade):
        busy = context.instance.get_runs(dg.RunsFilter(job_name=job.name, statuses=_BUSY), limit=1)
        if busy:
            return dg.SkipReason(f"{job.name} is running ({busy[0].run_id}); signals wait for it")
    try:
        waiting = warehouse.read(_OPEN, first=settings.ingestion.first_session)
    except WarehouseBusyError as error:
        return dg.SkipReason(f"signals are looked at by the next tick: {error}")
    if waiting.is_empty():
        return dg.SkipReason("every retrain signal has its answer")
    first, last = waiting["session_date"][0], waiting["session_date"][-1]
    batch = hashlib.sha256("\n".join(sorted(waiting["signal_id"])).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{batch} {clock.now().date()}",
        tags={
            ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
            "nextgen/signals": str(waiting.height),
        },
    )
