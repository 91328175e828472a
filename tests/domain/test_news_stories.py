"""Near-duplicates: the same words are one story, other figures and other securities are not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from nextgen_assets.domain.news_stories import MENTION_SCHEMA, with_stories
from nextgen_assets.domain.sessions import xnys

MONDAY = date(2012, 11, 26)
NONE = pl.DataFrame(schema=dict(MENTION_SCHEMA))


def mentions(*rows: tuple[str, str, int, str]) -> pl.DataFrame:
    """Of (article_id, ticker, sessions after the Monday, headline), each published a minute after the one before."""
    start = datetime(2012, 11, 20, 15, 0, tzinfo=UTC)
    return pl.DataFrame(
        [
            (article_id, ticker, xnys().shift(MONDAY, after), start + timedelta(minutes=at), headline)
            for at, (article_id, ticker, after, headline) in enumerate(rows)
        ],
        schema={name: MENTION_SCHEMA[name] for name in list(MENTION_SCHEMA)[:5]},
        orient="row",
    )


def stories(*rows: tuple[str, str, int, str], known: pl.DataFrame = NONE, window: int = 20) -> dict[str, str]:
    frame = with_stories(mentions(*rows), known, xnys(), window)
    return dict(frame.select("article_id", "story_id").iter_rows())


FIRST = "Apple to buy headphone maker Beats in deal worth $3 billion"


@pytest.mark.parametrize(
    "copy",
    [
        FIRST,
        "UPDATE 1-Apple to buy headphone maker Beats in deal worth $3 billion",
        "Apple to buy headphone maker Beats in deal worth $3 billion - WSJ",
        "APPLE TO BUY HEADPHONE MAKER BEATS IN DEAL WORTH $3 BILLION",
        "Apple to buy headphone maker Beats in a deal worth $3 billion",
    ],
)
def test_nearly_the_same_words_are_one_story(copy: str) -> None:
    assert stories(("a", "AAPL", 0, FIRST), ("b", "AAPL", 1, copy)) == {"a": "a", "b": "a"}


@pytest.mark.parametrize(
    "other",
    [
        "Apple to buy headphone maker Beats in deal worth $4 billion",
        "Apple denies it will buy headphone maker Beats",
        "Beats founders join Apple",
        "!!!",
    ],
)
def test_other_words_or_figures_are_another_story(other: str) -> None:
    assert stories(("a", "AAPL", 0, FIRST), ("b", "AAPL", 1, other)) == {"a": "a", "b": "b"}


def test_a_story_is_of_one_security() -> None:
    assert stories(("a", "MSFT", 0, FIRST), ("b", "AAPL", 1, FIRST)) == {"a": "a", "b": "b"}


def test_beyond_the_window_the_same_words_are_news_again() -> None:
    rows = [("a", "AAPL", 0, FIRST), ("b", "AAPL", 5, FIRST)]
    assert stories(*rows, window=5)["b"] == "a"
    assert stories(*rows, window=4)["b"] == "b"


def test_a_story_that_is_told_on_keeps_its_first_telling() -> None:
    rows = mentions(*[(f"{n:02d}", "AAPL", 3 * n, FIRST) for n in range(10)])
    frame = with_stories(rows, NONE, xnys(), 4)
    assert frame["story_id"].unique().to_list() == ["00"]
    assert frame["story_session_date"].unique().to_list() == [MONDAY]


def test_stored_mentions_are_continued_and_a_thousand_copies_are_one_story() -> None:
    first = with_stories(mentions(("a", "AAPL", 0, FIRST)), NONE, xnys(), 20)
    copies = [(f"c{n}", "AAPL", 1, FIRST) for n in range(1_000)]
    assert set(stories(*copies, known=first.select(list(MENTION_SCHEMA))).values()) == {"a"}


def test_single_edits_of_long_headlines_are_found_and_unlike_ones_are_not() -> None:
    words = [f"word{chr(97 + n)}{chr(97 + m)}" for n in range(20) for m in range(20)]
    originals = [" ".join(words[n : n + 16]) for n in range(0, 300, 20)]
    edited = [" ".join(["changed", *text.split()[1:]]) for text in originals]
    rows = [(f"o{n}", "AAPL", 0, text) for n, text in enumerate(originals)]
    rows += [(f"e{n}", "AAPL", 1, text) for n, text in enumerate(edited)]
    found = stories(*rows)
    assert all(found[f"e{n}"] == f"o{n}" for n in range(len(originals)))
    assert all(found[f"o{n}"] == f"o{n}" for n in range(len(originals)))
