"""Front doors in processes of their own: the command line, the webserver and the daemon of one scenario."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
MODULE = "nextgen_assets.definitions"


@dataclass(frozen=True)
class Door:
    """A folder with a Dagster home and a warehouse, and the environment that leads every process there.

    Attributes
    ----------
    environment : mapping of str to str
        Complete: nothing of the settings of whoever runs the tests is left in it.
    """

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def to(cls, folder: Path, settings: Mapping[str, Any]) -> Door:
        """The front doors of ``folder`` under ``settings`` (dotted keys), with the shipped dagster.yaml."""
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / "dagster_home" / "dagster.yaml", home / "dagster.yaml")
        foreign = ("NEXTGEN", "DAGSTER", "PYTEST", "COV_")
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        own = {
            "NEXTGEN_ROOT": str(folder),  # no .env of the project's is read
            "NEXTGEN__PATHS__DATA_DIR": str(folder / "data"),
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(PROJECT),
            "MPLBACKEND": "Agg",
        }
        return cls(folder, inherited | own | as_variables(settings))

    def call(self, *command: str, timeout_seconds: float = 200.0) -> subprocess.CompletedProcess[str]:
        """Run a console script that stands beside this Python, to its end."""
        return subprocess.run(
            [script(command[0]), *command[1:]],
            env=dict(self.environment),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )

    def materialize(
        self, selection: str, *options: str, timeout_seconds: float = 200.0
    ) -> subprocess.CompletedProcess[str]:
        """``dagster asset materialize`` as a user types it."""
        words = ("dagster", "asset", "materialize", "--select", selection, "-m", MODULE, *options)
        return self.call(*words, timeout_seconds=timeout_seconds)

    @contextmanager
    def serving(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A server in a process group of its own; gone, with its children, at the end of the block."""
        log = self.folder / f"{command[0]}.log"
        with log.open("ab") as sink:
            process = subprocess.Popen(
                [script(command[0]), *command[1:]],
                env=dict(self.environment),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            stop(process)


def as_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """Dotted settings as the environment variables that stand for them."""
    return {
        f"NEXTGEN__{key.replace('.', '__').upper()}": json.dumps(value) for key, value in settings.items()
    }


def script(name: str) -> str:
    """The console script of this environment."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is absent; install the project with its dev extra")
    return str(path)


def stop(process: subprocess.Popen[bytes], patience_seconds: float = 20.0) -> None:
    """End a process group: an interrupt, as Ctrl-C sends it, then a kill."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    process.wait(patience_seconds)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Api:
    """The GraphQL endpoint of a webserver."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a query or a mutation; its errors raise."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if answer.get("errors"):
            raise RuntimeError(f"the webserver refused {query.split('{')[0].strip()}: {answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data


LOCATIONS = """
query Locations { workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""
DAEMONS = "query Daemons { instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


@contextmanager
def webserver(door: Door) -> Iterator[Api]:
    """A webserver on a free loopback port that has loaded the code location."""
    port = free_port()
    api = Api(f"http://127.0.0.1:{port}/graphql")
    where = ("-w", str(PROJECT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port))
    with door.serving("python", "-m", "nextgen_resources.webserver", *where) as process:
        await_loaded(api, process)
        yield api


@contextmanager
def daemon(door: Door) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that executes what the webserver of the same home was asked for."""
    where = ("-w", str(PROJECT / "workspace.yaml"))
    with door.serving("python", "-m", "nextgen_resources.daemon", "run", *where) as process:
        yield process


def await_loaded(api: Api, process: subprocess.Popen[bytes], timeout_seconds: float = 400.0) -> None:
    """Return once the webserver answers and its code location is loaded; its load error raises."""
    for _ in polling(timeout_seconds, "the code location to load"):
        if process.poll() is not None:
            raise RuntimeError(f"the webserver ended with {process.returncode} before it answered")
        try:
            entries = api.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            continue
        found = [entry["locationOrLoadError"] or {} for entry in entries]
        if failed := [each["message"] for each in found if each.get("__typename") == "PythonError"]:
            raise RuntimeError(f"the code location does not load: {failed}")
        if found and all(entry["loadStatus"] == "LOADED" for entry in entries):
            return


def polling(timeout_seconds: float, what: str, pause_seconds: float = 0.5) -> Iterator[None]:
    """Come back until the caller has what it waits for; TimeoutError says what never came."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause_seconds)
    raise TimeoutError(f"waited {timeout_seconds:.0f} seconds for {what}")
