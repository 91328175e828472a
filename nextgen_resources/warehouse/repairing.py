"""Writing repairs: a new version, its old one and the record of the repair in one transaction, or nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import duckdb
import polars as pl

from nextgen_resources.warehouse.schema import tables_in
from nextgen_resources.warehouse.slices import prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import Warehouse, frame_of
from nextgen_resources.warehouse.writing import write

_PRICES = ("open", "high", "low", "close")
_BAR = ["ticker", "session_date"]
_ACTION = ["ticker", "ex_date", "kind"]
_REPAIRED = "repair:"

_REPLACE_ACTIONS = """
CREATE OR REPLACE TEMP TABLE replaced AS
SELECT old.*, greatest($now, old.known_at + INTERVAL 1 MICROSECOND) AS superseded_at
FROM corporate_actions old SEMI JOIN repaired USING (ticker, ex_date, kind);
INSERT INTO corporate_action_revisions BY NAME SELECT * FROM replaced;
DELETE FROM corporate_actions USING repaired WHERE corporate_actions.ticker = repaired.ticker
    AND corporate_actions.ex_date = repaired.ex_date AND corporate_actions.kind = repaired.kind;
INSERT INTO corporate_actions BY NAME
SELECT ticker, ex_date, kind, CASE WHEN kind = 'split' THEN value_after END AS split_ratio,
    CASE WHEN kind = 'dividend' THEN value_after END AS cash_amount_usd, NULL AS new_ticker,
    'repair:' || rule AS source, coalesce(replaced.superseded_at, $now) AS known_at,
    FALSE AS known_at_is_assumed, repaired.run_id
FROM repaired LEFT JOIN replaced USING (ticker, ex_date, kind) WHERE value_after IS NOT NULL;
DROP TABLE replaced;
"""


class Repaired(NamedTuple):
    """How many rows were repaired."""

    bars: int
    actions: int


def write_repairs(
    warehouse: Warehouse, bars: pl.DataFrame, actions: pl.DataFrame, run_id: str, now: datetime
) -> Repaired:
    """Bring bars and actions to their repaired version where they still are what the repair was worked out from.

    Parameters
    ----------
    bars : polars.DataFrame
        Columns of ``price_repairs`` without repaired_at and run_id.
    actions : polars.DataFrame
        Columns of ``action_repairs`` without repaired_at and run_id.
    now : datetime
        From when on the new versions are known.

    Notes
    -----
    A row that says something else by now, was repaired before, or comes from a dated delivery (whose versions
    are what its crawls said) is left alone: running again repairs nothing twice.
    """
    stamps = {"repaired_at": pl.lit(now).cast(pl.Datetime("us", "UTC")), "run_id": pl.lit(run_id)}
    with warehouse.transaction() as connection:
        bars = _standing_bars(connection, bars).with_columns(**stamps)
        actions = _standing_actions(connection, actions).with_columns(**stamps)
        if bars.height:
            _append(connection, "price_repairs", bars)
            _replace_bars(connection, bars, run_id, now)
        if actions.height:
            _append(connection, "action_repairs", actions)
            connection.register("repaired", actions)
            for statement in _REPLACE_ACTIONS.split(";\n"):
                if statement.strip():
                    connection.execute(statement, {"now": now} if "$now" in statement else None)
            connection.unregister("repaired")
    return Repaired(bars.height, actions.height)


def _standing_bars(connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame) -> pl.DataFrame:
    connection.register("proposed", bars.select(_BAR))
    current = frame_of(
        connection,
        "SELECT ticker, session_date, open AS _open, high AS _high, low AS _low, close AS _close, "
        f"delivered_at IS NOT NULL OR starts_with(source, '{_REPAIRED}') AS _is_left FROM market_prices "
        "SEMI JOIN proposed USING (ticker, session_date)",
        {},
    )
    connection.unregister("proposed")
    joined = bars.join(current, on=_BAR, how="left")
    is_same = pl.all_horizontal(pl.col(f"_{name}") == pl.col(f"{name}_before") for name in _PRICES)
    is_absent = pl.col("_is_left").is_null()
    fits = pl.when("was_refused").then(is_absent).otherwise(is_same & ~pl.col("_is_left"))
    return joined.filter(fits.fill_null(False)).select(bars.columns).sort(_BAR)


def _standing_actions(connection: duckdb.DuckDBPyConnection, actions: pl.DataFrame) -> pl.DataFrame:
    connection.register("proposed", actions.select(_ACTION))
    current = frame_of(
        connection,
        "SELECT ticker, ex_date, kind, coalesce(split_ratio, cash_amount_usd) AS _value, "
        f"starts_with(source, '{_REPAIRED}') AS _is_left FROM corporate_actions "
        "SEMI JOIN proposed USING (ticker, ex_date, kind)",
        {},
    )
    connection.unregister("proposed")
    joined = actions.join(current, on=_ACTION, how="left")
    is_same = pl.col("_value").eq_missing(pl.col("value_before"))
    return joined.filter(is_same & ~pl.col("_is_left").fill_null(False)).select(actions.columns).sort(_ACTION)


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    connection.register("incoming_repairs", rows)
    connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM incoming_repairs')
    connection.unregister("incoming_repairs")


def _replace_bars(
    connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame, run_id: str, now: datetime
) -> None:
    versions = bars.select(
        *_BAR,
        *_PRICES,
        "volume",
        pl.format(_REPAIRED + "{}", "rule").alias("source"),
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("known_at"),
        pl.lit(False).alias("known_at_is_assumed"),
    )
    table, spec = tables_in(connection)["market_prices"], TABLES["market_prices"]
    write(connection, prepare(versions, table, spec, None, run_id), table, spec, None, now)
