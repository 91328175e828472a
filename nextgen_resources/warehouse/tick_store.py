"""Ticks in the warehouse: a stretch of lines is written whole, with its place in the ledger, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from nextgen_resources.errors import SliceError
from nextgen_resources.warehouse.warehouse import Warehouse, frame_of

_VALUES = ("bid", "ask", "last", "size", "bid_size", "ask_size")
_SYMBOL = r"[A-Z0-9][A-Z0-9.\-^=]{0,15}"
_INSTANT = pl.Datetime("us", "UTC")
_BATCH_ROWS = 122_880
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Origin:
    """Where lines come from, and which ones are asked for.

    Attributes
    ----------
    sha256 : str
        Of the content of the file.
    file : str
        Its name, relative to the folder.
    source : str
        The declared format.
    first, last : date
        Sessions whose ticks are wanted.
    """

    sha256: str
    file: str
    member: str
    instrument: str
    source: str
    first: date
    last: date

    def __post_init__(self) -> None:
        if not re.fullmatch(_SYMBOL, self.instrument):
            raise SliceError(
                f"market_ticks: {self.instrument[:40]!r} of {self.file} is no symbol, expected {_SYMBOL}; correct the "
                "declaration of the file"
            )

    @property
    def label(self) -> str:
        """The file as rows name it."""
        return f"{self.file}/{self.member}" if self.member else self.file


@dataclass(frozen=True)
class Stretch:
    """Consecutive lines whose ticks of some sessions are settled; see the columns of ``tick_imports``."""

    first_line: int
    last_line: int
    settled_from: date
    settled_to: date
    first_session: date | None
    last_session: date | None
    is_end: bool
    carried_ts: int
    carried_sequence: int

    def settles(self, first: date, last: date) -> bool:
        """Whether no line of the stretch is left that has a session from ``first`` to ``last``."""
        if self.first_session is None or self.last_session is None:
            return True
        begin, end = max(first, self.first_session), min(last, self.last_session)
        return begin > end or (self.settled_from <= begin and end <= self.settled_to)


@dataclass(frozen=True)
class Written:
    """Rows of one stretch by what became of them."""

    accepted: int
    quarantined: int
    held: int


class TickStore:
    """Reads and writes ``market_ticks`` and its ledger.

    Parameters
    ----------
    run_id : str
        Run that writes.
    now : datetime
        When it learned the ticks.
    """

    def __init__(self, warehouse: Warehouse, run_id: str, now: datetime) -> None:
        self._warehouse, self._run_id, self._now = warehouse, run_id, now

    def stretches(self, origin: Origin) -> list[Stretch]:
        """What is settled of the file, ascending by line, the longest first."""
        rows = self._warehouse.read(
            "SELECT first_line, last_line, settled_from, settled_to, first_session, last_session, is_end, "
            "carried_ts, carried_sequence FROM tick_imports WHERE file_sha256 = $sha AND member = $member "
            "AND instrument = $instrument ORDER BY first_line, last_line DESC",
            sha=origin.sha256,
            member=origin.member,
            instrument=origin.instrument,
        )
        carried = pl.col("carried_ts").dt.epoch("us").fill_null(-1)
        return [Stretch(**row) for row in rows.with_columns(carried).iter_rows(named=True)]

    def write(self, origin: Origin, stretch: Stretch, ticks: pl.DataFrame, rejected: pl.DataFrame) -> Written:
        """Add the ticks, the rejected lines and the ledger's row in one transaction.

        Parameters
        ----------
        ticks : DataFrame
            ``source_line, ts`` (microseconds), ``session_date``, ``sequence``, prices and sizes.
        rejected : DataFrame
            ``source_line, session_date, reason_code, reason, text``.
        """
        incoming = ticks.with_columns(pl.col("ts").cast(_INSTANT))
        with self._warehouse.transaction() as connection, _unordered(connection):
            held = 0
            if incoming.height and self._has_other_files(connection, origin, incoming):
                incoming = _without_held(connection, origin.instrument, incoming)
                held = ticks.height - incoming.height
            if incoming.height:
                _insert(connection, incoming, origin)
            if rejected.height:
                self._quarantine(connection, rejected, origin)
            written = Written(incoming.height, rejected.height, held)
            self._record(connection, origin, stretch, written)
        return written

    def _has_other_files(
        self, connection: duckdb.DuckDBPyConnection, origin: Origin, ticks: pl.DataFrame
    ) -> bool:
        bounds = [ticks["session_date"].min(), ticks["session_date"].max()]
        rows = connection.execute(
            "SELECT count(*) FROM tick_imports WHERE instrument = ? AND rows_accepted > 0 "
            "AND (file_sha256, member) <> (?, ?) AND last_session >= ? AND first_session <= ?",
            [origin.instrument, origin.sha256, origin.member, *bounds],
        ).fetchall()
        return bool(rows[0][0])

    def _quarantine(
        self, connection: duckdb.DuckDBPyConnection, rejected: pl.DataFrame, origin: Origin
    ) -> None:
        place = [pl.lit(origin.label).alias("file"), pl.col("source_line").alias("line"), pl.col("text")]
        rows = rejected.with_columns(payload=pl.struct(place).struct.json_encode())
        with _registered(connection, rows):
            connection.execute(
                "INSERT OR IGNORE INTO quarantine BY NAME SELECT left(sha256(concat_ws(chr(31), 'quarantine', "
                "$source, reason_code, payload)), 32) AS quarantine_id, 'market_ticks' AS asset, "
                "session_date::VARCHAR AS partition_key, $source AS source, reason_code, reason, payload, "
                "$seen_at AS seen_at, $run_id AS run_id FROM incoming",
                {"source": origin.source, "seen_at": self._now, "run_id": self._run_id},
            )

    def _record(
        self, connection: duckdb.DuckDBPyConnection, origin: Origin, stretch: Stretch, written: Written
    ) -> None:
        carried = _EPOCH + timedelta(microseconds=stretch.carried_ts) if stretch.carried_ts >= 0 else None
        row: dict[str, Any] = {
            "file_sha256": origin.sha256,
            "member": origin.member,
            "instrument": origin.instrument,
            "source": origin.source,
            "source_file": origin.label,
            **{name: getattr(stretch, name) for name in Stretch.__dataclass_fields__},
            "carried_ts": carried,
            "rows_accepted": written.accepted,
            "rows_quarantined": written.quarantined,
            "rows_held": written.held,
            "imported_at": self._now,
            "run_id": self._run_id,
        }
        marks = ", ".join(f"${name}" for name in row)
        connection.execute(f"INSERT OR IGNORE INTO tick_imports ({', '.join(row)}) VALUES ({marks})", row)


def _insert(connection: duckdb.DuckDBPyConnection, ticks: pl.DataFrame, origin: Origin) -> None:
    # Texts that are the same on every row go in as constants: scanning them would cost as much as the rest.
    constants = ["$instrument AS instrument", "$file AS source_file"]
    parameters: dict[str, Any] = {"instrument": origin.instrument, "file": origin.label}
    if ticks["session_date"].n_unique() == 1:
        constants.append("$session::DATE AS session_date")
        parameters["session"] = ticks["session_date"][0]
        ticks = ticks.drop("session_date")
    columns = ", ".join([*ticks.columns, *constants])
    with _registered(connection, _in_batches(ticks)):
        connection.execute(f"INSERT INTO market_ticks BY NAME SELECT {columns} FROM incoming", parameters)


def _without_held(
    connection: duckdb.DuckDBPyConnection, instrument: str, ticks: pl.DataFrame
) -> pl.DataFrame:
    """The ticks that no other file brought, numbered after those that are there.

    Notes
    -----
    The n-th of several equal ticks of an instant is there if n equal ones are.
    """
    values = [name for name in _VALUES if name in ticks.columns]
    held = frame_of(
        connection,
        f"SELECT ts, sequence, {', '.join(_VALUES)} FROM market_ticks "
        "WHERE instrument = $instrument AND ts BETWEEN $first AND $last ORDER BY ts, sequence",
        {"instrument": instrument, "first": ticks["ts"].min(), "last": ticks["ts"].max()},
    )
    alike = ["ts", *values]
    absent = [name for name in _VALUES if name not in values]
    same_shape = held.filter(pl.all_horizontal(pl.col(absent).is_null())) if absent else held
    nth = pl.int_range(pl.len()).over(alike).alias("_nth")
    fresh = ticks.with_columns(nth).join(
        same_shape.with_columns(nth), on=[*alike, "_nth"], how="anti", nulls_equal=True, maintain_order="left"
    )
    parity = pl.col("sequence") % 2
    taken = held.group_by("ts", parity.alias("_parity")).agg(pl.col("sequence").max().alias("_taken"))
    fresh = fresh.with_columns(parity.alias("_parity")).join(
        taken, on=["ts", "_parity"], how="left", maintain_order="left"
    )
    place = 2 * pl.int_range(pl.len()).over("ts") + pl.col("_parity")
    after = pl.col("_taken") + 2 - pl.col("_parity")
    sequence = (place + after.fill_null(0)).cast(pl.Int32)
    return fresh.with_columns(sequence=sequence).drop("_nth", "_parity", "_taken")


def _in_batches(ticks: pl.DataFrame) -> Any:
    """An Arrow table of several batches: one batch would keep one thread busy and the others waiting."""
    table = ticks.to_arrow()
    return type(table).from_batches(table.to_batches(max_chunksize=_BATCH_ROWS), schema=table.schema)


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, frame: Any) -> Iterator[None]:
    connection.register("incoming", frame)
    try:
        yield
    finally:
        connection.unregister("incoming")


@contextmanager
def _unordered(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let both halves of an insert be compressed at once; rows have their order in their key."""
    connection.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        connection.execute("RESET preserve_insertion_order")
