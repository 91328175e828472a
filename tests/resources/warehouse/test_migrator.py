"""Migrations run once, in order, each whole or not at all; the migrated schema is the one assets write to."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from nextgen_resources.errors import MigrationChecksumError, MigrationError
from nextgen_resources.warehouse import migrator
from nextgen_resources.warehouse.schema import tables_of_record
from nextgen_resources.warehouse.tables import TABLES, WriteMode, tables_of
from nextgen_resources.warehouse.warehouse import MIGRATIONS_DIR, Warehouse, migrated_in_memory

FIRST = "CREATE TABLE ledger (amount INTEGER);"
SECOND = "INSERT INTO ledger VALUES (1);"


def _folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, ending = name.removeprefix("m").rsplit("_", 1)
        (folder / f"{stem}.{ending}").write_text(text)
    return folder


def _names(applied: list[migrator.Migration]) -> list[str]:
    return [migration.path.name for migration in applied]


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


@pytest.fixture
def database():
    connection = duckdb.connect()
    yield connection
    connection.close()


def test_migrations_are_applied_in_the_order_of_their_numbers(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0002_fill_sql=SECOND, m0001_create_sql=FIRST)
    assert _names(migrator.migrate(database, migrator.discover(folder))) == [
        "0001_create.sql",
        "0002_fill.sql",
    ]
    assert database.execute("SELECT amount FROM ledger").fetchall() == [(1,)]
    assert database.execute("SELECT id, description FROM _migrations ORDER BY id").fetchall() == [
        ("0001", "create"),
        ("0002", "fill"),
    ]


def test_second_run_applies_nothing(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST, m0002_fill_sql=SECOND)
    migrator.migrate(database, migrator.discover(folder))
    assert migrator.migrate(database, migrator.discover(folder)) == []
    assert database.execute("SELECT count(*) FROM ledger").fetchall() == [(1,)]


def test_added_migration_is_the_only_one_applied(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST)
    migrator.migrate(database, migrator.discover(folder))
    _folder(tmp_path, m0002_fill_sql=SECOND)
    assert _names(migrator.migrate(database, migrator.discover(folder))) == ["0002_fill.sql"]


def test_edited_migration_is_refused_by_name_and_changes_nothing(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST)
    migrator.migrate(database, migrator.discover(folder))
    _folder(tmp_path, m0001_create_sql=FIRST + "\nDROP TABLE ledger;", m0002_fill_sql=SECOND)
    with pytest.raises(MigrationChecksumError, match=r"0001_create\.sql was edited .* next number"):
        migrator.migrate(database, migrator.discover(folder))
    assert database.execute("SELECT count(*) FROM ledger").fetchall() == [(0,)]


def test_other_line_endings_are_no_edit(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_create_sql="CREATE TABLE a (b INT);\nCREATE TABLE c (d INT);\n")
    migrator.migrate(database, migrator.discover(folder))
    (folder / "0001_create.sql").write_bytes(b"CREATE TABLE a (b INT);\r\nCREATE TABLE c (d INT);\r\n")
    assert migrator.migrate(database, migrator.discover(folder)) == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["0001_a.sql", "0003_c.sql"], r"0003_c\.sql.*'0001', '0002'"),
        (["0001_a.sql", "0001_b.sql"], r"0001_a\.sql', '0001_b\.sql.*'0001', '0002'"),
        (["0002_b.sql"], r"0002_b\.sql.*'0001'"),
        (["0001_a.sql", "1_b.sql"], r"1_b\.sql is not named like"),
        (["0001_a.sql", "0002_Two.sql"], r"0002_Two\.sql is not named like"),
        ([], r"holds \[\]; expected the numbers \['0001'\]"),
    ],
    ids=["gap", "duplicate", "first missing", "short number", "capitals", "empty folder"],
)
def test_folder_with_wrong_names_is_refused(tmp_path, names, told) -> None:
    folder = _folder(tmp_path)
    for name in names:
        (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match=told):
        migrator.discover(folder)


def test_absent_folder_is_refused(tmp_path) -> None:
    with pytest.raises(MigrationError, match="no folder of migrations"):
        migrator.discover(tmp_path / "nowhere")


def test_other_files_in_the_folder_are_ignored(tmp_path) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST)
    (folder / "README.md").write_text("about")
    (folder / "__pycache__").mkdir()
    assert _names(migrator.discover(folder)) == ["0001_create.sql"]


def test_warehouse_of_a_newer_release_is_refused(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST, m0002_fill_sql=SECOND)
    migrator.migrate(database, migrator.discover(folder))
    (folder / "0002_fill.sql").unlink()
    with pytest.raises(MigrationError, match=r"\['0002'\] that this code lacks; use a newer release"):
        migrator.migrate(database, migrator.discover(folder))


def test_failing_file_is_rolled_back_and_the_earlier_ones_stay(tmp_path, database) -> None:
    folder = _folder(
        tmp_path,
        m0001_create_sql=FIRST,
        m0002_break_sql="CREATE TABLE half (a INT); INSERT INTO nowhere VALUES (1);",
    )
    with pytest.raises(MigrationError, match=r"0002_break\.sql failed and was rolled back: .*nowhere"):
        migrator.migrate(database, migrator.discover(folder))
    assert _tables(database) == {"ledger", "_migrations"}
    assert database.execute("SELECT id FROM _migrations").fetchall() == [("0001",)]
    _folder(tmp_path, m0002_break_sql=SECOND)
    assert _names(migrator.migrate(database, migrator.discover(folder))) == ["0002_break.sql"]


def test_file_with_its_own_commit_is_refused_before_it_runs(tmp_path, database) -> None:
    folder = _folder(
        tmp_path, m0001_create_sql="CREATE TABLE half (a INT); COMMIT; CREATE TABLE other (a INT);"
    )
    with pytest.raises(MigrationError, match=r"0001_create\.sql .*BEGIN, COMMIT or ROLLBACK"):
        migrator.migrate(database, migrator.discover(folder))
    assert _tables(database) == {"_migrations"}


def test_python_migration_runs_its_upgrade_function(tmp_path, database) -> None:
    upgrade = "def upgrade(conn):\n    conn.execute('INSERT INTO ledger SELECT 41 + 1')\n"
    folder = _folder(tmp_path, m0001_create_sql=FIRST, m0002_compute_py=upgrade)
    migrator.migrate(database, migrator.discover(folder))
    assert database.execute("SELECT amount FROM ledger").fetchall() == [(42,)]


def test_failing_python_migration_is_rolled_back(tmp_path, database) -> None:
    upgrade = (
        "def upgrade(conn):\n    conn.execute(\"DELETE FROM ledger\")\n    raise ValueError('no rate')\n"
    )
    folder = _folder(tmp_path, m0001_create_sql=FIRST + SECOND, m0002_compute_py=upgrade)
    with pytest.raises(MigrationError, match=r"0002_compute\.py failed and was rolled back: no rate"):
        migrator.migrate(database, migrator.discover(folder))
    assert database.execute("SELECT count(*) FROM ledger").fetchall() == [(1,)]


def test_python_migration_without_upgrade_is_refused(tmp_path, database) -> None:
    folder = _folder(tmp_path, m0001_compute_py="downgrade = None\n")
    with pytest.raises(MigrationError, match=r"no upgrade\(conn\) function"):
        migrator.migrate(database, migrator.discover(folder))


def test_warehouse_names_what_it_applied_and_knows_when_it_is_current(tmp_path) -> None:
    warehouse = Warehouse(database=str(tmp_path / "new" / "warehouse.duckdb"))
    assert not warehouse.is_migrated()
    applied = warehouse.migrate()
    assert applied == sorted(path.name for path in MIGRATIONS_DIR.glob("[0-9]*_*.*"))
    assert warehouse.is_migrated()
    assert warehouse.migrate() == []


def test_half_migrated_warehouse_is_not_current(tmp_path) -> None:
    folder = _folder(tmp_path, m0001_create_sql=FIRST)
    warehouse = Warehouse(database=str(tmp_path / "warehouse.duckdb"))
    warehouse.migrate(folder)
    _folder(tmp_path, m0002_fill_sql=SECOND)
    assert not warehouse.is_migrated(folder)


def test_migrated_database_in_memory_has_the_tables_of_record() -> None:
    connection = migrated_in_memory()
    try:
        assert _tables(connection) == set(tables_of_record())
    finally:
        connection.close()


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_table_that_an_asset_writes_is_migrated_as_its_mode_needs(spec) -> None:
    table = tables_of_record()[spec.name]
    columns = {column.name: column for column in table.columns}
    assert table.comment
    assert tables_of(spec.asset)[0].name == spec.asset
    if spec.slice_column is not None:
        assert columns[spec.slice_column].sql_type == "DATE"
        assert not columns[spec.slice_column].is_nullable
    if spec.mode is not WriteMode.REPLACE:
        assert table.key or spec.unindexed_key, "rows are recognised by the primary key"
    if spec.mode is WriteMode.TAIL:
        assert {"scenario_id"} <= set(columns)
    if spec.mode is WriteMode.REVISE:
        revisions = {column.name for column in tables_of_record()["market_price_revisions"].columns}
        assert revisions == set(columns) | {"superseded_at"}


@pytest.mark.parametrize("name", sorted(set(tables_of_record()) - {"_migrations"}))
def test_every_migrated_table_says_what_a_row_is_and_has_a_key(name) -> None:
    table = tables_of_record()[name]
    assert table.comment
    assert len(table.comment) > 20
    assert table.key or set(TABLES[name].unindexed_key) < set(table.names)


def test_every_column_has_a_type_that_frames_are_checked_against() -> None:
    import polars as pl

    for table in tables_of_record().values():
        for column in table.columns:
            assert not column.accepts(pl.Object()), f"{table.name}.{column.name}"
