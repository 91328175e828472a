"""Health for monitors: what is stale, failing, dead or unknown has its level, its words and its exit code."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nextgen_assets.commands import health
from nextgen_assets.vital_signs import Sign, vital_signs, worst
from nextgen_resources.alerts.messages import Message
from nextgen_resources.alerts.outbox import Outbox
from tests.graph.harness import Built, built
from tests.orchestration.test_sensors import bar, insert

THURSDAY = date(2013, 1, 10)
EVENING = datetime(2013, 1, 11, 3, 31, tzinfo=UTC)
"""A minute after the prices of Thursday are overdue."""


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Built]:
    with built(tmp_path, {"ingestion.last_session": None}) as found:
        yield found


def signs(scenario: Built, now: datetime = EVENING) -> dict[str, Sign]:
    found = vital_signs(scenario.warehouse, scenario.settings, scenario.instance, now)
    return {sign.subject: sign for sign in found}


def component(scenario: Built, name: str, status: str) -> None:
    insert(
        scenario, "system_health", component=name, session_date=THURSDAY, checked_at=EVENING, status=status,
        error_count=0, message="3 of 5 members have a bar", run_id="r",
    )  # fmt: skip


def test_feed_is_well_until_its_budget_is_spent_and_then_names_how_far_it_is_behind(scenario: Built) -> None:
    bar(scenario, date(2013, 1, 8))
    assert signs(scenario, datetime(2013, 1, 10, 3, 29, tzinfo=UTC))["feed.market_prices"].level == "ok"
    late = signs(scenario)["feed.market_prices"]
    assert (late.level, late.value) == ("fail", 2.0)
    assert late.message == "market_prices ends on 2013-01-08; 2013-01-10 should be there"


def test_components_of_the_newest_session_speak_for_themselves(scenario: Built) -> None:
    bar(scenario, THURSDAY)
    component(scenario, "news", "warn")
    component(scenario, "market_prices", "ok")
    found = signs(scenario)
    assert found["component.news"] == Sign(
        "component.news", "warn", "2013-01-10: 3 of 5 members have a bar", 1.0
    )
    assert found["component.market_prices"].level == "ok"
    assert found["feed.news_articles"].level == "unknown"
    assert worst([sign for name, sign in found.items() if not name.startswith("feed.")]) == "warn"


def call(scenario: Built, number: int, moment: datetime, outcome: str) -> None:
    insert(
        scenario, "provider_calls", call_id=f"c{number}", provider="yahoo", endpoint="GET x", started_at=moment, seconds=0.1,
        outcome=outcome, retries=0, run_id="r",
    )  # fmt: skip


def test_provider_has_a_heartbeat_and_its_errors_by_kind(scenario: Built) -> None:
    for number, outcome in enumerate(["ok", "rate_limited", "ok", "rate_limited", "unavailable"]):
        call(scenario, number, datetime(2013, 1, 11, 1, number, tzinfo=UTC), outcome)
    assert signs(scenario)["provider.yahoo"] == Sign(
        "provider.yahoo",
        "warn",
        "3 of 5 calls failed in the last day (rate_limited 2, unavailable 1); last answer 2013-01-11 01:02 UTC",
        3.0,
    )


def test_provider_that_gave_no_answer_in_a_day_of_asking_has_failed(scenario: Built) -> None:
    call(scenario, 1, datetime(2013, 1, 9, 1, tzinfo=UTC), "ok")
    quiet = signs(scenario)["provider.yahoo"]
    assert (quiet.level, quiet.message) == (
        "ok",
        "not asked in the last day; last answer 2013-01-09 01:00 UTC",
    )
    call(scenario, 2, datetime(2013, 1, 11, 1, tzinfo=UTC), "unavailable")
    assert signs(scenario)["provider.yahoo"].level == "fail"


def test_absent_warehouse_is_unknown_and_never_ok(scenario: Built) -> None:
    scenario.warehouse.path.unlink()
    found = signs(scenario)
    assert found["feeds"].level == "unknown"
    assert worst(list(found.values())) == "unknown"


def test_dead_letters_are_a_warning_with_their_count(scenario: Built) -> None:
    outbox = Outbox(scenario.settings.outbox_path)
    outbox.put([Message("run_failed", "baseline", "r", EVENING, {})], {"ops": ["run_failed"]}, EVENING)
    (delivery,) = outbox.claim(["ops"], EVENING, 10, 1)
    outbox.failed(delivery, "gone", None, EVENING)
    assert signs(scenario)["alerts"] == Sign("alerts", "warn", "0 deliveries wait, 1 are dead letters", 1.0)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [(["ok"], "ok"), (["ok", "warn"], "warn"), (["warn", "unknown"], "unknown"), (["unknown", "fail"], "fail"), ([], "unknown")],
)  # fmt: skip
def test_worst_sign_is_the_level_of_the_whole(levels: list[str], expected: str) -> None:
    assert worst([Sign("x", level, "") for level in levels]) == expected  # type: ignore[arg-type]


def test_command_prints_json_and_exits_as_monitors_expect(
    scenario: Built, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert health.print_health(scenario.settings, as_json=True) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "fail"
    (prices,) = [sign for sign in told["signs"] if sign["subject"] == "feed.market_prices"]
    assert "market_prices is empty" in prices["message"]


def test_prometheus_gets_the_same_figures(
    scenario: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    bar(scenario, THURSDAY)
    component(scenario, "news", "warn")
    server, thread = health.serve_metrics(scenario.settings, "127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert 'nextgen_status{subject="component.news"} 1.0' in text
    assert 'nextgen_status{subject="feed.market_prices"} 2.0' in text
