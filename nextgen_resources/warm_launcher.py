"""A launcher whose runs begin in a fork of a warm process, in place of seconds of imports for each.

Dagster starts the worker of a run as a new interpreter, which imports everything before it does anything: most of what
a run of one session costs. This launcher keeps one process of :mod:`nextgen_resources.run_nursery` for each code
location and has it fork the workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value
from dagster._serdes.config_class import ConfigurableClassData

from nextgen_resources.run_launcher import WatchedRunLauncher, is_alive
from nextgen_resources.run_nursery import READY

_PROJECT = Path(__file__).resolve().parents[1]
_CODE = ("nextgen_assets", "nextgen_resources", "sql")
_CODE_ENDINGS = {".py", ".sql", ".yaml", ".csv", ".json", ".md", ".safetensors"}


class Nursery:
    """The warm process of one code location.

    Parameters
    ----------
    module, attribute : str
        Where the definitions are.
    """

    def __init__(self, module: str, attribute: str) -> None:
        self.state = state_of_code()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nextgen_resources.run_nursery", module, attribute],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if self._answer() != READY:
            raise DagsterLaunchFailedError(  # type: ignore[no-untyped-call]
                f"the warm process could not load {attribute} of {module}; its error stands in the log of the "
                "daemon. Correct it, or take `run_launcher` out of dagster.yaml to start each run by itself"
            )

    def start(self, serialised_run: str) -> int:
        """Fork a worker for the run; its process id.

        Raises
        ------
        dagster._core.errors.DagsterLaunchFailedError
            If the process has ended; the run is marked failed and the retry policy takes it from there.
        """
        stream = self._stream(self._process.stdin)
        try:
            stream.write(serialised_run + "\n")
            stream.flush()
            answer = self._answer()
        except OSError:
            answer = ""
        if not answer:
            raise DagsterLaunchFailedError(  # type: ignore[no-untyped-call]
                f"the warm process {self._process.pid} has ended before it forked the worker of the run; the next "
                "run starts another one"
            )
        return int(json.loads(answer)["pid"])

    @property
    def is_usable(self) -> bool:
        """Whether it lives and has loaded the code as it is now."""
        return self._process.poll() is None and self.state == state_of_code()

    def close(self) -> None:
        """Let the process end; workers that it has forked go on."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                self._stream(stream).close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()

    def _answer(self) -> str:
        return self._stream(self._process.stdout).readline().strip()

    def _stream(self, stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


class WarmRunLauncher(WatchedRunLauncher):
    """Forks the workers of runs whose code location is a Python module; others start as ever.

    Notes
    -----
    The warm process is started again when a file of the code has changed since. A run is terminated by an
    interrupt to its process, whose id it has told; so it must be of this machine.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._nurseries: dict[tuple[str, str], Nursery] = {}
        self._lock = threading.Lock()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Have the run begin in a fork of the warm process."""
        origin = context.job_code_origin
        target = _module_of(origin)
        if origin is None or target is None:
            super().launch_run(context)
            return
        run = context.dagster_run
        arguments = ExecuteRunArgs(
            job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref()
        )
        with self._lock:
            self._nursery(target).start(serialize_value(arguments))
        self._run_ids.add(run.run_id)

    def terminate(self, run_id: str) -> bool:
        """Interrupt the process of a run; whether there was one."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if GRPC_INFO_TAG in run.tags:  # it was started by its code server
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        told = self._told(run_id)
        if told is None or not is_alive(*told):
            self._instance.report_engine_event("The run has no process on this machine to interrupt.", run)
            return False
        with suppress(ProcessLookupError):
            os.kill(told[0], signal.SIGINT)
        return True

    def dispose(self) -> None:
        """End the warm processes."""
        with self._lock:
            for nursery in self._nurseries.values():
                nursery.close()
            self._nurseries.clear()
        super().dispose()

    def _nursery(self, target: tuple[str, str]) -> Nursery:
        known = self._nurseries.get(target)
        if known is not None and known.is_usable:
            return known
        if known is not None:
            known.close()
        self._nurseries[target] = fresh = Nursery(*target)
        return fresh


def _module_of(origin: JobPythonOrigin | None) -> tuple[str, str] | None:
    """Module and attribute of the definitions, where they are a module loaded by this very Python."""
    if origin is None:
        return None
    repository = origin.repository_origin
    pointer = repository.code_pointer
    is_here = repository.executable_path == sys.executable and not repository.container_image
    if not is_here or not isinstance(pointer, ModuleCodePointer):
        return None
    return pointer.module, pointer.fn_name


def state_of_code() -> tuple[int, int]:
    """How many files the code has and when the last of them was changed."""
    files = [_PROJECT / ".env"]
    for folder in _CODE:
        files += (path for path in (_PROJECT / folder).rglob("*") if path.suffix in _CODE_ENDINGS)
    times = [path.stat().st_mtime_ns for path in files if path.exists()]
    return len(times), max(times)


__all__ = ["Nursery", "WarmRunLauncher", "state_of_code"]
