"""Freshness of every raw asset: red when what is due has not come within the budget, green when it is back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nextgen_assets.orchestration.feed_watch import CHECK, watch_feeds
from nextgen_resources.clock import FrozenClock
from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.trading_sections import FEEDS
from tests.graph.harness import Built, built
from tests.orchestration.test_sensors import bar

WATCHED = ("security_listings", "ticker_universe", "corporate_actions", "news_articles", "market_prices")
BEFORE = date(2013, 1, 9)
THURSDAY = date(2013, 1, 10)
RED_FROM = datetime(2013, 1, 11, 3, 30, tzinfo=UTC)
"""Six hours after the cut-off of Thursday, half past four in New York."""


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Built]:
    overrides = {"ingestion.last_session": None, "scheduler.feed_budgets_minutes": {"news_articles": 900}}
    with built(tmp_path, overrides) as found:
        for name in WATCHED:
            arrive(found, name, BEFORE)
        yield found


def arrive(scenario: Built, asset: str, session: date) -> None:
    """What a session's run leaves: its partition in the history, and for prices a row."""
    if asset == "market_prices":
        bar(scenario, session)
    event = dg.AssetMaterialization(asset, partition=str(session))
    scenario.instance.report_runless_asset_event(event)


def look(scenario: Built, now: datetime, cursor: str | None = None) -> tuple[dict[str, bool], str | None]:
    """One tick of the sensor, its evaluations reported as the daemon does: asset to verdict."""
    resources = {"warehouse": scenario.warehouse, "settings": scenario.settings, "clock": FrozenClock(now)}
    with dg.build_sensor_context(scenario.instance, cursor=cursor, resources=resources) as context:
        found = watch_feeds(context)
    if isinstance(found, dg.SkipReason):
        return {}, cursor
    for event in found.asset_events:
        scenario.instance.report_runless_asset_event(event)
    verdicts = {event.asset_key.to_user_string(): event.passed for event in found.asset_events}
    return verdicts, found.cursor


def shown(scenario: Built, asset: str) -> bool:
    """What the page of the asset shows: the newest evaluation in the history."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), CHECK)
    (record,) = scenario.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return record.event.dagster_event.asset_check_evaluation_data.passed


@pytest.mark.parametrize("asset", WATCHED)
def test_stopped_feed_turns_red_within_its_budget_and_green_when_it_is_back(
    scenario: Built, asset: str
) -> None:
    for name in WATCHED:
        if name != asset:
            arrive(scenario, name, THURSDAY)
    budget = timedelta(minutes=900 if asset == "news_articles" else 360)
    red_from = RED_FROM - timedelta(minutes=360) + budget
    verdicts, cursor = look(scenario, red_from - timedelta(minutes=1))
    assert verdicts == dict.fromkeys(WATCHED, True)
    verdicts, cursor = look(scenario, red_from, cursor)
    assert verdicts == {asset: False}
    assert not shown(scenario, asset)
    arrive(scenario, asset, THURSDAY)
    verdicts, cursor = look(scenario, red_from + timedelta(minutes=5), cursor)
    assert verdicts == {asset: True}
    assert shown(scenario, asset)


def test_unchanged_verdicts_are_said_again_only_after_an_hour(scenario: Built) -> None:
    verdicts, cursor = look(scenario, RED_FROM)
    assert verdicts == {name: name == "news_articles" for name in WATCHED}
    assert look(scenario, RED_FROM + timedelta(minutes=55), cursor)[0] == {}
    assert set(look(scenario, RED_FROM + timedelta(minutes=60), cursor)[0]) == set(WATCHED)


@pytest.mark.parametrize(
    ("newest", "fresh_until"),
    [
        (
            date(2013, 7, 2),
            datetime(2013, 7, 3, 23, 30, tzinfo=UTC),
        ),  # closes at one on the eve of the holiday
        (date(2013, 7, 3), datetime(2013, 7, 6, 2, 30, tzinfo=UTC)),  # nothing is due on the fourth
        (date(2013, 3, 8), datetime(2013, 3, 12, 2, 30, tzinfo=UTC)),  # Monday, after the clocks changed
    ],
)
def test_what_is_due_follows_early_closes_holidays_and_the_clocks(
    tmp_path: Path, newest: date, fresh_until: datetime
) -> None:
    with built(tmp_path, {"ingestion.last_session": None}) as scenario:
        for name in WATCHED:
            arrive(scenario, name, newest)
        assert look(scenario, fresh_until - timedelta(minutes=1))[0]["corporate_actions"]
        assert not look(scenario, fresh_until)[0]["corporate_actions"]


def test_files_within_the_day_are_watched_with_a_budget_of_their_own(tmp_path: Path) -> None:
    overrides = {"ingestion.last_session": None, "scheduler.feed_budgets_minutes": {"market_ticks": 60}}
    with built(tmp_path, overrides) as scenario:
        verdicts, _ = look(scenario, RED_FROM)
    assert verdicts["market_ticks"] is False
    assert "intraday_prices" not in verdicts


def test_budget_of_a_feed_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"feeds among .*, found stock_prices"):
        load_settings(
            environ={},
            dotenv_path=Path(os.devnull),
            overrides={"scheduler.feed_budgets_minutes": {"stock_prices": 5}},
        )


def test_every_raw_asset_has_the_check_and_no_job_of_the_day_runs_it(scenario: Built) -> None:
    graph = scenario.definitions.resolve_asset_graph()
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == CHECK}
    assert checked == set(FEEDS)
    for name in ("daily_cycle", "prepare_inputs", "revisit_recent", "import_ticks"):
        job = scenario.definitions.resolve_job_def(name)
        assert not any("fresh" in node.name for node in job.nodes), name


def test_person_who_executes_the_check_gets_the_verdict_of_this_moment(tmp_path: Path) -> None:
    with built(tmp_path, {"ingestion.last_session": None}, clock=FrozenClock(RED_FROM)) as scenario:
        arrive(scenario, "market_prices", THURSDAY)
        keys = {
            dg.AssetCheckKey(dg.AssetKey(name), CHECK)
            for name in ("market_prices", "market_ticks", "news_articles")
        }
        whole = scenario.definitions.resolve_implicit_global_asset_job_def()
        job = whole.get_subset(asset_selection=set(), asset_check_selection=keys)
        done = job.execute_in_process(instance=scenario.instance)
    found = {each.asset_key.to_user_string(): each for each in done.get_asset_check_evaluations()}
    assert {name: each.passed for name, each in found.items()} == {
        "market_prices": True, "market_ticks": True, "news_articles": False,
    }  # fmt: skip
    assert "not watched" in str(found["market_ticks"].description)
    assert json.loads(json.dumps(str(found["news_articles"].description))).startswith(
        "news_articles is empty"
    )
