"""A blocking check that fails stops what is downstream, fails the run, and lets the repaired run pass."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from nextgen_assets.commands.graph_run import RunFailedError
from nextgen_resources.market_data.bokeh import Provider
from tests.graph.harness import SMALL, Built, built
from tests.graph.servers import Door

FIRST, LAST = "2005-02-22", "2005-02-25"
TOO_LATE = """
INSERT INTO news_articles BY NAME SELECT
    'planted' AS article_id, DATE '2005-02-24' AS session_date, TIMESTAMPTZ '2005-02-25 14:00:00Z' AS published_at,
    'instant' AS published_at_precision, published_at AS first_seen_at, TRUE AS first_seen_is_assumed,
    'nobody' AS source, 'Published after its session' AS headline, 'en' AS language, ['AAPL'] AS tickers,
    'planted' AS content_hash, 'nobody' AS run_id
"""
"""An article that a session admits which had its cut-off before the article was published."""

DOWNSTREAM = {
    "news_sentiment",
    "news_sentiment_built_from_the_session_s_articles",
    "feature_windows",
    "feature_windows_complete_windows_are_finite",
    "feature_windows_every_bar_has_a_vector",
}
BESIDE = {"market_prices", "corporate_actions"}
"""What waits for no article."""


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


def newest_evaluation(scenario: Built, asset: str, check: str) -> AssetCheckEvaluation:
    """What a check said last."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    (execution,) = scenario.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert execution.event is not None
    return execution.event.get_dagster_event().asset_check_evaluation_data


def count(scenario: Built, table: str) -> int:
    return int(scenario.warehouse.scalar(f'SELECT count(*) FROM "{table}"'))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario whose run a blocking check has failed."""
    folder = tmp_path_factory.mktemp("stopped")
    with built(folder) as scenario:
        with scenario.warehouse.transaction() as connection:
            connection.execute(TOO_LATE)
        with pytest.raises(RunFailedError, match="news_articles_admitted_only_after_publication") as failed:
            scenario.run("prepare_inputs", FIRST, LAST)
        assert f"prepare_inputs {FIRST}..{LAST} failed" in str(failed.value)
    return folder


def test_run_fails_and_nothing_downstream_of_the_check_runs(stopped: Path) -> None:
    with built(stopped) as scenario:
        became = steps(scenario)
        (record,) = scenario.instance.get_run_records(limit=1)
        assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE
        failed = became[dg.DagsterEventType.STEP_FAILURE]
        assert failed == {"news_articles_admitted_only_after_publication"}
        assert became[dg.DagsterEventType.STEP_START].isdisjoint(DOWNSTREAM)
        assert became[dg.DagsterEventType.STEP_SUCCESS] >= BESIDE | {"news_articles"}
        assert count(scenario, "feature_windows") == count(scenario, "news_article_scores") == 0
        assert count(scenario, "market_prices") == 16


def test_check_shows_the_rows_that_break_it(stopped: Path) -> None:
    with built(stopped) as scenario:
        broken = newest_evaluation(scenario, "news_articles", "admitted_only_after_publication")
    assert not broken.passed
    assert broken.blocking
    assert broken.severity is dg.AssetCheckSeverity.ERROR
    assert broken.metadata["rows_in_breach"].value == 1
    assert "planted" in str(broken.metadata["sample"].value)


def test_run_after_the_repair_goes_on_downstream(stopped: Path) -> None:
    with built(stopped) as scenario:
        with scenario.warehouse.transaction() as connection:
            connection.execute("DELETE FROM news_articles WHERE article_id = 'planted'")
        scenario.run("prepare_inputs", FIRST, LAST)
        assert steps(scenario)[dg.DagsterEventType.STEP_SUCCESS] >= DOWNSTREAM
        assert count(scenario, "feature_windows") == 16
        assert newest_evaluation(scenario, "news_articles", "admitted_only_after_publication").passed


@pytest.mark.slow
def test_check_that_only_warns_is_recorded_and_stops_nothing(tmp_path: Path) -> None:
    with built(tmp_path, market_data=LacksABar()) as scenario:
        scenario.run("prepare_inputs", FIRST, LAST)
        said = newest_evaluation(scenario, "market_prices", "members_have_bars")
        assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert said.metadata["rows_in_breach"].value == 1
        assert count(scenario, "feature_windows") == count(scenario, "market_prices") == 15


def test_command_line_ends_with_an_error_and_names_the_check(tmp_path: Path) -> None:
    settings = {
        **SMALL,
        "ingestion.provider_options.delay_minutes": -300,  # bars before the close
        "ingestion.first_session": FIRST,
        "ingestion.last_session": LAST,
    }
    with built(tmp_path, {key: value for key, value in settings.items() if key not in SMALL}) as scenario:
        ran = Door.to(tmp_path, settings).materialize(
            "group:ingestion or group:features", "--partition-range", f"{FIRST}...{LAST}"
        )
        assert ran.returncode != 0
        assert "Materialization failed" in ran.stderr
        assert "bars_are_known_after_the_close" in ran.stderr
        assert count(scenario, "market_prices") == 16
        assert count(scenario, "corporate_actions") == count(scenario, "feature_windows") == 0
