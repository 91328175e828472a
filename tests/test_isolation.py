"""The fences of the test suite hold."""

from __future__ import annotations

import socket

import pytest


def test_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as stranger, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        stranger.connect(("192.0.2.1", 80))


def test_connection_to_a_host_by_name_is_refused() -> None:
    with socket.socket() as stranger, pytest.raises(RuntimeError, match=r"example\.com"):
        stranger.connect_ex(("example.com", 80))


def test_connection_to_this_machine_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        assert client.getpeername() == server.getsockname()
