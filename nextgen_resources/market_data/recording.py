"""The folder of a recording: what was asked, when, by whom it was answered, and the answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import polars as pl

from nextgen_resources import errors
from nextgen_resources.clock import Clock
from nextgen_resources.errors import (
    NotRecordedError,
    ProviderDataError,
    ProviderError,
    ProviderPartialError,
)

_FILE = re.compile(r"[0-9a-f]{64}\.parquet")
_DAYS = ("session_date", "ex_date")


@dataclass(frozen=True)
class Question:
    """What was asked: the method, the tickers (ascending) and the span, where it has them."""

    kind: str
    tickers: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None

    @classmethod
    def of(
        cls, kind: str, tickers: Iterable[str], first: date | None = None, last: date | None = None
    ) -> Self:
        """A question about ``tickers``, in any order."""
        return cls(kind, tuple(sorted(set(tickers))), first, last)

    def covers(self, other: Question, ticker: str) -> bool:
        """Whether an answer to this one answers ``other`` for ``ticker``."""
        if self.kind != other.kind or (ticker and ticker not in self.tickers):
            return False
        if self.first is None or self.last is None or other.first is None or other.last is None:
            return True
        return self.first <= other.first and other.last <= self.last


class Recording:
    """A folder with ``provider.json``, ``manifest.jsonl`` and Parquet files named by their content."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """Whose answers these are: provider, capabilities, delay_minutes, dividend_basis.

        Raises
        ------
        NotRecordedError
            The folder holds no recording.
        """
        file = self._folder / "provider.json"
        if not file.is_file():
            raise NotRecordedError(
                f"recorded: there is no recording at {self._folder}; make one with the option record naming a live "
                "provider"
            )
        about: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return about

    def describe(self, live: Any) -> None:
        """Write down whose answers are kept here.

        Raises
        ------
        ProviderDataError
            The folder holds the recording of another provider.
        """
        about = {
            "provider": live.name,
            "capabilities": sorted(live.capabilities),
            "delay_minutes": live.delay_minutes,
            "dividend_basis": live.dividend_basis,
        }
        file = self._folder / "provider.json"
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        elif self.about["provider"] != live.name:
            raise ProviderDataError(
                f"recorded: {self._folder} holds answers of {self.about['provider']}; record {live.name} in a folder "
                "of its own"
            )

    def keep(
        self, question: Question, rows: pl.DataFrame, provider: str, failure: ProviderError | None
    ) -> None:
        """Keep an answer, or a refusal, or both; the file first, then the line that names it."""
        content = rows.write_csv().encode() + str(question).encode() + str(self._clock.now()).encode()
        name = f"{hashlib.sha256(content).hexdigest()}.parquet"
        file = self._folder / name
        rows.write_parquet(file)
        line = {
            "kind": question.kind,
            "tickers": list(question.tickers),
            "first": question.first and question.first.isoformat(),
            "last": question.last and question.last.isoformat(),
            "recorded_at": self._clock.now().isoformat(),
            "provider": provider,
            "rows": rows.height,
            "file": name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "refused": _as_text(question, failure),
        }
        with (self._folder / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(line) + "\n")
            manifest.flush()
            os.fsync(manifest.fileno())
        self.__dict__.pop("_lines", None)

    def replay(
        self, question: Question, schema: Mapping[str, Any]
    ) -> tuple[pl.DataFrame, dict[str, ProviderError]]:
        """What was answered to ``question``, and what was refused, ticker by ticker.

        Raises
        ------
        NotRecordedError
            No recording covers a ticker or the span.
        ProviderDataError
            A file of the recording is not what the manifest says.
        """
        wanted: dict[int, list[str]] = {}
        unknown: list[str] = []
        for ticker in question.tickers or ("",):
            numbers = [
                number for number, (asked, _) in enumerate(self._lines) if asked.covers(question, ticker)
            ]
            if numbers:
                wanted.setdefault(numbers[-1], []).append(ticker)
            else:
                unknown.append(ticker or question.kind)
        if unknown:
            span = f" from {question.first} to {question.last}" if question.first else ""
            raise NotRecordedError(
                f"recorded: {question.kind} of {', '.join(unknown[:10])}{span} was not recorded from "
                f"{self.about['provider']} in {self._folder} ({len(self._lines)} questions were)"
            )
        parts = [pl.DataFrame(schema=dict(schema))]
        refused: dict[str, ProviderError] = {}
        for number, tickers in wanted.items():
            line = self._lines[number][1]
            refused |= {name: _as_error(*told) for name, told in line["refused"].items() if name in tickers}
            parts.append(self._rows(line, tickers, question, schema))
        frame = pl.concat(parts)
        order = ("ticker", "session_date", "ex_date", "kind", "bar_start", "first_session")
        return frame.sort([name for name in order if name in frame.columns], maintain_order=True), refused

    @cached_property
    def _lines(self) -> list[tuple[Question, Mapping[str, Any]]]:
        _ = self.about  # says where nothing was recorded
        file = self._folder / "manifest.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        whole = [
            json.loads(line) for line in lines if line.endswith("}")
        ]  # a killed recorder leaves half a line
        return [
            (Question.of(line["kind"], line["tickers"], _day(line["first"]), _day(line["last"])), line)
            for line in whole
        ]

    def _rows(
        self, line: Mapping[str, Any], tickers: list[str], question: Question, schema: Mapping[str, Any]
    ) -> pl.DataFrame:
        if not _FILE.fullmatch(line["file"]):
            raise ProviderDataError(
                f"recorded: the manifest in {self._folder} names the file {line['file'][:80]!r}"
            )
        file = self._folder / line["file"]
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != line["sha256"]:
            raise ProviderDataError(
                f"recorded: {file} is missing or was changed since {line['recorded_at']}; restore the recording"
            )
        rows = pl.read_parquet(file).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        if question.tickers:
            rows = rows.filter(pl.col("ticker").is_in(tickers))
        for name in _DAYS:
            if name in rows.columns and question.first is not None:
                rows = rows.filter(pl.col(name).is_between(question.first, question.last))
        if "bar_start" in rows.columns and question.first is not None:
            local = pl.col("bar_start").dt.convert_time_zone("America/New_York").dt.date()
            rows = rows.filter(local.is_between(question.first, question.last))
        return rows


def _as_text(question: Question, failure: ProviderError | None) -> dict[str, list[str]]:
    if failure is None:
        return {}
    refused: Mapping[str, ProviderError] = (
        failure.refused
        if isinstance(failure, ProviderPartialError)
        else dict.fromkeys(question.tickers or ("",), failure)
    )
    return {ticker: [type(error).__name__, str(error)] for ticker, error in refused.items()}


def _as_error(kind: str, message: str) -> ProviderError:
    known = getattr(errors, kind, None)
    if not (isinstance(known, type) and issubclass(known, ProviderError)):
        raise ProviderDataError(f"recorded: the manifest names the unknown refusal {kind[:80]!r}")
    return known(message)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
