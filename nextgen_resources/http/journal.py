"""What was asked and how it ended, on disk until the warehouse has it; the answers of an unfinished run beside it.

A run that is killed leaves its calls and answers here. The next run writes the calls and takes the answers
in place of asking again. Once a fetch has reached the warehouse its answers are spent: a later run asks anew.
SQLite of the standard library, values as text and bytes: diskcache has had no release since 2023 and
unpickles what it reads, hishel serves httpx only.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from nextgen_resources.clock import Clock, SystemClock
from nextgen_resources.errors import WarehouseError
from nextgen_resources.http.answers import Answer

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    call_id TEXT PRIMARY KEY, provider TEXT NOT NULL, endpoint TEXT NOT NULL, started_at TEXT NOT NULL,
    seconds REAL NOT NULL, outcome TEXT NOT NULL, retries INTEGER NOT NULL, run_id TEXT NOT NULL, handed_at TEXT
);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, kept_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    url TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""
CALL_SCHEMA: dict[str, Any] = {
    "call_id": pl.String,
    "provider": pl.String,
    "endpoint": pl.String,
    "started_at": pl.Datetime("us", "UTC"),
    "seconds": pl.Float64,
    "outcome": pl.String,
    "retries": pl.Int64,
    "run_id": pl.String,
}
"""Columns of ``provider_calls``."""


@dataclass
class Call:
    """One call while it lasts; ``tries`` counts what was sent."""

    call_id: str
    provider: str
    endpoint: str
    started_at: datetime
    seconds: float = 0.0
    outcome: str = "error"
    tries: int = 0


class AnswerCache(Protocol):
    """Where answers are kept for a while."""

    def keep(self, key: str, answer: Answer, ttl_seconds: float) -> None:
        """Keep ``answer`` under ``key`` for so many seconds."""
        ...  # pragma: no cover

    def kept(self, key: str) -> Answer | None:
        """The answer under ``key``, or None when there is none or its time is over."""
        ...  # pragma: no cover

    def spend(self, until: datetime) -> None:
        """Forget the answers that were kept up to ``until``."""
        ...  # pragma: no cover


class Journal:
    """Calls and answers in one SQLite file, shared by the processes of a scenario.

    Parameters
    ----------
    file : Path or None
        None keeps everything in memory. The file appears with the first call.
    """

    def __init__(self, file: Path | None, clock: Clock | None = None) -> None:
        self._file = file
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self.run_id = "none"

    @property
    def folder(self) -> Path | None:
        """Where the file lies, for what providers keep beside it; None in memory."""
        return self._file.parent if self._file is not None else None

    def write(self, call: Call) -> None:
        """Add one finished call."""
        row = (
            call.call_id, call.provider, call.endpoint, call.started_at.isoformat(), call.seconds, call.outcome,
            max(0, call.tries - 1), self.run_id,
        )  # fmt: skip
        self._run("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", row)

    def pending(self) -> pl.DataFrame:
        """Calls that may not be in the warehouse yet, oldest first, as rows of ``provider_calls``."""
        names = ", ".join(CALL_SCHEMA)
        rows = self._rows(f"SELECT {names} FROM calls ORDER BY rowid")
        plain = {**CALL_SCHEMA, "started_at": pl.String}
        return pl.DataFrame(rows, schema=plain, orient="row").with_columns(
            pl.col("started_at").str.to_datetime("%+", time_unit="us", time_zone="UTC")
        )

    def hand_over(self) -> pl.DataFrame:
        """:meth:`pending`, marked as given to a fetch that ended well; settle them when they are stored."""
        frame = self.pending()
        if frame.height:
            self._run("UPDATE calls SET handed_at = ?", (self._now(),))
        return frame

    def handed_over(self) -> list[str]:
        """Ids of the calls of earlier runs that were handed over and have not been settled.

        Notes
        -----
        Those of the run that asks are left out: a later step of it that asks the same takes the answers.
        """
        sql = "SELECT call_id FROM calls WHERE handed_at IS NOT NULL AND run_id <> ?"
        return [str(row[0]) for row in self._rows(sql, (self.run_id,))]

    def settle(self, stored: Iterable[str], cache: AnswerCache | None = None) -> None:
        """Forget calls that the warehouse holds, and spend the answers that led to them."""
        ids = json.dumps(list(stored))
        among = "call_id IN (SELECT value FROM json_each(?))"
        moments = self._rows(f"SELECT max(handed_at) FROM calls WHERE {among}", (ids,))
        self._run(f"DELETE FROM calls WHERE {among}", (ids,))
        if moments and moments[0][0]:
            (cache or self).spend(datetime.fromisoformat(moments[0][0]))

    def keep(self, key: str, answer: Answer, ttl_seconds: float) -> None:
        """Keep ``answer`` under ``key`` for so many seconds."""
        now = self._clock.now()
        expires = (now + timedelta(seconds=ttl_seconds)).isoformat()
        row = (
            key, now.isoformat(), expires, answer.url, answer.status, json.dumps(dict(answer.headers)), answer.body,
        )  # fmt: skip
        self._run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def kept(self, key: str) -> Answer | None:
        """The answer under ``key``, or None when there is none or its time is over."""
        rows = self._rows(
            "SELECT url, status, headers, body FROM answers WHERE key = ? AND expires_at > ?",
            (key, self._now()),
        )
        if not rows:
            return None
        url, status, headers, body = rows[0]
        return Answer(url, status, json.loads(headers), body)

    def spend(self, until: datetime) -> None:
        """Forget the answers that were kept up to ``until``, and those whose time is over."""
        self._run(
            "DELETE FROM answers WHERE kept_at <= ? OR expires_at <= ?", (until.isoformat(), self._now())
        )

    def forget(self, keys: Iterable[str]) -> None:
        """Forget the answers under ``keys``."""
        self._run(
            "DELETE FROM answers WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(list(keys)),)
        )

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        with self._lock, self._told(), self._connection() as connection:  # commits
            connection.execute(sql, values)

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if self._open is None and self._file is not None and not self._file.exists():
            return []
        with self._lock, self._told():
            return self._connection().execute(sql, values).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise WarehouseError(
                f"the journal of provider calls at {self._file} cannot be used ({error}); check the disk and its "
                "permissions, or delete it: only calls that are not in the warehouse yet and the answers of an "
                "unfinished run are in it"
            ) from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            name = str(self._file) if self._file is not None else ":memory:"
            connection = sqlite3.connect(name, timeout=30.0, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
            self._open = connection
        return self._open
