"""Plans, trades and holdings run again, in any order, killed at any moment, two at once: nothing is doubled or lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nextgen_assets.definitions import warehouse_of
from nextgen_resources.errors import LedgerConflictError
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.faults.trading_runs import (
    ASSETS,
    Asked,
    marks,
    newest_sessions,
    no_picture,
    run,
    run_all,
    settings_of,
)
from tests.graph.trading_world import SESSIONS, TABLES_TRADED, TRADED, trading_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

ROOT = Path(__file__).parents[2]
FIRST, LAST = SESSIONS[0], SESSIONS[-1]
PARTINGS = (SESSIONS[4], SESSIONS[11], SESSIONS[19])
"""Past sessions from which on other settings decide differently."""
LONGEST_MILLISECONDS = 900.0
SEQUENCES = int(os.environ.get("NEXTGEN_TRADING_SEQUENCES", "500"))
KILLS = int(os.environ.get("NEXTGEN_TRADING_KILLS", "100"))
"""Kills of each of the two tests that kill; random sequences of runs."""
Marks = dict[str, str]
Traders = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which every session was traded by one run of the job."""
    folder = tmp_path_factory.mktemp("once")
    with trading_world(folder) as scenario:
        scenario.run("decide_and_trade", FIRST, LAST, TRADED)
        fills = scenario.warehouse.scalar("SELECT count(*) FROM trades WHERE quantity > 0")
        kinds = scenario.warehouse.read("SELECT DISTINCT event_kind FROM ledger_entries")["event_kind"]
    assert fills > 40
    assert {"split", "dividend"} <= set(kinds)
    return folder


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextgen_assets.portfolio_holdings.equity_curve", no_picture)


@pytest.fixture
def world(once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(once / "data", tmp_path / "data")
    return tmp_path


def changed_from(once: Path, folder: Path, session: date) -> Marks:
    """What it looks like when other settings decide from ``session`` on, session by session as it would be lived."""
    shutil.copytree(once / "data", folder / "data")
    settings = settings_of(folder, is_other=True)
    warehouse = warehouse_of(settings)
    with warehouse.get_connection() as connection:
        for table in TABLES_TRADED:
            connection.execute(f"DELETE FROM {table} WHERE session_date >= ?", [session])
        for day in SESSIONS[SESSIONS.index(session) :]:
            run_all(warehouse, settings, day, day)
        return marks(warehouse)


# --- in any order, any number of times


def _random_runs(rng: random.Random, last: date) -> Iterator[tuple[str, date, date]]:
    """One to three runs of an asset over some past range, most of them short."""
    days = [day for day in SESSIONS if day <= last]
    for _ in range(rng.randint(1, 3)):
        begin = rng.randrange(len(days))
        length = rng.choice([1, 1, 2, 5, len(days)])
        yield rng.choice(TRADED), days[begin], days[min(begin + length, len(days)) - 1]


def _change_and_return(folder: Path, rng: random.Random, parting: date, expected: tuple[Marks, Marks]) -> int:
    """Other settings in the past: refused while later sessions stay, then replaced to the newest, and back again."""
    refused = 0
    for is_other, before, after in ((True, *expected), (False, *reversed(expected))):
        settings = settings_of(folder, is_other)
        warehouse = warehouse_of(settings)
        with pytest.raises(LedgerConflictError, match="were built on those"):
            run(warehouse, settings, "trade_plans", parting, SESSIONS[-2])
        refused += 1
        for asset, first, last in _random_runs(rng, SESSIONS[-2]):
            try:
                run(warehouse, settings, asset, first, last)
            except LedgerConflictError:
                refused += 1
            assert marks(warehouse) == before
        run_all(warehouse, settings, parting, LAST)
        assert marks(warehouse) == after
    return refused


def _run_again(once: Path, folder: Path, sequences: int, seed: int, partings: tuple[date, ...]) -> None:
    settings = settings_of(folder)
    warehouse, rng = warehouse_of(settings), random.Random(seed)
    expected = marks(warehouse)
    changed = {day: changed_from(once, folder / f"from-{day}", day) for day in partings}
    assert all(expected[table] != other[table] for other in changed.values() for table in TABLES_TRADED)
    runs, refused = 0, 0
    with warehouse.get_connection():  # one opening for all: each run commits what it writes all the same
        for number in range(sequences):
            if partings and number % 10 == 0:
                day = rng.choice(partings)
                refused += _change_and_return(folder, rng, day, (expected, changed[day]))
                continue
            for asset, first, last in _random_runs(rng, LAST):
                run(warehouse, settings, asset, first, last)
                runs += 1
            assert marks(warehouse) == expected, f"sequence {number}"
    print(f"\n{sequences} sequences, {runs} runs that changed nothing, {refused} refused")


def test_six_random_sequences_of_runs_leave_what_one_run_left(once: Path, world: Path) -> None:
    _run_again(once, world, 6, seed=12, partings=PARTINGS[2:])


def test_five_hundred_random_sequences_of_runs_leave_what_one_run_left(once: Path, world: Path) -> None:
    _run_again(once, world, SEQUENCES, seed=500, partings=PARTINGS)


# --- overtaken


@pytest.mark.parametrize("asset", TRADED)
def test_a_run_whose_past_was_replaced_meanwhile_writes_nothing_and_runs_again(
    once: Path, world: Path, asset: str
) -> None:
    settings, other = settings_of(world), settings_of(world, is_other=True)
    warehouse = warehouse_of(settings)
    parting = SESSIONS[-2]
    context: Any = Asked(asset, LAST, LAST)
    with warehouse.get_connection():
        made = ASSETS[asset].op.compute_fn.decorated_fn(context, warehouse=warehouse, settings=settings)
        run_all(warehouse, other, parting, LAST)
        after = marks(warehouse)
        with pytest.raises(dg.RetryRequested) as refusal:
            WarehouseIOManager(warehouse, settings.scenario_id).handle_output(context, made)
        assert "another run has replaced" in str(refusal.value.__cause__)
        assert marks(warehouse) == after


# --- killed, and two at once


@pytest.fixture(scope="module")
def traders() -> Iterator[Traders]:
    """Asks a warm process to fork traders, and to kill them; what became of these."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.trading_runs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore", "POLARS_MAX_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(work: str, folder: Path, **more: Any) -> dict[str, Any]:
        process.stdin.write(json.dumps({"work": work, "folder": str(folder), **more}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the process that forks ended; see its error above"
        return json.loads(answer)

    yield ask
    process.communicate(timeout=60)


@contextmanager
def nothing_traded(folder: Path) -> Iterator[Warehouse]:
    """The world before its first session."""
    warehouse = warehouse_of(settings_of(folder))
    _empty(warehouse)
    yield warehouse


def _empty(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        for table in TABLES_TRADED:
            connection.execute(f"DELETE FROM {table}")


def _time_to_die(rng: random.Random, marks: int) -> dict[str, Any]:
    """Every other kill falls at any moment, the others soon after a mark: while tables are written, or between."""
    if rng.random() < 0.5:
        return {"milliseconds": rng.uniform(0, LONGEST_MILLISECONDS)}
    return {"after": rng.randrange(marks), "milliseconds": rng.uniform(0, 25)}


def _moment(told: str) -> str:
    """When a trader was killed, by what it had told."""
    begun, done = told.count("w"), told.count("d")
    if begun > done:
        return "writing"
    return "between two assets" if done % len(TRADED) else "deciding the first"


def _check_beginning(warehouse: Warehouse, reference: Callable[[date], Marks]) -> None:
    """Every table is the beginning of what one run leaves, and none is more than a session ahead of the next."""
    with warehouse.snapshot():
        newest = newest_sessions(warehouse)
        found = marks(warehouse)
    for table in TABLES_TRADED:
        day = newest[table]
        assert found[table] == (reference(day)[table] if day else "0 0"), f"{table} up to {day}"
    places = [
        SESSIONS.index(day) if (day := newest[table]) else -1 for table in ("trade_plans", "portfolio_values")
    ]
    assert places[1] <= places[0] <= places[1] + 1


def _kill_on_the_way(traders: Traders, once: Path, world: Path, kills: int) -> Counter[str]:
    source, rng = warehouse_of(settings_of(once)), random.Random(kills)

    @cache
    def reference(day: date) -> Marks:
        return marks(source, day)

    moments: Counter[str] = Counter()
    with nothing_traded(world) as warehouse:
        while moments.total() - moments["ended by itself"] < kills:
            answer = traders("go_on", world, **_time_to_die(rng, 12))
            (code,), (told,) = answer["codes"], answer["told"]
            assert code in (0, -9), "a trader failed by itself"
            moments[_moment(told) if code else "ended by itself"] += 1
            _check_beginning(warehouse, reference)
            if newest_sessions(warehouse)["portfolio_values"] == LAST:
                _empty(warehouse)
        assert traders("go_on", world)["codes"] == [0]
        assert marks(warehouse) == reference(LAST)
    return moments


def test_kills_on_the_way_leave_what_one_run_left(traders: Traders, once: Path, world: Path) -> None:
    moments = _kill_on_the_way(traders, once, world, KILLS)
    print(f"\nkilled while {dict(moments)}")
    assert moments["writing"]
    assert moments["between two assets"]


def test_kills_while_the_past_is_replaced_leave_the_old_or_the_new(
    traders: Traders, once: Path, world: Path
) -> None:
    warehouse, rng = warehouse_of(settings_of(world)), random.Random(7)
    states = [marks(warehouse), changed_from(once, world / "changed", PARTINGS[1])]
    is_other, changes, turns, moments = True, 0, 0, Counter[str]()
    while moments.total() < KILLS:
        span = {"first": str(PARTINGS[1]), "last": str(LAST), "is_other": is_other}
        turns += 1  # every fourth run may end by itself, or on a busy machine none ever would
        limit = {} if turns % 4 == 0 else _time_to_die(rng, 2 * len(TRADED))
        answer = traders("decide", world, **limit, **span)
        (code,), (told,) = answer["codes"], answer["told"]
        assert code in (0, -9), "a trader failed by itself"
        found, old, new = marks(warehouse), states[not is_other], states[is_other]
        are_new = [found[table] == new[table] for table in TABLES_TRADED]
        assert all(found[table] in (old[table], new[table]) for table in TABLES_TRADED)
        assert are_new == sorted(are_new, reverse=True), "a table was replaced before the one it follows from"
        assert (are_new[1], are_new[3]) == (are_new[2], are_new[4]), "the tables of one asset differ"
        moments["between two tables"] += code == -9 and 0 < sum(are_new) < len(are_new)
        moments[_moment(told)] += code == -9 and not 0 < sum(are_new) < len(are_new)
        if all(are_new):
            is_other, changes = not is_other, changes + 1
    assert changes > KILLS // 20
    print(f"\nkilled while {dict(moments)}; {changes} changes of the past done")
    assert moments["between two tables"]


def test_two_runs_at_once_on_every_session_leave_one_set_of_trades(
    traders: Traders, once: Path, world: Path
) -> None:
    source = warehouse_of(settings_of(once))
    with nothing_traded(world) as warehouse:
        for session in SESSIONS:
            span = {"first": str(session), "last": str(session), "is_other": False}
            assert traders("decide", world, children=2, **span)["codes"] == [0, 0]
            assert marks(warehouse) == marks(source, session)
