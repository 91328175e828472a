"""Living through sessions: the hours at which something happens, the troubles of each, and waiting until all is quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.servers import polling
from tests.production.plant import Plant, open_runs, worker_of
from tests.production.script import Trouble, tell
from tests.production.simulated_time import SimulatedClock
from tests.production.vendor import Vendor
from tests.resources.alerts.receivers import Receiver

PATIENCE_SECONDS = 1200.0
SAID = """
SELECT prediction_id, probability_up, lower_log_return, upper_log_return, abstain_reason FROM predictions
WHERE session_date = $day ORDER BY ALL
"""


@dataclass
class Diary:
    """What was seen while it happened, for the comparison at the end."""

    said: dict[date, list[tuple[object, ...]]] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    outages: int = 0
    unattended: set[date] = field(default_factory=set)
    """Sessions on whose evening everything was off: what the vendor said then may never have been read."""


@dataclass
class Conductor:
    """Moves the clock from hour to hour, and waits after each until nothing is left to be done."""

    clock: SimulatedClock
    plant: Plant
    vendor: Vendor
    receiver: Receiver
    instance: dg.DagsterInstance
    warehouse: Warehouse
    say: Callable[[str], None]
    first: date
    diary: Diary = field(default_factory=Diary)

    def live_through(self, script: Mapping[date, Trouble]) -> None:
        """Every session of the script in order; at the end a quiet day without troubles."""
        sessions = list(script)
        position = 0
        while position < len(sessions):
            session = sessions[position]
            trouble = script[session]
            self.say(f"{session}: {trouble}")
            began = time.monotonic()
            for day in sessions[position : position + 1 + trouble.outage_sessions]:
                tell(self.vendor, day, script[day])
            self.receiver.answers = [500] * trouble.refusing
            position += 1 + trouble.outage_sessions
            last = sessions[position - 1]
            if trouble.outage_sessions:
                self._outage(session, last)
            else:
                self._evening(session, trouble)
            self._late_night(last)
            self._morning(last)
            self._remember(sessions[:position])
            self.say(
                f"  quiet after {time.monotonic() - began:.0f} s; {len(self.instance.get_runs())} runs so far"
            )
        self._last_hours()

    def _evening(self, session: date, trouble: Trouble) -> None:
        """Five past midnight UTC: the schedule runs the session, and something is killed meanwhile."""
        self.clock.jump_to(_at(session, 1, 0, 5, 1))
        self._await(f"the schedule to see {session}", lambda: self._has_ticked("after_each_session", session))
        if trouble.kill is not None:
            self._kill(trouble)
        self._settle()

    def _kill(self, trouble: Trouble) -> None:
        assert trouble.kill is not None
        run_id = None
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        for _ in polling(PATIENCE_SECONDS, "a run to kill", 0.2):
            if runs := self.instance.get_runs(started):
                run_id = runs[0].run_id
                break
            if not open_runs(self.instance):
                break
        time.sleep(trouble.kill_after)
        count = self.plant.kill(trouble.kill, worker_of(self.instance, run_id) if run_id else None)
        self.diary.kills.append(trouble.kill)
        self.say(f"  killed {trouble.kill} ({count} processes)")
        if self.plant.process is None:
            time.sleep(trouble.kill_after / 4)
            self.plant.start()

    def _outage(self, first: date, last: date) -> None:
        """Everything is killed in the evening, and comes back in the afternoon of the day after ``last``."""
        self.clock.jump_to(_at(first, 1, 0, 5, 1))
        time.sleep(6.0)
        self.plant.kill("everything", None)
        self.diary.outages += 1
        self.diary.unattended |= set(xnys().between(first, last))
        self.clock.jump_to(_at(last, 1, 18, 30))
        self.say(f"  off until {self.clock.now():%Y-%m-%d %H:%M}")
        self.plant.start()

    def _late_night(self, session: date) -> None:
        """After six in the morning UTC, what the schedule did not finish is made up for; models come first."""
        later = _at(session, 1, 6, 10)
        if later > self.clock.now():
            self.clock.jump_to(later)
        needed = {day.isoformat() for day in xnys().between(self.first, session)}
        self._await(f"every session until {session} to be there", lambda: needed <= self._finished())
        self._settle()

    def _morning(self, session: date) -> None:
        """At ten UTC the raw rows of the last sessions are asked for again."""
        morning = _at(session, 1, 10, 0, 1)
        if morning > self.clock.now():
            self.clock.jump_to(morning)
        self._await(f"the morning after {session}", lambda: self._has_ticked("revisit_each_morning", session))
        self._settle()

    def _last_hours(self) -> None:
        """Let the alerts that wait be delivered."""
        self.receiver.answers = []
        silent = 0
        while silent < 3:  # a busy machine may take longer than one look
            self.clock.jump_to(self.clock.now() + timedelta(hours=1))
            heard = len(self.receiver.came)
            time.sleep(10.0)
            silent = silent + 1 if len(self.receiver.came) == heard else 0
        self._settle()

    def _remember(self, sessions: Sequence[date]) -> None:
        for day in sessions:
            if day not in self.diary.said:
                self.diary.said[day] = self.warehouse.read(SAID, day=day).rows()

    def _settle(self) -> None:
        """Nothing runs, waits to run or waits for another try, twice in a row."""
        quiet = 0
        for _ in polling(PATIENCE_SECONDS, "the runs to end", 1.0):
            quiet = 0 if open_runs(self.instance) else quiet + 1
            if quiet == 2:
                return

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        for _ in polling(PATIENCE_SECONDS, what, 1.0):
            if is_so():
                return

    def _has_ticked(self, schedule: str, session: date) -> bool:
        """Whether a run of the schedule for the day after ``session`` has been asked for, or refused in words."""
        since = _at(session, 1, 0, 0).timestamp()
        for state in self.instance.all_instigator_state():
            if state.instigator_name == schedule:
                ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=3)
                done = {TickStatus.SUCCESS, TickStatus.SKIPPED}
                return any(tick.timestamp >= since and tick.status in done for tick in ticks)
        return False

    def _finished(self) -> set[str]:
        return set(self.instance.get_materialized_partitions(dg.AssetKey("system_health")))


def _at(session: date, days: int, hour: int, minute: int, second: int = 0) -> datetime:
    """So many days after a session, at that time of the day, UTC."""
    day = session + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
