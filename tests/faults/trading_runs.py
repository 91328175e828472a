"""Runs of the trading assets without a job around them, and what the warehouse holds after them.

The functions of the assets, the IO manager and the warehouse are the real ones; only the context of Dagster
is stood in for, which lets hundreds of runs take a minute. Run as ``python -m tests.faults.trading_runs`` it is
a warm process that forks traders and kills them: one JSON request a line, one answer a line.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from nextgen_assets.definitions import warehouse_of
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.drawing import Picture
from nextgen_assets.portfolio_holdings import portfolio_holdings
from nextgen_assets.trade_plans import trade_plans
from nextgen_assets.trades import trades
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.harness import SMALL
from tests.graph.trading_world import SESSIONS, SETTINGS, TABLES_TRADED, TRADED

ASSETS = {asset.key.to_user_string(): asset for asset in (trade_plans, trades, portfolio_holdings)}
OTHER = {"trading.kelly_fraction": 0.6, "trading.max_weight": 0.45}
"""Settings under which the same scenario decides differently."""
Tell = Callable[[bytes], object]
"""Tells a parent how far a run is: ! begun, w about to write the tables of an asset, d done with them."""


def no_picture(values: object) -> Picture:
    """In place of the picture of the equity, which is most of what valuing a short range costs."""
    return Picture("left out", b"")


@dataclass
class Asked:
    """The context of one run of one asset over a range of sessions: as much of it as assets and IO manager use."""

    asset: str
    first: date
    last: date
    run_id: str = "run"
    retry_number: int = 0
    has_asset_partitions: bool = True
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("trading_runs"))

    @property
    def asset_key(self) -> dg.AssetKey:
        return dg.AssetKey(self.asset)

    @property
    def partition_key_range(self) -> dg.PartitionKeyRange:
        return dg.PartitionKeyRange(str(self.first), str(self.last))

    asset_partition_key_range = partition_key_range

    @property
    def partition_keys(self) -> list[str]:
        return [str(day) for day in xnys().between(self.first, self.last)]

    @property
    def asset_partitions_time_window(self) -> dg.TimeWindow:
        begin, end = (
            datetime(day.year, day.month, day.day, tzinfo=UTC)
            for day in (self.first, self.last + timedelta(days=1))
        )
        return dg.TimeWindow(begin, end)

    def add_asset_metadata(self, *args: object, **kwargs: object) -> None:
        """Shown in the UI only."""

    add_output_metadata = add_asset_metadata


@cache
def settings_of(folder: Path, is_other: bool = False) -> Settings:
    """The settings of the trading world in ``folder``, or those that decide differently."""
    data = {"paths.data_dir": str(folder / "data")}
    return load_settings(
        environ={},
        dotenv_path=Path(os.devnull),
        overrides={**SMALL, **SETTINGS, **data, **(OTHER if is_other else {})},
    )


def run(
    warehouse: Warehouse, settings: Settings, asset: str, first: date, last: date, tell: Tell = len
) -> None:
    """One asset over a range; a run that was overtaken by another is run again, as Dagster would."""
    for _ in range(6):
        context: Any = Asked(asset, first, last)
        made = ASSETS[asset].op.compute_fn.decorated_fn(context, warehouse=warehouse, settings=settings)
        tell(b"w")
        try:
            WarehouseIOManager(warehouse, settings.scenario_id).handle_output(context, made)
        except dg.RetryRequested:
            continue
        tell(b"d")
        return
    raise AssertionError(f"{asset} {first}..{last} was overtaken six times")


def run_all(warehouse: Warehouse, settings: Settings, first: date, last: date, tell: Tell = len) -> None:
    """Plans, trades and holdings of a range, as one run of the job does."""
    for asset in TRADED:
        run(warehouse, settings, asset, first, last, tell)


def marks(warehouse: Warehouse, until: date | None = None) -> dict[str, str]:
    """For each table a number that is another one once any value up to a session is another one.

    Notes
    -----
    Every row with its columns in their order is hashed, ``run_id`` left out; rows are unordered in a table.
    """
    last = until or date.max
    return {
        table: str(
            warehouse.scalar(
                f"SELECT count(*) || ' ' || coalesce(sum(hash(t)), 0) FROM "
                f"(SELECT * EXCLUDE (run_id) FROM {table} WHERE session_date <= $last) t",
                last=last,
            )
        )
        for table in TABLES_TRADED
    }


def newest_sessions(warehouse: Warehouse) -> dict[str, date | None]:
    """The newest session of each table."""
    return {table: warehouse.scalar(f"SELECT max(session_date) FROM {table}") for table in TABLES_TRADED}


# --- what a forked child does


def _go_on(folder: Path, request: dict[str, Any], tell: Tell) -> None:
    """Session after session from the first that is not valued yet, as a scheduler does."""
    settings = settings_of(folder)
    warehouse = warehouse_of(settings)
    tell(b"!")
    valued = newest_sessions(warehouse)["portfolio_values"]
    for session in SESSIONS:
        if valued is None or session > valued:
            run_all(warehouse, settings, session, session, tell)


def _decide(folder: Path, request: dict[str, Any], tell: Tell) -> None:
    """Everything from one session to another, perhaps by settings that decide differently."""
    settings = settings_of(folder, request["is_other"])
    warehouse = warehouse_of(settings)
    tell(b"!")
    first, last = (date.fromisoformat(request[name]) for name in ("first", "last"))
    run_all(warehouse, settings, first, last, tell)


WORK = {"go_on": _go_on, "decide": _decide}


@contextmanager
def child(request: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """A forked child that works; yields its process id and where it tells how far it is, once it has begun."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            WORK[request["work"]](Path(request["folder"]), request, lambda mark: os.write(writing, mark))
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    os.close(writing)
    begun = os.read(reading, 1)
    if begun != b"!":
        raise RuntimeError(f"the child ended before it began: {request}")
    yield process, reading


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Fork as many children as asked; kill them when their time has come, or wait for their end.

    Notes
    -----
    Their time is ``milliseconds`` after the first of them has told ``after`` marks. ``told`` is all that each told.
    """
    milliseconds, after = request.get("milliseconds"), request.get("after", 0)
    children, told = [], []
    for _ in range(request.get("children", 1)):
        with child(request) as begun:
            children.append(begun)
            told.append(b"")
    if milliseconds is not None:
        while len(told[0]) < after and (mark := os.read(children[0][1], 1)):
            told[0] += mark
        time.sleep(milliseconds / 1000)
        for process, _ in children:
            os.kill(process, signal.SIGKILL)
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process, _ in children]
    for at, (_, reading) in enumerate(children):
        with os.fdopen(reading, "rb") as rest:
            told[at] += rest.read()
    return {"codes": codes, "told": [marks.decode() for marks in told]}


if __name__ == "__main__":
    vars(sys.modules[portfolio_holdings.op.compute_fn.decorated_fn.__module__])["equity_curve"] = no_picture
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
