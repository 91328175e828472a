"""Canonical addresses: the copies of a page have one, different pages have two."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.news_urls import canonical_urls

PAGE = "https://example.com/markets/apple-sues"


def canonical(url: str | None) -> str | None:
    return canonical_urls(pl.Series([url], dtype=pl.String)).item()


@pytest.mark.parametrize(
    "copy",
    [
        "https://example.com/markets/apple-sues",
        "http://example.com/markets/apple-sues/",
        "HTTPS://WWW.Example.COM/markets/apple-sues",
        "https://user:word@www.example.com:443/markets/apple-sues",
        "https://m.example.com/markets/apple-sues#comments",
        "https://mobile.example.com/markets//apple-sues",
        "https://amp.example.com/markets/apple-sues",
        "https://www.example.com/amp/markets/apple-sues",
        "https://www.example.com/markets/apple-sues/amp/",
        "https://www.example.com/markets/apple-sues.amp",
        "https://example.com/markets/apple-sues/index.html",
        "https://example.com/markets/apple-sues?utm_source=a&UTM_Medium=b&fbclid=c&guccounter=1&.tsrc=rss",
        "https://www.google.com/amp/s/www.example.com/markets/apple-sues/amp",
        "https://www-example-com.cdn.ampproject.org/c/s/www.example.com/markets/apple-sues",
        "  https://example.com./markets/apple-sues?  ",
    ],
)
def test_a_copy_has_the_address_of_its_page(copy: str) -> None:
    assert canonical(copy) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a", "https://example.com/b"),
        ("https://example.com/a", "https://example.org/a"),
        ("https://example.com/story?id=1", "https://example.com/story?id=2"),
        ("https://example.com:8080/a", "https://example.com/a"),
        ("https://example.com/A", "https://example.com/a"),
        ("https://news.example.com/a", "https://example.com/a"),
        ("https://example.com/lamp", "https://example.com/l"),
    ],
)
def test_different_pages_keep_different_addresses(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
    assert None not in (canonical(one), canonical(other))


def test_the_order_of_parameters_does_not_matter_and_their_values_do() -> None:
    assert canonical("https://e.com/s?b=2&a=1") == canonical("https://e.com/s?a=1&utm_id=9&b=2")
    assert canonical("https://e.com/s?b=2&a=1") == "https://e.com/s?a=1&b=2"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://",
        "https://example.com",
        "https://example.com/",
        "https://example.com/?utm_source=rss",
        "javascript:alert(1)",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "https://localhost",
        "https://example.com/a b",
        "https://example.com/" + "a" * 2_001,
    ],
)
def test_what_names_no_page_has_no_address(url: str | None) -> None:
    assert canonical(url) is None


def test_m_com_itself_is_no_mobile_variant() -> None:
    assert canonical("https://m.com/a") == "https://m.com/a"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60).map(lambda tail: f"https://www.example.com/{tail}"))
def test_an_address_of_an_address_is_itself(url: str) -> None:
    once = canonical(url)
    assert once is None or canonical(once) == once
