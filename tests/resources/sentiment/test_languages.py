"""A scorer abstains, under a class of its own, from articles in a language that it does not know."""

from __future__ import annotations

import polars as pl
import pytest

from nextgen_resources.sentiment import load_sentiment_scorer
from nextgen_resources.sentiment.ensemble import Scorer as Ensemble
from nextgen_resources.sentiment.openai import Scorer as LanguageModel
from nextgen_resources.sentiment.outcomes import FAILURE_SCHEMA, attempt_scores
from tests.resources.sentiment.openai_server import answered, loopback_model

ITEMS = pl.DataFrame(
    [
        ("a", "SAP", "SAP profit rose", None, "en"),
        ("b", "SAP", "Gewinn von SAP eingebrochen", None, "de"),
        ("c", "SAP", "SAP +5%", None, "und"),
        ("d", "SAP", "利益が急増", None, "ja"),
    ],
    schema=["article_id", "ticker", "headline", "body", "language"],
    orient="row",
    schema_overrides={"body": pl.String},
)


@pytest.mark.parametrize("name", ["classifier", "lexicon"])
def test_an_english_scorer_gives_no_number_for_other_languages(name: str) -> None:
    scorer = load_sentiment_scorer(name)
    outcome = attempt_scores(scorer, ITEMS, 1.0)
    assert outcome.scores["article_id"].to_list() == ["a", "c"]
    assert outcome.failures.schema == pl.Schema(FAILURE_SCHEMA)
    assert outcome.failures.select("article_id", "scorer", "error_class").rows() == [
        ("b", name, "other_language"),
        ("d", name, "other_language"),
    ]
    assert outcome.failures["detail"][0] == "the article is in de, which the scorer does not know"


def test_a_language_model_is_asked_about_every_language_and_an_ensemble_about_what_all_members_know() -> None:
    with loopback_model(lambda _heard: answered("responses")) as server:
        model = LanguageModel("m", server.base_url)
        assert attempt_scores(model, ITEMS, 1.0).scores.height == 4
        asked = len(server.heard)
        both = Ensemble([(model, 1.0), (load_sentiment_scorer("lexicon"), 1.0)])
        outcome = attempt_scores(both, ITEMS, 1.0)
        assert len(server.heard) - asked == 2, "nothing is paid for that could not become a score"
    assert outcome.scores["article_id"].to_list() == ["a", "c"]
    assert set(outcome.failures.select("scorer", "error_class").rows()) == {("ensemble", "other_language")}


def test_without_a_language_everything_is_scored() -> None:
    outcome = attempt_scores(load_sentiment_scorer("lexicon"), ITEMS.drop("language"), 1.0)
    assert outcome.scores.height == 4
