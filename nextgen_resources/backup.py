"""Backup of a scenario and its return: warehouse, models, journals, each file with its hash.

A backup is a folder ``<scenario>-<instant>`` that appears under its name only when it is whole. The warehouse is
copied while no writer may commit (readers go on), so the copy holds every slice that was committed before
and nothing of one that was not. Journals are copied by SQLite's own backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nextgen_resources.errors import BackupError
from nextgen_resources.warehouse.connections import log_of
from nextgen_resources.warehouse.warehouse import Warehouse

MANIFEST = "backup.json"
_WAREHOUSE, _MODELS = "warehouse.duckdb", "models"
_JOURNALS = ("alerts.sqlite", "provider_calls.sqlite")
_CHUNK = 1 << 20
_TABLES = (
    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT internal ORDER BY table_name"
)


@dataclass(frozen=True)
class Backup:
    """A whole backup.

    Attributes
    ----------
    contents : dict
        Table to its number of rows and a hash of them that does not depend on their order.
    """

    folder: Path
    scenario_id: str
    taken_at: datetime
    n_bytes: int
    contents: dict[str, list[Any]]


def contents_of(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Every table with its row count and an order-free hash of its rows: equal for equal warehouses."""
    with warehouse.snapshot():
        names = warehouse.read(_TABLES)["table_name"].to_list()
        found = {}
        for name in names:
            quoted = name.replace('"', '""')
            counted = warehouse.read(
                f'SELECT count(*) AS n, coalesce(bit_xor(hash(t)), 0)::VARCHAR AS h FROM "{quoted}" t'
            )
            found[name] = list(counted.row(0))
    return found


def back_up(warehouse: Warehouse, scenario_id: str, target: Path, now: datetime) -> Backup:
    """Copy the scenario's files into a new folder below ``target``.

    Raises
    ------
    BackupError
        The folder exists already, or the disk refuses; nothing is left behind under its name.
    """
    source = warehouse.path.parent
    folder = target / f"{scenario_id}-{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
    partial = folder.with_name(f".{folder.name}.partial")
    if folder.exists():
        raise BackupError(f"{folder} exists already; wait a moment or choose another folder")
    try:
        partial.mkdir(parents=True)
        with warehouse.snapshot():  # no writer commits meanwhile
            if log_of(warehouse.path).exists():
                raise BackupError(
                    f"{warehouse.path.name} has a write-ahead log although nobody writes; run it again"
                )
            contents = contents_of(warehouse)
            shutil.copyfile(warehouse.path, partial / _WAREHOUSE)
        if (source / _MODELS).is_dir():
            shutil.copytree(source / _MODELS, partial / _MODELS)
        for name in _JOURNALS:
            if (source / name).is_file():
                _copy_journal(source / name, partial / name)
        files = {str(path.relative_to(partial)): _sha256(path) for path in _files(partial)}
        document = {
            "scenario_id": scenario_id,
            "taken_at": now.astimezone(UTC).isoformat(),
            "contents": contents,
            "files": files,
        }
        (partial / MANIFEST).write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")
        _sync(partial)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackupError(f"{folder} cannot be written ({error}); check its disk and permissions") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return read_backup(folder)


def read_backup(folder: Path) -> Backup:
    """The backup in ``folder``, every file checked against its hash.

    Raises
    ------
    BackupError
        It is none, or a file is missing, added or changed.
    """
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        scenario_id, taken_at = document["scenario_id"], datetime.fromisoformat(document["taken_at"])
        files, contents = dict(document["files"]), dict(document["contents"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(
            f"{folder} is no backup: its {MANIFEST} cannot be read ({type(error).__name__}); give a folder "
            "that `nextgen backup` made"
        ) from error
    found = {str(path.relative_to(folder)): path for path in _files(folder) if path.name != MANIFEST}
    if found.keys() != files.keys():
        odd = sorted(found.keys() ^ files.keys())
        raise BackupError(
            f"{folder}: missing or added since it was made: {', '.join(odd[:5])}; use another backup"
        )
    changed = [name for name, path in found.items() if _sha256(path) != files[name]]
    if changed:
        raise BackupError(
            f"{folder}: changed since it was made: {', '.join(changed[:5])}; use another backup"
        )
    n_bytes = sum(path.stat().st_size for path in found.values())
    return Backup(folder, scenario_id, taken_at, n_bytes, contents)


def restore(folder: Path, scenario_dir: Path, scenario_id: str, *, is_replacing: bool = False) -> Path | None:
    """Put a backup in the place of a scenario's files; returns where the old ones were moved, None if none.

    Raises
    ------
    BackupError
        The backup is of another scenario or damaged, or files are there and ``is_replacing`` is false.

    Notes
    -----
    The files are copied beside the scenario first and take its place in one rename each, the old ones being
    kept: a kill leaves the old scenario or, between the two renames, both of them side by side under other names.
    """
    backup = read_backup(folder)
    if backup.scenario_id != scenario_id:
        raise BackupError(
            f"{folder} is a backup of {backup.scenario_id}, not of {scenario_id}; restore it with "
            f"`nextgen --scenario {backup.scenario_id} restore`"
        )
    is_there = scenario_dir.exists() and any(scenario_dir.iterdir())
    if is_there and not is_replacing:
        raise BackupError(
            f"{scenario_dir} holds a scenario; stop its services and run it with --replace: what is there is "
            "moved aside, not deleted"
        )
    incoming = scenario_dir.with_name(f".{scenario_dir.name}.restoring")
    shutil.rmtree(incoming, ignore_errors=True)
    shutil.copytree(folder, incoming, ignore=shutil.ignore_patterns(MANIFEST))
    _sync(incoming)
    aside = None
    if scenario_dir.exists():
        aside = _free_name(scenario_dir)
        scenario_dir.rename(aside)
    incoming.rename(scenario_dir)
    return aside


def _free_name(folder: Path) -> Path:
    number = 1
    while (candidate := folder.with_name(f"{folder.name}.before-restore-{number}")).exists():
        number += 1
    return candidate


def _copy_journal(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise BackupError(f"{source.name} cannot be copied ({error}); check that it is readable") from error


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    for path in _files(folder):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
