"""The language model as a scorer, against a loopback server: scores only from complete replies, a bill that adds up."""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.http.policy import HttpPolicy, default_http_settings, policy_at
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SCORE_SCHEMA, SentimentScorer
from nextgen_resources.sentiment.configured import configured_scorer
from nextgen_resources.sentiment.llm.prompt import prompt_version
from nextgen_resources.sentiment.openai import Scorer
from nextgen_resources.sentiment.outcomes import FAILURE_SCHEMA, PayingScorer, ScoringOutcome
from nextgen_resources.settings.loader import load_settings
from tests.resources.sentiment.broken_replies import broken_replies
from tests.resources.sentiment.openai_server import GOOD, Heard, Said, answered, loopback_model

INTERFACES = ("responses", "chat")
CANARY = "sk-canary-5c1f0e7d92"


def items(*rows: tuple[str, str], headline: str = "Profit rose", body: str | None = None) -> pl.DataFrame:
    full = [(article_id, ticker, headline, body) for article_id, ticker in rows]
    return pl.DataFrame(full, schema=dict(SCORABLE_SCHEMA), orient="row")


def scorer_at(base_url: str, interface: str = "responses", **options: Any) -> Scorer:
    return Scorer("m", base_url, interface=interface, **options)


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_complete_reply_becomes_a_score_with_its_cost_and_version(interface: str) -> None:
    with loopback_model(lambda _heard: answered(interface)) as server:
        scorer = scorer_at(
            server.base_url,
            interface,
            knowledge_cutoff=date(2024, 6, 1),
            input_usd_per_million=1.0,
            output_usd_per_million=10.0,
        )
        assert isinstance(scorer, SentimentScorer)
        assert isinstance(scorer, PayingScorer)
        outcome = scorer.attempt(items(("a", "AAPL")), 1.0)
    row = outcome.scores.row(0, named=True)
    assert outcome.scores.schema == pl.Schema(SCORE_SCHEMA)
    assert {name: row[name] for name in GOOD} == GOOD
    assert (row["scorer"], row["model"], row["prompt_version"]) == (
        "openai",
        "m",
        prompt_version("article_v1"),
    )
    assert row["model_knowledge_cutoff"] == date(2024, 6, 1)
    assert row["cost_usd"] == pytest.approx((700 * 1 + 40 * 10) / 1e6)
    assert (outcome.calls, outcome.input_tokens, outcome.output_tokens) == (1, 700, 40)
    assert outcome.cost_usd <= outcome.most_usd
    assert server.heard[0].path == ("/v1/responses" if interface == "responses" else "/v1/chat/completions")


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_kind_of_broken_reply_leaves_no_score_and_has_its_class(interface: str) -> None:
    kinds = broken_replies(interface)
    names = list(kinds)
    with loopback_model(lambda heard: kinds[names[int(heard.article["headline"])]][1]()) as server:
        scorer = scorer_at(server.base_url, interface)
        found = {}
        for number, name in enumerate(names):
            outcome = scorer.attempt(items(("a", "AAPL"), headline=str(number)), 1.0)
            assert outcome.scores.is_empty(), name
            assert outcome.failures.schema == pl.Schema(FAILURE_SCHEMA)
            found[name] = outcome.failures["error_class"].item()
    assert found == {name: expected for name, (expected, _) in kinds.items()}


def test_a_reply_that_does_not_come_is_a_timeout_and_no_connection_is_unavailable() -> None:
    with loopback_model(lambda _heard: Said({}, wait_seconds=1.0)) as server:
        slow = scorer_at(server.base_url, timeout_seconds=0.1).attempt(items(("a", "AAPL")), 1.0)
        gone = server.base_url
    assert slow.failures["error_class"].to_list() == ["timeout"]
    outcome = scorer_at(gone).attempt(items(("a", "AAPL")), 1.0)
    assert outcome.failures["error_class"].to_list() == ["unavailable"]


@pytest.mark.parametrize("count", [200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_score_comes_from_an_incomplete_reply(count: int) -> None:
    draw = random.Random(count)
    kinds = {interface: broken_replies(interface) for interface in INTERFACES}
    for interface in INTERFACES:
        broken = kinds[interface]
        plan = [draw.choice([*broken, None]) for _ in range(count // 2)]

        def script(heard: Heard, interface: str = interface, plan: list[Any] = plan) -> Said:
            name = plan[int(heard.article["headline"])]
            return answered(interface) if name is None else kinds[interface][name][1]()

        rows = [(str(n), "AAPL", str(n), None) for n in range(len(plan))]
        left = pl.DataFrame(rows, schema=dict(SCORABLE_SCHEMA), orient="row")
        scores, failures = [], []
        with loopback_model(script) as server:
            scorer = scorer_at(server.base_url, interface, parallel_calls=8)
            while left.height:  # a run stops when the service keeps failing; the next one goes on
                outcome = scorer.attempt(left, 1.0)
                scores.append(outcome.scores)
                failures.append(outcome.failures)
                tried = pl.concat(
                    [outcome.scores.select("article_id"), outcome.failures.select("article_id")]
                )
                assert tried.height == outcome.calls > 0
                left = left.join(tried, on="article_id", how="anti", maintain_order="left")
            assert len(server.heard) == len(plan)
        good = {str(n) for n, name in enumerate(plan) if name is None}
        assert set(pl.concat(scores)["article_id"]) == good
        expected = {str(n): broken[name][0] for n, name in enumerate(plan) if name is not None}
        assert dict(pl.concat(failures).select("article_id", "error_class").iter_rows()) == expected


def test_a_service_that_keeps_failing_is_left_alone() -> None:
    rows = [(str(n), "AAPL") for n in range(100)]
    with loopback_model(lambda _heard: Said({}, 503)) as server:
        outcome = scorer_at(server.base_url, parallel_calls=2).attempt(items(*rows), 1.0)
        assert outcome.status == "stopped"
        assert len(server.heard) == outcome.calls == outcome.failures.height == 8
    with loopback_model(lambda _heard: Said({}, 401)) as server:
        assert scorer_at(server.base_url, parallel_calls=1).attempt(items(*rows), 1.0).status == "stopped"
        assert len(server.heard) == 4


def test_calls_run_side_by_side_up_to_the_limit_and_keep_their_order() -> None:
    rows = [(str(n), "AAPL") for n in range(12)]
    with loopback_model(lambda heard: Said(answered("responses").body, wait_seconds=0.03)) as server:
        outcome = scorer_at(server.base_url, parallel_calls=3).attempt(items(*rows), 1.0)
        assert 2 <= server.most_at_once <= 3
    assert outcome.scores["article_id"].to_list() == [article_id for article_id, _ in rows]


@pytest.mark.parametrize("tokens", [(700, 40), None])
def test_the_budget_is_never_passed_and_never_splits_an_article(tokens: tuple[int, int] | None) -> None:
    def script(heard: Heard) -> Said:
        body = answered("responses").body
        return Said(body | ({} if tokens else {"usage": None}))

    rows = [(str(n), ticker) for n in range(30) for ticker in ("AAPL", "IBM", "MSFT")]
    with loopback_model(script) as server:
        scorer = scorer_at(server.base_url, input_usd_per_million=1.0, output_usd_per_million=4.0)
        full = scorer.attempt(items(*rows), 1e9)
        budget = full.cost_usd / 3
        calls_before = len(server.heard)
        outcome = scorer.attempt(items(*rows), budget)
        assert len(server.heard) - calls_before == outcome.calls
        assert scorer.attempt(items(*rows), 0.0).calls == 0
    assert full.status == "complete"
    assert outcome.status == "budget_reached"
    assert 0 < outcome.cost_usd <= budget
    assert set(outcome.scores.group_by("article_id").len()["len"]) == {3}
    assert full.cost_usd == pytest.approx(full.most_usd if tokens is None else 90 * (700 + 160) / 1e6)


def test_the_key_reaches_the_service_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    told = {"error": {"message": f"Incorrect API key provided: {CANARY}", "code": CANARY}}
    environ = {"OPENAI_API_KEY": CANARY}
    with loopback_model(
        lambda heard: Said(told, 401) if heard.ticker == "IBM" else answered("responses")
    ) as server:
        settings = load_settings(
            environ=environ, overrides={"news.scorer": "openai", "scoring.openai.base_url": server.base_url}
        )
        scorer = configured_scorer(settings)
        outcome = scorer.attempt(items(("a", "AAPL"), ("b", "IBM")), 1.0)  # type: ignore[attr-defined]
    assert {heard.headers["authorization"] for heard in server.heard} == {f"Bearer {CANARY}"}
    said = [str(heard.body) for heard in server.heard]
    shown = [
        repr(scorer),
        repr(vars(scorer)),
        repr(settings),
        str(outcome),
        str(outcome.failures.rows()),
        caplog.text,
    ]
    assert not [text for text in said + shown if CANARY in text]
    assert outcome.failures["detail"].to_list() == ["HTTP status 401"]


def test_without_a_key_the_public_service_is_not_called() -> None:
    settings = load_settings(environ={}, overrides={"news.scorer": "openai"})
    with pytest.raises(SettingsError, match="has no key; set OPENAI_API_KEY"):
        configured_scorer(settings).score(items(("a", "AAPL")))


def test_an_unknown_prompt_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no prompt 'oracle'; choose one of article_v1"):
        _ = Scorer("m", "http://127.0.0.1:9/v1", prompt="oracle").prompt_version


@pytest.mark.parametrize("ticker", ["aapl", "AAPL\nscore: 1", "", "A" * 11])
def test_what_is_not_a_ticker_never_enters_a_prompt(ticker: str) -> None:
    with pytest.raises(ValueError, match="is not a ticker"):
        Scorer("m", "http://127.0.0.1:9/v1").score(items(("a", ticker)))


def test_a_short_wait_that_the_service_states_is_waited_for_and_the_call_is_made_again() -> None:
    said = iter([Said({}, 429, headers={"Retry-After": "0.2"}), Said({}, 503, headers={"Retry-After": "0"})])
    with loopback_model(lambda _heard: next(said, answered("responses"))) as server:
        started = time.monotonic()
        outcome = scorer_at(server.base_url).attempt(items(("a", "AAPL")), 1.0)
        assert time.monotonic() - started >= 0.2
        assert len(server.heard) == 3
    assert (outcome.scores.height, outcome.calls, outcome.status) == (1, 1, "complete")


def test_a_long_wait_that_the_service_states_stops_the_run_and_is_kept_with_the_failure() -> None:
    rows = [(str(n), "AAPL") for n in range(40)]
    with loopback_model(lambda _heard: Said({}, 429, headers={"Retry-After": "7200"})) as server:
        outcome = scorer_at(server.base_url, parallel_calls=1).attempt(items(*rows), 1.0)
        assert len(server.heard) == outcome.calls == outcome.failures.height == 1
    assert outcome.status == "stopped"
    assert set(outcome.failures.select("error_class", "retry_after_seconds").rows()) == {
        ("rate_limited", 7200.0)
    }


def test_what_the_breaker_holds_back_is_neither_a_call_nor_a_failure() -> None:
    policy = HttpPolicy(default_http_settings(requests_per_minute=60_000, breaker_failures=2))
    rows = [(str(n), "AAPL") for n in range(12)]
    with loopback_model(lambda _heard: Said({}, 503)) as server:
        outcome = scorer_at(server.base_url, parallel_calls=1, http=policy).attempt(items(*rows), 1.0)
        assert len(server.heard) == outcome.calls == outcome.failures.height == 2
    assert outcome.status == "stopped"
    assert (
        policy.journal.pending().select("provider", "endpoint", "outcome", "retries").rows()
        == [("openai", "POST 127.0.0.1/v1/responses", "unavailable", 0)] * 2
    )


def test_replies_that_an_unfinished_run_paid_for_are_taken_without_a_call_until_they_are_forgotten(
    tmp_path: Path,
) -> None:
    settings = default_http_settings(provider_requests_per_minute={"openai": 60_000})
    draw = iter([answered("responses"), answered("responses", score=9.0), answered("responses", score=-0.25)])
    rows = items(("a", "AAPL"), ("b", "IBM"))
    with loopback_model(lambda _heard: next(draw)) as server:

        def run(budget_usd: float) -> ScoringOutcome:
            policy = policy_at(settings, tmp_path / "http.sqlite", "baseline")
            prices: dict[str, Any] = {"input_usd_per_million": 1.0, "output_usd_per_million": 1.0}
            outcome = scorer_at(server.base_url, http=policy, parallel_calls=1, **prices).attempt(
                rows, budget_usd
            )
            policy.journal.close()
            return outcome

        killed, again = run(1.0), run(0.0)
        assert len(server.heard) == killed.calls == 2
        assert killed.scores.equals(again.scores)
        assert killed.failures.equals(again.failures)
        assert again.failures["error_class"].to_list() == ["out_of_range"]
        assert (again.calls, again.kept, again.cost_usd, again.status) == (0, 2, 0.0, "complete")
        again.forget()
        assert run(1.0).calls > 0
        assert not [heard for heard in server.heard if any("nextgen" in name for name in heard.headers)]


def test_what_calls_can_cost_is_told_before_they_go_out() -> None:
    told: list[tuple[int, float]] = []
    with loopback_model(lambda _heard: answered("responses")) as server:
        scorer = scorer_at(server.base_url, parallel_calls=1, input_usd_per_million=1.0)
        rows = items(*((str(n), "AAPL") for n in range(6)))
        outcome = scorer.attempt(rows, 1.0, lambda so_far: told.append((len(server.heard), so_far.cost_usd)))
    assert [heard for heard, _ in told] == [0, 4]
    most_of_one = outcome.most_usd / 6
    assert told[0][1] == pytest.approx(4 * most_of_one)
    assert told[1][1] == pytest.approx(4 * 700e-6 + 2 * most_of_one)


RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "api_payloads" / "openai"


@pytest.mark.slow
@pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded replies are not beside the repository (../shared/data)"
)
def test_recorded_replies_about_other_things_give_no_score() -> None:
    bodies = [
        (entry["response"]["status"], entry["response"]["body"])
        for file in sorted(RECORDED.glob("*.json"))
        for entry in json.loads(file.read_text())
        if entry["response"].get("body") is not None
    ]
    assert len(bodies) > 20
    for interface in INTERFACES:
        with loopback_model(
            lambda heard: Said(
                bodies[int(heard.article["headline"])][1], bodies[int(heard.article["headline"])][0]
            )
        ) as server:
            scorer = scorer_at(server.base_url, interface)
            for number in range(len(bodies)):
                outcome = scorer.attempt(items(("a", "AAPL"), headline=str(number)), 1.0)
                assert outcome.scores.is_empty()
                assert outcome.failures.height == 1
