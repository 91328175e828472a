"""Two daemons on one instance: the second one refuses, and no tick is run twice."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nextgen_resources.daemon import LEASE_NAME, lease
from nextgen_resources.errors import DaemonRunningError
from tests.graph.servers import PROJECT, polling, stop

TOY = ["run", "-m", "tests.orchestration.toy_location"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


def started(home: Path) -> subprocess.Popen[bytes]:
    """A daemon of the home, in a process group of its own; what it says goes to a file."""
    own = {"DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"}
    with (home / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "nextgen_resources.daemon", *TOY],
            env=os.environ | own,
            cwd=PROJECT,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def ticks(home: Path) -> Iterator[float]:
    path = home / "ticks"
    return map(float, path.read_text().split()) if path.exists() else iter(())


def test_lease_is_refused_while_another_holds_it_and_free_after_it(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        with lease(instance):
            told = f"process {os.getpid()} on "
            code = "import dagster as dg, sys; from nextgen_resources.daemon import lease\n"
            code += "with dg.DagsterInstance.from_config(sys.argv[1]) as i, lease(i): pass"
            asked = [sys.executable, "-W", "ignore", "-c", code, str(home)]
            refused = subprocess.run(asked, capture_output=True, text=True, cwd=PROJECT)
            assert refused.returncode != 0
            assert DaemonRunningError.__name__ in refused.stderr
            assert told in refused.stderr
        assert subprocess.run(asked, cwd=PROJECT).returncode == 0
        assert (home / LEASE_NAME).exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_second_daemon_ends_at_once_and_takes_over_from_a_killed_one(home: Path) -> None:
    first = started(home)
    try:
        for _ in polling(240, "the first daemon to tick"):
            if len(list(ticks(home))) >= 2:
                break
        second = started(home)
        assert second.wait(240) == 1
        said = (home / "said").read_text()
        assert f"another daemon of {home} is at work (process {first.pid} on " in said
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    finally:
        stop(first, 5)
    before = len(list(ticks(home)))
    third = started(home)
    try:
        for _ in polling(240, "the third daemon to tick"):
            if len(list(ticks(home))) >= before + 3:
                break
    finally:
        stop(third, 30)
    moments = sorted(ticks(home))
    between = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(between) > 0.5, "a tick every second, and none of them twice"
