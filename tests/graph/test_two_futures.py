"""The past does not know the future: what happens after a session changes no bit of what was decided up to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.graph.altered_world import Future
from tests.graph.futures import (
    HISTORY,
    HISTORY_MONTHS,
    SPAN,
    SPAN_MONTHS,
    common_history,
    comparable_tables,
    continued,
    differences,
    known_by,
    real_span,
    report,
    world,
)
from tests.graph.harness import Built

pytestmark = pytest.mark.slow
PARTINGS = {
    date(2004, 11, 24): "the day before a holiday",
    date(2004, 11, 26): "a half day",
    date(2004, 11, 30): "a month end",
    date(2004, 12, 7): "the session before a hole",
    date(2004, 12, 8): "a hole",
    date(2004, 12, 31): "a year end",
    date(2005, 1, 14): "a Friday before a long weekend",
    date(2005, 1, 20): "the first of two holes in a row",
    date(2005, 1, 31): "a month end with a cut-off of models",
    date(2005, 2, 8): "the ex-date of a dividend",
    date(2005, 2, 10): "the session before a quarantined bar",
    date(2005, 2, 25): "the session before a split",
    date(2005, 2, 28): "the ex-date of a split and a month end",
    date(2005, 3, 1): "the session after a split",
}
INTRADAY = {"market_ticks", "tick_imports", "intraday_prices", "bars_mtf", "mtf_state"}
"""Tables that no job of the daily work fills."""
REPAIRS = {"price_repairs", "action_repairs"}
"""Tables that stay empty unless a rule of repair is named."""
QUIET_TABLES = {
    "feature_sets",
    "market_price_revisions",
    "corporate_action_revisions",
    "learning_insights",
    "insight_retests",
    "bias_flags",
    "retrain_signals",
    "abstention_outcomes",
    "prediction_accuracy_revisions",
    "threshold_overrides",
    "outcome_labels",
    "drift_metrics",
    "retrain_answers",
    "quality_findings",
    *INTRADAY,
    *REPAIRS,
}
"""Tables that need not differ after the parting: definitions, corrections, rare findings, no intraday files."""
LAST_CUTOFF_TO_TELL = date(2005, 2, 1)
"""After it, the future reaches only the validation part of the last cut-off: its scores differ, maybe not its models."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return common_history(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return real_span(tmp_path_factory.getbasetemp())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "world"
    shutil.rmtree(tmp_path, ignore_errors=True)


def partings() -> list[object]:
    return [pytest.param(day, id=f"{day} {words}") for day, words in PARTINGS.items()]


@pytest.mark.parametrize("until", partings())
def test_another_future_after_a_session_changes_no_bit_up_to_it(
    until: date, real: Built, history: Path, folder: Path
) -> None:
    other = continued(folder, Future(until), history)
    found = differences(real, other, until)
    assert not found, report(found)
    by_month = {"model_deployments", "promotion_verdicts"}
    quiet = QUIET_TABLES | (by_month if until > LAST_CUTOFF_TO_TELL else set())
    missing = set(comparable_tables()) - quiet - differences(real, other, SPAN[1]).keys()
    assert not missing, (
        f"these tables are equal after the parting too, so nothing was shown of them: {missing}"
    )


def test_every_table_has_something_to_compare_before_the_last_parting(real: Built) -> None:
    heights = {table: known_by(real, table, max(PARTINGS)).height for table in comparable_tables()}
    empty = {table for table, height in heights.items() if not height}
    rare = {
        "market_price_revisions",
        "prediction_accuracy_revisions",
        "threshold_overrides",
        "corporate_action_revisions",
        "bias_flags",
        "drift_metrics",
        "retrain_answers",
        "quality_findings",
        "insight_retests",
    }
    assert empty <= rare | INTRADAY | REPAIRS, heights


@pytest.mark.timeout(1200)
def test_whole_scenario_in_one_run_knows_nothing_of_the_future(folder: Path) -> None:
    until = date(2005, 2, 28)
    whole = []
    for future in (None, Future(until, seed=2)):
        with world(folder / str(future is None), future) as scenario:
            scenario.run("prepare_inputs", HISTORY[0], SPAN[1])
            scenario.run("train_models", HISTORY_MONTHS[0], SPAN_MONTHS[1])
            scenario.run("decide_and_trade", SPAN[0], SPAN[1])
            whole.append(scenario)
    found = differences(whole[0], whole[1], until)
    assert not found, report(found)
    assert "trades" in differences(whole[0], whole[1], SPAN[1])
