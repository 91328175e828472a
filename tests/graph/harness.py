"""Building a small warehouse with the real graph: real resources, a real instance, one process."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.commands.graph_run import run_range
from nextgen_assets.definitions import build_definitions, warehouse_of
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

SMALL = {
    "models.train_sessions": 200,
    "models.minimum_train_windows": 100,
    "models.lstm.hidden_size": 4,
    "models.lstm.epochs": 1,
    "models.workers": 1,
    "features.lookback_sessions": 5,
    "prediction.calibration_sessions": 60,
    "prediction.minimum_calibration_count": 40,
    "promotion.sessions": 60,
    "promotion.minimum_sessions": 40,
    "feedback.window_sessions": 60,
    "feedback.minimum_sessions": 20,
    "feedback.bootstrap_samples": 50,
    "trading.tear_sheet_page": False,
}
"""Settings that make a graph of a year and a half run in seconds."""

WALL_CLOCK = {
    "run_id",
    "issued_at",
    "validated_at",
    "created_at",
    "scored_at",
    "seen_at",
    "origin",
    "in_force_from",
}
"""Columns that state when something ran; everything else must be reproducible."""


@dataclass(frozen=True)
class Built:
    """A scenario in a folder of its own, and the definitions that build it."""

    settings: Settings
    warehouse: Warehouse
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def run(self, job: str, first: date | str, last: date | str, assets: Collection[str] = ()) -> None:
        """Run a job, or only some of its assets, over a range of partitions."""
        whole = self.definitions.resolve_job_def(job)
        chosen = {dg.AssetKey(name) for name in assets}
        part = whole.get_subset(asset_selection=chosen) if chosen else whole
        run_range(self.instance, part, str(first), str(last))

    def run_all(self, first: date, last: date) -> None:
        """Inputs and models of the whole range, then decisions and trades."""
        self.run("prepare_inputs", first, last)
        self.run("train_models", first.replace(day=1), last_full_month(last))
        self.run("decide_and_trade", first, last)

    def content(self, table: str, until: date | None = None, day: str = "session_date") -> pl.DataFrame:
        """The reproducible columns of a table in a fixed order, up to a day."""
        frame = self.warehouse.read(f'SELECT * FROM "{table}"')
        if until is not None:
            frame = frame.filter(pl.col(day) <= until)
        kept = [name for name in frame.columns if name not in WALL_CLOCK]
        return frame.select(kept).sort([name for name in kept if not frame.schema[name].is_nested()])


def last_full_month(last: date) -> date:
    """The first day of the last month that has ended by ``last``."""
    first = last.replace(day=1)
    return first.replace(month=first.month - 1) if first.month > 1 else date(first.year - 1, 12, 1)


@contextmanager
def built(folder: Path, overrides: Mapping[str, Any] | None = None, **resources: Any) -> Iterator[Built]:
    """A migrated, empty scenario under ``folder``; resources may be replaced by name."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(
        environ={},
        dotenv_path=Path(os.devnull),
        overrides={**SMALL, "paths.data_dir": str(folder / "data"), **(overrides or {})},
    )
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "event_log_storage:\n  module: nextgen_resources.event_log\n  class: BatchedSqliteEventLogStorage\n"
        f"  config: {{base_dir: {home / 'history'}}}\n"
    )
    warehouse = warehouse_of(settings)
    warehouse.migrate()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Built(settings, warehouse, build_definitions(settings, **resources), instance)
