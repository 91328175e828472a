"""Tries, waits, spacing, the breaker and the record of calls, in time that only waiting moves."""

import sqlite3
from datetime import timedelta

import pytest

from nextgen_resources import errors
from nextgen_resources.http.answers import Answer
from nextgen_resources.http.journal import Journal
from nextgen_resources.http.policy import Request, default_http_settings
from tests.resources.http.loopback import VirtualTime, policy_in

GOOD = Answer("https://acme.example/v1", 200, {}, b'{"a": 1}')
LATER = Answer("https://acme.example/v1", 503, {}, b"down")


def limited(seconds):
    return Answer("https://acme.example/v1", 429, {"retry-after": seconds}, b"slow")


class Script:
    """Answers one after another, the last one for ever; counts what was sent."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), 0

    def __call__(self):
        answer = self.answers[min(self.sent, len(self.answers) - 1)]
        self.sent += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def time():
    return VirtualTime()


def asked(policy, script, identity="", provider="acme"):
    return policy.ask(Request(provider, "GET acme.example/v1", identity), script)


def test_a_good_answer_is_sent_for_once(time):
    policy, script = policy_in(time), Script(GOOD)
    assert asked(policy, script) == GOOD
    assert (script.sent, time.waits) == (1, [])


def test_a_failure_is_tried_three_times_with_full_jitter_between(time):
    policy, script = policy_in(time, requests_per_minute=60_000.0), Script(LATER)
    with pytest.raises(errors.ProviderUnavailableError, match="503"):
        asked(policy, script)
    assert script.sent == 3
    assert [wait for wait in time.waits if wait > 0.01] == [1.0, 2.0]  # half of 2 and of 4 seconds


def test_a_second_try_that_succeeds_is_an_answer(time):
    policy, script = policy_in(time), Script(LATER, GOOD)
    assert asked(policy, script) == GOOD
    assert policy.journal.pending().select("outcome", "retries").rows() == [("ok", 1)]


@pytest.mark.parametrize("status", [401, 404, 400])
def test_what_will_fail_again_is_not_tried_again(time, status):
    policy, script = policy_in(time), Script(Answer("https://acme.example", status, {}, b"no"))
    with pytest.raises(errors.ProviderError):
        asked(policy, script)
    assert script.sent == 1


def test_a_stated_wait_is_waited_for(time):
    policy, script = policy_in(time), Script(limited("20"), GOOD)
    asked(policy, script)
    assert 20.0 in time.waits
    assert time.seconds >= 20.0


def test_a_stated_wait_holds_back_every_request_to_that_provider_and_no_other(time):
    policy = policy_in(time, tries=1)
    with pytest.raises(errors.ProviderRateLimitedError):
        asked(policy, Script(limited("30")))
    asked(policy, Script(GOOD), provider="other")
    assert time.seconds < 1.0
    asked(policy, Script(GOOD))
    assert time.seconds >= 30.0


def test_a_stated_wait_beyond_the_limit_fails_at_once_and_says_how_long(time):
    policy, script = policy_in(time), Script(limited("3600"))
    with pytest.raises(errors.ProviderRateLimitedError, match="it states 3600 s") as caught:
        asked(policy, script)
    assert (script.sent, time.seconds, caught.value.retry_after_seconds) == (1, 0.0, 3600.0)


def test_requests_are_evenly_spaced_at_the_rate_of_their_provider(time):
    policy = policy_in(time, requests_per_minute=60.0, provider_requests_per_minute={"slow": 6.0})
    for _ in range(4):
        asked(policy, Script(GOOD))
    assert time.seconds == 3.0
    for _ in range(3):
        asked(policy, Script(GOOD), provider="slow")
    assert time.seconds == 23.0


def test_after_five_failures_in_a_row_nothing_is_sent(time):
    policy, script = policy_in(time), Script(LATER)
    with pytest.raises(errors.ProviderUnavailableError):
        asked(policy, script)
    with pytest.raises(errors.ProviderCircuitError, match="acme failed 5 times in a row"):
        asked(policy, script)
    with pytest.raises(errors.ProviderCircuitError):
        asked(policy, script)
    assert script.sent == 5


def test_an_open_breaker_leaves_other_providers_alone(time):
    policy = policy_in(time, breaker_failures=1, tries=1)
    with pytest.raises(errors.ProviderUnavailableError):
        asked(policy, Script(LATER))
    assert asked(policy, Script(GOOD), provider="other") == GOOD


def test_half_open_one_failure_opens_it_again_and_one_success_closes_it(time):
    policy = policy_in(time, tries=1)
    for _ in range(5):
        with pytest.raises(errors.ProviderUnavailableError):
            asked(policy, Script(LATER))
    time.sleep(120.0)
    script = Script(LATER)
    with pytest.raises(errors.ProviderUnavailableError, match="503"):
        asked(policy, script)
    with pytest.raises(errors.ProviderCircuitError):
        asked(policy, script)
    assert script.sent == 1
    time.sleep(120.0)
    assert asked(policy, Script(GOOD)) == GOOD
    with pytest.raises(errors.ProviderUnavailableError, match="503"):
        asked(policy, Script(LATER))  # closed: it takes five failures again


def test_an_answer_about_one_ticker_does_not_count_as_a_failure(time):
    policy = policy_in(time)
    for _ in range(20):
        with pytest.raises(errors.ProviderNotFoundError):
            asked(policy, Script(Answer("https://acme.example", 404, {}, b"{}")))


def test_an_error_that_is_none_of_ours_counts_and_passes(time):
    policy = policy_in(time, breaker_failures=1)
    with pytest.raises(ZeroDivisionError):
        asked(policy, Script(ZeroDivisionError()))
    with pytest.raises(errors.ProviderCircuitError):
        asked(policy, Script(GOOD))


def test_every_call_leaves_a_row_and_a_refusal_by_the_breaker_leaves_none(time):
    policy = policy_in(time)
    policy.journal.run_id = "run-7"
    asked(policy, Script(GOOD))
    for _ in range(3):
        with pytest.raises(errors.ProviderError):
            asked(policy, Script(LATER))
    rows = policy.journal.pending()
    assert rows.select("provider", "endpoint", "outcome", "retries", "run_id").rows() == [
        ("acme", "GET acme.example/v1", "ok", 0, "run-7"),
        ("acme", "GET acme.example/v1", "unavailable", 2, "run-7"),
        ("acme", "GET acme.example/v1", "circuit_open", 1, "run-7"),
    ]
    assert rows["started_at"][0] == time.now() - timedelta(seconds=time.seconds)
    assert rows["seconds"][1] >= 3.0


def test_calls_and_answers_outlive_the_process(time, tmp_path):
    file = tmp_path / "http.sqlite"
    first = policy_in(time, Journal(file, time))
    asked(first, Script(GOOD), "prices of AAPL")
    second, script = policy_in(time, Journal(file, time)), Script(LATER)
    assert asked(second, script, "prices of AAPL") == GOOD
    assert script.sent == 0
    assert second.journal.pending()["outcome"].to_list() == ["ok", "cached"]


def test_a_refusal_is_never_kept(time):
    policy = policy_in(time, tries=1)
    with pytest.raises(errors.ProviderUnavailableError):
        asked(policy, Script(LATER), "prices")
    assert asked(policy, Script(GOOD), "prices") == GOOD


def test_other_requests_and_other_providers_have_answers_of_their_own(time):
    policy, other = policy_in(time), Answer("https://acme.example/v1", 200, {}, b'{"b": 2}')
    asked(policy, Script(GOOD), "a")
    assert asked(policy, Script(other), "b") == other
    assert asked(policy, Script(other), "a", provider="other") == other


def test_an_answer_expires(time):
    policy, script = policy_in(time, cache_ttl_seconds=60.0), Script(GOOD)
    asked(policy, script, "prices")
    time.sleep(61.0)
    asked(policy, script, "prices")
    assert script.sent == 2


def test_without_a_ttl_nothing_is_kept(time):
    policy, script = policy_in(time, cache_ttl_seconds=0.0), Script(GOOD)
    asked(policy, script, "prices")
    asked(policy, script, "prices")
    assert script.sent == 2


def test_answers_serve_the_run_that_got_them_and_are_spent_by_the_next(time):
    policy, script = policy_in(time), Script(GOOD)
    policy.journal.run_id = "monday"
    asked(policy, script, "prices")
    handed = policy.journal.hand_over()
    assert policy.journal.handed_over() == []
    asked(policy, script, "prices")
    assert script.sent == 1
    policy.journal.run_id = "tuesday"
    assert policy.journal.handed_over() == handed["call_id"].to_list()
    policy.settle(handed["call_id"])
    assert policy.journal.handed_over() == []
    time.sleep(1.0)
    asked(policy, script, "prices")
    assert script.sent == 2


def test_a_call_that_was_not_stored_is_handed_over_again(time):
    policy = policy_in(time)
    asked(policy, Script(GOOD), "prices")
    first = policy.journal.hand_over()
    policy.settle([])
    assert policy.journal.hand_over().equals(first)


def test_a_file_is_made_by_the_first_call_only(time, tmp_path):
    file = tmp_path / "deep" / "http.sqlite"
    policy = policy_in(time, Journal(file, time))
    assert policy.journal.pending().is_empty()
    assert policy.journal.handed_over() == []
    assert not file.exists()
    asked(policy, Script(GOOD))
    assert sqlite3.connect(file).execute("SELECT count(*) FROM calls").fetchall() == [(1,)]


def test_a_journal_that_is_no_database_says_what_to_do(time, tmp_path):
    file = tmp_path / "http.sqlite"
    file.write_bytes(b"no database at all, but long enough to look at" * 50)
    with pytest.raises(errors.WarehouseError, match=r"http\.sqlite cannot be used .* or delete it"):
        asked(policy_in(time, Journal(file, time)), Script(GOOD))


def test_the_defaults_are_those_of_the_settings_file():
    settings = default_http_settings(tries=2)
    assert (settings.tries, settings.breaker_failures) == (2, 5)
