"""The trained scorer: what it says, that a row stands alone, and that its recipe gives its bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nextgen_resources.errors import ProviderError
from nextgen_resources.sentiment import (
    NEUTRAL_BAND,
    SCORABLE_SCHEMA,
    SCORE_SCHEMA,
    SentimentScorer,
    load_sentiment_scorer,
)
from nextgen_resources.sentiment.short_texts import reading, training, weights
from nextgen_resources.sentiment.short_texts.features import text_features
from nextgen_resources.sentiment.short_texts.statements import LABELS
from nextgen_resources.sentiment.short_texts.words import read_words, word_hashes

LABELLED = Path(__file__).resolve().parents[4] / "shared" / "data" / "sentiment_labelled"
TWITTER = LABELLED / "twitter_financial_news.parquet"
needs_labelled = pytest.mark.skipif(
    not TWITTER.is_file(), reason="the labelled texts are not beside the repository (../shared/data)"
)
FOLDER = resources.files("nextgen_resources.sentiment.short_texts")


@pytest.fixture(scope="module")
def scorer() -> SentimentScorer:
    return load_sentiment_scorer("classifier")


def items(*texts: tuple[str, str | None]) -> pl.DataFrame:
    rows = [(str(n), "AAPL", headline, body) for n, (headline, body) in enumerate(texts)]
    return pl.DataFrame(rows, schema=dict(SCORABLE_SCHEMA), orient="row")


def score(scorer: SentimentScorer, headline: str, body: str | None = None) -> float:
    return float(scorer.score(items((headline, body)))["score"].item())


@pytest.mark.parametrize(
    ("headline", "sign"),
    [
        ("Apple third-quarter profit beats forecasts", 1),
        ("Operating profit rose to EUR 13.1 mn from EUR 8.7 mn", 1),
        ("Barclays fined 450m over rate rigging", -1),
        ("Shares plunge after profit warning", -1),
        ("Broker downgrades Tesco to sell", -1),
        ("The annual general meeting will be held on Thursday", 0),
        ("Financial terms were not disclosed", 0),
    ],
)
def test_plain_statements_have_the_sign_that_anyone_would_give(
    scorer: SentimentScorer, headline: str, sign: int
) -> None:
    found = score(scorer, headline)
    assert (abs(found) < NEUTRAL_BAND) if sign == 0 else (found * sign >= NEUTRAL_BAND)


def test_it_meets_the_contract_and_names_its_weights(scorer: SentimentScorer) -> None:
    assert isinstance(scorer, SentimentScorer)
    recipe = json.loads(FOLDER.joinpath("recipe.json").read_text())
    assert scorer.model == f"short-texts-{recipe['sha256'][:12]}"
    found = scorer.score(items(("profit rose", None), ("", None), ("\u202e\u200b\x00", "🎉")))
    assert found.schema == pl.Schema(SCORE_SCHEMA)
    assert found["score"].is_between(-1, 1).all()
    assert found["confidence"].is_between(0, 1).all()
    assert found.drop("model_knowledge_cutoff").null_count().sum_horizontal().item() == 0


def test_a_row_alone_and_among_others_gives_the_same_bytes(scorer: SentimentScorer) -> None:
    chronicle = training.labelled_chronicle()["text"]
    frame = items(
        *(
            (text, None if n % 3 else f"{text}. More of it! Shares fell 5%.")
            for n, text in enumerate(chronicle)
        )
    )
    together = scorer.score(frame)
    assert pl.concat(scorer.score(frame[n]) for n in range(60)).equals(together[:60])
    assert scorer.score(frame[::-1]).equals(together[::-1])


def test_a_body_weighs_as_much_as_its_headline(scorer: SentimentScorer) -> None:
    title, good, flat = "Profit fell", "Sales rose strongly", "The meeting is on Thursday"
    both = score(scorer, title, f"{good}. {flat}")
    body = (score(scorer, f"{good}.") + score(scorer, flat)) / 2
    assert both == pytest.approx((score(scorer, title) + body) / 2, abs=1e-5)


def test_a_hostile_text_is_bounded_in_score_and_in_length(scorer: SentimentScorer) -> None:
    flood = "great profit record " * 100_000
    assert score(scorer, flood, flood) == score(scorer, flood[:500], flood[:4_000])


def test_an_empty_frame_gives_an_empty_frame_of_scores(scorer: SentimentScorer) -> None:
    assert scorer.score(items()).schema == pl.Schema(SCORE_SCHEMA)


def test_figures_become_signs_of_what_they_say() -> None:
    texts = pl.Series(
        ["+5% today", "(-3.1%)", "loss of 3 vs 9", "sales 7 compared to 8.5", "@user $AAPL https://x.y up"]
    )
    words = read_words(texts)
    by_text = [words.vocabulary.gather(words.word[words.text == n]).to_list() for n in range(5)]
    assert by_text == [
        ["zplus", "today"],
        ["zminus"],
        ["loss", "of", "znum", "vs", "znum", "zlessloss"],
        ["sales", "znum", "compared", "to", "znum", "zless"],
        ["up"],
    ]


def test_word_hashes_are_those_of_the_published_functions() -> None:
    words = read_words(pl.Series(["a"]))
    fnv = ((0xCBF29CE484222325 ^ ord("a")) * 0x100000001B3) % 2**64
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        fnv = ((fnv ^ (fnv >> 33)) * multiplier) % 2**64
    assert int(word_hashes(*words.encoded())[0]) == fnv ^ (fnv >> 33)


def test_negation_turns_the_lexicon_features() -> None:
    compound = text_features(pl.Series(["profit increased", "profit not increased"])).lexicon_compound
    assert compound[0] > 0 > compound[1]


def test_weights_that_are_not_those_of_the_recipe_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(FOLDER.joinpath("weights.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(content)
    (tmp_path / "recipe.json").write_text(FOLDER.joinpath("recipe.json").read_text())
    monkeypatch.setattr(weights.resources, "files", lambda _package: tmp_path)
    with pytest.raises(ProviderError, match=r"weights\.safetensors has the hash"):
        weights.shipped_model.__wrapped__()


def test_the_same_text_and_recipe_give_the_same_bytes() -> None:
    rows = training.labelled_chronicle()[:40]
    recipe = training.Recipe(inverse_penalty=0.1, statements_per_template=1, posts_per_template=1)
    first, second = (weights.pack(training.fit_model(rows, recipe)) for _ in range(2))
    assert first == second
    changed = rows.with_columns(label=pl.lit("neutral"))
    assert weights.pack(training.fit_model(changed, recipe)) != first


def test_the_bent_score_is_monotone_and_meets_the_band_at_the_edge() -> None:
    plain = weights.Reading(1.0, 0.4, 0.0, 0.0, 0.0, 0.3)
    difference = np.linspace(-1, 1, 2_001)
    chances = np.column_stack([np.maximum(-difference, 0), 1 - np.abs(difference), np.maximum(difference, 0)])
    found = plain.scores(chances)
    assert (np.diff(found) > 0).all()
    assert (found[0], found[-1]) == (-1, 1)
    assert found[np.isclose(difference, 0.3)] == pytest.approx(NEUTRAL_BAND)


@pytest.mark.slow
@needs_labelled
def test_the_shipped_weights_come_from_the_recipe_byte_for_byte() -> None:
    shipped = weights.shipped_model()
    labelled = pl.read_parquet(TWITTER).filter(pl.col("split") == "train").select("text", "label")
    again = training.fit_model(labelled, training.Recipe(), shipped.reading)
    assert weights.pack(again) == FOLDER.joinpath("weights.safetensors").read_bytes()
    assert again.sha256 == shipped.sha256


@needs_labelled
def test_it_reaches_its_aim_on_text_of_its_kind(scorer: SentimentScorer) -> None:
    valid = pl.read_parquet(TWITTER).filter(pl.col("split") == "valid")
    accuracy, macro_f1 = quality_of(scorer, valid)
    assert accuracy >= 0.80
    assert macro_f1 >= 0.75


@needs_labelled
@pytest.mark.parametrize("kind", ["all", "signed", "neutral"])
def test_it_is_no_worse_than_the_word_lists_on_informal_posts(scorer: SentimentScorer, kind: str) -> None:
    posts = pl.read_parquet(LABELLED / "stock_tweets_2020_labelled.parquet").drop_nulls()
    assert_no_worse_than_lists(scorer, of_kind(posts.select("text", label="sentiment"), kind))


@pytest.mark.parametrize("kind", ["all", "signed", "neutral"])
def test_it_is_no_worse_than_the_word_lists_on_plain_headlines(scorer: SentimentScorer, kind: str) -> None:
    assert_no_worse_than_lists(scorer, of_kind(training.labelled_chronicle(), kind))


@needs_labelled
@pytest.mark.parametrize("kind", ["all", "signed", "neutral"])
def test_it_is_no_worse_than_the_word_lists_on_long_articles(scorer: SentimentScorer, kind: str) -> None:
    """An article is a neutral headline and ten sentences, half of them neutral, half of the article's label."""
    valid = (
        pl.read_parquet(TWITTER).filter(pl.col("split") == "valid").sample(fraction=1.0, shuffle=True, seed=3)
    )
    texts = {label: valid.filter(pl.col("label") == label)["text"].to_list() for label in LABELS}
    rows = []
    for n in range(300):
        label = LABELS[n % 3]
        drawn = [texts[name][(n * 5 + k) % len(texts[name])] for name in (label, "neutral") for k in range(5)]
        rows.append((texts["neutral"][-1 - n], "\n".join(drawn), label))
    long = pl.DataFrame(rows, schema=["text", "body", "label"], orient="row")
    assert_no_worse_than_lists(scorer, of_kind(long, kind))


def test_words_of_traders_have_the_sign_that_traders_give_them(scorer: SentimentScorer) -> None:
    """Companies and turns of phrase that no template of the training text has."""
    posts = {
        "$ZZZ undervalued gem, shorts will cover and this skyrockets": 1,
        "you guys, $ZZZ is parabolic and reclaimed the highs 🚀": 1,
        "my $ZZZ bagger, gapping and rallying nicely": 1,
        "$ZZZ overpriced ponzi, I am out before it plummets": -1,
        "rekt on $ZZZ, bloodbath for bagholders lol": -1,
        "lmao $ZZZ dilution again, bagholders dumping 📉": -1,
    }
    found = {text: score(scorer, text) * sign for text, sign in posts.items()}
    assert min(found.values()) >= NEUTRAL_BAND, found


def test_the_version_names_every_word_list(scorer: SentimentScorer) -> None:
    from nextgen_resources.sentiment.short_texts.posts import trader_words, trader_words_version

    assert scorer.prompt_version.endswith(trader_words_version())
    assert trader_words()["undervalued"] > 0 > trader_words()["puts"]


def test_a_reading_worse_than_the_word_lists_elsewhere_is_not_chosen() -> None:
    shipped = weights.shipped_model()
    chronicle = training.unseen(shipped, training.labelled_chronicle())
    mute = replace(shipped.reading, neutral_edge=0.999)
    assert reading.is_worse_than_lists(chronicle, mute)
    assert not reading.is_worse_than_lists(chronicle, shipped.reading)


def of_kind(labelled: pl.DataFrame, kind: str) -> pl.DataFrame:
    is_neutral = pl.col("label") == "neutral"
    return labelled.filter({"all": pl.lit(True), "neutral": is_neutral, "signed": ~is_neutral}[kind])


def quality_of(scorer: SentimentScorer, labelled: pl.DataFrame) -> tuple[float, float]:
    """Accuracy and macro-F1 over the labels that occur, through the scorer itself."""
    from sklearn.metrics import f1_score

    bodies = labelled["body"] if "body" in labelled.columns else [None] * labelled.height
    found = scorer.score(items(*zip(labelled["text"], bodies, strict=True)))["score"].to_numpy()
    called = np.where(found >= NEUTRAL_BAND, 2, np.where(found <= -NEUTRAL_BAND, 0, 1))
    targets = reading.targets_of(labelled)
    macro_f1 = f1_score(targets, called, average="macro", labels=np.unique(targets))
    return float((called == targets).mean()), float(macro_f1)


def assert_no_worse_than_lists(scorer: SentimentScorer, labelled: pl.DataFrame) -> None:
    own, lists = quality_of(scorer, labelled), quality_of(load_sentiment_scorer("lexicon"), labelled)
    assert own[0] >= lists[0], (own, lists)
    assert own[1] >= lists[1], (own, lists)
