"""Messages that wait to be delivered, on disk: what is in here survives any kill, and is kept once.

One SQLite file per scenario, in write-ahead mode and synced at every commit. A message enters once, whoever
finds it again; a delivery is leased by one worker at a time, and a worker that dies gives its lease back
when it runs out. So a receiver hears of everything at least once, with the same id each time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from nextgen_resources.alerts.messages import Message
from nextgen_resources.errors import AlertError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    message_id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, occurred_at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
    message_id TEXT NOT NULL REFERENCES messages, receiver TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL, due_at TEXT NOT NULL, ended_at TEXT, last_error TEXT,
    PRIMARY KEY (message_id, receiver)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (status, due_at);
"""
_CLAIM = """
UPDATE deliveries SET attempts = attempts + 1, due_at = :until
WHERE (message_id, receiver) IN (
    SELECT message_id, receiver FROM deliveries
    WHERE status = 'pending' AND due_at <= :now AND receiver IN (SELECT value FROM json_each(:receivers))
    ORDER BY due_at, rowid LIMIT :most)
RETURNING message_id, receiver, attempts, (SELECT body FROM messages m WHERE m.message_id = deliveries.message_id)
"""
_LISTING = {
    "message_id": pl.String,
    "kind": pl.String,
    "subject": pl.String,
    "occurred_at": pl.String,
    "receiver": pl.String,
    "status": pl.String,
    "attempts": pl.Int64,
    "due_at": pl.String,
    "last_error": pl.String,
}


@dataclass(frozen=True)
class Delivery:
    """One message to one receiver, leased to the worker that asked; ``attempt`` counts from 1."""

    message_id: str
    receiver: str
    attempt: int
    body: str


class Outbox:
    """The messages of a scenario and where each stands with each receiver.

    Parameters
    ----------
    file : Path
        SQLite file; it and its folder appear with the first message.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def put(self, messages: Sequence[Message], receivers: Mapping[str, Sequence[str]], now: datetime) -> int:
        """Keep ``messages`` for the receivers that want their kind; what is there already stays as it is.

        Parameters
        ----------
        receivers : mapping of str to sequence of str
            Receiver to the kinds it wants.

        Returns
        -------
        int
            How many messages are new. All are kept or, if this dies, none.
        """
        if not messages:
            return 0
        with self._transaction() as connection:
            added = 0
            for message in messages:
                row = (
                    message.message_id, message.kind, message.subject, _text(message.occurred_at), message.body,
                )  # fmt: skip
                added += connection.execute(
                    "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?)", row
                ).rowcount
                for receiver, kinds in receivers.items():
                    if message.kind in kinds:
                        connection.execute(
                            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, 'pending', 0, ?, NULL, NULL)",
                            (message.message_id, receiver, _text(now)),
                        )
            return added

    def claim(
        self, receivers: Sequence[str], now: datetime, lease_seconds: float, most: int
    ) -> list[Delivery]:
        """Lease up to ``most`` deliveries that are due, oldest first; no other worker gets them meanwhile."""
        if not self._file.exists():
            return []
        values = {
            "now": _text(now),
            "until": _text(now + timedelta(seconds=lease_seconds)),
            "receivers": json.dumps(list(receivers)),
            "most": most,
        }
        with self._transaction() as connection:
            return [Delivery(*row) for row in connection.execute(_CLAIM, values).fetchall()]

    def delivered(self, delivery: Delivery, now: datetime) -> None:
        """The receiver acknowledged it."""
        self._end(delivery, "delivered", now, None)

    def failed(self, delivery: Delivery, error: str, next_at: datetime | None, now: datetime) -> None:
        """It was not acknowledged: due again at ``next_at``, or dead when that is None."""
        if next_at is None:
            self._end(delivery, "dead", now, error)
            return
        with self._transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET due_at = ?, last_error = ? "
                "WHERE message_id = ? AND receiver = ? AND status = 'pending'",
                (_text(next_at), error, delivery.message_id, delivery.receiver),
            )

    def replay(self, now: datetime, message_id: str | None = None) -> int:
        """Make dead deliveries due again, or with ``message_id`` every delivery of that message; how many."""
        wanted = "status = 'dead'" if message_id is None else "message_id = ?"
        values = (_text(now),) if message_id is None else (_text(now), message_id)
        if not self._file.exists():
            return 0
        with self._transaction() as connection:
            return connection.execute(
                f"UPDATE deliveries SET status = 'pending', attempts = 0, due_at = ?, ended_at = NULL WHERE {wanted}",
                values,
            ).rowcount

    def listing(self, status: str | None = None, most: int = 100) -> pl.DataFrame:
        """Deliveries, newest message first: id, kind, subject, times (ISO), receiver, status, attempts, error."""
        if not self._file.exists():
            return pl.DataFrame(schema=_LISTING)
        sql = (
            "SELECT m.message_id, kind, subject, occurred_at, receiver, status, attempts, due_at, last_error "
            "FROM deliveries d JOIN messages m USING (message_id) WHERE ? IS NULL OR status = ? "
            "ORDER BY m.rowid DESC, receiver LIMIT ?"
        )
        with self._transaction() as connection:
            rows = connection.execute(sql, (status, status, most)).fetchall()
        return pl.DataFrame(rows, schema=_LISTING, orient="row")

    def counts(self) -> dict[str, int]:
        """Deliveries by status; absent ones count 0."""
        counts = {"pending": 0, "delivered": 0, "dead": 0}
        if self._file.exists():
            with self._transaction() as connection:
                counts |= dict(connection.execute("SELECT status, count(*) FROM deliveries GROUP BY status"))
        return counts

    def _end(self, delivery: Delivery, status: str, now: datetime, error: str | None) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET status = ?, ended_at = ?, last_error = ? WHERE message_id = ? AND receiver = ?",
                (status, _text(now), error, delivery.message_id, delivery.receiver),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction of one connection: workers in other processes wait their turn."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(self._file, timeout=30.0, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()  # rolls back what was not committed
        except sqlite3.Error as error:
            raise AlertError(
                f"the outbox of alerts at {self._file} cannot be used ({error}); check the disk and its permissions. "
                "Deleting it loses the messages that were not delivered"
            ) from error


def _text(moment: datetime) -> str:
    """ISO in UTC with microseconds, so that texts sort as times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
