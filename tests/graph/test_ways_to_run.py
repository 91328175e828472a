"""One session, a range, the command line, a backfill from the UI: every way to run gives the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nextgen_resources.warehouse.tables import TABLES
from tests.graph.dask_cluster import cluster
from tests.graph.harness import SMALL, Built, built
from tests.graph.servers import Api, Door, as_variables, daemon, polling, webserver

SHORT = {
    "models.train_sessions": 180,
    "models.minimum_train_windows": 60,
    "prediction.calibration_sessions": 30,
    "prediction.minimum_calibration_count": 20,
    "feedback.window_sessions": 30,
    "feedback.minimum_sessions": 11,
    "ingestion.first_session": "2004-01-02",
    "ingestion.last_session": "2005-03-03",
}
"""Fourteen months: the first models are of November 2004."""

DAILY = "not (key:model_registry or key:retrain_answers)"
INPUTS = "group:ingestion or group:features"
DECISIONS = f"not ({INPUTS} or key:model_registry or key:retrain_answers)"
"""What the jobs daily_cycle, prepare_inputs and decide_and_trade select, as the command line says it."""

FIRST, LAST = "2005-02-25", "2005-02-28"
"""A Friday and the Monday on which AAPL splits two for one."""

OF_RUNS = {"task_runs", "provider_calls", "corporate_action_coverage"}
"""Tables about the runs themselves; every other one must not depend on how it was run."""

Rows = dict[str, pl.DataFrame]


def rows_of(scenario: Built) -> Rows:
    """The reproducible columns of every table."""
    return {name: scenario.content(name) for name in TABLES if name not in OF_RUNS}


def assert_same_rows(found: Rows, expected: Rows) -> None:
    """Same values in every table, to the last bit."""
    assert found.keys() == expected.keys()
    for name, frame in expected.items():
        try:
            assert_frame_equal(found[name], frame, check_exact=True)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def run_session(scenario: Built, session: str) -> None:
    """One session as the schedule and the UI start it: a run of one partition."""
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = scenario.definitions.resolve_job_def("daily_cycle")
    assert job.execute_in_process(quiet, instance=scenario.instance, partition_key=session).success


@contextmanager
def copy_of(scenario: Path, folder: Path) -> Iterator[Built]:
    """A scenario that continues from the warehouse and the models of another."""
    shutil.copytree(scenario / "data", folder / "data")
    with built(folder, SHORT) as again:
        yield again


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario up to the session before FIRST, with models, predictions that do not abstain, and trades."""
    folder = tmp_path_factory.mktemp("begun")
    with built(folder, SHORT | {"trading.tear_sheet_page": True}) as scenario:
        scenario.run("prepare_inputs", "2004-01-02", "2005-02-24")
        scenario.run("train_models", "2004-11-01", "2005-01-01")
        scenario.run("decide_and_trade", "2004-12-01", "2005-02-24")
    return folder


@pytest.fixture(scope="module")
def continued(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and then both sessions in one run."""
    folder = tmp_path_factory.mktemp("range")
    with copy_of(begun, folder) as scenario:
        scenario.run("daily_cycle", FIRST, LAST)
    return folder


@pytest.fixture(scope="module")
def as_a_range(continued: Path) -> Rows:
    """What every other way is compared by."""
    with built(continued, SHORT) as scenario:
        return rows_of(scenario)


def test_rows_that_the_ways_are_compared_by_hold_every_stage(as_a_range: Rows) -> None:
    new = pl.col("session_date").is_between(date.fromisoformat(FIRST), date.fromisoformat(LAST))
    predictions = as_a_range["predictions"].filter(new)
    assert predictions.height == 8
    assert not predictions["abstained"].any()
    assert as_a_range["corporate_actions"].filter(kind="split")["ex_date"].to_list() == [date(2005, 2, 28)]
    for name in ("market_prices", "feature_windows", "trade_plans", "feedback_metrics", "system_health"):
        assert as_a_range[name].filter(new).height, name
    for name in ("news_sentiment", "prediction_accuracy", "trades", "portfolio_holdings"):
        assert as_a_range[name].height, name


def test_a_session_at_a_time_gives_the_rows_of_the_range(
    begun: Path, as_a_range: Rows, tmp_path: Path
) -> None:
    with copy_of(begun, tmp_path) as scenario:
        for session in (FIRST, LAST):
            run_session(scenario, session)
        assert_same_rows(rows_of(scenario), as_a_range)


@pytest.mark.slow
def test_command_line_range_gives_the_rows_of_the_range(
    begun: Path, as_a_range: Rows, tmp_path: Path
) -> None:
    shutil.copytree(begun / "data", tmp_path / "data")
    ran = Door.to(tmp_path, SMALL | SHORT).materialize(DAILY, "--partition-range", f"{FIRST}...{LAST}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    with built(tmp_path, SHORT) as scenario:
        assert_same_rows(rows_of(scenario), as_a_range)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_run_on_the_workers_of_dask_gives_the_rows_of_the_range(
    begun: Path, as_a_range: Rows, tmp_path: Path
) -> None:
    shutil.copytree(begun / "data", tmp_path / "data")
    door = Door.to(tmp_path, SMALL | SHORT)
    with cluster(tmp_path, 3, door.environment) as dask:
        told = door.environment | as_variables(
            {"execution.executor": "dask", "execution.dask_address": dask.address}
        )
        by_dask = Door(door.folder, told)
        ran = by_dask.materialize(DAILY, "--partition-range", f"{FIRST}...{LAST}", timeout_seconds=1_500)
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
        workers = {process.pid for process in dask.workers}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", door.environment["DAGSTER_HOME"])
        with dg.DagsterInstance.get() as instance:
            (run,) = instance.get_runs()
            kind = dg.DagsterEventType.STEP_WORKER_STARTED
            records = instance.get_records_for_run(run.run_id, of_type=kind).records
            told_by = [record.event_log_entry.get_dagster_event().engine_event_data for record in records]
            pids = {int(str(said.metadata["pid"].value)) for said in told_by}
    assert pids <= workers
    assert len(pids) > 1, "several workers had a part in it"
    with built(tmp_path, SHORT) as scenario:
        assert_same_rows(rows_of(scenario), as_a_range)


PICTURES = {
    "model_registry": {"learning curves"},
    "news_sentiment": {"timeline"},
    "portfolio_holdings": {"equity"},
    "prediction_accuracy": {"reliability", "price_and_predictions"},
    "system_health": {"overview"},
    "tear_sheet": {"growth", "exposure", "costs", "calibration"},
}


def test_runs_say_how_much_how_long_and_show_it(begun: Path) -> None:
    with built(begun, SHORT) as scenario:
        graph = scenario.definitions.resolve_asset_graph()
        for key in graph.get_all_asset_keys():
            if graph.get(key).group_name == "intraday" or key.path == ["retrain_answers"]:
                continue  # no job of the daily work runs them
            event = scenario.instance.get_latest_materialization_event(key)
            assert event is not None, key
            materialization = event.asset_materialization
            assert materialization is not None
            said, name = materialization.metadata, key.to_user_string()
            assert materialization.partition == ("2005-01-01" if name == "model_registry" else "2005-02-24")
            assert isinstance(said["rows_in_run"].value, int)
            assert isinstance(said["rows_written"].value, int)
            assert isinstance(said["seconds"].value, dict)
            assert said["seconds"].value or name == "system_health"
            preview = str(said["preview"].value)
            assert preview.startswith("|") == (said["rows_in_run"].value > 0), (name, preview[:80])
            for picture in PICTURES.get(name, set()):
                assert "](data:image/png;base64," in str(said[picture].value), (name, picture)
        page = (scenario.settings.reports_dir / "tear_sheet.html").read_text(encoding="utf-8")
        assert "2004-12-01 to 2005-02-24, 58 session returns" in page
        assert page.count("<img ") >= len(PICTURES["tear_sheet"])
        reflections = scenario.instance.get_latest_materialization_event(dg.AssetKey("trade_reflections"))
        assert reflections is not None
        assert reflections.asset_materialization is not None
        explanation = str(reflections.asset_materialization.metadata["newest_judged_prediction"].value)
        for link in ("Prediction `", "## Model `", "## Window `", "### Raw rows", "## Outcome", "## Plan"):
            assert link in explanation


@pytest.mark.slow
def test_range_again_changes_no_row(continued: Path, as_a_range: Rows, tmp_path: Path) -> None:
    with copy_of(continued, tmp_path) as scenario:
        scenario.run("daily_cycle", FIRST, LAST)
        assert_same_rows(rows_of(scenario), as_a_range)


@pytest.mark.slow
def test_first_sessions_of_history_alone_give_the_rows_of_their_range(tmp_path: Path) -> None:
    first_sessions = ("2004-01-02", "2004-01-05")
    with built(tmp_path / "range", SHORT) as together:
        together.run("daily_cycle", first_sessions[0], first_sessions[-1])
        expected = rows_of(together)
    with built(tmp_path / "alone", SHORT) as alone:
        for session in first_sessions:
            run_session(alone, session)
        assert_same_rows(rows_of(alone), expected)
    assert expected["predictions"].height == 6
    assert expected["predictions"]["abstained"].all()
    assert expected["feedback_metrics"].is_empty()
    assert expected["portfolio_values"].height == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_command_lines_over_the_end_of_a_month_give_the_rows_of_the_ranges(
    begun: Path, continued: Path, tmp_path: Path
) -> None:
    with copy_of(continued, tmp_path / "ranges") as scenario:
        scenario.run("train_models", "2005-02-01", "2005-02-01")
        scenario.run("daily_cycle", "2005-03-01", "2005-03-02")
        expected = rows_of(scenario)
    shutil.copytree(begun / "data", tmp_path / "sessions" / "data")
    door = Door.to(tmp_path / "sessions", SMALL | SHORT)
    for ran in (
        door.materialize(DAILY, "--partition", FIRST),
        door.call("dg", "launch", "--job", "daily_cycle", "--partition", LAST),
        door.materialize("model_registry", "--partition", "2005-02-01"),
        door.call("dg", "launch", "--assets", INPUTS, "--partition-range", "2005-03-01...2005-03-02"),
        door.materialize(DECISIONS, "--partition-range", "2005-03-01...2005-03-02"),
    ):
        assert ran.returncode == 0, ran.stderr[-3000:]
    with built(tmp_path / "sessions", SHORT) as scenario:
        assert_same_rows(rows_of(scenario), expected)
    assert expected["model_registry"]["cutoff_session"].max() == date(2005, 2, 28)
    new = expected["predictions"].filter(pl.col("session_date") >= date(2005, 3, 1))
    newest = expected["model_registry"].filter(cutoff_session=date(2005, 2, 28))["model_id"]
    assert set(new["model_id"]) <= set(newest)


# --- as the UI launches it

LAUNCH = """
mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PartitionKeysNotFoundError { message }
    ... on PythonError { message }
  }
}
"""
PROGRESS = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status isAssetBackfill error { message } runs(limit: 20) { runId status } }
    ... on PythonError { message }
  }
}
"""
ASSETS = "query Assets { assetNodes { assetKey { path } } }"


def selection(api: Api, *without: str) -> list[dict[str, list[str]]]:
    """Every asset that the UI shows, as its dialog sends them."""
    keys = [node["assetKey"]["path"] for node in api.ask(ASSETS)["assetNodes"]]
    return [{"path": path} for path in sorted(keys) if path[-1] not in without]


def run_backfill(api: Api, parameters: dict[str, Any]) -> list[str]:
    """Launch a backfill, wait until the daemon has completed it; the statuses of its runs."""
    launched = api.ask(LAUNCH, backfillParams={"tags": [], **parameters})["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    for _ in polling(1_200, f"backfill {launched['backfillId']}", pause_seconds=1.0):
        backfill = api.ask(PROGRESS, id=launched["backfillId"])["partitionBackfillOrError"]
        assert backfill["__typename"] == "PartitionBackfill", backfill
        assert backfill["status"] not in {"FAILED", "CANCELED", "COMPLETED_FAILED"}, backfill
        if backfill["status"] == "COMPLETED_SUCCESS":
            break
    return [run["status"] for run in backfill["runs"]]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_backfill_of_chosen_partitions_from_the_ui_gives_the_rows_of_the_range(
    begun: Path, as_a_range: Rows, tmp_path: Path
) -> None:
    shutil.copytree(begun / "data", tmp_path / "data")
    door = Door.to(tmp_path, SMALL | SHORT)
    with webserver(door) as api, daemon(door):
        chosen = {"assetSelection": selection(api, "model_registry"), "partitionNames": [FIRST, LAST]}
        assert run_backfill(api, {**chosen, "fromFailure": False}) == ["SUCCESS"]
    with built(tmp_path, SHORT) as scenario:
        assert_same_rows(rows_of(scenario), as_a_range)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_backfill_of_all_assets_and_partitions_from_the_ui_gives_the_rows_of_the_jobs(tmp_path: Path) -> None:
    span = SHORT | {"ingestion.last_session": LAST}
    with built(tmp_path / "jobs", span) as scenario:
        scenario.run("prepare_inputs", "2004-01-02", LAST)
        scenario.run("train_models", "2004-01-01", "2005-02-01")
        scenario.run("decide_and_trade", "2004-01-02", LAST)
        expected = rows_of(scenario)
    with built(tmp_path / "backfill", span):
        pass  # migrated and empty
    door = Door.to(tmp_path / "backfill", SMALL | span)
    with webserver(door) as api, daemon(door):
        statuses = run_backfill(api, {"assetSelection": selection(api), "allPartitions": True})
        assert set(statuses) == {"SUCCESS"}
    with built(tmp_path / "backfill", span) as scenario:
        assert_same_rows(rows_of(scenario), expected)
    assert expected["model_registry"]["cutoff_session"].n_unique() == 6
    assert not expected["predictions"].filter(pl.col("session_date") >= date(2005, 1, 3))["abstained"].any()
