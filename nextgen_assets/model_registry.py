"""Models of each training cut-off: trained, registered, deployed for the month that follows."""

from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.walk_forward import anchor_month, walk_forward
from nextgen_assets.metadata import record
from nextgen_assets.model_records import registered, trials
from nextgen_assets.partitions import WITHIN_MONTH, calendar_of, month_sessions, requested_months
from nextgen_assets.pictures import learning_curves
from nextgen_assets.policies import cutoff_asset
from nextgen_assets.training_display import TrainingDisplay
from nextgen_assets.training_inputs import training_data
from nextgen_resources.clock import Clock
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.training_checkpoints import TrainingCheckpoints
from nextgen_resources.warehouse.warehouse import Warehouse


@cutoff_asset(
    group="models",
    kinds={"duckdb", "torch", "scikitlearn"},
    deps=[dg.AssetDep("feature_windows", partition_mapping=WITHIN_MONTH)],
)
def model_registry(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    model_store: dg.ResourceParam[ModelStore],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per trained model; the models of a month are cut off at its last session.

    Key: model_id, a hash of what was learned. Source: feature windows and returns known at the cut-off.
    Cadence: each month; the models serve the sessions of the next one. A cut-off is trained from scratch, or
    from the model of the first month of its block (models.warm_start_months), so that it gives the same bytes
    alone or in a range; a re-run writes nothing that is there. A run that was killed goes on where it stopped.
    """
    watch, months = Stopwatch(), requested_months(context)
    anchors = anchored_cutoffs(months, settings.models.warm_start_months)
    checkpoints = TrainingCheckpoints(model_store.root / "unfinished")
    with watch.measure("read"):
        chosen, skipped = trainable(warehouse, settings, sorted({*anchors, *anchors.values()}))
        skipped = {day: reason for day, reason in skipped.items() if date.fromisoformat(day) in anchors}
    context.log.info(
        f"{len(anchors) - len(skipped)} cut-offs to train, {len(skipped)} with too little history"
    )
    display = TrainingDisplay(len(chosen), context.log.info)
    with watch.measure("train"), display.shown():
        models = walk_forward(chosen, anchors, settings.models.workers, checkpoints, display.cutoff_done)
    with watch.measure("store"):
        rows = registered(models, settings, model_store, clock.now(), trials(warehouse, models))
        checkpoints.clear()
    figures: dict[str, int | str] = {"trained": len(models), "cut-offs without enough history": len(skipped)}
    if skipped:
        figures["first reason"] = next(iter(skipped.values()))
    pictures = {"learning curves": learning_curves(curve_frame(models)).markdown} if models else {}
    record(context, watch, rows, "cutoff_session", figures=figures, pictures=pictures)
    return {"model_registry": rows, "model_deployments": deployments(models, settings, clock.now())}


def anchored_cutoffs(months: list[date], warm_start_months: int) -> dict[date, date]:
    """The cut-off of each month, and the cut-off that its networks go on from."""
    return {
        month_sessions(month)[-1]: month_sessions(anchor_month(month, warm_start_months))[-1]
        for month in months
    }


def trainable(
    warehouse: Warehouse, settings: Settings, cutoffs: list[date]
) -> tuple[list[tuple[TrainingData, date]], dict[str, str]]:
    """The cut-offs that can be trained with their data, and why the others cannot.

    Notes
    -----
    The windows of a cut-off are gathered only when its turn comes.
    """
    chosen: list[tuple[TrainingData, date]] = []
    skipped: dict[str, str] = {}
    for data, cutoff in training_data(warehouse, settings, cutoffs):
        shortage, count = data.shortage(cutoff), data.window_count(cutoff)
        if not shortage and count < settings.models.minimum_train_windows:
            shortage = f"{count} windows, fewer than {settings.models.minimum_train_windows}"
        if shortage:
            skipped[str(cutoff)] = shortage
        else:
            chosen.append((data, cutoff))
    return chosen, skipped


def deployments(models: list[TrainedModel], settings: Settings, now: datetime) -> pl.DataFrame:
    """Each model serves from the session after its cut-off, until a later one of its family does."""
    calendar = calendar_of(settings)
    schema: dict[str, Any] = {
        "model_id": pl.String,
        "live_from": pl.Date,
        "live_to": pl.Date,
        "role": pl.String,
        "family": pl.String,
        "decision": pl.String,
        "reason": pl.String,
        "created_at": pl.Datetime("us", "UTC"),
    }
    rows = [
        (
            model.model_id,
            calendar.on_or_after(model.cutoff_session + timedelta(days=1)),
            None,
            "champion" if model.family == settings.models.champion else "challenger",
            model.family,
            "training",
            f"walk-forward training, cut-off {model.cutoff_session}",
            now,
        )
        for model in models
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def curve_frame(models: list[TrainedModel]) -> pl.DataFrame:
    """The learning curve of the newest model of each family, as rows."""
    newest = {model.family: model for model in models}
    points = [
        (family, point.epoch, point.training_loss, point.validation_loss)
        for family, model in newest.items()
        for point in model.curve
    ]
    return pl.DataFrame(points, schema=["family", "epoch", "training_loss", "validation_loss"], orient="row")
