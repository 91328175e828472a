"""The ledger of predictions: calibrated, bounded, or abstained from with a reason."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.live_models import live_models_by_session
from nextgen_assets.domain.promotion import PROMOTED
from nextgen_assets.domain.volatility import WINDOW_SESSIONS
from nextgen_assets.market_view import security_names, segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import SERVING_MONTH, calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.prediction_inputs import (
    PredictionInputs,
    history_sessions,
    issue_stamps,
    model_loader,
    prediction_config,
    service_of,
)
from nextgen_resources.clock import Clock
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
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
) -> dict[str, pl.DataFrame]:
    """One row per member of the universe, session, model and window; an abstention says why.

    Key: prediction_id, a hash of what was decided. Source: the windows of the session, the models live
    at it, and, for calibration and bounds, earlier predictions whose target had closed. Cadence: each
    session. The ledger only grows: a re-run on the same inputs writes nothing. Calibration reads the
    earlier predictions from the warehouse, where they are missing it computes what they would have been;
    so the order in which sessions are materialised does not matter. The weights of the ensemble are learned
    from the same past, and at the end of each month the promotion gate judges every challenger:
    its verdicts, with their reasons, are in promotion_verdicts and decide who is served in the next month.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, config = calendar_of(settings), prediction_config(settings)
    history = history_sessions(settings)
    reach = history + settings.models.horizon_sessions + WINDOW_SESSIONS + 1
    issued: list[pl.DataFrame] = []
    verdicts: list[pl.DataFrame] = []
    before = calendar.shift(sessions[0], -1)
    for first, last, as_of in segments(warehouse, settings, sessions, reach):
        begin = calendar.shift(first, -history)
        with watch.measure("read"):
            stored = warehouse.read(
                "predictions_between", scenario_id=settings.scenario_id, first=begin, last=before
            )
            earlier = pl.concat([stored, *(part.select(stored.columns) for part in issued)])
            earlier = security_names(warehouse, last).follow(earlier, "session_date")
            inputs = PredictionInputs.read(warehouse, settings, begin, last, as_of)
        with watch.measure("models"):
            deployments = warehouse.read("deployments", last=last)
            load = model_loader(deployments, model_store)
            models = live_models_by_session(deployments, calendar.between(begin, last), load)
            trials = warehouse.read("trial_sessions")["cutoff_session"].to_list()
            service = service_of(settings, deployments, models, trials, config)
        with watch.measure("predict"):
            inside = [day for day in sessions if first <= day <= last]
            frame = inputs.predict(earlier, inside, models, calendar, config, service)
            verdicts.append(service.verdict_frame())
            issued.append(frame.with_columns(*issue_stamps(frame, calendar, clock.now())))
    rows = pl.concat(issued)
    judged = pl.concat(verdicts).unique(["cutoff_session", "model_id"], keep="last", maintain_order=True)
    promoted = int((judged["verdict"] == PROMOTED).sum())
    figures = {
        "abstained_share": rows["abstained"].mean() or 0.0,
        "challengers judged": judged.height,
        "challengers promoted": promoted,
    }
    record(context, watch, rows.drop("ensemble", "adjustments"), "session_date", figures=figures)
    return {"predictions": rows, "promotion_verdicts": judged}
