"""Each session and each month is asked for once, when it has ended, whatever the clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.schedules import cron_string_iterator

from nextgen_assets.definitions import defs
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration import schedules as schedules_module
from nextgen_assets.orchestration.catching_up import catch_up
from nextgen_assets.orchestration.jobs import jobs
from nextgen_assets.orchestration.schedules import after_each_month, after_each_session, schedules
from nextgen_assets.partitions import CUTOFFS, SESSIONS
from nextgen_resources.clock import FrozenClock
from nextgen_resources.settings.loader import load_settings

NEW_YORK = ZoneInfo("America/New_York")
BEGIN, END = date(2004, 3, 1), date(2006, 4, 30)
"""Two years and two months: five changes of the clocks and the holidays of each kind."""


def ticks(schedule: dg.ScheduleDefinition, first: date, last: date) -> list[datetime]:
    """The instants at which the daemon evaluates ``schedule`` from ``first`` to ``last``."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    stop = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    moments = cron_string_iterator(
        start.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
    )
    found = []
    for moment in moments:
        if moment >= stop:
            return found
        found.append(moment)
    return found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A history on disk, as a schedule opens it by its reference."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as empty:
        yield empty


def answer(
    schedule: dg.ScheduleDefinition,
    moment: datetime,
    now: datetime | None = None,
    instance: dg.DagsterInstance | None = None,
) -> dg.RunRequest | dg.SkipReason:
    """What ``schedule`` says at ``moment``, given in UTC as the daemon gives it, evaluated at once or at ``now``.

    Without an instance nothing is switched on: two years of ticks would open a history each.
    """
    known = {"clock": FrozenClock(now or moment)} if schedule is after_each_session else {}
    with (
        nullcontext() if instance else patch.object(schedules_module, "_makes_up", return_value=False),
        dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment.astimezone(UTC)
        ) as context,
    ):
        # called as the decorator calls it: resources of a context would make an instance for each tick
        said = schedule._execution_fn.decorated_fn(context, **known)  # type: ignore[union-attr]
    assert isinstance(said, dg.RunRequest | dg.SkipReason)
    return said


def requests(
    schedule: dg.ScheduleDefinition, first: date, last: date
) -> Iterator[tuple[datetime, dg.RunRequest]]:
    for moment in ticks(schedule, first, last):
        said = answer(schedule, moment)
        if isinstance(said, dg.RunRequest):
            yield moment, said


def test_two_years_of_nights_ask_for_each_session_once_and_in_order() -> None:
    asked = [request.partition_key for _, request in requests(after_each_session, BEGIN, END)]
    sessions = xnys().between(BEGIN - timedelta(days=1), END - timedelta(days=1))
    assert asked == [session.isoformat() for session in sessions]
    assert len(asked) > 540


def test_run_keys_of_two_years_are_distinct_so_that_a_repeated_tick_starts_no_second_run() -> None:
    for schedule in (after_each_session, after_each_month):
        keys = [request.run_key for _, request in requests(schedule, BEGIN, END)]
        assert None not in keys
        assert len(set(keys)) == len(keys)


def test_session_is_asked_for_after_its_cut_off_and_before_the_next_open() -> None:
    calendar = xnys()
    for moment, request in requests(after_each_session, BEGIN, END):
        session = date.fromisoformat(str(request.partition_key))
        assert calendar.cutoff(session, 180) <= moment < calendar.open_at(calendar.shift(session, 1))


@pytest.mark.parametrize(
    ("night", "session"),
    [
        (date(2005, 4, 3), None),  # a Saturday evening, before 2 o'clock does not exist
        (date(2005, 4, 2), "2005-04-01"),
        (date(2005, 4, 5), "2005-04-04"),
        (date(2005, 10, 30), None),  # a Saturday evening, before 1 o'clock comes twice
        (date(2005, 10, 29), "2005-10-28"),
        (date(2005, 11, 1), "2005-10-31"),
        (date(2005, 2, 22), None),  # the day before was Presidents' Day
        (date(2004, 6, 12), None),  # a day of mourning
        (date(2005, 11, 26), "2005-11-25"),  # a half day
    ],
)
def test_night_asks_for_the_day_that_has_just_ended_if_it_traded(night: date, session: str | None) -> None:
    (moment,) = ticks(after_each_session, night, night)
    assert moment.astimezone(UTC).date() == night
    assert moment.astimezone(NEW_YORK).date() == night - timedelta(days=1)
    said = answer(after_each_session, moment)
    if session is None:
        assert isinstance(said, dg.SkipReason)
        assert str(night - timedelta(days=1)) in str(said.skip_message)
    else:
        assert (said.partition_key, said.run_key) == (session, session)


def test_months_are_asked_for_once_in_order_on_the_night_after_they_ended() -> None:
    found = list(requests(after_each_month, BEGIN, END))
    assert [request.partition_key for _, request in found] == [
        (date(2004 + index // 12, index % 12 + 1, 1)).isoformat() for index in range(1, 27)
    ]
    for moment, request in found:
        local = moment.astimezone(UTC)
        assert local.day == 1
        assert str(request.partition_key) == (local.date() - timedelta(days=1)).replace(day=1).isoformat()


def test_models_are_asked_for_after_the_last_session_of_their_month_and_before_the_first_they_serve() -> None:
    nights = {request.partition_key: moment for moment, request in requests(after_each_session, BEGIN, END)}
    for moment, request in requests(after_each_month, date(2004, 4, 1), END):
        month = date.fromisoformat(str(request.partition_key))
        served = xnys().on_or_after((month + timedelta(days=32)).replace(day=1))
        last = xnys().shift(served, -1).isoformat()
        assert nights[last] < moment < xnys().open_at(served)


@pytest.mark.parametrize(
    ("schedule", "partitions", "first", "last"),
    [
        (after_each_session, SESSIONS, date(2005, 2, 19), date(2005, 4, 5)),
        (after_each_month, CUTOFFS, date(2005, 2, 1), date(2005, 5, 1)),
    ],
)
def test_partition_that_is_asked_for_exists_at_that_moment(
    schedule: dg.ScheduleDefinition, partitions: dg.PartitionsDefinition, first: date, last: date
) -> None:
    found = list(requests(schedule, first, last))
    assert found
    for moment, request in found:
        with dg.partition_loading_context(effective_dt=moment):
            assert partitions.has_partition_key(str(request.partition_key)), (moment, request.partition_key)


def test_tick_of_the_daemon_starts_a_run_of_the_partition(instance: dg.DagsterInstance) -> None:
    repository = defs.get_repository_def()
    moment = ticks(after_each_session, date(2005, 3, 1), date(2005, 3, 1))[0]
    with dg.build_schedule_context(
        instance=instance,
        repository_def=repository,
        scheduled_execution_time=moment.astimezone(UTC),
        resources={"clock": FrozenClock(moment)},
    ) as context:
        (request,) = (
            repository.get_schedule_def("after_each_session").evaluate_tick(context).run_requests or []
        )
    assert request.tags["dagster/partition"] == "2005-02-28"


def switched_on(instance: dg.DagsterInstance, sensor: str) -> None:
    """The sensor runs, as the daemon knows it."""
    target = LoadableTargetOrigin(module_name="nextgen_assets.definitions", attribute="defs")
    repository = RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(target, "nextgen"), "__repository__"
    )
    data = SensorInstigatorData(min_interval=30)
    origin = RemoteInstigatorOrigin(repository, sensor)
    instance.add_instigator_state(
        InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    )


def finished(instance: dg.DagsterInstance, *sessions: str) -> None:
    for session in sessions:
        instance.report_runless_asset_event(dg.AssetMaterialization("system_health", partition=session))


def test_tick_that_comes_late_is_left_to_catch_up_where_that_is_switched_on(
    instance: dg.DagsterInstance,
) -> None:
    (moment,) = ticks(after_each_session, date(2005, 3, 2), date(2005, 3, 2))
    noon = moment.astimezone(UTC) + timedelta(hours=12)
    finished(instance, "2005-02-28")
    assert isinstance(answer(after_each_session, moment, noon, instance), dg.RunRequest)
    switched_on(instance, "catch_up")
    said = answer(after_each_session, moment, noon, instance)
    assert str(getattr(said, "skip_message", "")).startswith("2005-03-01 is left to catch_up: this tick")


def test_session_after_an_unfinished_one_is_left_to_catch_up(instance: dg.DagsterInstance) -> None:
    (moment,) = ticks(after_each_session, date(2005, 3, 2), date(2005, 3, 2))
    switched_on(instance, "catch_up")
    assert isinstance(answer(after_each_session, moment, None, instance), dg.RunRequest), "nothing has begun"
    finished(instance, "2005-02-25")
    said = getattr(answer(after_each_session, moment, None, instance), "skip_message", "")
    assert said == "2005-03-01 is left to catch_up, which finishes 2005-02-28 first"
    finished(instance, "2005-02-28")
    assert isinstance(answer(after_each_session, moment, None, instance), dg.RunRequest)


def test_catch_up_waits_for_the_retry_that_a_failed_run_was_promised(instance: dg.DagsterInstance) -> None:
    def said() -> str:
        resources = {"settings": load_settings(), "clock": FrozenClock(datetime.now(UTC))}
        with dg.build_sensor_context(instance, resources=resources) as context:
            return str(getattr(catch_up(context), "skip_message", ""))

    run = instance.create_run_for_job(
        defs.resolve_job_def("daily_cycle"), tags={"dagster/will_retry": "true"}
    )
    instance.report_run_failed(run)
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    assert said() == f"daily_cycle will be tried again ({run.run_id}); what is missing waits for it"
    instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": "another"})
    assert "will be tried again" not in said()


def test_schedules_wait_for_someone_to_start_them() -> None:
    assert {schedule.name: schedule.default_status for schedule in schedules()} == {
        "after_each_session": dg.DefaultScheduleStatus.STOPPED,
        "after_each_month": dg.DefaultScheduleStatus.STOPPED,
        "revisit_each_morning": dg.DefaultScheduleStatus.STOPPED,
    }


# --- jobs


def assets_of(job: str) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}


def test_stages_of_the_demo_cover_every_asset_once() -> None:
    stages = [
        assets_of(name)
        for name in ("prepare_inputs", "train_models", "decide_and_trade", "answer_signals", "import_ticks")
    ]
    every = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert set.union(*stages) == every
    assert sum(map(len, stages)) == len(every)


def test_daily_cycle_is_everything_but_training() -> None:
    assert assets_of("daily_cycle") == assets_of("prepare_inputs") | assets_of("decide_and_trade")
    assert assets_of("train_models") == {"model_registry"}
    assert assets_of("answer_signals") == {"retrain_answers"}


def test_every_job_has_the_partitions_of_its_assets_and_the_checks_on_them() -> None:
    for job in jobs():
        resolved = defs.resolve_job_def(job.name)
        assert resolved.partitions_def == (CUTOFFS if job.name == "train_models" else SESSIONS)
        checked = {
            key.asset_key.to_user_string() for key in resolved.asset_layer.asset_graph.asset_check_keys
        }
        assert assets_of(job.name) <= checked
        assert job.description
