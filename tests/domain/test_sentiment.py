"""Sentiment per ticker and session, against hand-worked numbers and the time rules."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.sentiment import (
    SENTIMENT_SCHEMA,
    aggregate_sentiment,
    history_sessions,
)
from nextgen_assets.domain.sessions import NotASessionError, xnys

LAST = date(2012, 11, 23)
SETTINGS: dict[str, Any] = {
    "half_life_sessions": 5.0,
    "delay_minutes": 30,
    "buzz_history_sessions": 4,
    "article_cap": 1.0,
    "window_sessions": 6,
}
Item = tuple[str, date, str, float | None, float]
Frames = tuple[pl.DataFrame, pl.DataFrame]
PUBLISHED = datetime(2012, 1, 3, tzinfo=UTC)
MENTION_SCHEMA = {
    "article_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "published_at": pl.Datetime("us", "UTC"),
    "confidence": pl.Float64,
    "story_id": pl.String,
    "story_session_date": pl.Date,
}
SCORE_SCHEMA = {
    "article_id": pl.String,
    "ticker": pl.String,
    "scorer": pl.String,
    "score": pl.Float64,
    "relevance": pl.Float64,
    "confidence": pl.Float64,
}


def before(n_sessions: int) -> date:
    return xnys().shift(LAST, -n_sessions)


def frames(*items: Item, scorer: str = "lexicon", stories: dict[str, str] | None = None) -> Frames:
    """Scores and mentions of (article_id, session, ticker, score or None, relevance)."""
    sessions = {article_id: session for article_id, session, *_ in items}
    named = [(article_id, ticker, session) for article_id, session, ticker, *_ in items]
    story = {article_id: (stories or {}).get(article_id, article_id) for article_id in sessions}
    mentions = pl.DataFrame(
        [
            (article_id, ticker, session, PUBLISHED, 1.0, story[article_id], sessions[story[article_id]])
            for article_id, ticker, session in named
        ],
        schema=MENTION_SCHEMA,
        orient="row",
    )
    scores = pl.DataFrame(
        [
            (article_id, ticker, scorer, score, weight, 1.0)
            for article_id, _, ticker, score, weight in items
            if score is not None
        ],
        schema=SCORE_SCHEMA,
        orient="row",
    )
    return scores, mentions


def aggregate(
    *items: Item,
    sessions: list[date] | None = None,
    stories: dict[str, str] | None = None,
    **changes: Any,
) -> pl.DataFrame:
    scores, mentions = frames(*items, stories=stories)
    return aggregate_sentiment(scores, mentions, sessions or [LAST], xnys(), **(SETTINGS | changes))


def only_row(*items: Item, **changes: Any) -> dict[str, Any]:
    frame = aggregate(*items, **changes)
    assert frame.height == 1
    return frame.row(0, named=True)


def test_mean_is_weighted_by_relevance_and_dispersion_is_that_of_the_population() -> None:
    row = only_row(("a", LAST, "AAPL", 0.6, 1.0), ("b", LAST, "AAPL", -0.4, 0.25))
    assert row["mean_sentiment"] == pytest.approx((0.6 * 1.0 - 0.4 * 0.25) / 1.25)
    assert row["dispersion"] == pytest.approx(0.5)
    assert row["article_count"] == 2
    assert row["method"] == "lexicon"


def test_decay_halves_the_weight_after_the_half_life() -> None:
    row = only_row(("old", before(5), "AAPL", -0.8, 1.0), ("new", LAST, "AAPL", 0.4, 1.0))
    assert row["mean_sentiment"] == pytest.approx(0.4)
    assert row["decayed_sentiment"] == pytest.approx((0.4 - 0.5 * 0.8) / 1.5)


def test_an_article_older_than_the_window_no_longer_counts() -> None:
    inside = only_row(("old", before(5), "AAPL", -0.8, 1.0), ("new", LAST, "AAPL", 0.4, 1.0))
    outside = only_row(("old", before(6), "AAPL", -0.8, 1.0), ("new", LAST, "AAPL", 0.4, 1.0))
    assert inside["decayed_sentiment"] != outside["decayed_sentiment"]
    assert outside["decayed_sentiment"] == 0.4


def test_as_of_is_the_cutoff_of_a_half_day() -> None:
    assert only_row(("a", LAST, "AAPL", 0.1, 1.0))["as_of"].isoformat() == "2012-11-23T18:30:00+00:00"


def test_no_article_means_no_row() -> None:
    frame = aggregate(("a", before(1), "AAPL", 0.5, 1.0), ("b", LAST, "IBM", 0.5, 1.0))
    assert frame["ticker"].to_list() == ["IBM"]
    assert aggregate().schema == pl.Schema(SENTIMENT_SCHEMA)


def test_a_score_of_zero_is_a_row_and_a_failed_score_is_none() -> None:
    assert only_row(("a", LAST, "AAPL", 0.0, 1.0))["mean_sentiment"] == 0.0
    assert aggregate(("a", LAST, "AAPL", None, 1.0)).is_empty()


def test_an_article_of_no_relevance_does_not_count() -> None:
    row = only_row(("a", LAST, "AAPL", 0.5, 1.0), ("b", LAST, "AAPL", -1.0, 0.0))
    assert (row["article_count"], row["mean_sentiment"]) == (1, 0.5)
    assert json.loads(row["details"])["not_counted"] == ["b"]


def test_details_name_the_articles_with_their_scores() -> None:
    row = only_row(
        ("b", LAST, "AAPL", 0.5, 1.0), ("a", LAST, "AAPL", -0.25, 0.5), ("c", LAST, "AAPL", None, 1.0)
    )
    assert json.loads(row["details"]) == {
        "stories": [
            {"article_id": "a", "score": -0.25, "relevance": 0.5, "weight": 0.5},
            {"article_id": "b", "score": 0.5, "relevance": 1.0, "weight": 1.0},
        ],
        "repeats": [],
        "not_counted": ["c"],
        "window_stories": 2,
    }


def test_buzz_standardises_against_earlier_counts_with_zeros() -> None:
    # Earlier counts 0, 2, 0, 1: mean 3/4, population variance 5/4 - 9/16 = 11/16; today 3.
    published = {"a": before(3), "b": before(3), "c": before(1), "d": LAST, "e": LAST, "f": LAST}
    row = only_row(*((name, session, "AAPL", 0.1, 1.0) for name, session in published.items()))
    assert row["buzz"] == pytest.approx((3 - 0.75) / math.sqrt(11 / 16))


def test_buzz_counts_articles_that_could_not_be_scored() -> None:
    past: list[Item] = [(x, before(2), "AAPL", 0.1, 1.0) for x in "abc"]
    scored = only_row(*past, ("d", LAST, "AAPL", 0.1, 1.0), ("e", LAST, "AAPL", 0.1, 1.0))
    partly = only_row(*past, ("d", LAST, "AAPL", 0.1, 1.0), ("e", LAST, "AAPL", None, 1.0))
    assert partly["article_count"] == 1
    assert partly["buzz"] == scored["buzz"]


@pytest.mark.parametrize(
    "past",
    [
        pytest.param([before(2)] * 2, id="two earlier articles are fewer than three"),
        pytest.param([before(5)] * 3, id="three articles before the history"),
        pytest.param([before(1), before(2), before(3), before(4)], id="all counts equal"),
    ],
)
def test_buzz_is_null_without_a_history(past: list[date]) -> None:
    items: list[Item] = [(f"past{n}", day, "AAPL", 0.1, 1.0) for n, day in enumerate(past)]
    assert only_row(*items, ("now", LAST, "AAPL", 0.1, 1.0))["buzz"] is None


def test_buzz_is_null_where_the_history_leaves_the_calendar() -> None:
    first = xnys().sessions[3]
    items: list[Item] = [(x, xnys().sessions[1], "AAPL", 0.1, 1.0) for x in "abc"]
    now: Item = ("now", first, "AAPL", 0.1, 1.0)
    assert only_row(*items, now, sessions=[first])["buzz"] is None
    assert only_row(*items, now, sessions=[first], buzz_history_sessions=3)["buzz"] is not None


def test_a_lone_article_is_held_at_the_cap_and_dispersion_is_not() -> None:
    row = only_row(("a", LAST, "AAPL", -0.9, 1.0), article_cap=0.5)
    assert row["mean_sentiment"] == row["decayed_sentiment"] == -0.5
    row = only_row(("a", LAST, "AAPL", 0.9, 1.0), ("b", LAST, "AAPL", -0.1, 1.0), article_cap=0.3)
    assert row["mean_sentiment"] == pytest.approx(0.3 - 0.05)
    assert row["dispersion"] == pytest.approx(0.5)


def test_near_duplicates_of_a_session_count_once_with_the_first_of_them() -> None:
    items: list[Item] = [
        ("a", LAST, "AAPL", 0.6, 1.0),
        ("b", LAST, "AAPL", -1.0, 1.0),
        ("c", LAST, "AAPL", 0.2, 1.0),
    ]
    row = only_row(*items, stories={"b": "a"})
    assert (row["article_count"], row["story_count"], row["novelty"]) == (3, 2, 1.0)
    assert row["mean_sentiment"] == row["decayed_sentiment"] == pytest.approx(0.4)
    assert row["dispersion"] == pytest.approx(0.2)
    assert json.loads(row["details"])["repeats"] == ["b"]


def test_a_story_told_again_ages_from_its_first_telling_and_is_not_novel() -> None:
    items: list[Item] = [
        ("old", before(5), "AAPL", -0.8, 1.0),
        ("again", LAST, "AAPL", 0.9, 1.0),
        ("new", LAST, "AAPL", 0.4, 1.0),
    ]
    row = only_row(*items, stories={"again": "old"})
    assert row["novelty"] == 0.5
    assert row["mean_sentiment"] == pytest.approx((0.9 + 0.4) / 2)
    assert row["decayed_sentiment"] == pytest.approx((0.4 - 0.5 * 0.8) / 1.5)


def test_a_session_with_old_stories_alone_has_a_row_without_novelty() -> None:
    far = before(300)
    items: list[Item] = [("old", far, "AAPL", -0.8, 1.0), ("again", LAST, "AAPL", 0.9, 1.0)]
    row = only_row(*items, stories={"again": "old"}, half_life_sessions=0.01)
    assert (row["novelty"], row["decayed_sentiment"]) == (0.0, 0.9)


def test_confidences_of_ticker_and_scorer_weigh() -> None:
    scores, mentions = frames(("a", LAST, "AAPL", 0.6, 1.0), ("b", LAST, "AAPL", -0.4, 1.0))
    doubtful = pl.col("article_id") == "b"
    mentions = mentions.with_columns(confidence=pl.when(doubtful).then(0.5).otherwise(1.0))
    scores = scores.with_columns(confidence=pl.when(doubtful).then(0.2).otherwise(1.0))
    frame = aggregate_sentiment(scores, mentions, [LAST], xnys(), **SETTINGS, confidence_weight=0.5)
    weight = 0.5 * (1 - 0.5 + 0.5 * 0.2)
    assert frame["mean_sentiment"].item() == pytest.approx((0.6 - 0.4 * weight) / (1 + weight))


@settings(max_examples=30, deadline=None)
@given(
    others=st.lists(st.floats(-1, 1), max_size=4),
    copies=st.integers(1, 40),
    cap=st.floats(0.05, 1),
    planted=st.floats(-1, 1),
)
def test_many_copies_of_one_hostile_article_move_a_mean_no_more_than_one(
    others: list[float], copies: int, cap: float, planted: float
) -> None:
    def row(score: float, n_copies: int) -> dict[str, Any]:
        honest: list[Item] = [(f"h{n}", LAST, "AAPL", one, 1.0) for n, one in enumerate(others)]
        hostile: list[Item] = [(f"x{n:02d}", LAST, "AAPL", score, 1.0) for n in range(n_copies)]
        own: list[Item] = [("ibm", LAST, "IBM", 0.25, 1.0)]
        stories = {article_id: "x00" for article_id, *_ in hostile}
        frame = aggregate(*honest, *hostile, *own, article_cap=cap, stories=stories)
        ibm = frame.filter(pl.col("ticker") == "IBM")
        assert ibm["mean_sentiment"].item() == pytest.approx(min(cap, 0.25))
        return frame.filter(pl.col("ticker") == "AAPL").row(0, named=True)

    many, one, neutral = row(planted, copies), row(planted, 1), row(0.0, copies)
    for name in ("mean_sentiment", "decayed_sentiment", "buzz", "dispersion", "story_count"):
        assert many[name] == one[name]
    assert abs(many["mean_sentiment"] - neutral["mean_sentiment"]) <= cap + 1e-12
    assert abs(many["decayed_sentiment"] - neutral["decayed_sentiment"]) <= cap + 1e-12


WEIGHTED = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=1, max_size=8)


@settings(max_examples=80, deadline=None)
@given(weighted=WEIGHTED, cap=st.floats(0.05, 1), planted=st.floats(-1, 1))
def test_no_single_article_moves_a_mean_by_more_than_the_cap(
    weighted: list[tuple[float, float]], cap: float, planted: float
) -> None:
    def means(first_score: float) -> tuple[float, float]:
        items: list[Item] = [
            (str(n), LAST, "AAPL", first_score if n == 0 else score, weight)
            for n, (score, weight) in enumerate(weighted)
        ]
        row = only_row(*items, article_cap=cap)
        return row["mean_sentiment"], row["decayed_sentiment"]

    for neutral, moved in zip(means(0.0), means(planted), strict=True):
        assert abs(moved - neutral) <= cap + 1e-12
        assert -1 <= moved <= 1


ITEMS = st.lists(
    st.tuples(
        st.integers(0, 14),
        st.sampled_from(["AAPL", "IBM"]),
        st.one_of(st.none(), st.floats(-1, 1)),
        st.floats(0, 1),
    ),
    max_size=25,
).map(lambda rows: [(f"{n:02d}", before(14 - at), *rest) for n, (at, *rest) in enumerate(rows)])


@settings(max_examples=25, deadline=None)
@given(items=ITEMS, order=st.randoms(use_true_random=False))
def test_a_session_alone_gives_the_same_bytes_as_the_range(items: list[Item], order: Any) -> None:
    sessions = [before(n) for n in range(8, -1, -1)]
    whole = aggregate(*items, sessions=sessions)
    reach = history_sessions(SETTINGS["window_sessions"], SETTINGS["buzz_history_sessions"])
    for session in order.sample(sessions, 4):
        first = xnys().shift(session, -reach)
        needed = [item for item in order.sample(items, len(items)) if first <= item[1] <= session]
        alone = aggregate(*needed, sessions=[session])
        assert alone.write_json() == whole.filter(pl.col("session_date") == session).write_json()


@settings(max_examples=50, deadline=None)
@given(items=ITEMS)
def test_deleting_the_future_changes_nothing(items: list[Item]) -> None:
    session = before(4)
    past = [item for item in items if item[1] <= session]
    assert aggregate(*past, sessions=[session]).equals(aggregate(*items, sessions=[session]))


def test_methods_stand_side_by_side_in_a_fixed_order() -> None:
    scores, mentions = frames(("a", LAST, "IBM", 0.5, 1.0), ("b", LAST, "AAPL", 0.5, 1.0))
    both = pl.concat([scores, scores.with_columns(scorer=pl.lit("another"))])
    frame = aggregate_sentiment(both, mentions, [LAST], xnys(), **SETTINGS)
    assert frame.select("ticker", "method").rows() == [
        ("AAPL", "another"),
        ("AAPL", "lexicon"),
        ("IBM", "another"),
        ("IBM", "lexicon"),
    ]


@pytest.mark.parametrize("score", [1.01, float("nan"), float("inf"), None])
def test_a_score_out_of_bounds_is_refused(score: float | None) -> None:
    scores, mentions = frames(("a", LAST, "AAPL", 0.5, 1.0))
    wrong = scores.with_columns(score=pl.lit(score, pl.Float64))
    with pytest.raises(ValueError, match="score of article a for AAPL"):
        aggregate_sentiment(wrong, mentions, [LAST], xnys(), **SETTINGS)


def test_two_versions_of_one_scorer_are_refused() -> None:
    scores, mentions = frames(("a", LAST, "AAPL", 0.5, 1.0))
    with pytest.raises(ValueError, match="one model and prompt version"):
        aggregate_sentiment(pl.concat([scores, scores]), mentions, [LAST], xnys(), **SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"half_life_sessions": 0.0},
        {"half_life_sessions": math.nan},
        {"buzz_history_sessions": 1},
        {"article_cap": 0.0},
        {"article_cap": 1.5},
        {"window_sessions": 0},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        aggregate(("a", LAST, "AAPL", 0.5, 1.0), **change)


def test_a_day_without_trading_is_refused() -> None:
    with pytest.raises(NotASessionError, match="2012-11-22"):
        aggregate(("a", LAST, "AAPL", 0.5, 1.0), sessions=[date(2012, 11, 22)])
