"""A warm process that has loaded the code location and forks the worker of each run.

Run as ``python -m nextgen_resources.run_nursery MODULE ATTRIBUTE``. It reads one run a line on standard input (Dagster's
``ExecuteRunArgs``, serialised), forks a worker for it and answers with the process id. It ends with its standard
input; its workers go on. A worker that is forked begins its run at once; one that is started afresh
imports for seconds first.

Notes
-----
Forking is safe only from a process without threads at work: loading the code location opens no file, no connection and
no thread pool (a test holds it to that).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

READY = "ready"


def warm_up(module: str, attribute: str) -> None:
    """Load the code location and build its repository, as every run would."""
    target = getattr(importlib.import_module(module), attribute)
    if hasattr(target, "get_repository_def"):
        target.get_repository_def()
    gc.collect()
    gc.freeze()  # what is loaded is shared with the children as long as nobody touches it


def execute_run(serialised: str) -> None:
    """Execute one run to its end in this process, as ``dagster api execute_run`` does."""
    from dagster._cli.api import execute_run_command

    callback: Callable[..., None] | None = execute_run_command.callback
    assert callback is not None
    callback(input_json=serialised, compressed_input_json=None)


def serve(requests: TextIO, answers: TextIO) -> str | None:
    """Fork a child for each line; in a child returns the line, in the parent None when there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who owns this process
    answers.write(f"{READY}\n")
    answers.flush()
    for line in requests:
        child = os.fork()
        if child == 0:
            _stand_alone()
            return line
        answers.write(json.dumps({"pid": child}) + "\n")
        answers.flush()
    return None


def _stand_alone() -> None:
    """A child has a session, signals and standard streams of its own."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)


def main() -> None:
    """Warm up, then serve; a child goes on with its run."""
    warm_up(sys.argv[1], sys.argv[2])
    line = serve(sys.stdin, sys.stdout)
    if line is not None:
        execute_run(line)


if __name__ == "__main__":
    main()
