"""Models of each training cut-off: trained, registered, deployed for the month that follows."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.labels import labels
from nextgen_assets.domain.splits import SplitConfig
from nextgen_assets.domain.trained_model import TrainedModel, registry_frame
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.volatility import WINDOW_SESSIONS, trailing_volatility
from nextgen_assets.domain.walk_forward import anchor_month, walk_forward
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.market_view import read_market, security_names, segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import WITHIN_MONTH, calendar_of, month_sessions, requested_months
from nextgen_assets.pictures import learning_curves
from nextgen_assets.policies import cutoff_asset
from nextgen_assets.training_display import TrainingDisplay
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


def training_data(
    warehouse: Warehouse, settings: Settings, cutoffs: list[date]
) -> Iterator[tuple[TrainingData, date]]:
    """Windows and labels that each cut-off may see, as known at its own knowledge cut-off."""
    calendar, models = calendar_of(settings), settings.models
    chosen = feature_set_of(settings)
    horizon = models.horizon_sessions
    history = (
        models.train_sessions
        + models.embargo_sessions
        + 2 * horizon
        + chosen.lookback_sessions
        + WINDOW_SESSIONS
    )
    for first, last, as_of in segments(warehouse, settings, cutoffs, history):
        begin = calendar.shift(first, -history)
        market = read_market(warehouse, settings, begin, last, as_of)
        known = labels(market.panel, horizon, last).frame()
        rows = warehouse.read("windows", feature_set_id=chosen.feature_set_id, first=begin, last=last)
        rows = security_names(warehouse, last).follow(rows, "session_date")
        if rows.is_empty():
            continue
        volatility = trailing_volatility(market.panel, horizon)
        targets = known.select("ticker", "session_date", "forward_return").join(
            volatility, on=["ticker", "session_date"], how="left"
        )
        store = WindowStore.from_rows(rows, calendar.between(begin, last))
        data = TrainingData.build(
            store, targets, chosen.feature_set_id, calendar, training_settings(settings)
        )
        yield from ((data, cutoff) for cutoff in cutoffs if first <= cutoff <= last)


def training_settings(settings: Settings) -> TrainingSettings:
    """What is trained on which split, as the settings say."""
    models = settings.models
    families: dict[str, dict[str, object]] = {family: {} for family in models.families}
    if "lstm" in families:
        families["lstm"] = models.lstm.model_dump()
    split = SplitConfig(
        horizon_sessions=models.horizon_sessions,
        train_sessions=models.train_sessions,
        embargo_sessions=models.embargo_sessions,
        validation_fraction=models.validation_fraction,
        maximum_windows=models.maximum_train_windows,
    )
    return TrainingSettings(
        families,
        split,
        BootstrapConfig(block_sessions=models.horizon_sessions),
        models.seed,
        models.warm_start_months,
    )


def registered(
    models: list[TrainedModel],
    settings: Settings,
    store: ModelStore,
    now: datetime,
    trials_to_date: list[int],
) -> pl.DataFrame:
    """Rows of ``model_registry`` for models whose artifacts are in the store."""
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    saved = [store.save(model.arrays, model.manifest()) for model in models]
    moment = pl.Datetime("us", "UTC")
    return registry_frame(models).with_columns(
        trials_to_date=pl.Series(trials_to_date, dtype=pl.Int32),
        artifact_path=pl.Series([path for path, _ in saved], dtype=pl.String),
        artifact_sha256=pl.Series([sha256 for _, sha256 in saved], dtype=pl.String),
        as_of=pl.Series([calendar.cutoff(model.cutoff_session, delay) for model in models], dtype=moment),
        created_at=pl.lit(now).cast(moment),
    )


def trials(warehouse: Warehouse, models: list[TrainedModel]) -> list[int]:
    """For each model, how many configurations of its family have been tried, this one included."""
    tried = set(warehouse.read("configurations_tried").rows())
    rows = registry_frame(models).select("family", "feature_set_id", "seed", "config").rows()
    return [sum(known[0] == row[0] for known in tried | {row}) for row in rows]


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
