"""One suite over every source of news: what each must deliver, whatever it is asked of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.news import canonical_articles
from nextgen_assets.domain.sessions import NEW_YORK, xnys
from nextgen_resources.news import (
    ARTICLE_SCHEMA,
    NewsProvider,
    check_articles,
    load_news_provider,
    news_provider_names,
)
from nextgen_resources.settings.data_sections import Credentials
from tests.resources.http.loopback import Reply, Seen, VirtualTime, certificate_for, policy_in, serving
from tests.resources.market_data.yahoo_server import HOSTS, FakeYahoo

FIRST, LAST = date(2012, 9, 10), date(2012, 9, 21)
ITEMS = [
    ("Apple unveils a new phone", datetime(2012, 9, 12, 17, 0, tzinfo=UTC)),
    ("Apple takes two million orders in a day", datetime(2012, 9, 17, 12, 30, tzinfo=UTC)),
    ("Apple queues around the block", datetime(2012, 9, 20, 2, 0, tzinfo=UTC)),
]
"""The last one is of the evening of the 19th in New York."""

SOURCES = ["alpaca", "chronicle", "files_csv", "files_jsonl", "files_parquet", "polygon", "recorded", "rss_atom",
           "rss_rss", "union", "yahoo"]  # fmt: skip


def credentials() -> Credentials:
    known: dict[str, Any] = dict.fromkeys(Credentials.model_fields)
    return Credentials(
        **known
        | {"polygon_api_key": "p-key", "alpaca_api_key_id": "a-id", "alpaca_api_secret_key": "a-secret"}
    )


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def between(request: Seen, start: str, end: str) -> list[tuple[int, str, datetime]]:
    """Items of the span that a request states."""
    low, high = (datetime.fromisoformat(request.query[name][0]) for name in (start, end))
    return [(n, *item) for n, item in enumerate(ITEMS) if low <= item[1] < high]


def alpaca(request: Seen) -> Reply:
    found = between(request, "start", "end")
    at = int(request.query.get("page_token", ["0"])[0])
    news = [
        {
            "id": n, "headline": headline, "summary": "", "content": "", "author": "x", "source": "benzinga",
            "created_at": stamp(moment), "updated_at": stamp(moment), "symbols": ["AAPL"], "images": [],
            "url": f"https://www.example.com/{n}",
        }
        for n, headline, moment in found[at : at + 1]
    ]  # fmt: skip
    return Reply({"news": news, "next_page_token": str(at + 1) if at + 1 < len(found) else None})


def polygon(request: Seen) -> Reply:
    found = between(request, "published_utc.gte", "published_utc.lt") if "cursor" not in request.query else []
    results = [
        {
            "id": str(n), "title": headline, "author": "x", "published_utc": stamp(moment), "tickers": ["AAPL"],
            "article_url": f"https://www.example.com/{n}", "description": None, "publisher": {"name": "Example Wire"},
        }
        for n, headline, moment in found
    ]  # fmt: skip
    page: dict[str, Any] = {"status": "OK", "count": len(results), "results": results}
    if results:
        page["next_url"] = f"http://{request.host}/v2/reference/news?cursor=next"
    return Reply(page)


def rss(request: Seen) -> Reply:
    items = "".join(
        f"<item><title>{headline}</title><link>https://www.example.com/{n}?utm_source=rss</link>"
        f"<pubDate>{moment:%a, %d %b %Y %H:%M:%S} +0000</pubDate></item>"
        for n, (headline, moment) in enumerate(ITEMS)
    )
    text = f"<?xml version='1.0'?><rss version='2.0'><channel><title>W</title><language>en-us</language>{items}</channel></rss>"
    return Reply(text, headers={"content-type": "application/rss+xml"})


def atom(request: Seen) -> Reply:
    entries = "".join(
        f"<entry><title>{headline}</title><id>urn:{n}</id><link href='https://www.example.com/{n}'/>"
        f"<published>{moment.astimezone(NEW_YORK).isoformat()}</published></entry>"
        for n, (headline, moment) in enumerate(ITEMS)
    )
    text = f"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom' xml:lang='en'><title>W</title>{entries}</feed>"
    return Reply(text, headers={"content-type": "application/atom+xml"})


def yahoo_stream(request: Seen) -> Reply:
    stream = [
        {
            "id": str(n),
            "content": {
                "title": headline, "summary": "", "pubDate": stamp(moment), "provider": {"displayName": "Wire"},
                "canonicalUrl": {"url": f"https://www.example.com/{n}"}, "finance": {"stockTickers": [{"symbol": "AAPL"}]},
            },
        }
        for n, (headline, moment) in enumerate(ITEMS)
    ]  # fmt: skip
    advertisement = {"id": "ad", "ad": [{"x": 1}], "content": {"title": "Buy now"}}
    return Reply({"data": {"tickerStream": {"stream": [*stream, advertisement]}}})


@contextmanager
def yahoo_news(folder: Path, answer: Callable[[Seen], Reply] = yahoo_stream, **options: Any) -> Iterator[Any]:
    """The provider, with the real yfinance, whose requests to Yahoo's hosts arrive at a server here."""
    from yfinance.data import SingletonMeta

    folder.mkdir(exist_ok=True)
    context, authority = certificate_for(folder, *HOSTS)
    fake = FakeYahoo()
    fake.special["/xhr/ncp"] = answer
    with serving(fake, context) as server:
        SingletonMeta._instances.clear()
        provider = load_news_provider(
            "yahoo",
            policy_in(VirtualTime()),
            tickers=["AAPL"],
            server=f"127.0.0.1:{server.port}",
            ca_file=str(authority),
            **options,
        )
        try:
            yield provider
        finally:
            provider.close()  # type: ignore[attr-defined]
            SingletonMeta._instances.clear()


def as_file(folder: Path, ending: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "headline": headline,
            "tickers": "AAPL",
            "published_at": stamp(moment),
            "url": f"https://www.example.com/{n}",
        }
        for n, (headline, moment) in enumerate(ITEMS)
    ]
    file = folder / f"news.{ending}"
    if ending == "jsonl":
        file.write_text("\n".join(map(json.dumps, rows)))
    else:
        frame = pl.DataFrame(rows)
        frame.write_csv(file) if ending == "csv" else frame.write_parquet(file)
    return file


def over_http(stack: ExitStack, name: str, answer: Callable[[Seen], Reply], **options: Any) -> NewsProvider:
    server = stack.enter_context(serving(answer))
    place = (
        {"feeds": [f"AAPL {server.url}/feed"], "loopback": True} if name == "rss" else {"server": server.url}
    )
    return load_news_provider(name, policy_in(VirtualTime()), credentials(), **place, **options)


def source_of(kind: str, folder: Path, stack: ExitStack) -> NewsProvider:
    name, _, variant = kind.partition("_")
    if name == "files":
        return load_news_provider("files", path=as_file(folder, variant))
    if name == "rss":
        return over_http(stack, "rss", rss if variant == "rss" else atom)
    if name in ("alpaca", "polygon"):
        return over_http(stack, name, alpaca if name == "alpaca" else polygon)
    if name == "yahoo":
        return stack.enter_context(yahoo_news(folder))  # type: ignore[no-any-return]
    if name == "union":
        server = stack.enter_context(serving(rss))
        return load_news_provider(
            "union",
            policy_in(VirtualTime()),
            sources=["rss", "files"],
            rss_feeds=[f"AAPL {server.url}/feed"],
            rss_loopback=True,
            files_path=str(as_file(folder, "csv")),
        )
    if name == "recorded":
        live = load_news_provider(
            "recorded", path=folder / "kept", record="files", files_path=str(as_file(folder, "csv"))
        )
        live.articles(date(2012, 9, 1), date(2012, 9, 30))
        return load_news_provider("recorded", path=folder / "kept")
    return load_news_provider(name)


@pytest.fixture(scope="module", params=SOURCES)
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewsProvider]:
    with ExitStack() as stack:
        found = source_of(request.param, tmp_path_factory.mktemp("news"), stack)
        yield found
        if hasattr(found, "close"):
            found.close()


def test_every_source_stands_in_this_suite() -> None:
    assert {kind.split("_")[0] for kind in SOURCES} == set(news_provider_names())


def test_it_meets_the_protocol(source: NewsProvider) -> None:
    assert isinstance(source, NewsProvider)
    assert source.name in news_provider_names()


def test_articles_have_their_columns_and_are_sorted_by_day(source: NewsProvider) -> None:
    frame = check_articles(source.name, source.articles(FIRST, LAST))
    assert dict(frame.schema) == dict(ARTICLE_SCHEMA)
    assert frame["published_on"].is_sorted()
    assert frame.height >= 3
    assert frame["headline"].null_count() == frame["source"].null_count() == 0


def test_days_are_those_of_new_york_and_instants_are_aware(source: NewsProvider) -> None:
    frame = source.articles(FIRST, LAST).filter(pl.col("published_at").is_not_null())
    assert frame.schema["published_at"] == pl.Datetime("us", "UTC")
    days = frame["published_at"].dt.convert_time_zone(str(NEW_YORK)).dt.date()
    assert days.equals(frame["published_on"], check_names=False)
    if source.name != "chronicle":
        assert set(frame["published_on"]) == {date(2012, 9, 12), date(2012, 9, 17), date(2012, 9, 19)}


def test_a_range_is_the_sum_of_its_days(source: NewsProvider) -> None:
    whole = source.articles(FIRST, LAST)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    assert pl.concat([source.articles(day, day) for day in days]).equals(whole)


def test_a_range_without_news_is_empty_and_no_error(source: NewsProvider) -> None:
    empty = source.articles(date(2012, 9, 15), date(2012, 9, 15))
    assert empty.is_empty()
    assert dict(empty.schema) == dict(ARTICLE_SCHEMA)


def test_a_second_question_gives_the_same_answer(source: NewsProvider) -> None:
    assert source.articles(FIRST, LAST).equals(source.articles(FIRST, LAST))


def test_the_domain_accepts_every_article_and_admits_none_before_it_was_public(source: NewsProvider) -> None:
    found = canonical_articles(source.articles(FIRST, LAST), xnys(), 30)
    assert found.rejected.is_empty()
    assert found.articles.height >= 3
    for session, published in found.articles.select("session_date", "published_at").iter_rows():
        assert session == xnys().admitting(published, 30)
    if source.name != "chronicle":
        assert found.articles.height == 3
        assert found.copies.height == (6 if source.name == "union" else 3)
        assert found.articles["tickers"].to_list() == [["AAPL"]] * 3
        assert found.articles["canonical_url"].to_list() == [f"https://example.com/{n}" for n in range(3)]
