"""A server in a thread of this process, on a socket file or a port, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nextgen_resources.inference.server import Server

Address = Path | tuple[str, int]


@contextmanager
def running(server: Server, path: Path | None = None) -> Iterator[Address]:
    """Its address while it runs; drained at the end."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    found: list[Address] = []

    async def begin() -> None:
        if path is not None:
            await server.start_unix(path)
            found.append(path)
        else:
            found.append(("127.0.0.1", await server.start_tcp("127.0.0.1", 0)))
        ready.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(begin())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        asyncio.run_coroutine_threadsafe(server.drain(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
