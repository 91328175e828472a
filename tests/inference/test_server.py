"""The protocol on real sockets: handshake, order, typed errors, hostile bytes, breaks, draining."""

from __future__ import annotations

import os
import random
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_resources.errors import InferenceUnavailableError, SettingsError, WindowUnknownError
from nextgen_resources.inference.client import Client, RemoteError
from nextgen_resources.inference.protocol import LARGEST_FRAME, FrameError, pack, unpack
from nextgen_resources.inference.server import BadParametersError, Server
from tests.inference.serving import Address, running


def echo(params: Mapping[str, Any]) -> Any:
    return dict(params)


def refuse(_: Mapping[str, Any]) -> Any:
    raise WindowUnknownError("no such window")


def fail(_: Mapping[str, Any]) -> Any:
    raise RuntimeError("the secret canary-19ac")


def want(_: Mapping[str, Any]) -> Any:
    raise BadParametersError("expected x")


def slow(_: Mapping[str, Any]) -> Any:
    time.sleep(0.3)
    return "done"


METHODS = {"echo": echo, "refuse": refuse, "fail": fail, "want": want, "slow": slow}


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    with running(Server(METHODS), tmp_path / "s.sock" if request.param == "unix" else None) as found:
        yield found


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(Server(METHODS, handshake_seconds=1.0)) as found:
        assert isinstance(found, tuple)
        yield found[1]


def test_methods_answer_and_errors_have_their_type(address: Address) -> None:
    with Client(address) as client:
        assert client.ping() == "pong"
        assert client.call("methods") == ["echo", "fail", "methods", "ping", "refuse", "slow", "want"]
        sent = {"a": [1, 2.5, None, True], "b": {"c": "ü"}, "big": 2**40}
        assert client.call("echo", sent) == sent
        for method, kind in [
            ("refuse", "WindowUnknownError"),
            ("want", "bad_parameters"),
            ("nothing", "unknown_method"),
            ("fail", "internal"),
        ]:
            with pytest.raises(RemoteError) as caught:
                client.call(method)
            assert caught.value.kind == kind
            assert "canary" not in str(caught.value)
        assert client.ping() == "pong"


def test_floats_keep_their_bits(address: Address) -> None:
    chosen = random.Random(7)
    values = [struct.unpack("<d", chosen.randbytes(8))[0] for _ in range(500)]
    values = [value for value in values if value == value]
    with Client(address) as client:
        assert client.call("echo", {"x": values})["x"] == values


def test_ping_is_answered_while_the_worker_works(port: int) -> None:
    with Client(("127.0.0.1", port)) as busy, Client(("127.0.0.1", port)) as other:
        other.ping()
        thread = threading.Thread(target=busy.call, args=("slow",))
        thread.start()
        time.sleep(0.05)
        began = time.perf_counter()
        other.ping()
        assert thread.is_alive(), "the ping must not wait for the slow request"
        assert time.perf_counter() - began < 0.25
        thread.join()


def test_socket_file_is_the_owners_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with running(Server(METHODS), path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_file_of_a_dead_server_is_replaced_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with running(Server(METHODS), path):
        with pytest.raises(SettingsError, match="listens at"), running_here(path):
            pass
        with Client(path) as client:
            assert client.ping() == "pong"
    plain = tmp_path / "plain"
    plain.write_text("mine")
    with pytest.raises(SettingsError, match="no socket"), running_here(plain):
        pass
    assert plain.read_text() == "mine"


class running_here:
    """Starts a server and lets its error through."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        import asyncio

        asyncio.run(Server(METHODS).start_unix(self.path))

    def __exit__(self, *_: object) -> None: ...


def test_address_of_the_network_is_refused() -> None:
    import asyncio

    with pytest.raises(SettingsError, match="no loopback address"):
        asyncio.run(Server(METHODS).start_tcp("0.0.0.0", 0))


def raw(port: int, content: bytes) -> bytes:
    """What the server says to these bytes until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.settimeout(0.2)
        said = b""
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                said += chunk
        except OSError:
            pass
        return said


HELLO = pack({"hello": "nextgen", "versions": [1]})


@pytest.mark.parametrize(
    "greeting",
    [
        {"hello": "nextgen", "versions": [2]},
        {"hello": "nextgen", "versions": "1"},
        {"hello": "other", "versions": [1]},
        {},
    ],
)
def test_other_versions_are_told_what_is_spoken(port: int, greeting: dict[str, Any]) -> None:
    said = raw(port, pack(greeting))
    assert unpack(said[4:])["error"]["type"] == "bad_version"


def test_client_of_another_version_gets_the_error(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextgen_resources.inference.client.VERSIONS", (9,))
    with pytest.raises(RemoteError) as caught, Client(("127.0.0.1", port)) as client:
        client.ping()
    assert caught.value.kind == "bad_version"


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">I", LARGEST_FRAME + 1),
        struct.pack(">I", 0),
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        HELLO + struct.pack(">I", 3) + b"\xc1\xc1\xc1",
        HELLO + pack({"method": "ping"}),
        HELLO + struct.pack(">I", 5) + b"\xdd\xff\xff\xff\xff",
        HELLO + struct.pack(">I", 4000) + b"\x91" * 4000,
    ],
)
def test_bytes_that_are_no_frame_are_told_so_and_the_connection_ends(port: int, content: bytes) -> None:
    said = raw(port, content)
    assert b"bad_frame" in said
    with Client(("127.0.0.1", port)) as client:
        assert client.ping() == "pong"


def test_client_that_says_nothing_is_let_go(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as silent:
        assert b"bad_frame" in silent.recv(4096)


def _damaged(chosen: random.Random) -> bytes:
    """A conversation with bytes of it changed, cut, doubled or made up."""
    frames = bytearray(HELLO + pack({"id": 1, "method": "echo", "params": {"a": [1, "x", 2.5]}}) * 2)
    for _ in range(chosen.randint(1, 8)):
        kind, place = chosen.randrange(4), chosen.randrange(len(frames))
        if kind == 0:
            frames[place] = chosen.randrange(256)
        elif kind == 1:
            del frames[place : place + chosen.randint(1, 9)]
        elif kind == 2:
            frames[place:place] = chosen.randbytes(chosen.randint(1, 9))
        else:
            frames = frames[:place] + frames
        frames = frames or bytearray(b"\0")
    return bytes(frames)


def _fuzz(port: int, seed: int, count: int) -> None:
    chosen = random.Random(seed)
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            try:
                connection.sendall(_damaged(chosen))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                continue


def test_five_hundred_damaged_conversations_leave_it_answering(port: int) -> None:
    _fuzz(port, 1, 500)
    with Client(("127.0.0.1", port)) as client:
        assert client.call("echo", {"a": 1}) == {"a": 1}


@pytest.mark.slow
def test_ten_thousand_damaged_conversations_leave_it_answering(port: int) -> None:
    _fuzz(port, 2, 10_000)
    with Client(("127.0.0.1", port)) as client:
        assert client.call("echo", {"a": 1}) == {"a": 1}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_payload_is_a_map_or_refused(payload: bytes) -> None:
    try:
        message = unpack(payload)
    except FrameError:
        return
    assert msgpack.packb(message) is not None


SERVING = """
import asyncio, os, sys, time
from pathlib import Path
from nextgen_resources.inference.server import Server
async def main():
    server = Server({"double": lambda params: 2 * params["x"]})
    await server.start_unix(Path(sys.argv[1]))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def _start(path: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _kills(path: Path, n_kills: int) -> None:
    """Ask without pause while the server is killed and started; every answer must be the right one."""
    process, stop = _start(path), threading.Event()
    answered: list[tuple[int, int]] = []

    def ask() -> None:
        with Client(path, patience_seconds=20) as client:
            number = 0
            while not stop.is_set():
                answered.append((number, client.call("double", {"x": number})))
                number += 1

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(n_kills):
        before = len(answered)
        while len(answered) < before + 20:
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        process = _start(path)
    stop.set()
    asking.join(30)
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert [number for number, _ in answered] == list(range(len(answered)))
    assert all(double == 2 * number for number, double in answered)


def test_client_goes_on_through_a_kill_and_a_restart(tmp_path: Path) -> None:
    _kills(tmp_path / "s.sock", 2)


@pytest.mark.slow
def test_client_goes_on_through_twenty_kills(tmp_path: Path) -> None:
    _kills(tmp_path / "s.sock", 20)


def test_server_that_is_away_is_told_after_the_patience(tmp_path: Path) -> None:
    with (
        pytest.raises(InferenceUnavailableError, match="nextgen serve"),
        Client(tmp_path / "none.sock", patience_seconds=0.1) as client,
    ):
        client.ping()


def test_request_under_way_is_answered_before_the_server_stops(tmp_path: Path) -> None:
    answers: list[str] = []
    with running(Server(METHODS), tmp_path / "s.sock") as address:
        client = Client(address)
        client.ping()
        thread = threading.Thread(target=lambda: answers.append(client.call("slow")))
        thread.start()
        time.sleep(0.1)
    thread.join(5)
    client.close()
    assert answers == ["done"]
    assert not os.path.exists(tmp_path / "s.sock")
