"""A blocking check that fails stops what is downstream, fails the run, and lets the repaired run pass."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.commands.graph_run import RunFailedError
from nextgen_resources.market_data import ACTION_SCHEMA
from nextgen_resources.market_data.bokeh import Provider
from tests.graph.harness import SMALL, Built, built
from tests.graph.servers import Door

FIRST, LAST = "2005-02-22", "2005-02-25"
WRONG_SPLIT = ("AAPL", date(2005, 2, 24), "split", 10.0, None, None)
"""Ten for one, on a day on which the price moved by one percent."""

DOWNSTREAM = {
    "feature_windows",
    "feature_windows_complete_windows_are_finite",
    "feature_windows_every_bar_has_a_vector",
}
BESIDE = {"news_articles", "news_sentiment"}
"""What waits for neither prices nor actions."""


class StatesAWrongSplit(Provider):
    """The embedded bars with a list of actions that is wrong."""

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """One split that never happened."""
        actions = pl.DataFrame([WRONG_SPLIT], schema=dict(ACTION_SCHEMA), orient="row")
        return actions.filter(
            pl.col("ticker").is_in(list(tickers)), pl.col("ex_date").is_between(first, last)
        )


class LacksABar(Provider):
    """The embedded bars without one of IBM."""

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Every bar but IBM's of 2005-02-24."""
        bars = super().daily_bars(tickers, first, last)
        return bars.filter(~((pl.col("ticker") == "IBM") & (pl.col("session_date") == date(2005, 2, 24))))


def steps(scenario: Built) -> dict[dg.DagsterEventType, set[str]]:
    """What became of the steps of the newest run."""
    (newest,) = scenario.instance.get_run_records(limit=1)
    found: dict[dg.DagsterEventType, set[str]] = {}
    for entry in scenario.instance.all_logs(newest.dagster_run.run_id):
        if entry.is_dagster_event and entry.step_key:
            found.setdefault(entry.get_dagster_event().event_type, set()).add(entry.step_key)
    return found


def count(scenario: Built, table: str) -> int:
    return int(scenario.warehouse.scalar(f'SELECT count(*) FROM "{table}"'))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario whose run a blocking check has failed."""
    folder = tmp_path_factory.mktemp("stopped")
    with built(folder, market_data=StatesAWrongSplit()) as scenario:
        with pytest.raises(RunFailedError, match="corporate_actions_splits_match_prices") as failed:
            scenario.run("prepare_inputs", FIRST, LAST)
        assert f"prepare_inputs {FIRST}..{LAST} failed" in str(failed.value)
    return folder


def test_run_fails_and_nothing_downstream_of_the_check_runs(stopped: Path) -> None:
    with built(stopped, market_data=StatesAWrongSplit()) as scenario:
        became = steps(scenario)
        (record,) = scenario.instance.get_run_records(limit=1)
        assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE
        assert became[dg.DagsterEventType.STEP_FAILURE] == {"corporate_actions_splits_match_prices"}
        assert became[dg.DagsterEventType.STEP_SKIPPED] == DOWNSTREAM
        assert became[dg.DagsterEventType.STEP_SUCCESS] >= BESIDE | {"market_prices", "corporate_actions"}
        assert count(scenario, "feature_windows") == 0
        assert count(scenario, "market_prices") == 16


def test_check_shows_the_rows_that_break_it(stopped: Path) -> None:
    with built(stopped) as scenario:
        (newest,) = scenario.instance.get_run_records(limit=1)
        evaluations = [
            entry.get_dagster_event().asset_check_evaluation_data
            for entry in scenario.instance.all_logs(newest.dagster_run.run_id)
            if entry.is_dagster_event
            and entry.get_dagster_event().event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
    (broken,) = [each for each in evaluations if not each.passed]
    assert broken.check_name == "splits_match_prices"
    assert broken.severity is dg.AssetCheckSeverity.ERROR
    assert broken.blocking
    assert broken.metadata["rows_in_breach"].value == 1
    assert "AAPL" in str(broken.metadata["sample"].value)


def test_run_with_the_repaired_source_replaces_the_row_and_goes_on(stopped: Path) -> None:
    with built(stopped) as scenario:
        scenario.run("prepare_inputs", FIRST, LAST)
        assert count(scenario, "feature_windows") == 16
        assert scenario.warehouse.read("SELECT * FROM corporate_actions WHERE kind = 'split'").is_empty()
        assert steps(scenario)[dg.DagsterEventType.STEP_SUCCESS] >= DOWNSTREAM


def test_check_that_only_warns_is_recorded_and_stops_nothing(tmp_path: Path) -> None:
    with built(tmp_path, market_data=LacksABar()) as scenario:
        scenario.run("prepare_inputs", FIRST, LAST)
        key = dg.AssetCheckKey(dg.AssetKey("market_prices"), "members_have_bars")
        (execution,) = scenario.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        said = execution.event.get_dagster_event().asset_check_evaluation_data
        assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert said.metadata["rows_in_breach"].value == 1
        assert count(scenario, "feature_windows") == count(scenario, "market_prices") == 15


def test_command_line_ends_with_an_error_and_names_the_check(tmp_path: Path) -> None:
    days = pl.Series("date", [date(2005, 2, day) for day in (17, 18, 22, 23, 24, 25)])
    bars = pl.DataFrame(days).with_columns(open=44.0, high=45.0, low=43.0, close=44.5, volume=1_000_000)
    coefficient = pl.when(pl.col("date") == date(2005, 2, 24)).then(10.0).otherwise(1.0)
    folder = tmp_path / "bars"
    folder.mkdir()
    bars.with_columns(split_coefficient=coefficient, dividend_amount=0.0).write_csv(folder / "ACME.csv")
    settings = {
        **SMALL,
        "ingestion.provider": "files",
        "ingestion.provider_options.path": str(folder),
        "ingestion.first_session": "2005-02-17",
        "ingestion.last_session": "2005-02-25",
    }
    with built(tmp_path, {key: value for key, value in settings.items() if key not in SMALL}) as scenario:
        ran = Door.to(tmp_path, settings).materialize(
            "group:ingestion or group:features", "--partition-range", f"{FIRST}...{LAST}"
        )
        assert ran.returncode != 0
        assert "splits_match_prices" in ran.stderr
        assert "Materialization failed" in ran.stderr
        assert count(scenario, "market_prices") == 4
        assert count(scenario, "feature_windows") == 0
