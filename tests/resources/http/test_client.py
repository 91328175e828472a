"""The httpx client against a real server: redirects, size, time, broken answers, and who may be called."""

import gzip
import json

import pytest

from nextgen_resources import errors
from nextgen_resources.http.addresses import check_peer, check_url
from nextgen_resources.http.client import HttpClient
from tests.resources.http.loopback import Reply, VirtualTime, policy_in, serving


@pytest.fixture
def time():
    return VirtualTime()


@pytest.fixture
def ask(time):
    """``ask(server, path)`` with a client that may call this machine."""
    clients = []

    def asked(server, path="/v1", *, loopback=True, hosts=("127.0.0.1",), **settings):
        client = HttpClient(policy_in(time, **settings), "acme", hosts, loopback_is_allowed=loopback)
        clients.append(client)
        return client.get(f"{server.url}{path}")

    yield asked
    for client in clients:
        client.close()


def test_an_answer_arrives_with_its_headers(ask):
    with serving(Reply({"a": 1}, headers={"X-Kind": "test"})) as server:
        answer = ask(server)
    assert (json.loads(answer.body), answer.status, answer.headers["x-kind"]) == ({"a": 1}, 200, "test")


def test_a_posted_question_arrives_as_json(time):
    client = HttpClient(policy_in(time), "acme", ["127.0.0.1"], loopback_is_allowed=True)
    with serving(Reply({"ok": True})) as server:
        client.post(f"{server.url}/scan", {"b": 2, "a": 1})
        client.close()
    assert (server.seen[0].method, server.seen[0].body) == ("POST", b'{"a":1,"b":2}')
    assert server.seen[0].headers["content-type"] == "application/json"


def test_a_body_that_breaks_off_is_truncated_and_not_the_whole(ask):
    with serving(Reply({"prices": [1, 2, 3]}, cut=5)) as server, pytest.raises(errors.ProviderTruncatedError):
        ask(server)
    assert len(server.seen) == 3


def test_a_connection_that_is_dropped_is_truncated(ask):
    with serving(Reply(hang_up=True)) as server, pytest.raises(errors.ProviderTruncatedError):
        ask(server)


def test_a_port_that_nobody_serves_is_unavailable(ask):
    with serving(Reply()) as server:
        pass
    with pytest.raises(errors.ProviderUnavailableError, match="ConnectError"):
        ask(server)


def test_a_body_over_the_limit_is_not_read_to_its_end(ask):
    with serving(Reply(b"[" + b"1," * 5000 + b"1]")) as server:
        with pytest.raises(errors.ProviderOversizeError, match="larger than 2000 bytes"):
            ask(server, body_limit_bytes=2000)
        assert len(server.seen) == 1


def test_the_limit_counts_what_a_compressed_body_unpacks_to(ask):
    bomb = gzip.compress(b" " * 2_000_000)
    assert len(bomb) < 3_000
    with (
        serving(Reply(bomb, headers={"content-encoding": "gzip"})) as server,
        pytest.raises(errors.ProviderOversizeError),
    ):
        ask(server, body_limit_bytes=100_000)


def test_an_answer_that_drips_is_given_up_when_its_time_is_over(ask, time):
    time.step = 20.0  # every look at the clock costs twenty seconds
    with (
        serving(Reply({"a": "b" * 100})) as server,
        pytest.raises(errors.ProviderUnavailableError, match="not complete within 15 s"),
    ):
        ask(server, tries=1)


def redirecting(target):
    def answer(request):
        return (
            Reply({"there": True})
            if request.path == "/there"
            else Reply(status=302, headers={"location": target})
        )

    return answer


def test_a_redirect_within_the_provider_is_followed(ask):
    with serving(redirecting("/there")) as server:
        assert json.loads(ask(server).body) == {"there": True}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://10.0.0.1/secret", "not encrypted"),
        ("https://10.0.0.1/secret", r"10\.0\.0\.1, which is not among"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254, which is not among"),
        ("file:///etc/passwd", "no host"),
        ("https://user:pw@127.0.0.1/", "password"),
    ],
)  # fmt: skip
def test_a_redirect_elsewhere_is_refused(ask, target, words):
    with serving(redirecting(target)) as server, pytest.raises(errors.ProviderAddressError, match=words):
        ask(server)
    assert len(server.seen) == 1


def test_a_redirect_to_a_private_address_of_an_allowed_name_is_refused(ask):
    with (
        serving(redirecting("https://10.0.0.1/")) as server,
        pytest.raises(errors.ProviderAddressError, match=r"private address 10\.0\.0\.1"),
    ):
        ask(server, hosts=("127.0.0.1", "10.0.0.1"))


def test_redirects_in_a_circle_end(ask):
    with (
        serving(redirecting("/again")) as server,
        pytest.raises(errors.ProviderAddressError, match="more than 5 redirects"),
    ):
        ask(server)
    assert len(server.seen) == 6


def test_a_redirect_to_a_consent_page_is_named_and_not_followed(ask):
    with serving(redirecting("https://consent.acme.example/v2/collectConsent?x=1")) as server:
        with pytest.raises(errors.ProviderConsentError, match=r"consent\.acme\.example"):
            ask(server)
        assert len(server.seen) == 1


def test_this_machine_is_refused_unless_it_was_allowed(ask):
    with (
        serving(Reply({"a": 1})) as server,
        pytest.raises(errors.ProviderAddressError, match="not encrypted"),
    ):
        ask(server, loopback=False)
    assert server.seen == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1"],
)  # fmt: skip
def test_private_addresses_are_refused(address):
    with pytest.raises(errors.ProviderAddressError, match="private address"):
        check_peer(address, "acme")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses_pass(address):
    check_peer(address, "acme")


def test_a_name_that_means_this_machine_is_refused():
    with pytest.raises(errors.ProviderAddressError, match="private address"):
        check_url("https://localhost/x", "acme")


def test_a_similar_name_is_not_the_provider():
    with pytest.raises(errors.ProviderAddressError, match="not among"):
        check_url("https://evilyahoo.com/x", "acme", hosts=["yahoo.com"])


def test_credentials_do_not_follow_a_redirect_to_another_host(time):
    with serving(Reply({"there": True})) as other:

        def answer(request):
            return Reply(status=302, headers={"location": f"http://localhost:{other.port}/there"})

        client = HttpClient(policy_in(time), "acme", ["127.0.0.1", "localhost"], loopback_is_allowed=True)
        with serving(answer) as server:
            client.get(f"{server.url}/v1", headers={"Authorization": "Bearer x", "Accept": "a/b"})
        client.close()
    assert server.seen[0].headers["authorization"] == "Bearer x"
    assert "authorization" not in other.seen[0].headers
    assert other.seen[0].headers["accept"] == "a/b"
