"""The answers of an unfinished run in Redis, over its real protocol to a server on this machine."""

import threading
from datetime import timedelta

import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.http.answers import Answer
from nextgen_resources.http.policy import policy_at
from nextgen_resources.http.redis_cache import RedisCache
from tests.resources.http.loopback import VirtualTime, policy_in

ANSWER = Answer("https://acme.example/v1", 200, {"content-type": "text/csv"}, b"a,b\n\x00\xff\n")


@pytest.fixture
def url():
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()


def test_an_answer_comes_back_byte_for_byte(url):
    RedisCache(url, "baseline").keep("k", ANSWER, 60.0)
    assert RedisCache(url, "baseline").kept("k") == ANSWER
    assert RedisCache(url, "baseline").kept("other") is None


def test_spent_answers_are_gone_and_newer_ones_stay(url):
    from datetime import UTC, datetime

    cache = RedisCache(url, "baseline")
    cache.keep("old", ANSWER, 60.0)
    between = datetime.now(UTC)
    cache.keep("new", ANSWER, 60.0)
    cache.spend(between)
    assert cache.kept("old") is None
    assert cache.kept("new") == ANSWER
    cache.spend(between + timedelta(hours=1))
    assert cache.kept("new") is None


def test_scenarios_that_share_a_redis_share_no_answer(url):
    from datetime import UTC, datetime

    mine, other = RedisCache(url, "bold*"), RedisCache(url, "bolder")
    mine.keep("k", ANSWER, 60.0)
    assert other.kept("k") is None
    other.keep("k", ANSWER, 60.0)
    mine.spend(datetime.now(UTC) + timedelta(hours=1))
    assert mine.kept("k") is None
    assert other.kept("k") == ANSWER


def test_an_answer_is_kept_at_the_time_of_the_given_clock(url):
    time = VirtualTime()
    cache = RedisCache(url, "baseline", time)
    cache.keep("k", ANSWER, 60.0)
    cache.spend(time.now() - timedelta(seconds=1))
    assert cache.kept("k") == ANSWER
    cache.spend(time.now())
    assert cache.kept("k") is None


def test_redis_takes_the_answers_when_its_url_is_set(url, tmp_path):
    policy = policy_at(policy_in(VirtualTime()).settings, tmp_path / "http.sqlite", "baseline", redis_url=url)
    from nextgen_resources.http.policy import Request

    good = Answer("https://acme.example/v1", 200, {}, b'{"a": 1}')
    policy.ask(Request("acme", "GET acme.example/v1", "prices"), lambda: good)
    assert RedisCache(url, "baseline").kept(Request("acme", "", "prices").key) == good


def test_without_the_package_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(SettingsError, match=r"pip install 'nextgen\[redis\]'"):
        RedisCache("redis://127.0.0.1:1/0", "baseline").kept("k")


def test_a_redis_that_is_not_there_is_named_without_its_address():
    with pytest.raises(SettingsError, match=r"ConnectionError.*unset REDIS_URL") as caught:
        RedisCache("redis://:secret@127.0.0.1:1/0", "baseline").kept("k")
    assert "secret" not in str(caught.value)
