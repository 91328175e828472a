"""Backfills of raw rows by a real daemon, with readers beside it: for proofs under kills and for benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from nextgen_assets.definitions import defs
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.harness import SMALL
from tests.graph.servers import PROJECT, Door, polling

FIRST = date(2005, 1, 3)
ASSET = "market_prices"
TICKERS = 4
"""Securities of the embedded data that were listed then."""
PARTIAL = f"""
SELECT count(*) FROM (
    SELECT session_date FROM market_prices WHERE session_date >= DATE '{FIRST}' GROUP BY session_date
    HAVING count(*) <> {TICKERS} OR count(DISTINCT run_id) <> 1)
"""
OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
SECURITIES = "security_listings"


def sessions_of(count: int) -> list[date]:
    """That many sessions of the embedded data, from FIRST on."""
    return xnys().between(FIRST, xnys().shift(FIRST, count - 1))


@dataclass(frozen=True)
class Site:
    """A migrated warehouse with its listings, and the daemon's home beside it."""

    door: Door

    @classmethod
    def at(cls, folder: Path, count: int, at_once: int, sessions_per_run: int | None, **config: Any) -> Site:
        """A site for ``count`` sessions, ``at_once`` runs at a time; ``config`` is merged into dagster.yaml."""
        door = Door.to(folder, SMALL | {"execution.raw_sessions_per_run": sessions_per_run})
        path = Path(door.environment["DAGSTER_HOME"]) / "dagster.yaml"
        shipped = yaml.safe_load(path.read_text())
        shipped["concurrency"]["runs"]["max_concurrent_runs"] = at_once
        path.write_text(yaml.safe_dump(shipped | config))
        site = cls(door)
        assert door.call("nextgen", "migrate").returncode == 0
        sessions = sessions_of(count)
        done = door.materialize(
            SECURITIES, "--partition-range", f"{sessions[0]}...{sessions[-1]}", timeout_seconds=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return site

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse of the site."""
        return Warehouse(database=str(self.door.folder / "data" / "baseline" / "warehouse.duckdb"))

    def daemon(self) -> Any:
        """A context in which a daemon is at work."""
        where = ("-w", str(PROJECT / "workspace.yaml"))
        return self.door.serving("python", "-W", "ignore", "-m", "nextgen_resources.daemon", "run", *where)


def launch(instance: dg.DagsterInstance, sessions: list[date]) -> str:
    """Ask for a backfill of the bars of these sessions, as the UI does; its id."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=defs.resolve_asset_graph(),
        partition_names=[str(day) for day in sessions],
        asset_selection=[dg.AssetKey(ASSET)],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def finished(instance: dg.DagsterInstance) -> set[str]:
    """The sessions whose bars are there, by the history."""
    return set(instance.get_materialized_partitions(dg.AssetKey(ASSET)))


def open_runs(instance: dg.DagsterInstance) -> int:
    """Runs that have not ended."""
    return instance.get_runs_count(dg.RunsFilter(statuses=OPEN))


def statuses(instance: dg.DagsterInstance) -> Counter[str]:
    """How the runs of the asset ended."""
    runs = instance.get_runs(dg.RunsFilter(job_name="__ASSET_JOB"))
    chosen = [run for run in runs if dg.AssetKey(SECURITIES) not in (run.asset_selection or ())]
    return Counter(run.status.value for run in chosen)


def await_all(instance: dg.DagsterInstance, sessions: list[date], timeout_seconds: float) -> None:
    """Return once every session is there, every backfill has ended and no run is open."""
    wanted = {str(day) for day in sessions}
    for _ in polling(timeout_seconds, f"{len(wanted)} sessions and no open run", 0.5):
        if finished(instance) >= wanted and is_quiet(instance):
            return


def is_quiet(instance: dg.DagsterInstance) -> bool:
    """Whether no backfill and no run is open."""
    asked = instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
    return not asked and not open_runs(instance)


@contextmanager
def readers(site: Site, count: int) -> Iterator[list[Mapping[str, Any]]]:
    """Processes that look for partial sessions over and over; what they say is in the list after the block."""
    stop = site.door.folder / "stop"
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.traffic", "look", site.warehouse.database]
    running = [
        subprocess.Popen(
            [*command, str(stop), PARTIAL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=dict(site.door.environment),
        )
        for _ in range(count)
    ]
    said: list[Mapping[str, Any]] = []
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline().strip() == "ready"
            process.stdin.write("go\n")
            process.stdin.flush()
        yield said
        stop.touch()
        said += [json.loads(process.stdout.readline()) for process in running if process.stdout]
    finally:
        stop.touch()
        for process in running:
            process.kill()
            process.communicate()
