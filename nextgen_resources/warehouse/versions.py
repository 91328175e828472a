"""Versions of bars from dated deliveries: each takes its place in time, whatever the order of arrival.

A dated delivery says of a bar what was known at its instant. All that was ever said of a bar, in the order
of those instants, is its chain: where a saying differs from the one before, a version begins; where it is
the same, the version is confirmed. The chain depends on the set of deliveries only. A delivery that arrives
late is therefore put in its place, and never takes that of a newer one.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

_VALUES = ("open", "high", "low", "close", "volume")
_KEY = "ticker, session_date"
_ROW = "open, high, low, close, volume, source, known_at, known_at_is_assumed, delivered_at, run_id"

_SAID = f"""
CREATE OR REPLACE TEMP TABLE said AS
WITH dated AS (SELECT {_KEY}, {_ROW} FROM incoming WHERE delivered_at IS NOT NULL),
span AS (SELECT min(session_date) AS first, max(session_date) AS last FROM dated),
touched AS (SELECT DISTINCT {_KEY} FROM dated),
kept AS (
    SELECT {_KEY}, {_ROW} FROM market_prices SEMI JOIN touched USING ({_KEY})
    WHERE session_date BETWEEN (SELECT first FROM span) AND (SELECT last FROM span)
    UNION ALL BY NAME
    SELECT {_KEY}, {_ROW} FROM market_price_revisions SEMI JOIN touched USING ({_KEY})
    WHERE session_date BETWEEN (SELECT first FROM span) AND (SELECT last FROM span)),
confirmed AS (
    SELECT c.ticker, c.session_date, k.* EXCLUDE (ticker, session_date, known_at, delivered_at, source, run_id),
           c.known_at, c.known_at AS delivered_at, c.source, c.run_id
    FROM (SELECT * FROM market_price_confirmations SEMI JOIN touched USING ({_KEY})) c
    ASOF JOIN kept k ON c.ticker = k.ticker AND c.session_date = k.session_date AND c.known_at >= k.known_at)
SELECT *, TRUE AS is_kept FROM kept
UNION ALL BY NAME SELECT *, TRUE AS is_kept FROM confirmed
UNION ALL BY NAME SELECT *, FALSE AS is_kept FROM dated
"""

_CHAIN = f"""
CREATE OR REPLACE TEMP TABLE chain AS
WITH once AS (
    SELECT * EXCLUDE (is_kept) FROM said
    QUALIFY row_number() OVER (PARTITION BY {_KEY}, known_at ORDER BY is_kept DESC, {", ".join(_VALUES)}) = 1),
compared AS (
    SELECT *, row({", ".join(_VALUES)}) IS DISTINCT FROM lag(row({", ".join(_VALUES)})) OVER w AS is_version
    FROM once WINDOW w AS (PARTITION BY {_KEY} ORDER BY known_at))
SELECT *, CASE WHEN is_version THEN lead(known_at) OVER (PARTITION BY {_KEY}, is_version ORDER BY known_at) END
       AS superseded_at
FROM compared
"""

_SAME = " AND ".join(
    f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in ("ticker", "session_date", "known_at", *_VALUES)
)
_STEPS = {
    "revisions_gone": f"""
DELETE FROM market_price_revisions old USING (SELECT DISTINCT {_KEY} FROM chain) touched
WHERE old.ticker = touched.ticker AND old.session_date = touched.session_date AND NOT EXISTS (
    FROM chain new WHERE new.is_version AND new.superseded_at = old.superseded_at AND {_SAME})""",
    "revisions": f"""
INSERT INTO market_price_revisions BY NAME
SELECT {_KEY}, {_ROW}, superseded_at FROM chain new WHERE is_version AND superseded_at IS NOT NULL
AND NOT EXISTS (FROM market_price_revisions old WHERE {_SAME})""",
    "current": f"""
INSERT OR REPLACE INTO market_prices BY NAME
SELECT {_KEY}, {_ROW} FROM chain new WHERE is_version AND superseded_at IS NULL
AND NOT EXISTS (FROM market_prices old WHERE {_SAME})""",
    "confirmations_gone": """
DELETE FROM market_price_confirmations old USING (SELECT * FROM chain WHERE is_version) new
WHERE old.ticker = new.ticker AND old.session_date = new.session_date AND old.known_at = new.known_at""",
    "confirmations": f"""
INSERT OR IGNORE INTO market_price_confirmations BY NAME
SELECT {_KEY}, known_at, source, run_id FROM chain WHERE NOT is_version""",
}


class Written(NamedTuple):
    """What a write changed.

    Attributes
    ----------
    rows : int
        Rows of any table that were added or changed.
    revised : int
        Versions of bars that were replaced by a newer one; they stand in market_price_revisions.
    """

    rows: int
    revised: int = 0


def write_deliveries(connection: duckdb.DuckDBPyConnection) -> Written:
    """Put the dated rows of ``incoming`` in their places; inside the transaction of the caller.

    Notes
    -----
    ``incoming`` has the columns of market_prices; rows with ``delivered_at`` are read, and one bar may
    come in several versions. Where a bar was already said at the same instant, what is kept stays.
    """
    connection.execute(_SAID)
    connection.execute(_CHAIN)
    # fetchall, not fetchone: DuckDB 2 refuses other work while a result has not been read to its end.
    changed = {name: int(connection.execute(sql).fetchall()[0][0]) for name, sql in _STEPS.items()}
    connection.execute("DROP TABLE said")
    connection.execute("DROP TABLE chain")
    rows = sum(changed[name] for name in ("current", "revisions", "confirmations"))
    return Written(rows, max(changed["revisions"] - changed["revisions_gone"], 0))
