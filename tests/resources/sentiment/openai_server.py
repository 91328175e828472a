"""A loopback server with the shapes of OpenAI's two interfaces; a script decides what it answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = {"score": 0.5, "relevance": 0.9, "confidence": 0.8, "rationale": "Profit rose."}
USAGE = {"responses": ("input_tokens", "output_tokens"), "chat": ("prompt_tokens", "completion_tokens")}


@dataclass(frozen=True)
class Said:
    """One answer of the server: a status with a body, or something worse."""

    body: Any = None
    status: int = 200
    wait_seconds: float = 0.0
    cuts_off: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """What stands in the place of the user."""
        return str(self.body["input"] if "input" in self.body else self.body["messages"][1]["content"])

    @property
    def instructions(self) -> str:
        """What stands in the place of the system."""
        if "instructions" in self.body:
            return str(self.body["instructions"])
        return str(self.body["messages"][0]["content"])

    @property
    def ticker(self) -> str:
        """The ticker that was asked about."""
        return self.message.splitlines()[0].removeprefix("ticker: ")

    @property
    def article(self) -> dict[str, str]:
        """The quoted article, between its fences."""
        return dict(json.loads(self.message.splitlines()[2]))


Script = Callable[[Heard], Said]


@dataclass
class LoopbackModel:
    """The running server: its address, and all that it heard."""

    base_url: str
    script: Script
    heard: list[Heard] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, heard: Heard) -> Said:
        """Remember the request and ask the script."""
        with self._lock:
            self.heard.append(heard)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            said = self.script(heard)
            time.sleep(said.wait_seconds)
            return said
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def loopback_model(script: Script) -> Iterator[LoopbackModel]:
    """Serve ``script`` on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            heard = Heard(
                self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(content)
            )
            said = model.answer(heard)
            text = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text[: len(text) // 2] if said.cuts_off else text)
            self.close_connection = self.close_connection or said.cuts_off

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError, ValueError):  # the client gave up waiting
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model = LoopbackModel(f"http://127.0.0.1:{server.server_address[1]}/v1", script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def usage(interface: str, tokens: tuple[int, int] = (700, 40)) -> dict[str, int]:
    """Tokens under the names of the interface."""
    return dict(zip(USAGE[interface], tokens, strict=True)) | {"total_tokens": sum(tokens)}


def response(content: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A reply of ``/responses``, in the recorded shape."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
    plain = {
        "id": "resp_1", "object": "response", "created_at": 1749516047, "model": "m", "status": "completed",
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "output": [message],
        "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": usage("responses"),
    }  # fmt: skip
    return plain | changes


def completion(message: dict[str, Any], finish_reason: str = "stop", **changes: Any) -> dict[str, Any]:
    """A reply of ``/chat/completions``, in the recorded shape."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "logprobs": None,
        "message": {"role": "assistant"} | message,
    }
    plain = {
        "id": "c_1",
        "object": "chat.completion",
        "created": 1749516047,
        "model": "m",
        "choices": [choice],
    }
    return plain | {"usage": usage("chat")} | changes


def text_reply(interface: str, text: str) -> dict[str, Any]:
    """A complete reply that holds ``text``."""
    if interface == "chat":
        return completion({"content": text, "refusal": None})
    return response([{"type": "output_text", "text": text, "annotations": []}])


def answered(interface: str, **changes: Any) -> Said:
    """A complete reply with the good answer, changed."""
    return Said(text_reply(interface, json.dumps(GOOD | changes)))
