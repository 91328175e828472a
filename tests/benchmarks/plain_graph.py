"""The work of the graph without Dagster: the same asset functions, checks and IO manager, called in turn."""

from __future__ import annotations

import inspect
import logging
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

import dagster as dg
import polars as pl
from dagster._core.definitions.partitions.partition_key_range import PartitionKeyRange

from nextgen_assets.checks import CHECKS_DIR, read_rule
from nextgen_assets.definitions import ASSET_MODULES, resources_of
from nextgen_assets.partitions import CUTOFFS, SESSIONS
from nextgen_resources.settings.schema import Settings

INPUT_GROUPS = {"ingestion", "features"}


class TypedInput(NamedTuple):
    """The annotation of an input."""

    typing_type: Any = pl.DataFrame


class PlainRun(NamedTuple):
    """What assets ask of the run that they belong to."""

    run_id: str


@dataclass
class PlainContext:
    """As much of Dagster's contexts as assets and the IO manager use."""

    asset_key: dg.AssetKey
    partition_keys: list[str]
    asset_partitions_time_window: dg.TimeWindow
    instance: dg.DagsterInstance
    run_id: str = "plain"
    dagster_type: TypedInput = field(default_factory=TypedInput)
    has_asset_partitions: bool = True
    retry_number: int = 0
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("plain"))

    @property
    def run(self) -> PlainRun:
        return PlainRun(self.run_id)

    @property
    def partition_key_range(self) -> PartitionKeyRange:
        return PartitionKeyRange(self.partition_keys[0], self.partition_keys[-1])

    asset_partition_key_range = partition_key_range

    @property
    def asset_partition_keys(self) -> list[str]:
        return self.partition_keys

    def add_asset_metadata(self, *_: object, **__: object) -> None:
        """Metadata are for the UI."""

    def add_output_metadata(self, *_: object, **__: object) -> None:
        """Metadata are for the UI."""

    def log_event(self, *_: object, **__: object) -> None:
        """Events are for the UI."""


def asset_of(module: Any) -> dg.AssetsDefinition:
    """The asset that a module of the graph defines."""
    return next(value for value in vars(module).values() if isinstance(value, dg.AssetsDefinition))


def stage_of(definition: dg.AssetsDefinition) -> str:
    """The job that an asset belongs to."""
    if definition.partitions_def == CUTOFFS:
        return "train_models"
    group = definition.group_names_by_key[definition.key]
    if group == "intraday":
        return "import_ticks"
    return "prepare_inputs" if group in INPUT_GROUPS else "decide_and_trade"


@dataclass
class PlainGraph:
    """The assets of the graph as functions over the resources of a scenario."""

    settings: Settings
    instance: dg.DagsterInstance

    def __post_init__(self) -> None:
        self.resources = resources_of(self.settings)
        self.rules = [read_rule(path) for path in sorted(CHECKS_DIR.glob("*/*.sql"))]

    def run(self, stage: str, first: date, last: date) -> dict[str, float]:
        """Compute and write the assets of a stage, and read their checks; seconds of each."""
        seconds = {}
        for module in ASSET_MODULES:
            definition = asset_of(module)
            if stage_of(definition) != stage:
                continue
            started = time.perf_counter()
            self._materialise(definition, str(first), str(last))
            seconds[definition.key.path[-1]] = time.perf_counter() - started
            started = time.perf_counter()
            self._check(definition.key.path[-1], first, last)
            seconds["checks"] = seconds.get("checks", 0.0) + time.perf_counter() - started
        return seconds

    def _materialise(self, definition: dg.AssetsDefinition, first: str, last: str) -> None:
        partitions = definition.partitions_def
        assert partitions is not None
        keys = list(partitions.get_partition_keys_in_range(PartitionKeyRange(first, last)))
        windows = [partitions.time_window_for_partition_key(keys[end]) for end in (0, -1)]
        span = dg.TimeWindow(windows[0].start, windows[1].end)
        context = PlainContext(definition.key, keys, span, self.instance)
        function = definition.op.compute_fn.decorated_fn
        manager = self.resources["io_manager"]
        given: dict[str, Any] = {}
        for name in list(inspect.signature(function).parameters)[1:]:
            if name in self.resources:
                given[name] = self.resources[name]
            else:
                given[name] = manager.load_input(PlainContext(dg.AssetKey(name), keys, span, self.instance))
        manager.handle_output(context, function(context, **given))

    def _check(self, asset: str, first: date, last: date) -> None:
        for rule in self.rules:
            if rule.asset == asset:
                breaches = self.resources["warehouse"].read(rule.sql, first=first, last=last)
                assert breaches.is_empty() or not rule.is_blocking, f"{rule.name}: {breaches}"


def months_of(first: date, last: date) -> tuple[date, date]:
    """The first and the last training month whose sessions have all closed by ``last``."""
    keys = [date.fromisoformat(key) for key in CUTOFFS.get_partition_keys()]
    ended = [
        key
        for key in keys
        if key >= first.replace(day=1) and (key + timedelta(days=32)).replace(day=1) <= last
    ]
    return ended[0], ended[-1]


def sessions_of() -> list[date]:
    """Every session of the settings."""
    return [date.fromisoformat(key) for key in SESSIONS.get_partition_keys()]
