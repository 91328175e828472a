"""Latency of the inference service beside a bare socket echo and beside gRPC: python -m tests.benchmarks.bench_inference

One process asks, another serves. Pings; one window; 500 windows whose session has been computed.
Medians and 99th percentiles in milliseconds, alternating in rounds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np

N_WINDOWS, ROUNDS, PER_ROUND = 500, 5, 400


def answer_of(window_id: str) -> dict[str, Any]:
    """What an answer of three members looks like."""
    members = [
        {"model_id": "0" * 32, "family": family, "probability_up": 0.5123, "standardised_mean": 0.0312}
        for family in ("base_rate", "logistic", "lstm")
    ]
    return {
        "window_id": window_id,
        "ticker": "ABC",
        "session_date": "2013-02-22",
        "members": members,
        "dissimilarity": 0.31,
        "abstain_reason": None,
    }


def serve(path: str, ready: Connection) -> None:
    """The server as `nextgen serve` sets it up, its answers kept."""
    from nextgen_assets.commands.serve import server_of

    class Kept:
        """A predictor whose sessions have been computed."""

        def __init__(self) -> None:
            self.answers = {f"w{number:031d}": answer_of(f"w{number:031d}") for number in range(N_WINDOWS)}

        def lookup(self, window_ids: list[str]) -> dict[str, Any]:
            return {window_id: self.answers[window_id] for window_id in window_ids}

    async def main() -> None:
        await server_of(cast(Any, Kept())).start_unix(Path(path))
        ready.send(None)
        await asyncio.Event().wait()

    asyncio.run(main())


def echo(path: str, ready: Connection) -> None:
    """Bytes back as they come: what the sockets of this machine cost."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        ready.send(None)
        connection, _ = listening.accept()
        while chunk := connection.recv(1 << 20):
            connection.sendall(chunk)


def grpc_echo(path: str, ready: Connection) -> None:
    """A unary method of gRPC that gives its bytes back."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    handler = grpc.method_handlers_generic_handler(
        "bench", {"echo": grpc.unary_unary_rpc_method_handler(lambda request, _: request)}
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    ready.send(None)
    server.wait_for_termination()


def timed(ask: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of ``count`` calls."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        found.append(1e3 * (time.perf_counter() - began))
    return found


def main() -> None:
    """Print the table."""
    import grpc

    from nextgen_resources.inference.client import Client
    from nextgen_resources.inference.protocol import pack

    fork = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: f"{folder}/{name}" for name in ("ours", "echo", "grpc")}
        workers = []
        for name, target in (("ours", serve), ("echo", echo), ("grpc", grpc_echo)):
            ours, theirs = fork.Pipe()
            worker = fork.Process(target=target, args=(paths[name], theirs), daemon=True)
            worker.start()
            ours.recv()
            workers.append(worker)
        client, bare = Client(Path(paths["ours"])), socket.socket(socket.AF_UNIX)
        bare.connect(paths["echo"])
        channel = grpc.insecure_channel(f"unix:{paths['grpc']}")
        remote = channel.unary_unary("/bench/echo")
        ids = [f"w{number:031d}" for number in range(N_WINDOWS)]
        reply = pack({"id": 1, "result": [answer_of(window_id) for window_id in ids]})

        def bare_echo(content: bytes) -> None:
            bare.sendall(content)
            left = len(content)
            while left:
                left -= len(bare.recv(1 << 20))

        asks: dict[str, Callable[[], object]] = {
            "ping": client.ping,
            "echo of a bare socket, 20 bytes": lambda: bare_echo(b"x" * 20),
            "gRPC echo, 20 bytes": lambda: remote(b"x" * 20),
            "one window": lambda: client.predict_batch(ids[:1]),
            "500 windows": lambda: client.predict_batch(ids),
            f"echo of a bare socket, {len(reply) // 1024} KiB (500 answers)": lambda: bare_echo(reply),
            f"gRPC echo, {len(reply) // 1024} KiB": lambda: remote(reply),
        }
        found: dict[str, list[float]] = {name: [] for name in asks}
        for ask in asks.values():
            timed(ask, 30)
        for _ in range(ROUNDS):
            for name, ask in asks.items():
                found[name] += timed(ask, PER_ROUND)
        for worker in workers:
            worker.kill()
    print(f"{'':48} {'p50 ms':>8} {'p99 ms':>8}", file=sys.stdout)
    for name, milliseconds in found.items():
        p50, p99 = np.percentile(milliseconds, [50, 99])
        print(f"{name:48} {p50:8.3f} {p99:8.3f}")
    ratio = np.median(found["ping"]) / np.median(found["gRPC echo, 20 bytes"])
    print(f"a ping takes {ratio:.2f} of a gRPC echo")


if __name__ == "__main__":
    main()
