"""The bundled chronicle: complete, dated, within the lives of its tickers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import polars as pl
import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.news import (
    ARTICLE_SCHEMA,
    NewsProvider,
    check_articles,
    load_news_provider,
    news_provider_names,
)

FIRST, LAST = date(2000, 3, 1), date(2013, 3, 1)
LISTED_SINCE = {
    "AAPL": FIRST,
    "IBM": FIRST,
    "MSFT": FIRST,
    "GOOG": date(2004, 8, 19),
    "FB": date(2012, 5, 18),
}
AFTERMATH = re.compile(
    r"\b(shares?|stocks?) (rise|rose|fall|fell|jump|drop|soar|slide|surge|climb|tumble|plunge)"
)


@pytest.fixture(scope="module")
def chronicle() -> pl.DataFrame:
    return load_news_provider("chronicle").articles(date.min, date.max)


def test_the_frame_has_the_agreed_columns(chronicle: pl.DataFrame) -> None:
    assert check_articles("chronicle", chronicle).schema == pl.Schema(ARTICLE_SCHEMA)


def test_there_are_at_least_two_hundred_distinct_entries_in_order(chronicle: pl.DataFrame) -> None:
    assert chronicle["headline"].n_unique() == chronicle.height >= 200
    assert chronicle["published_on"].is_sorted()
    assert chronicle["headline"].str.len_chars().is_between(15, 120).all()


def test_every_entry_falls_in_the_life_of_its_tickers(chronicle: pl.DataFrame) -> None:
    for tickers, day in chronicle.select("tickers", "published_on").iter_rows():
        assert tickers
        assert all(LISTED_SINCE[ticker] <= day <= LAST for ticker in tickers)
    assert set(chronicle["tickers"].explode()) == set(LISTED_SINCE)
    assert (chronicle["tickers"].list.len() > 1).sum() >= 5


def test_no_headline_tells_what_the_price_did_afterwards(chronicle: pl.DataFrame) -> None:
    assert [text for text in chronicle["headline"] if AFTERMATH.search(text.lower())] == []


@pytest.mark.parametrize(
    ("headline", "published_at"),
    [
        ("Apple third-quarter results miss", datetime(2012, 7, 24, 20, 30, 59, tzinfo=UTC)),
        ("Apple profit more than doubles to record", datetime(2012, 1, 24, 21, 30, 59, tzinfo=UTC)),
        ("Google third-quarter profit drops", datetime(2012, 10, 18, 16, 30, 59, tzinfo=UTC)),
    ],
)
def test_a_minute_is_taken_at_its_last_second_in_new_york(
    chronicle: pl.DataFrame, headline: str, published_at: datetime
) -> None:
    found = chronicle.filter(pl.col("headline").str.starts_with(headline))
    assert found["published_at"].to_list() == [published_at]


def test_an_entry_without_a_sure_time_has_only_its_day(chronicle: pl.DataFrame) -> None:
    found = chronicle.filter(pl.col("headline").str.starts_with("Steve Jobs resigns"))
    assert found.select("published_on", "published_at").rows() == [(date(2011, 8, 24), None)]


def test_both_ends_of_the_range_are_included() -> None:
    found = load_news_provider("chronicle").articles(date(2012, 10, 23), date(2012, 10, 25))
    assert found["published_on"].unique().sort().to_list() == [date(2012, 10, 23), date(2012, 10, 25)]
    assert load_news_provider("chronicle").articles(date(2013, 2, 23), date(2013, 2, 24)).is_empty()


def test_splits_and_first_trading_days_stand_on_their_true_dates(chronicle: pl.DataFrame) -> None:
    days = dict(chronicle.select("headline", "published_on").iter_rows())
    assert days["Apple shares begin trading after two-for-one split"] == date(2005, 2, 28)
    assert days["Microsoft shares begin trading after two-for-one split"] == date(2003, 2, 18)
    assert days["Google begins trading on Nasdaq after pricing public offering at $85 per share"] == date(
        2004, 8, 19
    )


def test_providers_are_found_by_name_and_meet_the_contract() -> None:
    assert {"chronicle", "files"} <= set(news_provider_names())
    assert isinstance(load_news_provider("chronicle"), NewsProvider)


def test_an_unknown_name_lists_the_known_ones_and_a_wrong_option_the_right_ones() -> None:
    with pytest.raises(SettingsError, match=r"'newswire' does not exist; choose one of .*chronicle"):
        load_news_provider("newswire")
    with pytest.raises(SettingsError, match=r"'files'.*path"):
        load_news_provider("files", folder="news")
