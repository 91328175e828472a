"""Migrations: numbered SQL or Python files, applied once, each in its own transaction."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from nextgen_resources.errors import MigrationChecksumError, MigrationError

_NAME = re.compile(r"(?P<id>\d{4})_(?P<description>[a-z0-9_]+)\.(sql|py)")
_LEDGER = """
CREATE TABLE IF NOT EXISTS _migrations (
    id          VARCHAR     NOT NULL PRIMARY KEY,
    description VARCHAR     NOT NULL,
    checksum    VARCHAR     NOT NULL,
    applied_at  TIMESTAMPTZ NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema of record.

    Attributes
    ----------
    checksum : str
        SHA-256 of the file, line endings normalised.
    """

    id: str
    description: str
    path: Path
    checksum: str

    def upgrade(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Run the file: SQL as it stands, Python through its ``upgrade(conn)``."""
        if self.path.suffix == ".sql":
            sql = self.path.read_text(encoding="utf-8")
            if any(
                part.type == duckdb.StatementType.TRANSACTION for part in connection.extract_statements(sql)
            ):
                raise MigrationError(
                    "it has BEGIN, COMMIT or ROLLBACK; remove them, each file is one transaction"
                )
            connection.execute(sql)
        else:
            _python_upgrade(self.path)(connection)


def _python_upgrade(path: Path) -> Callable[[duckdb.DuckDBPyConnection], None]:
    spec = importlib.util.spec_from_file_location(f"migration_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise MigrationError(f"{path.name} cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    upgrade = getattr(module, "upgrade", None)
    if not callable(upgrade):
        raise MigrationError(f"{path.name} has no upgrade(conn) function; a Python migration needs one")
    return upgrade  # type: ignore[no-any-return]


def discover(folder: Path) -> list[Migration]:
    """The migrations in ``folder``, ascending by number.

    Raises
    ------
    MigrationError
        If there are none, a name is malformed, or numbers are doubled or have a gap.
    """
    if not folder.is_dir():
        raise MigrationError(
            f"there is no folder of migrations at {folder}; run from a complete installation"
        )
    migrations = []
    for path in sorted(folder.iterdir()):
        if path.suffix not in {".sql", ".py"}:
            continue
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named like 0001_what_it_does.sql; rename it")
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        migrations.append(Migration(match["id"], match["description"].replace("_", " "), path, checksum))
    ids = [migration.id for migration in migrations]
    expected = [f"{number:04d}" for number in range(1, len(ids) + 1)]
    if not ids or ids != expected:
        names = [migration.path.name for migration in migrations]
        raise MigrationError(
            f"{folder} holds {names}; expected the numbers {expected or ['0001']}, each once; "
            "rename or restore a file"
        )
    return migrations


def migrate(connection: duckdb.DuckDBPyConnection, migrations: list[Migration]) -> list[Migration]:
    """Apply what is missing and return it; nothing when all is in place.

    Raises
    ------
    MigrationChecksumError
        If a migration that has run was edited: restore it and add the next number instead.
    MigrationError
        If the warehouse has migrations that the code does not know (it is newer), or a file fails;
        that file is rolled back, the ones before it stay.
    """
    connection.execute(_LEDGER)
    applied = dict(connection.execute("SELECT id, checksum FROM _migrations ORDER BY id").fetchall())
    known = {migration.id: migration for migration in migrations}
    if unknown := sorted(set(applied) - set(known)):
        raise MigrationError(
            f"the warehouse has migrations {unknown} that this code lacks; use a newer release"
        )
    for id_, checksum in applied.items():
        if known[id_].checksum != checksum:
            raise MigrationChecksumError(
                f"{known[id_].path.name} was edited after it had run (recorded {checksum[:12]}, found "
                f"{known[id_].checksum[:12]}); restore it and put the change into the next number"
            )
    pending = [migration for migration in migrations if migration.id not in applied]
    for migration in pending:
        _apply(connection, migration)
    return pending


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    connection.execute("BEGIN")
    try:
        migration.upgrade(connection)
        connection.execute(
            "INSERT INTO _migrations VALUES (?, ?, ?, now())",
            [migration.id, migration.description, migration.checksum],
        )
        connection.execute("COMMIT")
    except Exception as error:
        with suppress(duckdb.TransactionException):  # the file may have ended the transaction itself
            connection.execute("ROLLBACK")
        raise MigrationError(f"{migration.path.name} failed and was rolled back: {error}") from error
