"""The digest of a cell follows every version of every raw row of it, and nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.provenance import NEVER_US, RawVersions, row_digests, scored_articles
from nextgen_assets.domain.sessions import xnys
from tests.contracts.synthetic_market import (
    HOLE_OFFSETS,
    TICKERS,
    Market,
    action,
    actions_frame,
    synthetic_market,
)


@pytest.fixture(scope="module")
def market() -> Market:
    return synthetic_market()


def versions_of(market: Market, **frames: pl.DataFrame) -> RawVersions:
    given = {"bars": market.bars, "actions": market.actions, "articles": market.articles, **frames}
    return row_digests(**given, panel=market.panel(), calendar=xnys())


def changed_cells(before: RawVersions, after: RawVersions) -> list[tuple[str, int]]:
    different = np.argwhere((before.digests != after.digests).any(axis=2))
    return [(TICKERS[ticker], int(session)) for ticker, session in different]


def test_digest_is_the_hash_of_the_stated_lines(market: Market) -> None:
    bar = market.bars.filter(pl.col("ticker") == "FLAT").row(0, named=True)
    bare = versions_of(market, articles=market.articles.clear())
    known_us = int(bar["known_at"].timestamp()) * 1_000_000
    text = f"bar|2012-10-01|80.0|80.0|80.0|80.0|1000|synthetic|{known_us}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    assert bare.digests[TICKERS.index("FLAT"), 0].tobytes() == digest
    assert bare.known_at_us[TICKERS.index("FLAT"), 0] == known_us


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "known_at", "source"])
def test_each_column_of_a_bar_changes_the_digest_of_its_cell_alone(market: Market, column: str) -> None:
    hit = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[33])
    other = {"known_at": pl.col("known_at") + timedelta(seconds=1), "source": pl.lit("vendor two")}
    new = other.get(column, pl.col(column) * 2)
    bars = market.bars.with_columns(pl.when(hit).then(new).otherwise(pl.col(column)).alias(column))
    assert changed_cells(versions_of(market), versions_of(market, bars=bars)) == [("WAVE", 33)]


def test_an_action_and_an_article_change_their_cells_alone(market: Market) -> None:
    actions = market.actions.with_columns(split_ratio=pl.col("split_ratio") + 1)
    assert changed_cells(versions_of(market), versions_of(market, actions=actions)) == [("SPLIT", 40)]
    first = market.articles.row(0, named=True)
    articles = market.articles.with_columns(
        score=pl.when(pl.col("article_id") == first["article_id"]).then(0.125).otherwise(pl.col("score"))
    )
    cell = (first["ticker"], market.sessions.index(first["session_date"]))
    assert changed_cells(versions_of(market), versions_of(market, articles=articles)) == [cell]


def test_order_of_rows_changes_nothing(market: Market) -> None:
    shuffled = {
        name: getattr(market, name).sample(fraction=1.0, shuffle=True, seed=3)
        for name in ("bars", "actions", "articles")
    }
    before, after = versions_of(market), versions_of(market, **shuffled)
    assert changed_cells(before, after) == []
    assert np.array_equal(before.known_at_us, after.known_at_us)


def test_cell_without_raw_rows_is_zero_and_never_known(market: Market) -> None:
    bare = versions_of(market, articles=market.articles.clear())
    holes = TICKERS.index("HOLES"), list(HOLE_OFFSETS)
    assert not bare.digests[holes].any()
    assert (bare.known_at_us[holes] == NEVER_US).all()
    assert bare.digests.any(axis=2).sum() == market.bars.height


def test_weekend_ex_date_belongs_to_monday_wherever_the_panel_starts() -> None:
    market = synthetic_market()
    monday = market.sessions.index(date(2012, 10, 15))
    actions = actions_frame([action("WAVE", date(2012, 10, 13), cash=0.5)])
    whole = row_digests(market.bars, actions, market.articles, market.panel(), xnys())
    late = market.panel(market.sessions[monday:])
    short = row_digests(market.bars, actions, market.articles, late, xnys())
    assert changed_cells(whole, versions_of(market, actions=actions.clear())) == [("WAVE", monday)]
    assert short.digests.tobytes() == np.ascontiguousarray(whole.digests[:, monday:]).tobytes()


def test_newest_known_at_counts_news_and_the_price_one_does_not(market: Market) -> None:
    row = market.articles.row(0, named=True)
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    articles = market.articles.with_columns(
        known_at=pl.when(pl.col("article_id") == row["article_id"])
        .then(pl.lit(moment, pl.Datetime("us", "UTC")))
        .otherwise(pl.col("known_at"))
    )
    versions = versions_of(market, articles=articles)
    cell = TICKERS.index(row["ticker"]), market.sessions.index(row["session_date"])
    assert versions.known_at_us[cell] == int(moment.timestamp()) * 1_000_000
    assert versions.price_known_at_us[cell] == versions_of(market).price_known_at_us[cell]


def test_missing_column_is_named(market: Market) -> None:
    with pytest.raises(ValueError, match=r"market_prices: the columns \['source'\] are missing"):
        versions_of(market, bars=market.bars.drop("source"))


def test_scored_articles_are_one_row_per_article_and_ticker() -> None:
    seen = datetime(2012, 10, 8, 14, tzinfo=UTC)
    articles = pl.DataFrame(
        {
            "article_id": ["b", "a"],
            "session_date": [date(2012, 10, 8)] * 2,
            "tickers": [["WAVE", "FLAT"], ["WAVE"]],
            "first_seen_at": [seen] * 2,
        }
    )
    scores = pl.DataFrame({"article_id": ["b"], "ticker": ["WAVE"], "score": [0.25]})
    assert scored_articles(articles, scores).select("ticker", "article_id", "score", "known_at").rows() == [
        ("FLAT", "b", None, seen),
        ("WAVE", "a", None, seen),
        ("WAVE", "b", 0.25, seen),
    ]


def test_two_scores_of_one_article_are_refused() -> None:
    articles = pl.DataFrame(
        {
            "article_id": ["a"],
            "session_date": [date(2012, 10, 8)],
            "tickers": [["WAVE"]],
            "first_seen_at": [datetime(2012, 10, 8, 14, tzinfo=UTC)],
        }
    )
    scores = pl.DataFrame({"article_id": ["a", "a"], "ticker": ["WAVE"] * 2, "score": [0.25, 0.5]})
    with pytest.raises(pl.exceptions.ComputeError, match="m:1"):
        scored_articles(articles, scores)
