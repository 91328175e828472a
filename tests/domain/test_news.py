"""Canonical articles: which session admits them, what is one article, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.news import CanonicalArticles, canonical_articles
from nextgen_assets.domain.news_admission import Fetch
from nextgen_assets.domain.news_copies import KNOWN_COPY_SCHEMA
from nextgen_assets.domain.news_records import ARTICLE_SCHEMA, KnownNews
from nextgen_assets.domain.news_stories import MENTION_SCHEMA
from nextgen_assets.domain.sessions import NEW_YORK, xnys

RAW_SCHEMA = {
    "headline": pl.String(),
    "body": pl.String(),
    "url": pl.String(),
    "tickers": pl.List(pl.String()),
    "published_on": pl.Date(),
    "published_at": pl.Datetime("us", "UTC"),
    "source": pl.String(),
    "language": pl.String(),
}
BASE: dict[str, Any] = {
    "headline": "Apple reports record profit",
    "body": None,
    "url": None,
    "tickers": ["AAPL"],
    "published_on": None,
    "published_at": None,
    "source": "wire",
    "language": "en",
}


def new_york(year: int, month: int, day: int, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK).astimezone(UTC)


def raw(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([BASE | row for row in rows], schema=RAW_SCHEMA, orient="row")


def canonical(*rows: dict[str, Any], **options: Any) -> CanonicalArticles:
    return canonical_articles(raw(*rows), xnys(), 30, **options)


def admitted(published_at: datetime) -> date:
    return canonical({"published_at": published_at}).articles["session_date"].item()


@pytest.mark.parametrize(
    ("published_at", "session"),
    [
        pytest.param(new_york(2012, 7, 24, 16, 30), date(2012, 7, 24), id="at the cut-off"),
        pytest.param(new_york(2012, 7, 24, 16, 30, 1), date(2012, 7, 25), id="one second after the cut-off"),
        pytest.param(new_york(2012, 7, 24, 3, 0), date(2012, 7, 24), id="before the open"),
        pytest.param(new_york(2012, 11, 23, 13, 30), date(2012, 11, 23), id="half day, at its cut-off"),
        pytest.param(new_york(2012, 11, 23, 14, 0), date(2012, 11, 26), id="half day, after its cut-off"),
        pytest.param(new_york(2008, 5, 3, 19, 0), date(2008, 5, 5), id="Saturday"),
        pytest.param(new_york(2012, 11, 22, 10, 0), date(2012, 11, 23), id="Thanksgiving"),
        pytest.param(new_york(2001, 9, 11, 9, 0), date(2001, 9, 17), id="exchange closed for days"),
        pytest.param(
            datetime(2012, 3, 9, 21, 30, tzinfo=UTC), date(2012, 3, 9), id="winter: 21:30 UTC is 16:30"
        ),
        pytest.param(
            datetime(2012, 3, 12, 20, 30, tzinfo=UTC), date(2012, 3, 12), id="summer: 20:30 UTC is 16:30"
        ),
        pytest.param(
            datetime(2012, 3, 12, 21, 0, tzinfo=UTC), date(2012, 3, 13), id="summer: 21:00 UTC is 17:00"
        ),
    ],
)
def test_an_article_belongs_to_the_first_session_whose_cutoff_is_not_before_it(
    published_at: datetime, session: date
) -> None:
    assert admitted(published_at) == session


@pytest.mark.parametrize(
    ("day", "session", "instant"),
    [
        (date(2012, 10, 25), date(2012, 10, 26), datetime(2012, 10, 26, 3, 59, 59, tzinfo=UTC)),
        (date(2012, 11, 10), date(2012, 11, 12), datetime(2012, 11, 11, 4, 59, 59, tzinfo=UTC)),
        (date(2012, 11, 23), date(2012, 11, 26), datetime(2012, 11, 24, 4, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_article_of_a_day_is_admitted_by_the_session_after_that_day_only(
    day: date, session: date, instant: datetime
) -> None:
    row = canonical({"published_on": day}).articles.row(0, named=True)
    assert row["session_date"] == session
    assert row["published_at"] == instant
    assert row["published_at_precision"] == "day"


def test_history_is_assumed_to_be_seen_when_published() -> None:
    row = canonical({"published_at": new_york(2012, 7, 24, 10, 0)}).articles.row(0, named=True)
    assert row["first_seen_at"] == row["published_at"] == new_york(2012, 7, 24, 10, 0)
    assert row["first_seen_is_assumed"] is True
    assert row["published_at_precision"] == "instant"


LIVE = frozenset({date(2012, 7, 24)})


def test_an_article_fetched_before_the_next_open_was_seen_when_it_was_published() -> None:
    article = {"published_at": new_york(2012, 7, 24, 10, 0)}
    row = canonical(article, fetch=Fetch(new_york(2012, 7, 24, 17, 15), LIVE)).articles.row(0, named=True)
    assert row["session_date"] == date(2012, 7, 24)
    assert row["first_seen_at"] == new_york(2012, 7, 24, 10, 0)
    assert row["first_seen_is_assumed"] is False


def test_an_article_that_comes_after_its_session_was_decided_goes_to_the_next_one_on_the_same_evening() -> (
    None
):
    article = {"published_at": new_york(2012, 7, 24, 10, 0)}
    fetch = Fetch(new_york(2012, 7, 24, 20, 5), LIVE, decided=LIVE)
    row = canonical(article, fetch=fetch).articles.row(0, named=True)
    assert row["session_date"] == date(2012, 7, 25)
    assert row["first_seen_at"] == new_york(2012, 7, 24, 20, 5)
    assert row["first_seen_is_assumed"] is False


def test_an_old_article_waits_for_the_next_session_when_that_of_the_day_is_decided() -> None:
    article = {"published_at": new_york(2012, 7, 23, 10, 0)}
    evening, lived = (
        new_york(2012, 7, 24, 20, 5),
        frozenset(xnys().between(date(2012, 7, 23), date(2012, 7, 24))),
    )
    still_open = canonical(article, fetch=Fetch(evening, lived, frozenset([date(2012, 7, 23)])))
    decided = canonical(article, fetch=Fetch(evening, lived, lived))
    assert still_open.articles["session_date"].to_list() == [date(2012, 7, 24)]
    assert decided.articles["session_date"].to_list() == [date(2012, 7, 25)]


def test_a_late_article_of_a_session_recorded_live_is_admitted_when_it_was_seen_and_keeps_its_id() -> None:
    article = {"published_at": new_york(2012, 7, 24, 10, 0)}
    on_time = canonical(article).articles.row(0, named=True)
    late = canonical(article, fetch=Fetch(new_york(2012, 7, 26, 11, 0), LIVE)).articles.row(0, named=True)
    assert late["session_date"] == date(2012, 7, 26)
    assert late["first_seen_at"] == new_york(2012, 7, 26, 11, 0)
    assert late["first_seen_is_assumed"] is False
    assert late["article_id"] == on_time["article_id"]


@pytest.mark.parametrize(
    ("fetched", "session", "seen"),
    [
        pytest.param(
            new_york(2012, 7, 26, 17, 15),
            date(2012, 7, 26),
            new_york(2012, 7, 26, 16, 30),
            id="in the evening the session of the day is being decided",
        ),
        pytest.param(
            new_york(2012, 7, 27, 9, 29),
            date(2012, 7, 26),
            new_york(2012, 7, 26, 16, 30),
            id="still before the next open",
        ),
        pytest.param(
            new_york(2012, 7, 27, 9, 30),
            date(2012, 7, 27),
            new_york(2012, 7, 27, 9, 30),
            id="at the open of the next session",
        ),
        pytest.param(
            new_york(2012, 7, 29, 12, 0),
            date(2012, 7, 27),
            new_york(2012, 7, 27, 16, 30),
            id="on a Sunday Friday is being decided",
        ),
    ],
)
def test_a_late_article_belongs_to_the_session_that_is_being_decided(
    fetched: datetime, session: date, seen: datetime
) -> None:
    article = {"published_at": new_york(2012, 7, 24, 10, 0)}
    row = canonical(article, fetch=Fetch(fetched, LIVE)).articles.row(0, named=True)
    assert (row["session_date"], row["first_seen_at"]) == (session, seen)


def test_history_fetched_late_is_assumed_to_have_come_in_time() -> None:
    article = {"published_at": new_york(2012, 7, 24, 10, 0)}
    row = canonical(article, fetch=Fetch(new_york(2012, 7, 26, 11, 0))).articles.row(0, named=True)
    assert row["session_date"] == date(2012, 7, 24)
    assert row["first_seen_is_assumed"] is True


def test_copies_in_a_session_are_one_article_the_earliest_with_all_tickers() -> None:
    articles = canonical(
        {
            "headline": "Apple  SUES Samsung",
            "published_at": new_york(2012, 7, 24, 12, 0),
            "tickers": ["SSNLF"],
        },
        {"headline": "Apple sues Samsung ", "published_at": new_york(2012, 7, 24, 11, 0), "source": "first"},
    ).articles
    kept = articles.select("source", "headline", "published_at").rows()
    assert kept == [("first", "Apple sues Samsung", new_york(2012, 7, 24, 11, 0))]
    assert articles["tickers"].to_list() == [["AAPL", "SSNLF"]]


def test_the_same_words_in_a_later_session_are_a_copy_and_beyond_the_window_news_again() -> None:
    rows = [{"published_at": new_york(2012, 7, day, 12, 0)} for day in (2, 3, 31)]
    one = canonical(*rows, window_sessions=20)
    assert one.articles["session_date"].to_list() == [date(2012, 7, 2)]
    assert one.copies["session_date"].to_list() == [date(2012, 7, 2), date(2012, 7, 3), date(2012, 7, 31)]
    again = canonical(*rows, window_sessions=18)
    assert again.articles["session_date"].to_list() == [date(2012, 7, 2), date(2012, 7, 31)]
    assert again.articles["content_hash"].n_unique() == 1
    assert again.articles["article_id"].n_unique() == 2


def test_another_body_is_another_article() -> None:
    moment = new_york(2012, 7, 24, 12, 0)
    assert canonical({"published_at": moment}, {"published_at": moment, "body": "More."}).articles.height == 2


def test_ids_are_pinned_so_that_stored_articles_are_found_again() -> None:
    row = canonical({"published_at": new_york(2012, 7, 24, 12, 0)}).articles.row(0, named=True)
    assert row["content_hash"] == "e4144f547cc81e85418402f19c6d1a22"
    assert row["article_id"] == "e9944f3de7771fdb09c4ba0d239c9b8a"


@pytest.mark.parametrize(
    ("change", "reason_code"),
    [
        ({"headline": "  \n"}, "no_headline"),
        ({"headline": None}, "no_headline"),
        ({"source": None}, "no_source"),
        ({"tickers": []}, "no_ticker"),
        ({"tickers": None}, "no_ticker"),
        ({"tickers": ["AAPL", "aapl"]}, "bad_ticker"),
        ({"tickers": ["AAPL'; DROP TABLE trades;--"]}, "bad_ticker"),
        ({"tickers": ["AAPL\n"]}, "bad_ticker"),
        ({"tickers": [None]}, "bad_ticker"),
        ({"published_on": None}, "no_date"),
        ({"published_on": date(1980, 12, 12)}, "outside_calendar"),
        ({"published_on": date(2999, 1, 1)}, "outside_calendar"),
    ],
)
def test_an_unusable_row_is_set_apart_whole_with_its_reason(change: dict[str, Any], reason_code: str) -> None:
    row = {"published_on": date(2012, 7, 24)} | change
    result = canonical(row, {"published_on": date(2012, 7, 24), "headline": "A usable one"})
    assert result.articles["headline"].to_list() == ["A usable one"]
    assert result.rejected["reason_code"].to_list() == [reason_code]
    payload = json.loads(result.rejected["payload"].item())
    expected = BASE | row
    published_on = expected["published_on"]
    assert payload == expected | {"published_on": published_on.isoformat() if published_on else None}


def test_only_web_addresses_are_kept_and_an_unknown_language_is_said_to_be_unknown() -> None:
    moment = new_york(2012, 7, 24, 12, 0)
    articles = canonical(
        {"headline": "one", "published_at": moment, "url": "https://example.com/a", "language": None},
        {"headline": "two", "published_at": moment, "url": "javascript:alert(1)"},
    ).articles
    assert dict(articles.select("headline", "url").iter_rows()) == {
        "one": "https://example.com/a",
        "two": None,
    }
    languages = {
        row[0]: row[1:] for row in articles.select("headline", "language", "language_is_detected").iter_rows()
    }
    assert languages == {"one": ("und", True), "two": ("en", False)}


def test_an_empty_batch_gives_empty_frames_of_the_right_columns() -> None:
    result = canonical_articles(raw(), xnys(), 30)
    assert dict(result.articles.schema) == dict(ARTICLE_SCHEMA)
    assert result.rejected.is_empty()


def test_a_missing_column_and_a_naive_moment_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lack \['tickers'\]"):
        canonical_articles(raw(BASE).drop("tickers"), xnys(), 30)
    with pytest.raises(ValueError, match="without time zone"):
        canonical(BASE, fetch=Fetch(datetime(2012, 7, 24, 12, 0)))  # noqa: DTZ001


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "headline": st.sampled_from(["up", "Up ", "down", "flat"]),
            "tickers": st.lists(st.sampled_from(["AAPL", "IBM"]), min_size=1, unique=True),
            "published_at": st.integers(0, 6 * 24 * 12).map(
                lambda step: new_york(2012, 11, 20, 0, 0) + timedelta(minutes=5 * step)
            ),
            "source": st.sampled_from(["a", "b"]),
        }
    ),
    max_size=12,
)


@settings(max_examples=5, deadline=None)
@given(rows=ROWS, order=st.randoms(use_true_random=False), window=st.integers(1, 4))
def test_sessions_one_by_one_give_the_range_whatever_the_order(
    rows: list[dict[str, Any]], order: Any, window: int
) -> None:
    whole = canonical(*rows, window_sessions=window)
    shuffled = canonical(*order.sample(rows, len(rows)), window_sessions=window)
    assert_same(shuffled, whole)
    one_by_one: list[CanonicalArticles] = []
    for session in xnys().between(date(2012, 11, 20), date(2012, 11, 27)):
        own = [row for row in rows if xnys().admitting(row["published_at"], 30) == session]
        known = known_of(one_by_one, xnys().shift(session, -window))
        one_by_one.append(canonical(*own, known=known, window_sessions=window))
        again = canonical(
            *own, known=known_of(one_by_one, xnys().shift(session, -window)), window_sessions=window
        )
        assert again.articles.is_empty()
        assert again.tickers.is_empty()
        assert again.copies.is_empty()
    assert_same(together(one_by_one), whole)


def together(parts: list[CanonicalArticles]) -> CanonicalArticles:
    frames = {
        name: pl.concat([getattr(part, name) for part in parts])
        for name in ("articles", "tickers", "copies", "rejected")
    }
    return CanonicalArticles(**frames, about_nobody=0)


def assert_same(one: CanonicalArticles, other: CanonicalArticles) -> None:
    for name in ("articles", "tickers", "copies"):
        assert getattr(one, name).equals(getattr(other, name)), name


def known_of(parts: list[CanonicalArticles], first: date) -> KnownNews:
    if not parts:
        return KnownNews()
    stored = together(parts)
    copies = stored.copies.filter(pl.col("session_date") >= first)
    headlines = stored.articles.select("article_id", "headline", "published_at")
    mentions = stored.tickers.join(headlines, on="article_id").filter(
        (pl.col("session_date") >= first) | pl.col("article_id").is_in(copies["article_id"].to_list())
    )
    return KnownNews(copies.select(list(KNOWN_COPY_SCHEMA)), mentions.select(list(MENTION_SCHEMA)))


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, seen_hours=st.integers(0, 200) | st.none())
def test_every_row_was_published_and_seen_by_the_cutoff_of_its_session(
    rows: list[dict[str, Any]], seen_hours: int | None
) -> None:
    fetch = None
    if seen_hours is not None:
        at = new_york(2012, 11, 20, 0, 0) + timedelta(hours=seen_hours)
        fetch = Fetch(at, frozenset(xnys().between(date(2012, 11, 20), date(2012, 11, 30))))
    for row in canonical(*rows, fetch=fetch).articles.iter_rows(named=True):
        assert max(row["published_at"], row["first_seen_at"]) <= xnys().cutoff(row["session_date"], 30)
