"""What every test gets: no network, no display, no Dagster home; a migrated warehouse on request."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nextgen_resources.warehouse.warehouse import Warehouse

os.environ["MPLBACKEND"] = "Agg"
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a path: a socket of this machine
    host = str(address[0])
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""

    def guarded(name: str) -> Any:
        connect = getattr(socket.socket, name)

        def connect_here(self: socket.socket, address: Any) -> Any:
            if not _is_loopback(address):
                raise RuntimeError(f"a test tried to reach {address!r}; use a recording or a fake transport")
            return connect(self, address)

        return connect_here

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, guarded(name))


@pytest.fixture(autouse=True)
def _no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nextgen_resources.warehouse.warehouse import Warehouse

    path = tmp_path_factory.mktemp("migrated") / "warehouse.duckdb"
    Warehouse(database=str(path)).migrate()
    return path


@pytest.fixture
def warehouse(tmp_path: Path, _migrated_file: Path) -> Warehouse:
    """A migrated, empty warehouse of this test alone."""
    from nextgen_resources.warehouse.warehouse import Warehouse

    path = tmp_path / "warehouse.duckdb"
    shutil.copyfile(_migrated_file, path)
    return Warehouse(database=str(path), lock_timeout_seconds=20.0)
