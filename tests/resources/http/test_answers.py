"""Every way in which a provider refuses has an error of its own, and none of them is "no data"."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_resources import errors
from nextgen_resources.http.answers import Answer, refusal_of, retry_after_seconds

NOW = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
PAGE = b"<!DOCTYPE html><html><head><title>Will be  right back</title></head><body>x</body></html>"


def judged(body=b'{"a": 1}', status=200, headers=JSON, url="https://acme.example/v1", expects="json"):
    return refusal_of(Answer(url, status, headers, body), "acme: GET /v1", expects, NOW)


def test_what_was_asked_for_is_no_refusal():
    assert judged() is None
    assert judged(b"Date,Close\n2020-01-02,75.1\n", headers={}, expects="text") is None
    assert judged(PAGE, headers=HTML, expects="html") is None


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"status": 429, "body": b"Too Many Requests\r\n"}, errors.ProviderRateLimitedError, "slow down"),
        ({"status": 429, "body": PAGE, "headers": HTML}, errors.ProviderRateLimitedError, "slow down"),
        ({"body": b"Too Many Requests"}, errors.ProviderRateLimitedError, "Too Many Requests"),
        (
            {"body": b"Exceeded the daily hits limit", "expects": "text", "headers": {}},
            errors.ProviderRateLimitedError,
            "hits limit",
        ),
        (
            {"body": b'{"Note": "our standard API rate limit is 25 requests per day"}'},
            errors.ProviderRateLimitedError,
            "25 requests",
        ),
        ({"body": b""}, errors.ProviderEmptyError, "empty answer with status 200"),
        ({"body": b" \r\n"}, errors.ProviderEmptyError, "empty answer"),
        ({"body": PAGE, "headers": HTML}, errors.ProviderHtmlError, "'Will be right back'"),
        ({"body": PAGE}, errors.ProviderHtmlError, "status 200"),
        ({"body": PAGE, "status": 404, "headers": HTML}, errors.ProviderHtmlError, "status 404"),
        (
            {"body": b"", "status": 302, "headers": {"location": "https://consent.yahoo.com/v2/collectConsent?s=1"}},
            errors.ProviderConsentError,
            r"consent\.yahoo\.com",
        ),
        (
            {"body": b"", "status": 307, "headers": {"location": "https://guce.yahoo.com/consent?done=x"}},
            errors.ProviderConsentError,
            r"guce\.yahoo\.com",
        ),
        (
            {"body": PAGE, "url": "https://consent.yahoo.com/v2/collectConsent", "headers": HTML},
            errors.ProviderConsentError,
            "a person must agree",
        ),
        ({"body": b'{"chart": {"result": [{"ti'}, errors.ProviderTruncatedError, "break off"),
        (
            {"body": b'{"a": 1}', "headers": {**JSON, "content-length": "900"}},
            errors.ProviderTruncatedError,
            "8 of 900 bytes",
        ),
        (
            {"body": b'{"chart": {"result": null, "error": {"code": "Bad Request", "description": "no range"}}}'},
            errors.ProviderStatedError,
            "Bad Request: no range",
        ),
        ({"body": b'{"Error Message": "Invalid API call"}'}, errors.ProviderStatedError, "Invalid API call"),
        ({"status": 401, "body": b'{"finance": {"error": {"code": "x"}}}'}, errors.ProviderUnauthorizedError, "401"),
        ({"status": 403, "body": b"no"}, errors.ProviderUnauthorizedError, "403"),
        ({"status": 404, "body": b'{"chart": {"error": "gone"}}'}, errors.ProviderNotFoundError, "404"),
        ({"status": 302, "body": b"", "headers": {}}, errors.ProviderUnavailableError, "redirects to nowhere"),
        ({"status": 503, "body": b"down"}, errors.ProviderUnavailableError, "503"),
        ({"status": 400, "body": b"bad"}, errors.ProviderDataError, "400"),
        ({"body": b"hello"}, errors.ProviderDataError, "no JSON: 'hello'"),
    ],
)  # fmt: skip
def test_each_refusal_is_its_own_error(answer, kind, words):
    error = judged(**answer)
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


def test_an_error_field_that_is_empty_is_none():
    assert judged(b'{"chart": {"result": [1], "error": null}, "errors": []}') is None


def test_an_error_word_deep_in_the_data_is_no_error():
    assert judged(b'{"news": [{"title": "error", "error": "x"}], "deep": {"er": {"error": "x"}}}') is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 02 Mar 2026 21:31:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 21:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


def test_a_stated_wait_travels_with_the_error():
    assert judged(b"x", 429, {"retry-after": "7"}).retry_after_seconds == 7.0
    assert judged(b"x", 503, {"retry-after": "9"}).retry_after_seconds == 9.0


@given(
    st.binary(max_size=200),
    st.sampled_from([200, 204, 301, 404, 429, 500]),
    st.sampled_from([JSON, HTML, {}]),
)
def test_no_answer_breaks_the_judgement_and_only_json_passes_for_json(body, status, headers):
    import json

    error = judged(body, status, headers)
    if error is None:
        json.loads(body)
        assert status < 300
    else:
        assert isinstance(error, errors.ProviderError)
