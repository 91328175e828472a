"""News on the real graph over several runs: copies, names, late arrivals, quarantine, repeats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from nextgen_assets.domain.sessions import NEW_YORK
from nextgen_resources.clock import FrozenClock
from nextgen_resources.news.delivery import article_frame
from tests.graph.harness import Built, built

MONDAY, TUESDAY, WEDNESDAY = date(2005, 1, 10), date(2005, 1, 11), date(2005, 1, 12)
ASSETS = {
    dg.AssetKey(name) for name in ("security_listings", "ticker_universe", "news_articles", "news_sentiment")
}
BAR = """
INSERT INTO market_prices BY NAME SELECT 'IBM' AS ticker, DATE '2005-01-10' AS session_date, 90 AS open, 91 AS high,
    89 AS low, 90 AS close, 1000 AS volume, 'x' AS source, TIMESTAMPTZ '2005-01-10 21:15:00Z' AS known_at,
    FALSE AS known_at_is_assumed, 'x' AS run_id
"""
"""A bar that was fetched in the evening of its session: the session was recorded live."""


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def row(headline: str, moment: datetime, **changes: Any) -> dict[str, Any]:
    base = {"headline": headline, "tickers": [], "published_at": moment, "source": "wire", "language": "en"}
    return base | changes


class Wire:
    """A source whose rows the test changes between runs."""

    name = "wire"

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """The rows of the range."""
        return article_frame(self.rows, first, last)


@contextmanager
def running(folder: Path, wire: Wire, now: datetime | None = None) -> Iterator[Built]:
    clock = {"clock": FrozenClock(now)} if now else {}
    with built(folder, {"ingestion.first_session": "2005-01-03"}, news_source=wire, **clock) as scenario:
        yield scenario


def run(scenario: Built, first: date, last: date | None = None) -> None:
    job = scenario.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=ASSETS)
    tags = {ASSET_PARTITION_RANGE_START_TAG: str(first), ASSET_PARTITION_RANGE_END_TAG: str(last or first)}
    assert job.execute_in_process(tags=tags, instance=scenario.instance).success


@pytest.mark.slow
def test_copies_names_and_repeats_over_two_sessions(tmp_path: Path) -> None:
    story = "Apple to buy a maker of headphones for 3 billion dollars"
    wire = Wire(
        row(story, new_york(MONDAY, 10), url="https://www.example.com/a?utm_source=x"),
        row("An apple a day keeps the doctor away", new_york(MONDAY, 11)),
        row("Bad symbol", new_york(MONDAY, 12), tickers=["not a ticker"]),
    )
    with running(tmp_path / "a", wire) as scenario:
        run(scenario, MONDAY)
        first = {table: scenario.content(table) for table in ("news_articles", "news_article_tickers")}
        wire.rows += [
            row(
                "Edited: Apple buys headphones",
                new_york(TUESDAY, 9),
                url="http://m.example.com/a/",
                source="b",
            ),
            row(f"UPDATE 1-{story}", new_york(TUESDAY, 10), tickers=["AAPL", "MSFT"], source="c"),
        ]
        run(scenario, TUESDAY)
        run(scenario, MONDAY, TUESDAY)
        articles, named = scenario.content("news_articles"), scenario.content("news_article_tickers")
        copies, sentiment = scenario.content("news_article_copies"), scenario.content("news_sentiment")
        quarantine = scenario.content("quarantine")
    assert first["news_articles"].select("headline", "tickers").rows() == [(story, ["AAPL"])]
    assert first["news_article_tickers"].select("ticker", "basis").rows() == [("AAPL", "ambiguous_name")]
    assert articles["headline"].to_list() == [story, f"UPDATE 1-{story}"]
    assert articles.filter(pl.col("session_date") == MONDAY).equals(first["news_articles"])
    assert sorted(copies["source"]) == ["b", "c", "wire"]
    assert copies.filter(source="b")["article_id"].item() == first["news_articles"]["article_id"].item()
    told = {(ticker, story_id) for ticker, story_id in named.select("ticker", "story_id").iter_rows()}
    monday_id, tuesday_id = (
        articles.filter(session_date=day)["article_id"].item() for day in (MONDAY, TUESDAY)
    )
    assert told == {("AAPL", monday_id), ("MSFT", tuesday_id)}
    novelty = {
        (ticker, day): share
        for ticker, day, share in sentiment.select("ticker", "session_date", "novelty").iter_rows()
    }
    assert novelty == {("AAPL", MONDAY): 1.0, ("AAPL", TUESDAY): 0.0, ("MSFT", TUESDAY): 1.0}
    assert quarantine["reason_code"].to_list() == ["bad_ticker"]
    with running(tmp_path / "b", wire) as scenario:
        run(scenario, MONDAY, TUESDAY)
        assert scenario.content("news_articles").equals(articles)
        assert scenario.content("news_article_tickers").equals(named)
        assert scenario.content("news_article_copies").equals(copies)
        assert scenario.content("news_sentiment").equals(sentiment)


@pytest.mark.slow
def test_what_comes_late_for_a_live_session_belongs_to_the_session_being_decided(tmp_path: Path) -> None:
    known = row("IBM wins a contract", new_york(MONDAY, 10), tickers=["IBM"])
    late = row("IBM loses a lawsuit", new_york(MONDAY, 11), tickers=["IBM"])
    wire = Wire(known)
    with running(tmp_path, wire, new_york(MONDAY, 17, 15)) as scenario:
        run(scenario, MONDAY)
        with scenario.warehouse.transaction() as connection:
            connection.execute(BAR)
    wire.rows.append(late)
    with running(tmp_path, wire, new_york(WEDNESDAY, 17, 15)) as scenario:
        run(scenario, MONDAY)
        assert scenario.content("news_articles")["headline"].to_list() == ["IBM wins a contract"]
        run(scenario, WEDNESDAY)
        articles = scenario.content("news_articles").sort("session_date")
    assert articles["headline"].to_list() == ["IBM wins a contract", "IBM loses a lawsuit"]
    assert articles["session_date"].to_list() == [MONDAY, WEDNESDAY]
    assert articles["first_seen_at"].to_list() == [new_york(MONDAY, 10), new_york(WEDNESDAY, 16, 30)]
    assert articles["first_seen_is_assumed"].to_list() == [False, False]
