"""Scoring by a language model in the real graph: a second run calls nobody, failures wait, the budget holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tests.graph.harness import Built, built
from tests.graph.scoring_process import NEWS
from tests.resources.sentiment.openai_server import Heard, LoopbackModel, Said, answered, loopback_model

FIRST, LAST = "2012-07-02", "2012-08-10"
SETTINGS = {
    "news.scorer": "openai",
    "scoring.fallback": "classifier",
    "scoring.openai.parallel_calls": 2,
    "http.provider_requests_per_minute": {"openai": 60_000},
    "http.breaker_failures": 100,
    "ingestion.first_session": "2012-07-02",
}


@dataclass
class Clock:
    """A clock that a test moves on."""

    instant: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The instant that it was set to."""
        return self.instant


@contextmanager
def scoring(
    folder: Path, script: Callable[[Heard], Said], **settings: Any
) -> Iterator[tuple[Built, LoopbackModel, Clock]]:
    """A scenario whose scorer asks a loopback server."""
    clock = Clock()
    with loopback_model(script) as server:
        overrides = SETTINGS | {"scoring.openai.base_url": server.base_url} | settings
        with built(folder, overrides, clock=clock) as scenario:
            yield scenario, server, clock


def figures(scenario: Built) -> dict[str, Any]:
    """What the UI shows of the newest run of news_sentiment."""
    event = scenario.instance.get_latest_materialization_event(dg.AssetKey("news_sentiment"))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: entry.value for name, entry in event.asset_materialization.metadata.items()}


def check_passed(scenario: Built) -> bool:
    key = dg.AssetCheckKey(dg.AssetKey("news_sentiment"), "no_article_is_without_a_score")
    record = scenario.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    return bool(evaluation.passed)


def sentiment_in_features(scenario: Built) -> float:
    """Largest sentiment, in size, that any feature vector holds."""
    names = scenario.warehouse.read("SELECT names FROM feature_sets")["names"].to_list()[0]
    column = names.index("sentiment") + 1
    return float(scenario.warehouse.scalar(f'SELECT max(abs("values"[{column}])) FROM feature_windows'))


@pytest.mark.slow
def test_a_second_run_makes_no_call_and_the_bill_is_kept(tmp_path: Path) -> None:
    with scoring(tmp_path, lambda heard: answered("responses")) as (scenario, server, _):
        scenario.run("prepare_inputs", FIRST, LAST)
        pairs = scenario.warehouse.scalar("SELECT sum(len(tickers)) FROM news_articles")
        assert len(server.heard) == pairs > 5
        bill = scenario.warehouse.read("SELECT * FROM news_scoring_runs").row(0, named=True)
        assert (bill["calls"], bill["scored"], bill["failed"], bill["status"]) == (
            pairs,
            pairs,
            0,
            "complete",
        )
        assert bill["input_tokens"] == 700 * pairs
        assert 0 < bill["cost_usd"] <= bill["most_usd"]
        stored = scenario.warehouse.scalar(
            "SELECT sum(cost_usd) FROM news_article_scores WHERE scorer = 'openai'"
        )
        assert abs(stored - bill["cost_usd"]) < 1e-9
        before = scenario.content("news_sentiment")
        assert set(before["method"]) == {"openai", "classifier"}
        assert sentiment_in_features(scenario) > 0.2
        scenario.run("prepare_inputs", FIRST, LAST)
        assert len(server.heard) == pairs
        assert figures(scenario)["calls"] == 0
        assert scenario.content("news_sentiment").equals(before)
        assert check_passed(scenario)


@pytest.mark.slow
def test_an_unavailable_model_leaves_the_fallback_under_its_own_name_and_is_tried_again_when_due(
    tmp_path: Path,
) -> None:
    state = {"is_up": False}

    def script(heard: Heard) -> Said:
        return answered("responses") if state["is_up"] else Said({}, 503)

    with scoring(tmp_path, script) as (scenario, server, clock):
        scenario.run("prepare_inputs", FIRST, LAST)
        calls = len(server.heard)
        assert calls == 8  # it stopped after five failures in a row, at the end of the round
        shown = figures(scenario)
        assert (shown["failed_unavailable"], shown["scoring_status"], shown["scored_now"]) == (
            calls,
            "stopped",
            0,
        )
        assert not check_passed(scenario)
        assert set(scenario.content("news_sentiment")["method"]) == {"classifier"}
        assert sentiment_in_features(scenario) == 0.0  # never the fallback's under the name of the model
        failed = scenario.warehouse.read("SELECT * FROM news_score_failures")
        assert set(failed["error_class"]) == {"unavailable"}
        assert set(failed["next_attempt_at"]) == {clock.now() + timedelta(hours=1)}

        state["is_up"] = True
        clock.instant += timedelta(minutes=59)
        scenario.run("prepare_inputs", FIRST, LAST)
        pairs = scenario.warehouse.scalar("SELECT sum(len(tickers)) FROM news_articles")
        assert len(server.heard) - calls == pairs - calls  # those left untried; the failed ones wait
        assert figures(scenario)["waiting_for_retry"] == calls
        clock.instant += timedelta(minutes=1)
        scenario.run("prepare_inputs", FIRST, LAST)
        assert len(server.heard) - calls == pairs
        assert check_passed(scenario)
        assert sentiment_in_features(scenario) > 0.2


@pytest.mark.slow
def test_the_daily_budget_stops_scoring_with_a_status_and_the_next_day_goes_on(tmp_path: Path) -> None:
    with scoring(tmp_path, lambda heard: answered("responses"), **{"scoring.daily_budget_usd": 0.0035}) as (
        scenario,
        server,
        clock,
    ):
        scenario.run("prepare_inputs", FIRST, LAST)
        first_day = len(server.heard)
        pairs = scenario.warehouse.scalar("SELECT sum(len(tickers)) FROM news_articles")
        assert 0 < first_day < pairs
        assert figures(scenario)["scoring_status"] == "budget_reached"
        assert figures(scenario)["left_for_later"] == pairs - first_day
        scenario.run("prepare_inputs", FIRST, LAST)
        spent = scenario.warehouse.scalar("SELECT sum(cost_usd) FROM news_scoring_runs")
        assert spent <= 0.0035
        halves = (
            "SELECT count(*) FROM news_articles a WHERE (SELECT count(*) FROM news_article_scores c "
            "WHERE c.article_id = a.article_id AND c.scorer = 'openai') NOT IN (0, len(a.tickers))"
        )
        assert scenario.warehouse.scalar(halves) == 0
        clock.instant += timedelta(days=1)
        before = len(server.heard)
        scenario.run("prepare_inputs", FIRST, LAST)
        assert len(server.heard) > before


@pytest.mark.slow
def test_features_read_the_fallback_only_where_the_settings_say_so(tmp_path: Path) -> None:
    chosen = {"scoring.feature_method": "classifier"}
    with scoring(tmp_path, lambda heard: Said({}, 401), **chosen) as (scenario, _, _clock):
        scenario.run("prepare_inputs", FIRST, LAST)
        assert figures(scenario)["failed_unauthorised"] > 0
        assert sentiment_in_features(scenario) > 0.0
        scores: pl.DataFrame = scenario.content("news_article_scores")
        assert set(scores["scorer"]) == {"classifier"}


@pytest.mark.slow
def test_a_run_that_fails_after_the_calls_keeps_the_scores_and_the_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> pl.DataFrame:
        raise ArithmeticError("the aggregation failed")

    with scoring(tmp_path, lambda heard: answered("responses"), **{"scheduler.retries": 0}) as (
        scenario,
        server,
        _,
    ):
        with monkeypatch.context() as broken:
            broken.setattr("nextgen_assets.news_sentiment.aggregate_sentiment", fail)
            with pytest.raises(Exception, match="news_sentiment"):
                scenario.run("prepare_inputs", FIRST, LAST, NEWS)
        paid = len(server.heard)
        assert paid > 5
        assert scenario.warehouse.scalar("SELECT sum(calls) FROM news_scoring_runs") == paid
        assert scenario.warehouse.scalar("SELECT count(*) FROM news_sentiment") == 0
        scenario.run("prepare_inputs", FIRST, LAST, NEWS)
        assert len(server.heard) == paid
        assert scenario.warehouse.scalar("SELECT count(*) FROM news_scoring_runs") == 1
        assert set(scenario.content("news_sentiment")["method"]) == {"openai", "classifier"}
