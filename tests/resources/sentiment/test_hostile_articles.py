"""Hostile articles against a model that obeys them: what comes out is inside the bounds or is nothing."""

from __future__ import annotations

import socket
import unicodedata
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from nextgen_resources.sentiment import SCORABLE_SCHEMA
from nextgen_resources.sentiment.llm.prompt import build_request, prompt_text, quotable
from nextgen_resources.sentiment.llm.replies import RATIONALE_CHARACTERS
from nextgen_resources.sentiment.openai import Scorer
from nextgen_resources.sentiment.outcomes import ScoringOutcome
from tests.resources.sentiment.hostile_articles import hostile_articles, obeying
from tests.resources.sentiment.openai_server import Heard, loopback_model

COUNT = 300
ARTICLES = hostile_articles(COUNT, seed=11)


@pytest.fixture(scope="module")
def scored() -> Iterator[tuple[ScoringOutcome, list[Heard], list[Any]]]:
    """All articles, for a ticker of its own each, and every address that was connected to."""
    rows = [(str(n), f"T{n}", each.headline, each.body) for n, each in enumerate(ARTICLES)]
    frame = pl.DataFrame(rows, schema=dict(SCORABLE_SCHEMA), orient="row")
    reached: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> Any:
        reached.append(address)
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch, loopback_model(obeying) as server:
        patch.setattr(socket.socket, "connect", watched)
        outcome = Scorer("m", server.base_url).attempt(frame, 1.0)
        yield outcome, server.heard, reached


def test_every_article_was_asked_about_once_and_ended_as_a_score_or_a_failure(
    scored: tuple[ScoringOutcome, list[Heard], list[Any]],
) -> None:
    outcome, heard, _ = scored
    assert len(heard) == COUNT == outcome.scores.height + outcome.failures.height
    assert outcome.scores.height > 10, "the obedient model never managed to give a valid score"
    assert {"out_of_range", "schema_error", "empty"} <= set(outcome.failures["error_class"])


def test_no_number_is_outside_its_bounds_and_no_rationale_carries_controls(
    scored: tuple[ScoringOutcome, list[Heard], list[Any]],
) -> None:
    scores = scored[0].scores
    assert scores["score"].is_between(-1, 1).all()
    assert scores.select(pl.col("relevance", "confidence").is_between(0, 1).all()).row(0) == (True, True)
    assert scores["rationale"].str.len_chars().max() <= RATIONALE_CHARACTERS
    assert all(text.isprintable() for text in scores["rationale"])


def test_no_article_touches_another_ticker(scored: tuple[ScoringOutcome, list[Heard], list[Any]]) -> None:
    outcome = scored[0]
    both = [outcome.scores.select("article_id", "ticker"), outcome.failures.select("article_id", "ticker")]
    assert set(pl.concat(both).rows()) == {(str(n), f"T{n}") for n in range(COUNT)}


def test_no_request_leaves_the_machine(scored: tuple[ScoringOutcome, list[Heard], list[Any]]) -> None:
    reached = scored[2]
    assert reached
    assert {address[0] for address in reached} == {"127.0.0.1"}


def test_the_article_is_one_quoted_line_behind_a_fence_of_its_own(
    scored: tuple[ScoringOutcome, list[Heard], list[Any]],
) -> None:
    fences = set()
    for heard in scored[1]:
        first, begins, quoted, ends = heard.message.splitlines()
        fence = begins.split()[2]
        fences.add(fence)
        assert first == f"ticker: {heard.ticker}"
        assert (begins, ends) == (f"--- article {fence} begins ---", f"--- article {fence} ends ---")
        assert fence not in quoted
        assert heard.instructions == f"{prompt_text('article_v1')}\nThe fence of this message is {fence}.\n"
        assert set(heard.article) <= {"headline", "body"}
        hidden = [
            letter for letter in quoted if unicodedata.category(letter) in {"Cc", "Cf", "Co", "Cn", "Cs"}
        ]
        assert not hidden
        assert "<|" not in quoted
        assert "[INST]" not in quoted
    assert len(fences) == COUNT


def test_words_of_other_languages_are_kept() -> None:
    assert quotable("Прибыль выросла, 利益が増加 – ربح", 100) == "Прибыль выросла, 利益が増加 – ربح"


def test_a_flood_is_cut_before_it_is_sent() -> None:
    request = build_request("article_v1", "AAPL", "x" * 10_000_000, "\u200b" * 10_000_000)
    assert len(request.message) < 700
