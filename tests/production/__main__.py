"""A simulated production run: python -m tests.production [--sessions 24] [--seed 7] [--folder DIR] [--look]

A real daemon with its schedules and sensors, code servers and run workers lives through sessions of November and
December 2004 under a clock that jumps from hour to hour. The vendor fails, delivers late and corrects; processes are
killed; everything is off for days; receivers of alerts refuse. At the end every promise of the README is looked at.
Exits with 1 if one does not hold. About a minute and a half a session on two cores.
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.futures import SETTINGS, common_history, world
from tests.graph.harness import SMALL, Built
from tests.graph.living import TRADES_DAILY, with_jobs
from tests.graph.servers import PROJECT, Door
from tests.production.conductor import Conductor
from tests.production.plant import Plant
from tests.production.promises import Evidence, findings
from tests.production.script import script_of
from tests.production.simulated_time import SimulatedClock
from tests.production.vendor import Vendor
from tests.resources.alerts.receivers import listening
from tests.resources.alerts.test_delivery import SECRET
from tests.resources.http.loopback import serving

FIRST = date(2004, 11, 22)
RAW_ASSETS = (
    "security_listings", "ticker_universe", "market_prices", "corporate_actions", "quality_findings",
    "news_articles", "news_sentiment",
)  # fmt: skip
"""Their tables are what was known; everything else follows from it."""
BUILD_FEATURES = dg.define_asset_job("build_features", dg.AssetSelection.assets("feature_windows"))
LIVE = TRADES_DAILY | {
    "http.tries": 3,
    "http.backoff_seconds": 0.1,
    "http.timeout_seconds": 5,
    "http.requests_per_minute": 6000,
    "http.breaker_cooldown_seconds": 1,
    "alerts.private_hosts": ["127.0.0.1"],
    "alerts.longest_wait_seconds": 600,
    "credentials.webhook_signing_secret": SECRET,
}
"""A vendor on this machine needs no long waits."""


def main() -> int:
    """Run it, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="Kept afterwards; default: a temporary one.")
    parser.add_argument("--look", action="store_true", help="Only look at the promises again in --folder.")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemon is stopped too
    sessions = xnys().between(FIRST, xnys().shift(FIRST, options.sessions - 1))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not options.look:
            live(folder, sessions, options.seed)
        return look(folder, sessions)


def live(folder: Path, sessions: Sequence[date], seed: int) -> None:
    """Live through the sessions in ``folder``, and keep there what was seen."""
    began = time.monotonic()
    history = common_history(folder)
    say(f"history until {xnys().shift(sessions[0], -1)} in {time.monotonic() - began:.0f} s")
    with plant(folder, history, sessions[0]) as conductor:
        began = time.monotonic()
        conductor.live_through(script_of(sessions, seed))
        kills = Counter(conductor.diary.kills)
        say(f"{len(sessions)} sessions in {(time.monotonic() - began) / 60:.1f} minutes; killed {dict(kills)}, "
            f"{conductor.diary.outages} outages, {len(conductor.vendor.spoiled)} requests spoiled")  # fmt: skip
        vendor = conductor.vendor
        seen = (conductor.diary, conductor.receiver.came, vendor.late, vendor.broken, vendor.corrected)
        (folder / "seen.pickle").write_bytes(pickle.dumps(seen))


def look(folder: Path, sessions: Sequence[date]) -> int:
    """Print whether each promise holds; the exit status."""
    diary, came, late, broken, corrected = pickle.loads((folder / "seen.pickle").read_bytes())
    clock = SimulatedClock(folder / "time")
    home = folder / "lived" / "home"
    shutil.copyfile(PROJECT / "dagster_home" / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    with (
        dg.DagsterInstance.get() as instance,
        world(folder / "lived", None, None, **LIVE) as lived,
        rebuilt(folder, sessions) as again,
    ):
        vendor = Vendor(clock, late, broken, corrected)
        evidence = Evidence(lived, again, instance, diary, came, vendor, clock.now(), sessions)
        found = list(findings(evidence))
    for finding in found:
        say(f"{'holds ' if finding.holds else 'BROKEN'}  {finding.promise} ({finding.found})")
    return 0 if all(finding.holds for finding in found) else 1


@contextmanager
def plant(folder: Path, history: Path, first: date) -> Iterator[Conductor]:
    """The daemon over a copy of the history, its vendor and its receiver; all gone at the end of the block."""
    clock = SimulatedClock(folder / "time")
    clock.begin_at(datetime(first.year, first.month, first.day, 18, tzinfo=UTC))
    vendor = Vendor(clock)
    with serving(vendor.answer) as server, listening() as receiver:
        with world(
            folder / "lived", None, history, **{"alerts.receivers": {"ops": receiver.url}}, **LIVE
        ) as lived:
            pass  # the files are there; from here on only the daemon's processes write them
        settings = SMALL | SETTINGS | LIVE | {"alerts.receivers": {"ops": receiver.url}}
        door = Door.to(folder / "lived", settings)
        works = Plant.under(door, clock.file, server.url)
        os.environ["DAGSTER_HOME"] = door.environment["DAGSTER_HOME"]
        with dg.DagsterInstance.get() as instance:
            try:
                works.switch_on()
                works.start()
                yield Conductor(clock, works, vendor, receiver, instance, lived.warehouse, say, first)
            finally:
                works.stop()


@contextmanager
def rebuilt(folder: Path, sessions: Sequence[date]) -> Iterator[Built]:
    """The raw rows of the lived warehouse, with every derived row of its sessions built again in one range."""
    shutil.rmtree(folder / "rebuilt", ignore_errors=True)
    with world(folder / "rebuilt", None, folder / "lived", **TRADES_DAILY) as plain:
        with plain.warehouse.transaction() as connection:
            for spec in TABLES.values():
                if spec.asset not in RAW_ASSETS and spec.slice_column:
                    connection.execute(
                        f'DELETE FROM {spec.name} WHERE "{spec.slice_column}" >= ?', [sessions[0]]
                    )
            connection.execute("DELETE FROM model_deployments WHERE live_from > ?", [sessions[0]])
        again = with_jobs(plain, [BUILD_FEATURES])
        again.run("build_features", sessions[0], sessions[-1])
        ended = sessions[0].replace(day=1)
        if sessions[-1] > xnys().on_or_after(ended.replace(month=ended.month + 1)):
            again.run("train_models", ended, ended)
        again.run("decide_and_trade", sessions[0], sessions[-1])
        yield again


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
