"""A cluster of Dask on the loopback: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.graph.servers import PROJECT, polling

_ADDRESS = re.compile(r"(tcp://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Cluster:
    """Where its scheduler listens, and the processes of its workers."""

    address: str
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def cluster(
    folder: Path, workers: int, environment: Mapping[str, str], python: str = sys.executable
) -> Iterator[Cluster]:
    """Workers of one thread each that see what ``environment`` says; all gone at the end of the block."""
    log = folder / "scheduler.log"
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *words: str) -> subprocess.Popen[bytes]:
        with (folder / f"{name}.log").open("wb") as sink:
            process = subprocess.Popen(
                [python, "-m", "dask", *words],
                env={**environment, "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"},
                cwd=PROJECT,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        running.append(process)
        return process

    try:
        start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        for _ in polling(120, "the scheduler to tell its address", 0.1):
            if found := _ADDRESS.search(log.read_text()):
                break
        own = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
        begun = [start(f"worker-{number}", "worker", found[1], *own) for number in range(workers)]
        yield Cluster(found[1], tuple(begun))
    finally:
        for process in reversed(running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
