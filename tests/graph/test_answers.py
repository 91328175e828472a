"""A planted departure of one ticker, through the real graph: signal, a model of its own, the gate, and nobody else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.explanation import explain
from nextgen_assets.inference import BatchPredictor
from nextgen_assets.model_decisions import promote, take_back
from nextgen_assets.orchestration.jobs import INPUTS, MODELS
from nextgen_resources.clock import SystemClock
from nextgen_resources.model_store import ModelStore
from tests.graph.drifting_market import TURNED, DriftingMarket
from tests.graph.harness import Built, built

TURN = date(2004, 4, 1)
FIRST, LAST = date(2003, 9, 2), date(2005, 1, 14)
PREDICTED = date(2004, 9, 1)
MONTHS = (date(2004, 8, 1), date(2004, 12, 1))
DRIFT = {
    "ingestion.first_session": FIRST,
    "ingestion.last_session": LAST,
    "models.families": ["base_rate", "lstm"],
    "features.names": ["close_location", "volatility_20"],
    "models.horizon_sessions": 1,
    "models.train_sessions": 160,
    "models.lstm.hidden_size": 6,
    "models.lstm.epochs": 20,
    "models.lstm.patience": 4,
    "models.lstm.batch_size": 64,
    "models.lstm.learning_rate": 0.01,
    "prediction.calibration_sessions": 40,
    "prediction.bound_ticker_strength": 1.0,
    "feedback.window_sessions": 60,
    "feedback.cooldown_sessions": 20,
    "promotion.minimum_sessions": 25,
    "promotion.level": 0.5,
    "promotion.calibration_level": 0.9999,
    "promotion.minimum_deflated_sharpe": 0.5,
    "promotion.maximum_overfitting": 1.0,
    "answers.cooldown_sessions": 60,
    "answers.epochs": 120,
    "answers.batch_size": 16,
}
"""A short horizon and a gate that skill passes on few sessions."""

FROM_PREDICTION_TO_SIGNAL = (
    "strategic_priorities",
    "predictions",
    "prediction_accuracy",
    "feedback_metrics",
    "retrain_signals",
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


def stretches() -> list[tuple[date, date]]:
    """Months of the predicted sessions: no longer than the record that the gate asks for."""
    sessions = xnys().between(PREDICTED, LAST)
    months = sorted({(day.year, day.month) for day in sessions})
    parts = [[day for day in sessions if (day.year, day.month) == month] for month in months]
    return [(part[0], part[-1]) for part in parts]


@contextmanager
def world(folder: Path) -> Iterator[Built]:
    """A scenario over the market that drifts, with jobs that leave out the checks, which take most of the time."""
    with built(folder, DRIFT, market_data=DriftingMarket(TURN)) as scenario:
        jobs = {
            "prepare": INPUTS,
            "train": MODELS,
            "decide": dg.AssetSelection.assets(*FROM_PREDICTION_TO_SIGNAL),
            "predict": dg.AssetSelection.assets("predictions"),
        }
        unchecked = [dg.define_asset_job(name, part.without_checks()) for name, part in jobs.items()]
        merged = dg.Definitions.merge(scenario.definitions, dg.Definitions(jobs=unchecked))
        yield replace(scenario, definitions=merged)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions, signals and answers month by month, as a live system comes by them; models of each month."""
    folder = tmp_path_factory.mktemp("drift")
    with world(folder) as scenario:
        scenario.run("prepare", FIRST, LAST)
        scenario.run("train", *MONTHS)
        for first, last in stretches():
            scenario.run("decide", first, last)
            scenario.run("answer_signals", first, last)
    return folder


@pytest.fixture(scope="module")
def scenario(begun: Path) -> Iterator[Built]:
    with world(begun) as found:
        yield found


def own_verdicts(scenario: Built) -> pl.DataFrame:
    return scenario.content("promotion_verdicts").filter(pl.col("target_ticker").is_not_null())


def own_models(scenario: Built) -> pl.DataFrame:
    return scenario.content("model_registry").filter(pl.col("target_ticker").is_not_null())


def test_the_ticker_that_turned_asks_for_a_model_and_it_alone_gets_one(scenario: Built) -> None:
    signals, answers = scenario.content("retrain_signals"), scenario.content("retrain_answers")
    assert signals["signal_id"].sort().to_list() == answers["signal_id"].sort().to_list()
    assert TURNED in signals["ticker"].to_list()
    own = own_models(scenario)
    assert set(own["target_ticker"]) == {TURNED}
    assert set(own["scope"].list.join(",")) == {TURNED}
    trained = answers.filter(outcome="trained")
    assert set(trained["ticker"]) == {TURNED}
    assert set(trained["model_id"]) == set(own["model_id"])
    for model in own.iter_rows(named=True):
        asked = trained.filter(model_id=model["model_id"])["session_date"].unique().to_list()
        assert asked == [model["cutoff_session"]]
        started = json.loads(model["metrics"])["started_from"]
        start = scenario.content("model_registry").filter(model_id=started).row(0, named=True)
        assert start["target_ticker"] is None
        assert start["cutoff_session"] < model["cutoff_session"]
    deployed = scenario.content("model_deployments").filter(pl.col("target_ticker").is_not_null())
    assert set(deployed["role"]) == {"challenger"}
    told = scenario.warehouse.read("SELECT status, answered_by_model_id FROM retrain_signals_answered")
    assert "open" not in told["status"].to_list()
    assert told.filter(status="answered")["answered_by_model_id"].null_count() == 0


def test_the_gate_judges_it_by_its_ticker_and_the_ledger_follows_the_verdict(scenario: Built) -> None:
    verdicts = own_verdicts(scenario)
    assert set(verdicts["target_ticker"]) == {TURNED}
    promoted = verdicts.filter(verdict="promoted")
    assert promoted.height, verdicts["reason"].to_list()
    served = scenario.content("predictions").filter(
        pl.col("model_id").is_in(own_models(scenario)["model_id"].implode())
    )
    assert set(served["ticker"]) == {TURNED}
    by_month = {(day.year, day.month) for day in served["session_date"].to_list()}
    serving = {xnys().shift(day, 1) for day in promoted["cutoff_session"].to_list()}
    assert by_month == {(day.year, day.month) for day in serving if day <= LAST}
    cutoffs = dict(own_models(scenario).select("model_id", "cutoff_session").iter_rows())
    assert all(cutoffs[model] < day for model, day in served.select("model_id", "session_date").iter_rows())


def test_a_second_run_adds_nothing(scenario: Built) -> None:
    tables = ("retrain_answers", "model_registry", "model_deployments", "promotion_verdicts", "predictions")
    before = {table: scenario.content(table) for table in tables}
    for first, last in (stretches()[-1], stretches()[0]):
        scenario.run("answer_signals", first, last)
    scenario.run("predict", *stretches()[-1])
    for table in tables:
        assert scenario.content(table).equals(before[table]), table


def test_answers_given_late_are_those_given_in_time(scenario: Built, begun: Path, tmp_path: Path) -> None:
    """All later sessions stand in the warehouse, and nobody looks at them."""
    shutil.copytree(begun / "data", tmp_path / "late" / "data")
    with world(tmp_path / "late") as late:
        with late.warehouse.transaction() as connection:
            for sql in (
                "DELETE FROM retrain_answers",
                "DELETE FROM model_registry WHERE target_ticker IS NOT NULL",
                "DELETE FROM model_deployments WHERE target_ticker IS NOT NULL",
            ):
                connection.execute(sql)
        late.run("answer_signals", PREDICTED, LAST)
        for table in ("retrain_answers", "model_registry", "model_deployments"):
            assert late.content(table).equals(scenario.content(table)), table
        in_force = late.warehouse.read(
            "SELECT DISTINCT in_force_from FROM model_deployments WHERE target_ticker IS NOT NULL"
        )
        assert in_force["in_force_from"].to_list() == [xnys().shift(LAST, 1)]


def test_sessions_one_by_one_give_what_the_month_gave(scenario: Built, begun: Path, tmp_path: Path) -> None:
    """Around the first session that the model of the ticker serves."""
    first = xnys().shift(own_verdicts(scenario).filter(verdict="promoted")["cutoff_session"].min(), 1)
    days = xnys().between(xnys().shift(first, -1), xnys().shift(first, 1))
    shutil.copytree(begun / "data", tmp_path / "alone" / "data")
    with world(tmp_path / "alone") as alone:
        with alone.warehouse.transaction() as connection:
            for table, column in (
                ("predictions", "session_date"),
                ("retrain_answers", "session_date"),
                ("promotion_verdicts", "cutoff_session"),
            ):
                connection.execute(f"DELETE FROM {table} WHERE {column} >= ?", [days[0]])
        for day in days:
            alone.run("predict", day, day)
            alone.run("answer_signals", day, day)
        for table, column in (("predictions", "session_date"), ("retrain_answers", "session_date")):
            expected = scenario.content(table, days[-1], column)
            assert alone.content(table, days[-1], column).equals(expected), table
        judged = scenario.content("promotion_verdicts", days[-1], "cutoff_session")
        assert alone.content("promotion_verdicts", days[-1], "cutoff_session").equals(judged)


def test_the_socket_and_the_explanation_know_who_serves_the_ticker(scenario: Built) -> None:
    served = scenario.content("predictions").filter(
        pl.col("model_id").is_in(own_models(scenario)["model_id"].implode())
    )
    row = served.sort("session_date").row(-1, named=True)
    predictor = BatchPredictor(
        scenario.warehouse, scenario.settings, ModelStore(scenario.settings.models_dir)
    )
    rows = scenario.content("predictions").filter(session_date=row["session_date"])
    for other in rows.iter_rows(named=True):
        (answer,) = predictor.predict_batch([other["window_id"]])
        said = [
            {k: v for k, v in member.items() if k != "weight"} for member in json.loads(other["ensemble"])
        ]
        assert answer["members"] == said
    assert json.loads(row["ensemble"])[-1]["target_ticker"] == TURNED
    text = explain(scenario.warehouse, row["prediction_id"], scenario.settings.sentiment_method)
    assert f"made for {TURNED} and served alone for it, promoted by the gate" in text
    live = scenario.warehouse.read("SELECT * FROM ticker_models_at($day)", day=row["session_date"])
    assert live.select("target_ticker", "model_id").rows() == [(TURNED, row["model_id"])]


def test_a_person_promotes_the_newest_model_of_a_ticker_and_takes_it_back(scenario: Built) -> None:
    store, now = ModelStore(scenario.settings.models_dir), SystemClock().now()
    newest = own_models(scenario).sort("cutoff_session")["model_id"][-1]
    decided = promote(
        scenario.warehouse, scenario.settings, store, TURNED, "trial", now, despite_the_gate=True
    )
    assert (decided.model_id, decided.target_ticker) == (newest, TURNED)
    start = xnys().shift(LAST, 1)
    assert decided.live_from == start
    sql = "SELECT model_id, how FROM ticker_models_at($day)"
    assert scenario.warehouse.read(sql, day=start).rows() == [(newest, "appointed")]
    take_back(scenario.warehouse, scenario.settings, TURNED, "enough", now + timedelta(seconds=1))
    assert newest not in scenario.warehouse.read(sql, day=start)["model_id"].to_list()
    with scenario.warehouse.transaction() as connection:
        connection.execute("DELETE FROM model_deployments WHERE decision <> 'training'")
