"""The server: one event loop for the connections, one thread for the work, methods by name."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nextgen_resources.errors import InferenceError, NextGenError, SettingsError
from nextgen_resources.inference.protocol import (
    LENGTH,
    NAME,
    VERSIONS,
    FrameError,
    length_of,
    pack,
    pack_reply,
    unpack,
)

_SEND_BUFFER_BYTES = 1 << 20
"""Asked for, so that a reply of some hundred windows leaves at once and not in turns with its reader."""
_log = logging.getLogger(__name__)

Method = Callable[[Mapping[str, Any]], Any]
"""Takes the parameters of a request, gives what MessagePack can hold."""


class BadParametersError(InferenceError):
    """The parameters of a request are not what its method takes."""


class Server:
    """Serves methods on a Unix socket or a loopback address.

    Parameters
    ----------
    methods : mapping of str to callable
        What may be asked for. ``ping`` and ``methods`` are added, and answered by the loop itself.
    fast : mapping of str to callable
        Methods that take microseconds: answered by the loop, too, while the thread works.
    kept : mapping of str to callable
        For methods of the thread: an answer that is ready, or None when the thread must work.
    handshake_seconds : float
        A client that has not said hello by then is let go.

    Notes
    -----
    Requests of one connection are answered in their order; several may be on their way. Work runs on one thread,
    so that a model is never used by two at once. Draining: no new connection, requests that were
    read are answered, then every connection is closed.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        fast: Mapping[str, Method] | None = None,
        kept: Mapping[str, Method] | None = None,
        handshake_seconds: float = 5.0,
    ) -> None:
        self._slow = dict(methods)
        self._fast: dict[str, Method] = {
            "ping": lambda _: "pong",
            "methods": lambda _: self.methods,
            **(fast or {}),
        }
        self._kept = dict(kept or {})
        self._handshake_seconds = handshake_seconds
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="inference")
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._socket: Path | None = None

    @property
    def methods(self) -> list[str]:
        """Names of what may be asked for."""
        return sorted({*self._slow, *self._fast})

    async def start_unix(self, path: Path) -> None:
        """Listen at a socket file that only its owner may open; a file of a server that died is replaced.

        Raises
        ------
        SettingsError
            Another kind of file is there, or a server that answers.
        """
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise SettingsError(f"{path} exists and is no socket; choose another path")
        if path.exists() and await _answers(path):
            raise SettingsError(f"a server listens at {path} already; stop it, or choose another path")
        path.parent.mkdir(parents=True, exist_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path)
        finally:
            os.umask(before)
        self._socket = path

    async def start_tcp(self, host: str, port: int) -> int:
        """Listen at a loopback address; the port, chosen when 0.

        Raises
        ------
        SettingsError
            The address is not loopback: the protocol has no login.
        """
        if not ipaddress.ip_address(host).is_loopback:
            raise SettingsError(
                f"{host} is no loopback address, and the protocol has no login; use 127.0.0.1 or ::1"
            )
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self, seconds: float = 30.0) -> None:
        """Stop listening, answer what was read, close."""
        if self._server is not None:
            self._server.close()
        deadline = asyncio.get_running_loop().time() + seconds
        while self._busy and asyncio.get_running_loop().time() < deadline:
            await asyncio.wait(set(self._busy), timeout=0.05)
            await asyncio.sleep(0.005)
        for task, writer in list(self._open.items()):
            writer.close()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._worker.shutdown(wait=True)
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        try:
            await self._converse(task, reader, writer)
        except (FrameError, TimeoutError) as error:
            with contextlib.suppress(OSError):
                writer.write(pack(_error(None, "bad_frame", str(error) or "no hello in time")))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # the client went away, or we are stopping
        finally:
            self._busy.discard(task)
            self._open.pop(task, None)
            writer.close()

    async def _converse(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        hello = await asyncio.wait_for(_frame(reader), self._handshake_seconds)
        offered = hello.get("versions")
        shared = [v for v in VERSIONS if isinstance(offered, list) and v in offered]
        if hello.get("hello") != NAME or not shared:
            writer.write(pack(_error(None, "bad_version", f"this server speaks {NAME} {list(VERSIONS)}")))
            await writer.drain()
            return
        writer.write(pack({"welcome": NAME, "version": shared[-1], "methods": self.methods}))
        while True:
            request = await _frame(reader)
            self._busy.add(task)
            try:
                writer.write(await self._reply(request))
                await writer.drain()
            finally:
                self._busy.discard(task)

    async def _reply(self, request: dict[str, Any]) -> bytes:
        """The frame that answers a request; an error of any kind is an answer, too."""
        number, name, params = request.get("id"), request.get("method"), request.get("params", {})
        if not isinstance(number, int) or isinstance(number, bool):
            raise FrameError("a request without a whole number as its id")
        if not isinstance(name, str) or not isinstance(params, dict):
            return pack(_error(number, "bad_request", "expected method: text and params: map"))
        try:
            if name in self._fast:
                result = self._fast[name](params)
            elif name in self._slow:
                result = self._kept[name](params) if name in self._kept else None
                if result is None:
                    loop = asyncio.get_running_loop()
                    result = await loop.run_in_executor(self._worker, self._slow[name], params)
            else:
                known = ", ".join(self.methods)
                return pack(_error(number, "unknown_method", f"there is no {name[:64]!r}, only {known}"))
            return pack_reply(number, result)
        except BadParametersError as error:
            return pack(_error(number, "bad_parameters", str(error)))
        except NextGenError as error:
            return pack(_error(number, type(error).__name__, str(error), is_retryable=error.is_retryable))
        except Exception as error:  # a fault in a method must not take the server with it
            _log.exception("the method %s failed", name)
            return pack(
                _error(number, "internal", f"{type(error).__name__}; the log of the server says more")
            )


async def _frame(reader: asyncio.StreamReader) -> dict[str, Any]:
    length = length_of(await reader.readexactly(LENGTH.size))
    return unpack(await reader.readexactly(length))


async def _answers(path: Path) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_unix_connection(path), 1.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _error(number: int | None, kind: str, message: str, *, is_retryable: bool = False) -> dict[str, Any]:
    return {"id": number, "error": {"type": kind, "message": message, "is_retryable": is_retryable}}
