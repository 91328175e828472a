"""The offline scorer: what words weigh, what silence means, and that it needs no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.sentiment import (
    SCORABLE_SCHEMA,
    SCORE_SCHEMA,
    SentimentScorer,
    load_sentiment_scorer,
    sentiment_scorer_names,
)

OFFLINE = """
import socket, sys
def refuse(*_args, **_options):
    raise AssertionError("the network was used")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
import polars as pl
from nextgen_resources.sentiment.lexicon import Scorer
assert not {"finvader", "nltk", "vaderSentiment", "torch", "pandas"} & set(sys.modules), "imported too early"
row = {"article_id": "a", "ticker": "AAPL", "headline": "profit beats forecasts", "body": None}
print(Scorer().score(pl.DataFrame([row]))["score"].item())
assert not {"finvader", "nltk"} & set(sys.modules), "finvader was imported"
"""


@pytest.fixture(scope="module")
def scorer() -> SentimentScorer:
    return load_sentiment_scorer("lexicon")


def score(scorer: SentimentScorer, headline: str, body: str | None = None) -> dict[str, object]:
    frame = pl.DataFrame([("id", "AAPL", headline, body)], schema=dict(SCORABLE_SCHEMA), orient="row")
    return scorer.score(frame).row(0, named=True)


def test_import_and_scoring_work_with_the_network_blocked() -> None:
    root = Path(__file__).resolve().parents[3]
    finished = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert float(finished.stdout) > 0


def test_it_is_found_by_name_and_meets_the_contract(scorer: SentimentScorer) -> None:
    assert "lexicon" in sentiment_scorer_names()
    assert isinstance(scorer, SentimentScorer)
    with pytest.raises(SettingsError, match=r"'oracle' does not exist; choose one of .*lexicon"):
        load_sentiment_scorer("oracle")
    with pytest.raises(SettingsError, match="temperature"):
        load_sentiment_scorer("lexicon", temperature=0)


def test_one_word_of_henry_gives_the_compound_of_its_valence(scorer: SentimentScorer) -> None:
    # VADER: s / sqrt(s^2 + 15) with s = -1.5, rounded to four digits.
    row = score(scorer, "Widget output decreased in Ohio")
    assert row["score"] == pytest.approx(-1.5 / (1.5**2 + 15) ** 0.5, abs=5e-5)
    assert row["rationale"] == "decreased -1.50"
    assert row["confidence"] == pytest.approx(-row["score"])


def test_finance_lists_override_general_english(scorer: SentimentScorer) -> None:
    # General English: interest +1.9 and share +1.2; SentiBignomics makes both nearly neutral.
    assert abs(score(scorer, "The share of interest")["score"]) < 0.05
    assert score(scorer, "Widget revenue increased")["score"] > 0.3


def test_negation_turns_the_sign(scorer: SentimentScorer) -> None:
    assert score(scorer, "Widget output not decreased")["score"] > 0


def test_an_article_without_any_word_of_the_lexicon_scores_zero_with_confidence_zero(
    scorer: SentimentScorer,
) -> None:
    row = score(scorer, "Qwerty zxcv of Bnm")
    assert (row["score"], row["confidence"], row["rationale"]) == (0.0, 0.0, "no word of the lexicon")


def test_a_body_weighs_as_much_as_its_headline(scorer: SentimentScorer) -> None:
    headline = score(scorer, "Widget output decreased")["score"]
    body = score(scorer, "Widget revenue increased")["score"]
    both = score(scorer, "Widget output decreased", "Widget revenue increased. Qwerty zxcv.\n\n")
    assert both["score"] == pytest.approx((headline + body / 2) / 2)


def test_a_hostile_text_is_bounded_in_score_and_in_time(scorer: SentimentScorer) -> None:
    flood = "great profit record " * 200_000
    row = score(scorer, flood, flood)
    assert 0.9 < row["score"] <= 1
    assert row["score"] == score(scorer, flood[:500], flood[:4_000])["score"]


def test_an_empty_frame_gives_an_empty_frame_of_scores(scorer: SentimentScorer) -> None:
    assert scorer.score(pl.DataFrame(schema=dict(SCORABLE_SCHEMA))).schema == pl.Schema(SCORE_SCHEMA)


def test_every_row_is_scored_alone_and_in_order(scorer: SentimentScorer) -> None:
    rows = [
        ("b", "IBM", "profit increased", None),
        ("a", "AAPL", "profit fell", "weak"),
        ("a", "IBM", "nothing", None),
    ]
    frame = pl.DataFrame(rows, schema=dict(SCORABLE_SCHEMA), orient="row")
    together = scorer.score(frame)
    assert together.select("article_id", "ticker").rows() == [("b", "IBM"), ("a", "AAPL"), ("a", "IBM")]
    assert pl.concat(scorer.score(frame[n]) for n in range(3)).equals(together)
    assert together.select("relevance", "cost_usd", "model_knowledge_cutoff").unique().rows() == [
        (1.0, 0.0, None)
    ]


def test_the_version_names_packages_and_the_words_themselves(scorer: SentimentScorer) -> None:
    assert scorer.model == "vaderSentiment-3.3.2+finvader-1.0.2"
    assert scorer.prompt_version == "52570d2b0d2c"
