"""The same data give the same bytes: twice, with more workers, in one run or in parts, in a range or day by day."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.partitions import month_sessions
from tests.graph.futures import (
    HISTORY,
    HISTORY_MONTHS,
    SPAN,
    SPAN_MONTHS,
    common_history,
    continued,
    decide,
    differences,
    prepare,
    real_span,
    report,
    train,
    world,
)
from tests.graph.harness import Built


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return common_history(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def ranged(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """History in one run, the span in another, one worker."""
    return real_span(tmp_path_factory.getbasetemp())


def artifacts(scenario: Built) -> dict[str, str]:
    """The hash of every file of the model store by its path in it."""
    root = scenario.settings.models_dir
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_same(first: Built, second: Built, until: date) -> None:
    found = differences(first, second, until)
    assert not found, report(found)


@pytest.mark.slow
def test_building_the_span_again_gives_the_same_rows_and_artifacts(
    ranged: Built, history: Path, tmp_path: Path
) -> None:
    again = continued(tmp_path / "again", None, history)
    assert_same(ranged, again, SPAN[1])
    assert artifacts(ranged) == artifacts(again)
    assert len(artifacts(ranged)) > 2 * 3 * 4


@pytest.mark.slow
def test_two_workers_train_the_same_bytes_as_one(ranged: Built, history: Path, tmp_path: Path) -> None:
    with world(tmp_path / "workers", None, history, **{"models.workers": 2}) as scenario:
        prepare(scenario)
        train(scenario)
    assert artifacts(ranged) == artifacts(scenario)
    assert not {"model_registry", "model_deployments"} & differences(ranged, scenario, SPAN[1]).keys()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_history_and_span_in_one_run_equal_two_runs(ranged: Built, tmp_path: Path) -> None:
    with world(tmp_path / "whole", None, **{"models.workers": 2}) as scenario:
        scenario.run("prepare_inputs", HISTORY[0], SPAN[1])
        scenario.run("train_models", HISTORY_MONTHS[0], SPAN_MONTHS[1])
        decide(scenario)
    assert_same(ranged, scenario, SPAN[1])
    assert artifacts(ranged) == artifacts(scenario)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifteen_sessions_one_by_one_after_a_range_equal_the_range(
    ranged: Built, history: Path, tmp_path: Path
) -> None:
    first, n_sessions = date(2005, 2, 11), 15
    before, sessions = xnys().shift(first, -1), xnys().between(first, xnys().shift(first, n_sessions - 1))
    with world(tmp_path / "stepwise", None, history) as scenario:
        scenario.run("prepare_inputs", SPAN[0], before)
        scenario.run("train_models", SPAN_MONTHS[0], "2005-01-01")
        scenario.run("decide_and_trade", SPAN[0], before)
        for session in sessions:
            scenario.run("daily_cycle", session, session)
            if xnys().shift(session, 1).month != session.month:
                scenario.run("train_models", session.replace(day=1), session.replace(day=1))
        assert_same(ranged, scenario, sessions[-1])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_later_sessions_predicted_before_earlier_ones_equal_the_range(ranged: Built, tmp_path: Path) -> None:
    with world(tmp_path / "shuffled", None, ranged.settings.paths.data_dir.parent) as scenario:
        with scenario.warehouse.transaction() as connection:
            connection.execute("DELETE FROM predictions")
        alone = dg.Definitions(jobs=[dg.define_asset_job("predict", "predictions")])
        predicting = replace(scenario, definitions=dg.Definitions.merge(scenario.definitions, alone))
        for month in (
            date(2005, 3, 1),
            date(2004, 12, 1),
            date(2005, 4, 1),
            date(2004, 11, 1),
            date(2005, 1, 1),
        ):
            sessions = [day for day in month_sessions(month) if SPAN[0] <= day <= SPAN[1]]
            predicting.run("predict", sessions[0], sessions[-1])
        predicting.run("predict", date(2005, 2, 1), date(2005, 2, 28))
        assert_same(ranged, scenario, SPAN[1])
