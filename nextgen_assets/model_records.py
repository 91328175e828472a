"""Rows of ``model_registry`` for models whose artifacts have been stored."""

from datetime import datetime

import polars as pl

from nextgen_assets.domain.trained_model import TrainedModel, registry_frame
from nextgen_assets.partitions import calendar_of
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


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
