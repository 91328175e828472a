"""Live sources of news against a server here: refusals, pages, times, bodies, hostile feeds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nextgen_resources.errors import (
    ProviderDataError,
    ProviderError,
    ProviderHtmlError,
    ProviderOversizeError,
    ProviderRateLimitedError,
    ProviderUnauthorizedError,
    SettingsError,
)
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.news import load_news_provider
from nextgen_resources.news.delivery import plain_text
from tests.contracts.test_news_providers import credentials, yahoo_news
from tests.resources.http.loopback import Loopback, Reply, Seen, VirtualTime, policy_in, serving

PAYLOADS = Path(__file__).parents[4] / "shared" / "data" / "api_payloads"
ALL = (date(2000, 1, 1), date(2030, 1, 1))


def asked(server: Loopback, name: str, http: HttpPolicy | None = None, **options: Any) -> Any:
    place = {"feeds": [f"{server.url}/feed"], "loopback": True} if name == "rss" else {"server": server.url}
    provider = load_news_provider(
        name, http or policy_in(VirtualTime()), credentials(), **{**place, **options}
    )
    try:
        return provider.articles(*ALL)
    finally:
        provider.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["alpaca", "polygon"])
def test_without_a_key_nothing_is_sent(name: str) -> None:
    with serving(Reply({})) as server:
        provider = load_news_provider(name, policy_in(VirtualTime()), server=server.url)
        with pytest.raises(ProviderUnauthorizedError, match=f"{name}: no key; set"):
            provider.articles(*ALL)
        assert server.seen == []


@pytest.mark.parametrize("name", ["alpaca", "polygon", "rss"])
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("slow down", 429, {"retry-after": "1"}), ProviderRateLimitedError),
        (Reply('{"message": "forbidden."}', 403), ProviderUnauthorizedError),
        (Reply("<!doctype html><title>Blocked</title>"), ProviderHtmlError),
        (Reply('{"news": [', 200, {"content-type": "application/json"}), ProviderError),
        (Reply('{"unknown": 1}', 200, {"content-type": "application/json"}), ProviderDataError),
        (Reply(""), ProviderError),
        (Reply("x" * 5_000), ProviderError),
    ],
)
def test_a_refusal_is_an_error_of_its_kind_and_never_no_news(
    name: str, reply: Reply, error: type[ProviderError]
) -> None:
    with serving(reply) as server, pytest.raises(error):
        asked(server, name)


def test_a_key_is_sent_in_a_header_and_stands_in_no_error_and_no_address() -> None:
    with serving(Reply("no", 403)) as server:
        for name, header in (("alpaca", "apca-api-secret-key"), ("polygon", "authorization")):
            with pytest.raises(ProviderUnauthorizedError) as refused:
                asked(server, name)
            seen = server.seen[-1]
            secret = "a-secret" if name == "alpaca" else "p-key"
            assert secret in seen.headers[header]
            assert secret not in str(refused.value)
            assert secret not in json.dumps(seen.query)


def test_pages_that_go_round_in_circles_are_an_error() -> None:
    with (
        serving(Reply({"news": [], "next_page_token": "same"})) as server,
        pytest.raises(ProviderDataError, match="already read"),
    ):
        asked(server, "alpaca")


def test_a_next_page_on_another_host_is_refused_and_gets_no_key() -> None:
    page = {"status": "OK", "results": [], "next_url": "https://evil.example.org/v2/reference/news?cursor=x"}
    with serving(Reply(page)) as server, pytest.raises(ProviderError, match=r"evil\.example\.org"):
        asked(server, "polygon")


def test_a_text_changed_later_counts_from_the_change() -> None:
    entry = {
        "id": 1,
        "headline": "Apple &amp; Co",
        "summary": "<p>One</p><script>bad()</script><p>Two</p>",
        "symbols": ["AAPL"],
        "source": "benzinga",
        "created_at": "2024-05-01T12:00:00Z",
        "updated_at": "2024-05-03T12:00:00Z",
    }
    with serving(Reply({"news": [entry], "next_page_token": None})) as server:
        row = asked(server, "alpaca").row(0, named=True)
    assert row["published_at"] == datetime(2024, 5, 3, 12, 0, tzinfo=UTC)
    assert (row["headline"], row["body"]) == ("Apple & Co", "One\nTwo")


def feed(*items: str) -> Reply:
    return Reply(
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>W</title>{''.join(items)}</channel></rss>",
        headers={"content-type": "application/rss+xml"},
    )


@pytest.mark.parametrize(
    ("stated", "published_at", "published_on"),
    [
        ("Wed, 01 May 2024 16:45:00 -0400", datetime(2024, 5, 1, 20, 45, tzinfo=UTC), date(2024, 5, 1)),
        ("Wed, 01 May 2024 16:45:00 EDT", datetime(2024, 5, 1, 20, 45, tzinfo=UTC), date(2024, 5, 1)),
        ("2024-05-02T01:00:00Z", datetime(2024, 5, 2, 1, 0, tzinfo=UTC), date(2024, 5, 1)),
        ("2024-05-01T09:30:00", None, date(2024, 5, 1)),
        ("2024-05-01", None, date(2024, 5, 1)),
        ("01 May 2024", None, date(2024, 5, 1)),
        ("yesterday", None, None),
    ],
)
def test_a_feed_states_an_instant_with_a_zone_or_else_a_day(
    stated: str, published_at: datetime | None, published_on: date | None
) -> None:
    with serving(feed(f"<item><title>x</title><pubDate>{stated}</pubDate></item>")) as server:
        row = asked(server, "rss").row(0, named=True)
    assert (row["published_at"], row["published_on"]) == (published_at, published_on)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_feed_that_defines_entities_is_not_read(encoding: str) -> None:
    text = (
        f"<?xml version='1.0' encoding='{encoding}'?><!DOCTYPE rss [<!ENTITY a 'ha'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
        "<rss version='2.0'><channel><item><title>&f;&a;</title></item></channel></rss>"
    )
    reply = Reply(text.encode(encoding), headers={"content-type": "application/rss+xml"})
    with serving(reply) as server, pytest.raises(ProviderDataError, match="entities of its own"):
        asked(server, "rss")


def test_a_feed_larger_than_the_cap_is_not_read() -> None:
    with serving(feed("<item>" + "x" * 200_000 + "</item>")) as server, pytest.raises(ProviderOversizeError):
        asked(server, "rss", policy_in(VirtualTime(), body_limit_bytes=10_000))


def test_pages_are_fetched_from_permitted_hosts_alone_and_a_refusal_leaves_the_summary() -> None:
    def answer(request: Seen) -> Reply:
        port = request.host.partition(":")[2]
        pages = {
            "/page": Reply("<html><head><title>t</title></head><body><p>The whole text.</p></body></html>"),
            "/missing": Reply("gone", 404),
        }
        item = "<item><title>{0}</title><link>{1}</link><description>Summary.</description><pubDate>2024-05-01</pubDate></item>"
        items = [
            item.format("a", f"http://127.0.0.1:{port}/page"),
            item.format("b", f"http://127.0.0.1:{port}/missing"),
            item.format("c", "http://10.0.0.1/metadata"),
        ]
        return pages.get(request.path) or feed(*items)

    with serving(answer) as server:
        permitted = asked(server, "rss", body_hosts=["127.0.0.1"])
        assert permitted["body"].to_list() == ["The whole text.", "Summary.", "Summary."]
        assert [seen.path for seen in server.seen] == ["/feed", "/page", "/missing"]
        assert asked(server, "rss")["body"].to_list() == ["Summary."] * 3
        assert [seen.path for seen in server.seen][3:] == ["/feed"]


def test_a_private_page_is_refused_even_of_a_permitted_host() -> None:
    reply = feed(
        "<item><title>c</title><link>https://10.0.0.1/x</link><description>Summary.</description>"
        "<pubDate>2024-05-01</pubDate></item>"
    )
    with serving(reply) as server:
        assert asked(server, "rss", body_hosts=["10.0.0.1"])["body"].to_list() == ["Summary."]


def test_a_feed_of_this_machine_needs_permission_and_addresses_are_checked() -> None:
    with serving(feed()) as server, pytest.raises(ProviderError, match=r"not encrypted|private"):
        asked(server, "rss", loopback=False)
    for feeds in ([], ["file:///etc/passwd"], ["not an address"]):
        with pytest.raises(SettingsError, match="rss: feeds"):
            load_news_provider("rss", feeds=feeds)


def test_union_fails_with_a_source_or_reports_it(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("headline,tickers,published_at\nx,AAPL,2024-05-01\n")
    options = {"sources": ["rss", "files"], "files_path": str(file), "rss_loopback": True}
    with serving(Reply("no", 500)) as server:
        feeds = {"rss_feeds": [f"{server.url}/feed"]}
        strict = load_news_provider("union", policy_in(VirtualTime()), **options, **feeds)
        with pytest.raises(ProviderError):
            strict.articles(*ALL)
        lenient = load_news_provider(
            "union", policy_in(VirtualTime()), on_failure="report", **options, **feeds
        )
        assert lenient.articles(*ALL)["headline"].to_list() == ["x"]
        assert list(lenient.failures) == ["rss"]  # type: ignore[attr-defined]
        strict.close()  # type: ignore[attr-defined]
        lenient.close()  # type: ignore[attr-defined]
    with pytest.raises(SettingsError, match="two or more different names"):
        load_news_provider("union", sources=["files"])
    with pytest.raises(SettingsError, match="'path' belongs to none"):
        load_news_provider("union", sources=["files", "chronicle"], path="x")


def test_a_recording_answers_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("headline,tickers,published_at\nx,AAPL,2024-05-01\ny,AAPL,2024-05-03\n")
    live = load_news_provider("recorded", path=tmp_path / "kept", record="files", files_path=str(file))
    live.articles(date(2024, 5, 1), date(2024, 5, 2))
    replay = load_news_provider("recorded", path=tmp_path / "kept")
    assert replay.articles(date(2024, 5, 1), date(2024, 5, 1))["headline"].to_list() == ["x"]
    with pytest.raises(ProviderDataError, match=r"covers 2024-05-01\.\.2024-05-03; it holds 2024-05-01"):
        replay.articles(date(2024, 5, 1), date(2024, 5, 3))
    with pytest.raises(SettingsError, match="unknown option"):
        load_news_provider("recorded", path=tmp_path, files_path="x")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply("Too Many Requests", 429), ProviderRateLimitedError),
        (Reply({"data": {}}), ProviderDataError),
        (Reply("<!doctype html><title>Will be right back</title>"), ProviderError),
        (Reply(""), ProviderError),
    ],
)
def test_what_yahoo_refuses_with_is_no_empty_news(
    tmp_path: Path, reply: Reply, error: type[ProviderError]
) -> None:
    with yahoo_news(tmp_path, lambda _: reply) as provider, pytest.raises(error):
        provider.articles(*ALL)


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not beside the repository")
def test_recorded_answers_of_the_vendors_are_read() -> None:
    alpaca = [json.loads((PAYLOADS / "alpaca" / f"get_news_{n}.json").read_text()) for n in (0, 1)]
    with serving(lambda seen: Reply(alpaca["page_token" in seen.query])) as server:
        frame = asked(server, "alpaca")
    assert frame["tickers"].to_list() == [["AAPL", "QCOM"], ["CWAN"]]
    recorded = json.loads((PAYLOADS / "polygon" / "v2_reference_news_ticker_NFLX.json").read_text())["body"]
    with serving(Reply(recorded)) as server:
        frame = asked(server, "polygon", tickers=["NFLX"])
    assert frame["source"].to_list() == ["MarketWatch"]
    assert frame["tickers"].to_list() == [["MSFT", "TSN", "NFLX", "AMZN"]]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (None, None),
        ("", None),
        ("plain  words", "plain words"),
        ("a &amp; b", "a & b"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<style>x{}</style><b>bold</b> text<script>alert(1)</script>", "bold text"),
        ("<p hidden>shown all the same</p>", "shown all the same"),
        ("<scr<script>ipt>x</script>y", "ipt>xy"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
    ],
)
def test_markup_becomes_the_words_that_a_reader_sees(markup: str | None, text: str | None) -> None:
    assert plain_text(markup) == text
