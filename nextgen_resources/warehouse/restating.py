"""Writing the whole statement of a slice: what changed or was taken back moves to the table of revisions."""

from __future__ import annotations

from datetime import datetime

import duckdb

from nextgen_resources.warehouse.schema import Table
from nextgen_resources.warehouse.versions import Written

REVISIONS = {"corporate_actions": "corporate_action_revisions"}
"""Where the replaced versions of a table go."""

_STAMPS = {"run_id", "known_at", "known_at_is_assumed"}


def restate(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    condition: str,
    bounds: list[object],
    learned_at: datetime,
) -> Written:
    """Bring the slice to what ``incoming`` states; returns what changed.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With an open transaction and the view ``incoming``, checked.
    table : Table
        A table of ``REVISIONS``.
    condition : str
        SQL of the slice, with ``bounds`` as its parameters.
    learned_at : datetime
        When the statement was heard.

    Notes
    -----
    A row that is stated again unchanged keeps its ``known_at``. A changed one is known from now on,
    whatever it claims, and never before the version that it replaces. One that is no longer stated is taken
    back: it was believed until now.
    """
    values = [name for name in table.names if name not in _STAMPS and name not in table.key]
    differs = " OR ".join(f'old."{name}" IS DISTINCT FROM new."{name}"' for name in values)
    same_key = " AND ".join(f'old."{name}" = new."{name}"' for name in table.key)
    ends = "greatest(?, old.known_at + INTERVAL 1 MICROSECOND)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE outdated AS SELECT old.*, {ends} AS superseded_at "
        f'FROM (SELECT * FROM "{table.name}" WHERE {condition}) old '
        f"LEFT JOIN incoming new ON {same_key} WHERE new.known_at IS NULL OR {differs}",
        [learned_at, *bounds],
    )
    connection.execute(f'INSERT INTO "{REVISIONS[table.name]}" BY NAME SELECT * FROM outdated')
    of_outdated = " AND ".join(f'"{table.name}"."{name}" = outdated."{name}"' for name in table.key)
    connection.execute(f'DELETE FROM "{table.name}" USING outdated WHERE {of_outdated}')
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE stated AS SELECT new.* REPLACE ("
        "coalesce(old.superseded_at, new.known_at) AS known_at, "
        "new.known_at_is_assumed AND old.superseded_at IS NULL AS known_at_is_assumed) "
        f"FROM incoming new LEFT JOIN outdated old ON {same_key} "
        f'ANTI JOIN "{table.name}" kept ON '
        + " AND ".join(f'kept."{name}" = new."{name}"' for name in table.key)
    )
    connection.execute(f'INSERT INTO "{table.name}" BY NAME SELECT * FROM stated')
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM stated), (SELECT count(*) FROM outdated), (SELECT count(*) FROM outdated o "
        "ANTI JOIN stated new ON " + " AND ".join(f'o."{name}" = new."{name}"' for name in table.key) + ")"
    ).fetchall()
    connection.execute("DROP TABLE stated")
    connection.execute("DROP TABLE outdated")
    stated, outdated, taken_back = (int(count) for count in counts[0])
    return Written(stated + taken_back, outdated)
