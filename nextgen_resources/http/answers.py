"""Telling an answer from a refusal that looks like one.

A provider refuses in many ways: a status, an empty 200, a web page, a redirect to a consent page, half a
JSON document, a message in a 200. Each becomes an error of its own, and none of them becomes "no data".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from nextgen_resources.errors import (
    ProviderConsentError,
    ProviderDataError,
    ProviderEmptyError,
    ProviderError,
    ProviderHtmlError,
    ProviderNotFoundError,
    ProviderRateLimitedError,
    ProviderStatedError,
    ProviderTruncatedError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
)

Expected = Literal["json", "text", "html", "reply"]
_CONSENT = re.compile(r"(^|[./])(consent|guce)\.|collectconsent", re.IGNORECASE)
_SLOW_DOWN = re.compile(
    r"too many requests|rate.?limit|exceeded the .{0,20}limit|call frequency|hits limit", re.IGNORECASE
)
_TITLE = re.compile(rb"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)
_MESSAGE_KEYS = ("error", "errors", "error message", "note", "information")
_QUOTED = 160


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Attributes
    ----------
    url : str
        The URL that answered, after redirects.
    status : int
        HTTP status.
    headers : mapping of str to str
        Names in lower case.
    body : bytes
        Decompressed.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8, unreadable bytes replaced."""
        return self.body.decode("utf-8", errors="replace")


def refusal_of(answer: Answer, who: str, expects: Expected, now: datetime) -> ProviderError | None:
    """The error that ``answer`` amounts to, or None when it is what was asked for.

    Parameters
    ----------
    who : str
        Provider and endpoint, for messages.
    expects : {'json', 'text', 'html', 'reply'}
        What the body should be; a reply is judged by its status alone, its body by whoever asked.
    now : datetime
        Aware; a Retry-After that names a moment is measured from it.

    Notes
    -----
    A web page is refused before its status is read as an answer about the data: the 404 of a gateway
    says nothing about a ticker.
    """
    if expects == "reply":
        return _by_urgent_status(answer, who, now) or _by_status(answer, who)
    is_page = expects != "html" and _is_page(answer)
    return (
        _by_consent(answer, who, is_page=is_page)
        or _by_urgent_status(answer, who, now)
        or (_page(answer, who) if is_page else None)
        or _by_status(answer, who)
        or _by_body(answer, who, expects)
    )


def _by_consent(answer: Answer, who: str, *, is_page: bool) -> ProviderError | None:
    target = answer.headers.get("location", "") if 300 <= answer.status < 400 else answer.url
    parts = urlsplit(target)
    leads_there = _CONSENT.search(f"{parts.netloc}{parts.path}") is not None
    if leads_there or (is_page and b"collectConsent" in answer.body):
        return ProviderConsentError(
            f"{who} leads to the consent page {parts.netloc or answer.url}; a person must agree there, or run from "
            "a network outside its region, or choose another provider"
        )
    return None


def _by_urgent_status(answer: Answer, who: str, now: datetime) -> ProviderError | None:
    wait = retry_after_seconds(answer.headers.get("retry-after"), now)
    stated = f"; it states {wait:g} s" if wait is not None else ""
    if answer.status == 429:
        return ProviderRateLimitedError(
            f"{who} asks us to slow down (429){stated}: {_quote(answer)}; lower http.requests_per_minute",
            retry_after_seconds=wait,
        )
    if answer.status == 408 or answer.status >= 500:
        return ProviderUnavailableError(
            f"{who} answered {answer.status}{stated}: {_quote(answer)}; retry later", retry_after_seconds=wait
        )
    return None


def _by_status(answer: Answer, who: str) -> ProviderError | None:
    if answer.status in (401, 403):
        return ProviderUnauthorizedError(
            f"{who} answered {answer.status}: {_quote(answer)}; check the key or cookie"
        )
    if answer.status in (404, 410):
        return ProviderNotFoundError(
            f"{who} answered {answer.status}: {_quote(answer)}; check the spelling, or ask another provider"
        )
    if 300 <= answer.status < 400:
        return ProviderUnavailableError(
            f"{who} redirects to {answer.headers.get('location', 'nowhere')[:_QUOTED]}, which was not followed"
        )
    if answer.status >= 400:
        return ProviderDataError(f"{who} answered {answer.status}: {_quote(answer)}; the request is wrong")
    return None


def _by_body(answer: Answer, who: str, expects: Expected) -> ProviderError | None:
    if not answer.body.strip():
        return ProviderEmptyError(
            f"{who} sent an empty answer with status {answer.status}; some providers refuse that way: retry later"
        )
    if _is_shorter_than_stated(answer):
        return ProviderTruncatedError(
            f"{who} ended after {len(answer.body)} of {answer.headers['content-length']} bytes; retry"
        )
    return _by_document(answer, who) if expects == "json" else _by_words(answer, who)


def _is_shorter_than_stated(answer: Answer) -> bool:
    stated = answer.headers.get("content-length", "")
    is_plain = answer.headers.get("content-encoding", "identity") == "identity"
    return is_plain and stated.isdigit() and len(answer.body) < int(stated)


def _by_words(answer: Answer, who: str) -> ProviderError | None:
    """A line of text that asks to slow down in place of a table."""
    if len(answer.body) < 400 and _SLOW_DOWN.search(answer.text):
        return ProviderRateLimitedError(f"{who} asks us to slow down: {_quote(answer)}")
    return None


def _by_document(answer: Answer, who: str) -> ProviderError | None:
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        if slow := _by_words(answer, who):
            return slow
        if answer.body.lstrip()[:1] in (b"{", b"["):
            return ProviderTruncatedError(
                f"{who} sent {len(answer.body)} bytes of JSON that break off ({error}); retry"
            )
        return ProviderDataError(f"{who} sent no JSON: {_quote(answer)}")
    message = stated_error(document)
    if message is None:
        return None
    if _SLOW_DOWN.search(message):
        return ProviderRateLimitedError(f"{who} asks us to slow down: {message[:_QUOTED]}")
    if message.lower().startswith("not found"):
        return ProviderNotFoundError(f"{who} states: {message[:_QUOTED]}; check the spelling")
    return ProviderStatedError(f"{who} states an error: {message[:_QUOTED]}; correct the request")


def stated_error(document: Any) -> str | None:
    """The error that a JSON document states at its top or one level below, in its words; None without one.

    Examples
    --------
    >>> stated_error({"chart": {"result": None, "error": {"code": "Not Found", "description": "No data"}}})
    'Not Found: No data'
    >>> stated_error({"chart": {"result": [], "error": None}}) is None
    True
    """
    if not isinstance(document, Mapping):
        return None
    for level in (document, *(value for value in document.values() if isinstance(value, Mapping))):
        for key, value in level.items():
            if str(key).lower() in _MESSAGE_KEYS and value:
                return _in_words(value)
        if str(level.get("status", "")).lower() == "error" and level.get("message"):
            return _in_words(level["message"])
    return None


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        known = [value[name] for name in ("code", "description", "message") if value.get(name)]
        return ": ".join(map(str, known)) or json.dumps(value)
    return str(value)


def _is_page(answer: Answer) -> bool:
    start = answer.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return True
    return "text/html" in answer.headers.get("content-type", "").lower() and start.startswith(b"<")


def _page(answer: Answer, who: str) -> ProviderError:
    title = _TITLE.search(answer.body[:20_000])
    name = " ".join(title.group(1).decode("utf-8", "replace").split()) if title else "without a title"
    return ProviderHtmlError(
        f"{who} sent a web page ({name[:_QUOTED]!r}, status {answer.status}) in place of data; retry later, or "
        "lower http.requests_per_minute if it is a block"
    )


def _quote(answer: Answer) -> str:
    """The beginning of the body on one line, or the name of the page."""
    if _is_page(answer):
        title = _TITLE.search(answer.body[:20_000])
        return repr(title.group(1).decode("utf-8", "replace").strip()) if title else "a web page"
    return repr(" ".join(answer.text[: 4 * _QUOTED].split())[:_QUOTED])


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, never negative; None when absent or unreadable.

    Examples
    --------
    >>> from datetime import UTC
    >>> retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT", datetime(2015, 10, 21, 7, 27, tzinfo=UTC))
    60.0
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.utcoffset() is None:
        return None
    return max(0.0, (moment - now).total_seconds())
