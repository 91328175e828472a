"""Importing files of ticks: declared files in, judged ticks and their ledger out, in bounded memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.ticks import (
    REASONS,
    TickCarry,
    TickRules,
    admitting_sessions,
    cut_position,
    judge_ticks,
)
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.ticks import Chunk, FileContext, TickFormat
from nextgen_resources.market_data.ticks.archives import ArchiveLimits, member_names, opened, sha256_of
from nextgen_resources.market_data.ticks.declaration import DeclaredFile, TickSource, declared_files
from nextgen_resources.settings.data_sections import IntradaySettings
from nextgen_resources.warehouse.tick_store import Origin, Stretch, TickStore

_FEW = 20
"""A stretch of fewer lines is never refused for its bad ones."""
_LONGEST_INSTANT_CHUNKS = 4


@dataclass
class Tally:
    """What an import did.

    Attributes
    ----------
    files : int
        Files (members of archives) from which lines were read.
    reasons : Counter
        Quarantined rows by reason code.
    """

    files: int = 0
    accepted: int = 0
    held: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class TickImport:
    """The import of the ticks of some sessions.

    Attributes
    ----------
    now : datetime
        No tick is later.
    """

    store: TickStore
    calendar: SessionCalendar
    delay_minutes: int
    settings: IntradaySettings
    first: date
    last: date
    now: datetime

    def run(self, folder: Path, sources: tuple[TickSource, ...]) -> Tally:
        """Import what the declared files hold of the sessions and is not settled yet."""
        tally = Tally()
        for source in sources:
            tick_format = source.load_format()
            for file in declared_files(folder, source, tick_format.name_pattern):
                if self._may_hold(file):
                    for origin in self._origins(file, source):
                        self._import(file, origin, tick_format, tally)
        return tally

    @property
    def _limits(self) -> ArchiveLimits:
        kept = self.settings
        return ArchiveLimits(kept.max_members, kept.max_unpacked_bytes, kept.max_unpacking_ratio)

    def _may_hold(self, file: DeclaredFile) -> bool:
        """Whether a file that is named for a day can hold ticks of the sessions, whatever its time zone."""
        if file.day is None:
            return True
        earliest = self.calendar.on_or_after(file.day - timedelta(days=1))
        latest = self.calendar.shift(self.calendar.on_or_after(file.day + timedelta(days=1)), 1)
        return earliest <= self.last and self.first <= latest

    def _origins(self, file: DeclaredFile, source: TickSource) -> Iterator[Origin]:
        sha = sha256_of(file.path)
        for member in member_names(file.path, self._limits):
            yield Origin(sha, file.name, member, file.instrument, source.format, self.first, self.last)

    def _import(self, file: DeclaredFile, origin: Origin, tick_format: TickFormat, tally: Tally) -> None:
        known = self.store.stretches(origin)
        line, carry, is_done = self._settled_prefix(known)
        if is_done:
            return
        tally.files += 1
        context = FileContext(
            origin.instrument, file.day, origin.label, self.settings.chunk_bytes, skip_lines=line - 1
        )
        rules = TickRules(tick_format.kind, tick_format.copies_are_errors, tick_format.sides_may_lack)
        reading = _Reading(self, origin, rules, carry, line, known, tally)
        with opened(file.path, origin.member, self._limits) as stream:
            for chunk in tick_format.chunks(stream, context):
                reading.add(chunk)
                if self.is_beyond(reading.carry):
                    return
        reading.finish()

    def _settled_prefix(self, known: list[Stretch]) -> tuple[int, TickCarry, bool]:
        """First line that is not settled, what is known there, and whether none is left."""
        line, carry = 1, TickCarry()
        for stretch in known:
            if stretch.first_line == line and stretch.settles(self.first, self.last):
                line = stretch.last_line + 1
                carry = TickCarry(stretch.carried_ts, stretch.carried_sequence)
                if stretch.is_end:
                    return line, carry, True
        return line, carry, self.is_beyond(carry)

    def is_beyond(self, carry: TickCarry) -> bool:
        """Whether all later lines belong to later sessions: a file goes forward in time, or is rejected."""
        if carry.ts < 0:
            return False
        return bool(self.sessions_of(pl.Series("ts", [carry.ts]))[0] > self.last)

    def sessions_of(self, ts: pl.Series) -> pl.Series:
        """The session that first admits each instant."""
        return admitting_sessions(ts, self.calendar, self.delay_minutes)


class _Reading:
    """One file on its way into the store: what waits for its neighbours, and what is carried on."""

    def __init__(
        self,
        task: TickImport,
        origin: Origin,
        rules: TickRules,
        carry: TickCarry,
        line: int,
        known: list[Stretch],
        tally: Tally,
    ) -> None:
        self.carry = carry
        self._task, self._origin, self._rules, self._tally = task, origin, rules, tally
        self._known = [stretch for stretch in known if stretch.last_line >= line]
        self._line = line
        self._chunks: list[Chunk] = []
        self._waiting: pl.DataFrame | None = None
        self._newest: Chunk | None = None

    def add(self, chunk: Chunk) -> None:
        """Take in the next lines; judge and write what can be told without those that follow."""
        before, self._newest = self._newest, chunk
        if before is not None:
            self._advance(before)

    def _advance(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        lines = chunk.ticks if self._waiting is None else pl.concat([self._waiting, chunk.ticks])
        cut = cut_position(lines["ts"])
        if cut == 0 and len(self._chunks) > _LONGEST_INSTANT_CHUNKS:
            cut = lines.height
        if cut:
            after = lines["source_line"][cut - 1] if cut < lines.height else chunk.last_line
            self._write(lines, cut, int(after), is_end=False)
            self._chunks = [kept for kept in self._chunks if kept.last_line > after]
        self._waiting = lines.slice(cut)

    def finish(self) -> None:
        """Judge and write the rest: the file has ended."""
        if self._newest is not None:
            self._chunks.append(self._newest)
            lines = self._newest.ticks
            lines = lines if self._waiting is None else pl.concat([self._waiting, lines])
            self._write(lines, lines.height, self._newest.last_line, is_end=True)

    def _write(self, lines: pl.DataFrame, count: int, last_line: int, *, is_end: bool) -> None:
        task = self._task
        judged = judge_ticks(lines, self._rules, self.carry, task.now, count)
        self._refuse_if_mostly_bad(count, judged.rejected)
        ticks = judged.accepted.with_columns(task.sessions_of(judged.accepted["ts"]))
        rejected = self._dated(judged.rejected)
        days = pl.concat([ticks["session_date"], rejected["session_date"]])
        stretch = Stretch(
            first_line=self._line,
            last_line=last_line,
            settled_from=task.first,
            settled_to=task.last,
            first_session=days.min(),  # type: ignore[arg-type]
            last_session=days.max(),  # type: ignore[arg-type]
            is_end=is_end,
            carried_ts=judged.carry.ts,
            carried_sequence=judged.carry.count,
        )
        refused = self._explained(self._wanted(rejected))
        written = task.store.write(self._origin, stretch, self._wanted(ticks), refused)
        self._tally.accepted += written.accepted
        self._tally.held += written.held
        self._tally.reasons.update(dict(refused["reason_code"].value_counts().iter_rows()))
        self._line, self.carry = last_line + 1, judged.carry

    def _dated(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """Rejected lines with the session that learned of them; the first one asked for in a file without ticks."""
        if (rejected["ts"] < 0).any():
            return rejected.with_columns(pl.lit(self._task.first).alias("session_date"))
        return rejected.with_columns(self._task.sessions_of(rejected["ts"]))

    def _wanted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the sessions that are asked for, without those that are settled already."""
        kept = pl.col("session_date").is_between(self._origin.first, self._origin.last)
        for stretch in self._known:
            settled = pl.col("session_date").is_between(stretch.settled_from, stretch.settled_to)
            kept &= ~(settled & pl.col("source_line").is_between(stretch.first_line, stretch.last_line))
        is_kept = rows.select(kept.alias("kept")).to_series()
        return rows if is_kept.all() else rows.filter(is_kept)

    def _explained(self, rejected: pl.DataFrame) -> pl.DataFrame:
        reason = pl.col("reason_code").replace_strict(dict(REASONS), return_dtype=pl.String)
        return rejected.drop("ts").with_columns(reason=reason, text=self._texts(rejected["source_line"]))

    def _texts(self, lines: pl.Series) -> pl.Series:
        wanted = [
            (chunk, lines.filter(lines.is_between(chunk.first_line, chunk.last_line)))
            for chunk in self._chunks
        ]
        parts = [chunk.texts(those) for chunk, those in wanted if len(those)]
        return pl.concat([pl.Series("text", [], dtype=pl.String), *(part.alias("text") for part in parts)])

    def _refuse_if_mostly_bad(self, height: int, rejected: pl.DataFrame) -> None:
        share = self._task.settings.max_bad_fraction
        if height < _FEW or rejected.height <= share * height:
            return
        code = str(rejected["reason_code"].mode().sort()[0])
        example = rejected.filter(pl.col("reason_code") == code).head(1)
        raise ProviderDataError(
            f"{self._origin.label}: {rejected.height} of {height} lines from line {self._line} on are no ticks, "
            f"most because {REASONS[code]} ({code}); line {example['source_line'][0]} is "
            f"{self._texts(example['source_line'])[0][:120]!r}. Is it a {self._origin.source} file as declared? "
            "Nothing of them was written; raise intraday.max_bad_fraction to quarantine them all the same"
        )
