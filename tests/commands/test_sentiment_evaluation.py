"""The command that judges a scorer: a table for people, JSON for programs, honest about what was not scored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from nextgen_assets.cli import main
from nextgen_assets.commands.sentiment_evaluation import as_articles
from tests.resources.sentiment.openai_server import Heard, Said, answered, loopback_model

ROWS = (
    ("profit beats forecasts", "positive", "2020-01-01"),
    ("shares plunge after profit warning", "negative", "2025-01-01"),
    ("the meeting is on Thursday", "neutral", "2025-01-02"),
    ("unavailable", "neutral", "2025-01-03"),
)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.csv"
    path.write_text("text,label,date\n" + "".join(f"{','.join(row)}\n" for row in ROWS))
    return path


def evaluate(*arguments: str, **environ: str) -> Result:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NEXTGEN")}
    return CliRunner().invoke(main, ["evaluate-sentiment", *arguments], env=plain | environ)


def test_the_classifier_is_judged_and_nothing_costs(labelled: Path) -> None:
    result = evaluate(str(labelled), "--scorer", "classifier", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["scorer"], found["n_texts"], found["n_unscored"], found["cost_usd"]) == (
        "classifier",
        4,
        0,
        0.0,
    )
    assert found["quality"]["accuracy"] >= 0.75
    assert found["texts_per_second"] > 0
    assert [row["label"] for row in found["quality"]["confusion"]] == ["negative", "neutral", "positive"]


def test_people_get_tables(labelled: Path) -> None:
    result = evaluate(str(labelled), "--scorer", "lexicon")
    assert result.exit_code == 0, result.output
    for part in (
        "accuracy",
        "macro-F1",
        "calibration error",
        "texts per second",
        "Labelled (rows)",
        "mean_confidence",
    ):
        assert part in result.output


def test_a_language_model_is_judged_after_its_cut_off_on_what_it_scored(labelled: Path) -> None:
    def script(heard: Heard) -> Said:
        if heard.article["headline"] == "unavailable":
            return Said({}, 503)
        return answered("responses", score=-0.9 if "plunge" in heard.article["headline"] else 0.0)

    with loopback_model(script) as server:
        result = evaluate(
            str(labelled), "--scorer", "openai", "--json", "--after-knowledge-cutoff",
            NEXTGEN__SCORING__OPENAI__BASE_URL=server.base_url,
            NEXTGEN__SCORING__OPENAI__KNOWLEDGE_CUTOFF="2024-06-01",
        )  # fmt: skip
        assert len(server.heard) == 3, "an article from before the cut-off was sent"
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["n_texts"], found["n_unscored"], found["failures"]) == (3, 1, {"unavailable": 1})
    assert found["knowledge_cutoff"] == "2024-06-01"
    assert found["quality"]["n"] == 2
    assert found["quality"]["accuracy"] == 1.0
    assert found["cost_usd"] > 0


def test_a_model_that_scored_nothing_is_an_error_with_its_reasons(labelled: Path) -> None:
    with loopback_model(lambda heard: Said({}, 401)) as server:
        result = evaluate(
            str(labelled), "--scorer", "openai", NEXTGEN__SCORING__OPENAI__BASE_URL=server.base_url
        )
    assert result.exit_code == 1
    assert "scored none of the 4 texts" in result.output
    assert "unauthorised" in result.output


def test_an_unknown_cut_off_is_not_taken_for_none(labelled: Path) -> None:
    result = evaluate(
        str(labelled), "--scorer", "openai", "--after-knowledge-cutoff",
        NEXTGEN__SCORING__OPENAI__BASE_URL="http://127.0.0.1:9/v1",
        NEXTGEN__SCORING__OPENAI__KNOWLEDGE_CUTOFF="null",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "knowledge cut-off of gpt-4.1-mini is unknown" in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = evaluate(str(tmp_path / "none.csv"))
    assert result.exit_code == 1
    assert "there is no file" in result.output


def test_a_long_text_is_read_as_headline_and_body_and_a_short_one_whole() -> None:
    tail = "More words follow here. " * 40
    texts = ["Short. One!\nTwo lines", f"A line\n{tail}", f"First sentence. {tail}", "x" * 600]
    found = as_articles(pl.DataFrame({"row": range(4), "text": texts}))
    assert found["headline"].to_list() == ["Short. One!\nTwo lines", "A line", "First sentence.", "x" * 500]
    assert found["body"].to_list() == [None, tail.strip(), tail.strip(), "x" * 100]
