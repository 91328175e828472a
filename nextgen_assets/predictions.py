"""The ledger of predictions: calibrated, bounded, or abstained from with a reason."""

import dagster as dg

from nextgen_assets.domain.promotion import PROMOTED
from nextgen_assets.metadata import record
from nextgen_assets.partitions import SERVING_MONTH, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.prediction_service import issue
from nextgen_resources.clock import Clock
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.continuing import Continued
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="predictions",
    kinds={"duckdb", "torch"},
    deps=[
        "feature_windows",
        "strategic_priorities",
        "ticker_universe",
        dg.AssetDep("model_registry", partition_mapping=SERVING_MONTH),
    ],
)
def predictions(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    model_store: dg.ResourceParam[ModelStore],
    clock: dg.ResourceParam[Clock],
) -> Continued:
    """One row per member of the universe, session, model and window; an abstention says why.

    Key: prediction_id, a hash of what was decided. Source: the windows of the session, the models live
    at it, and, for calibration and bounds, earlier predictions whose target had closed. Cadence: each
    session. The ledger only grows: a re-run on the same inputs writes nothing. Calibration reads the
    earlier predictions from the warehouse, where they are missing it computes what they would have been;
    so the order in which sessions are materialised does not matter. What is learned from the outcomes of a session
    takes effect from the next one on; calibration_adjustments has it as dated rows, named in adjustments. The weights
    of the ensemble are learned from the same past, and at the end of each month the promotion gate judges every challenger:
    its verdicts, with their reasons, are in promotion_verdicts and decide who is served in the next month.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    mark = warehouse.mark("overrides_mark", scenario_id=settings.scenario_id, last=sessions[-1])
    found = issue(warehouse, settings, model_store, sessions, clock.now(), watch)
    rows, judged = found.predictions, found.verdicts
    promoted = int((judged["verdict"] == PROMOTED).sum())
    figures = {
        "abstained_share": rows["abstained"].mean() or 0.0,
        "challengers judged": judged.height,
        "challengers promoted": promoted,
    }
    record(context, watch, rows.drop("ensemble", "adjustments"), "session_date", figures=figures)
    frames = {
        "predictions": rows,
        "promotion_verdicts": judged,
        "calibration_adjustments": found.adjustments,
    }
    return Continued(frames, (mark,))
