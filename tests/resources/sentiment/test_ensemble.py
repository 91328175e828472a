"""Several scorers as one: the weighted mean where all of them spoke, nothing where one did not."""

from __future__ import annotations

import polars as pl
import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SCORE_SCHEMA, SentimentScorer, load_sentiment_scorer
from nextgen_resources.sentiment.configured import configured_scorer
from nextgen_resources.sentiment.ensemble import Scorer
from nextgen_resources.sentiment.openai import Scorer as LanguageModel
from nextgen_resources.settings.loader import load_settings
from tests.resources.sentiment.openai_server import GOOD, Said, answered, loopback_model

ITEMS = pl.DataFrame(
    [
        ("a", "AAPL", "Profit rose", None),
        ("a", "IBM", "Profit rose", None),
        ("b", "IBM", "Shares fell", "Weak."),
    ],
    schema=dict(SCORABLE_SCHEMA),
    orient="row",
)


def test_the_score_is_the_weighted_mean_of_its_members() -> None:
    lexicon, classifier = load_sentiment_scorer("lexicon"), load_sentiment_scorer("classifier")
    ensemble = Scorer([(lexicon, 1.0), (classifier, 3.0)])
    assert isinstance(ensemble, SentimentScorer)
    found = ensemble.score(ITEMS)
    assert found.schema == pl.Schema(SCORE_SCHEMA)
    assert found.select("article_id", "ticker").rows() == ITEMS.select("article_id", "ticker").rows()
    for column in ("score", "relevance", "confidence"):
        expected = (lexicon.score(ITEMS)[column] + 3 * classifier.score(ITEMS)[column]) / 4
        assert found[column].to_list() == pytest.approx(expected.to_list())
    assert set(found["scorer"]) == {"ensemble"}
    assert "0.2500*lexicon:" in ensemble.model
    assert "0.7500*classifier:" in ensemble.model


def test_an_item_that_one_member_failed_has_no_score_but_a_failure_under_the_ensemble_s_name() -> None:
    def script(heard):  # type: ignore[no-untyped-def]
        return Said({}, 404) if "fell" in heard.article["headline"] else answered("responses")

    with loopback_model(script) as server:
        model = LanguageModel("m", server.base_url, input_usd_per_million=1.0)
        outcome = Scorer([(load_sentiment_scorer("classifier"), 1.0), (model, 1.0)]).attempt(ITEMS, 1.0)
    assert outcome.scores["article_id"].to_list() == ["a", "a"]
    assert outcome.failures.select("article_id", "scorer", "error_class", "detail").rows() == [
        ("b", "ensemble", "rejected", "openai: HTTP status 404")
    ]
    assert outcome.calls == 3
    assert outcome.scores["cost_usd"].to_list() == pytest.approx([700e-6, 700e-6])
    classifier = load_sentiment_scorer("classifier").score(ITEMS)["score"][0]
    assert outcome.scores["score"][0] == pytest.approx((classifier + GOOD["score"]) / 2)


def test_the_settings_name_members_and_weights() -> None:
    weights = {"news.scorer": "ensemble", "scoring.ensemble_weights": {"lexicon": 1.0, "classifier": 0.0}}
    scorer = configured_scorer(load_settings(environ={}, overrides=weights))
    assert scorer.model.startswith("1.0000*lexicon:")
    plain = configured_scorer(load_settings(environ={}, overrides={"news.scorer": "ensemble"}))
    assert plain.model.startswith("0.6667*classifier:")


@pytest.mark.parametrize("weights", [{"lexicon": 0.0}, {"ensemble": 1.0}])
def test_an_ensemble_of_nothing_or_of_itself_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="ensemble_weights"):
        load_settings(environ={}, overrides={"scoring": {"ensemble_weights": weights}})


def test_features_cannot_read_a_method_that_nothing_writes() -> None:
    with pytest.raises(SettingsError, match="nothing writes it"):
        load_settings(environ={}, overrides={"scoring.feature_method": "openai"})
