"""Dagster's own history in a real PostgreSQL server, under the configuration that is shipped for production."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import yaml

from nextgen_resources.daemon import held_in_postgres
from nextgen_resources.errors import DaemonRunningError
from tests.graph.harness import Built, built

SHIPPED = Path(__file__).parents[2] / "docs" / "production" / "dagster.yaml"
SERVER_USER = "nobody"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("initdb") is None and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        reason="PostgreSQL is not installed (Debian: postgresql)",
    ),
    # SQLAlchemy's cache of compiled statements warns once per process
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def program(name: str) -> str:
    found = shutil.which(name)
    return found or str(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1])


def run_as_server(words: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
    """PostgreSQL refuses to run as root."""
    user = {"user": SERVER_USER, "group": pwd.getpwnam(SERVER_USER).pw_gid} if os.geteuid() == 0 else {}
    return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **user, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server of this test alone."""
    folder = Path("/tmp") / f"nextgen-postgres-{os.getpid()}"
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, SERVER_USER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    secret = tmp_path_factory.mktemp("pg") / "password"
    secret.write_text("of-this-test")
    try:
        shutil.copy(secret, folder / "password")
        if os.geteuid() == 0:
            shutil.chown(folder / "password", SERVER_USER)
        data = str(folder / "data")
        run_as_server(
            [program("initdb"), "-D", data, "-U", "nextgen", "-A", "scram-sha-256", "--pwfile", str(folder / "password")],
            cwd=folder,
        )  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run_as_server(
            [program("pg_ctl"), "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start"],
            cwd=folder,
        )
        yield port
        run_as_server([program("pg_ctl"), "-D", data, "-m", "immediate", "stop"], cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scenario(tmp_path: Path, server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    """A small scenario whose history goes to the server, by the shipped file (the port apart)."""
    for name, value in {
        "HOST": "127.0.0.1",
        "USER": "nextgen",
        "PASSWORD": "of-this-test",
        "DATABASE": "postgres",
    }.items():
        monkeypatch.setenv(f"NEXTGEN_PG_{name}", value)
    config = yaml.safe_load(SHIPPED.read_text())
    config["storage"]["postgres"]["postgres_db"]["port"] = server
    home = tmp_path / "pg-home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    with built(tmp_path / "scenario") as found, dg.DagsterInstance.from_config(str(home)) as instance:
        yield Built(found.settings, found.warehouse, found.definitions, instance)


def test_runs_events_and_partitions_are_kept_in_postgresql(scenario: Built) -> None:
    scenario.run("prepare_inputs", date(2005, 1, 3), date(2005, 1, 14))
    (record,) = scenario.instance.get_run_records()
    assert record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
    done = scenario.instance.get_materialized_partitions(dg.AssetKey("market_prices"))
    assert len(done) == 10
    assert scenario.warehouse.scalar("SELECT count(*) FROM market_prices") > 0
    storage = scenario.instance.event_log_storage
    assert "postgres" in type(storage).__module__
    began = time.perf_counter()
    assert scenario.instance.get_records_for_run(record.dagster_run.run_id, limit=5).records
    assert time.perf_counter() - began < 30


def test_lease_of_the_daemon_holds_in_postgresql_and_its_loss_is_noticed(server: int) -> None:
    url = f"postgresql://nextgen:of-this-test@127.0.0.1:{server}/postgres"
    lost = threading.Event()
    with held_in_postgres(url, lost.set):
        with (
            pytest.raises(DaemonRunningError, match=rf"nextgen-daemon .* {os.getpid()}, since 20"),
            held_in_postgres(url),
        ):
            pass
        with closing(psycopg2.connect(url)) as other, other, other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nextgen-daemon%'"
            )
        assert lost.wait(30), "a daemon that has lost its lease must end"
    with held_in_postgres(url):
        pass
