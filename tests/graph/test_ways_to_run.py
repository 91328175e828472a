"""One session, a range, the command line, a backfill from the UI: every way to run gives the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.harness import SMALL, Built, built
from tests.graph.servers import Door

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

DAILY = "not key:model_registry"
"""What the job ``daily_cycle`` selects, as the command line says it."""

FIRST, LAST = "2005-02-25", "2005-02-28"
"""A Friday and the Monday on which AAPL splits two for one."""

OF_RUNS = {"task_runs", "provider_calls"}
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
    with built(folder, SHORT) as scenario:
        scenario.run("prepare_inputs", "2004-01-02", "2005-02-24")
        scenario.run("train_models", "2004-11-01", "2005-01-01")
        scenario.run("decide_and_trade", "2004-12-01", "2005-02-24")
    return folder


@pytest.fixture(scope="module")
def as_a_range(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Both sessions in one run."""
    with copy_of(begun, tmp_path_factory.mktemp("range")) as scenario:
        scenario.run("daily_cycle", FIRST, LAST)
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


def test_a_session_at_a_time_gives_the_rows_of_the_range_and_the_range_again_changes_none(
    begun: Path, as_a_range: Rows, tmp_path: Path
) -> None:
    with copy_of(begun, tmp_path) as scenario:
        for session in (FIRST, LAST):
            scenario.run("daily_cycle", session, session)
        assert_same_rows(rows_of(scenario), as_a_range)
        scenario.run("daily_cycle", FIRST, LAST)
        assert_same_rows(rows_of(scenario), as_a_range)


def test_command_line_range_gives_the_rows_of_the_range(begun: Path, as_a_range: Rows, tmp_path: Path) -> None:
    shutil.copytree(begun / "data", tmp_path / "data")
    ran = Door.to(tmp_path, SMALL | SHORT).materialize(DAILY, "--partition-range", f"{FIRST}...{LAST}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    with built(tmp_path, SHORT) as scenario:
        assert_same_rows(rows_of(scenario), as_a_range)


def test_first_session_of_history_alone_runs_through_the_whole_graph(tmp_path: Path) -> None:
    with built(tmp_path, SHORT) as scenario:
        scenario.run("daily_cycle", "2004-01-02", "2004-01-02")
        rows = rows_of(scenario)
    assert rows["predictions"].height == 3
    assert rows["predictions"]["abstained"].all()
    assert rows["feedback_metrics"].is_empty()
    assert rows["portfolio_values"].height == 1
    assert rows["system_health"].height
