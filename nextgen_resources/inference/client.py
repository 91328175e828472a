"""A client that keeps one connection, asks again after a break, and raises the server's errors by their type."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nextgen_resources.errors import InferenceError, InferenceUnavailableError
from nextgen_resources.inference.protocol import LENGTH, NAME, VERSIONS, FrameError, length_of, pack, unpack

_LONGEST_WAIT_SECONDS = 1.0
_BUFFER_BYTES = 1 << 18
"""A reply of some hundred windows comes with one call of the system, its length and its content together."""


class RemoteError(InferenceError):
    """The server answered with an error.

    Attributes
    ----------
    kind : str
        ``bad_parameters``, ``unknown_method``, ``internal``, ``bad_version``, … or the name of an error of the project.
    may_succeed_later : bool
        Whether the same request may succeed later.
    """

    def __init__(self, kind: str, message: str, *, may_succeed_later: bool = False) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.may_succeed_later = kind, may_succeed_later


class Client:
    """Asks an inference server.

    Parameters
    ----------
    address : Path or (str, int)
        Socket file, or host and port.
    timeout_seconds : float
        For one answer.
    patience_seconds : float
        How long to go on connecting and asking again when the server is away.

    Notes
    -----
    Every method only reads, so a request whose answer was lost is sent again. Not for several threads at once.
    """

    def __init__(
        self, address: Path | tuple[str, int], timeout_seconds: float = 30.0, patience_seconds: float = 10.0
    ) -> None:
        self._address, self._timeout, self._patience = address, timeout_seconds, patience_seconds
        self._socket: socket.socket | None = None
        self._stream: Any = None
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def predict_batch(self, window_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What every live model says of the windows, in the order asked for; see docs/inference.md."""
        found: list[dict[str, Any]] = self.call("predict_batch", {"window_ids": list(window_ids)})
        return found

    def ping(self) -> str:
        """``pong``."""
        return str(self.call("ping"))

    def health(self) -> dict[str, Any]:
        """What the server serves."""
        found: dict[str, Any] = self.call("health")
        return found

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Ask and wait for the answer.

        Raises
        ------
        RemoteError
            The server answered with an error.
        InferenceUnavailableError
            No answer within the patience.
        """
        self._number += 1
        frame = pack({"id": self._number, "method": method, "params": params or {}})
        deadline, wait = time.monotonic() + self._patience, 0.01
        while True:
            try:
                return self._ask(frame)
            except (OSError, FrameError) as error:
                self.close()
                if time.monotonic() + wait > deadline:
                    raise InferenceUnavailableError(
                        f"no answer from the inference server at {self._address} within {self._patience:g} s ({error}); "
                        "start it with `nextgen serve`"
                    ) from error
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        if self._socket is not None:
            self._stream.close()
            self._socket.close()
            self._socket = self._stream = None

    def _ask(self, frame: bytes) -> Any:
        if self._socket is None:
            self._connect()
        assert self._socket is not None
        self._socket.sendall(frame)
        while True:
            reply = self._receive()
            if reply.get("id") == self._number:
                return _result(reply)
            if reply.get("id") is None:
                _result(reply)

    def _connect(self) -> None:
        family = socket.AF_UNIX if isinstance(self._address, Path) else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(self._timeout)
        try:
            opened.connect(str(self._address) if isinstance(self._address, Path) else self._address)
            if family == socket.AF_INET:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket, self._stream = opened, opened.makefile("rb", buffering=_BUFFER_BYTES)
            opened.sendall(pack({"hello": NAME, "versions": list(VERSIONS)}))
            welcome = self._receive()
        except BaseException:
            self.close()
            opened.close()
            raise
        if "error" in welcome:
            self.close()
            _result(welcome)

    def _receive(self) -> dict[str, Any]:
        return unpack(self._exactly(length_of(self._exactly(LENGTH.size))))

    def _exactly(self, count: int) -> bytes:
        content: bytes = self._stream.read(count)
        if len(content) < count:
            raise ConnectionResetError("the server closed the connection")
        return content


def _result(reply: dict[str, Any]) -> Any:
    error = reply.get("error")
    if isinstance(error, dict):
        raise RemoteError(
            str(error.get("type")),
            str(error.get("message")),
            may_succeed_later=bool(error.get("is_retryable")),
        )
    return reply.get("result")
