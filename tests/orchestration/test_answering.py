"""New retrain signals start one run each batch, on a real instance; none is answered twice, none while others write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from nextgen_assets.orchestration.answering import answer_retrain_signals
from nextgen_resources.clock import FrozenClock
from nextgen_resources.warehouse.appending import append_rows
from tests.graph.harness import Built, built
from tests.resources.warehouse.table_rows import signals

NOW = datetime(2005, 2, 10, 23, 0, tzinfo=UTC)
MONDAY, TUESDAY, FRIDAY = date(2005, 2, 7), date(2005, 2, 8), date(2005, 2, 11)
NEXT_WEEK = date(2005, 2, 14)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with built(tmp_path_factory.mktemp("answering")) as found:
        yield found


def tick(scenario: Built, now: datetime = NOW) -> dg.RunRequest | dg.SkipReason:
    resources = {
        "warehouse": scenario.warehouse,
        "settings": scenario.settings,
        "clock": FrozenClock(now),
    }
    with dg.build_sensor_context(scenario.instance, resources=resources) as context:
        said = answer_retrain_signals(context)
    assert isinstance(said, dg.RunRequest | dg.SkipReason)
    return said


def started(scenario: Built, request: dg.RunRequest | dg.SkipReason) -> tuple[str, str]:
    """Run what the sensor asked for, and the bounds of it."""
    assert isinstance(request, dg.RunRequest)
    bounds = request.tags[ASSET_PARTITION_RANGE_START_TAG], request.tags[ASSET_PARTITION_RANGE_END_TAG]
    scenario.run("answer_signals", *bounds)
    return bounds


def test_each_batch_is_started_once_and_answered_once(scenario: Built) -> None:
    assert "every retrain signal has its answer" in str(tick(scenario))
    append_rows(scenario.warehouse, "retrain_signals", signals([MONDAY, TUESDAY]), "test", NOW)
    first, again, tomorrow = tick(scenario), tick(scenario), tick(scenario, NOW + timedelta(days=1))
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert isinstance(tomorrow, dg.RunRequest)
    assert first.run_key == again.run_key  # the daemon starts a key once
    assert first.run_key != tomorrow.run_key  # one that failed is tried again the day after
    assert started(scenario, first) == (str(MONDAY), str(TUESDAY))
    answers = scenario.content("retrain_answers")
    assert (
        answers["outcome"].to_list() == ["nothing_to_start_from"] * 2
    )  # nothing is trained in this warehouse
    assert "every retrain signal has its answer" in str(tick(scenario))
    append_rows(scenario.warehouse, "retrain_signals", signals([FRIDAY]), "test", NOW)
    second = tick(scenario)
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key
    assert started(scenario, second) == (str(FRIDAY), str(FRIDAY))
    assert scenario.content("retrain_answers").height == 3
    told = scenario.warehouse.read("SELECT status, outcome FROM retrain_signals_answered")
    assert set(told["status"]) == {"declined"}


def test_signals_wait_while_predictions_or_models_are_written(scenario: Built) -> None:
    append_rows(scenario.warehouse, "retrain_signals", signals([NEXT_WEEK]), "test", NOW)
    job = scenario.definitions.resolve_job_def("daily_cycle")
    run = scenario.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert f"daily_cycle is running ({run.run_id})" in str(tick(scenario))
    scenario.instance.report_run_canceled(run)
    assert isinstance(tick(scenario), dg.RunRequest)
