"""A real HTTP server on this machine that answers as told and notes every request; time that only waiting moves."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nextgen_resources.http.pace import Pace
from nextgen_resources.http.policy import HttpPolicy, default_http_settings


@dataclass
class VirtualTime:
    """A clock that moves when somebody waits, and by ``step`` at each look."""

    seconds: float = 0.0
    step: float = 0.0
    waits: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 21, 30, tzinfo=UTC) + timedelta(seconds=self.seconds)

    @property
    def pace(self) -> Pace:
        return Pace(self.monotonic, self.sleep, lambda: 0.5)


def policy_in(time: VirtualTime, journal: Any = None, **settings: Any) -> HttpPolicy:
    """A policy with the default settings, waiting in virtual time."""
    return HttpPolicy(default_http_settings(**settings), journal, clock=time, pace=time.pace)


@dataclass(frozen=True)
class Reply:
    """What the server says: ``body`` is text, bytes or a JSON document; ``cut`` drops bytes that were announced."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    hang_up: bool = False

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    host: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Loopback(ThreadingHTTPServer):
    """The server; ``answer`` maps a request to a reply."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Seen], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.seen: list[Seen] = []
        self._noting = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def note(self, request: Seen) -> None:
        with self._noting:
            self.seen.append(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Seen(
            self.command,
            headers.get("host", ""),
            parts.path,
            parse_qs(parts.query),
            headers,
            self.rfile.read(length),
        )
        self.server.note(request)
        reply = self.server.answer(request)
        if reply.hang_up:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in reply.headers}:
            self.send_header("content-length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content[: len(reply.content) - reply.cut])
        if reply.cut:
            self.close_connection = True

    do_GET = do_POST = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def serving(answer: Callable[[Seen], Reply] | Reply, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """A server that answers with ``answer`` until the block ends."""
    server = Loopback(answer if callable(answer) else lambda _: answer)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def certificate_for(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, Path]:
    """A server context with a certificate for ``hosts``, and the file of the authority that signed it."""
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, file
