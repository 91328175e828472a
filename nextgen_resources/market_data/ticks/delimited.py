"""Text files of ticks: lines of separated fields, parsed in blocks by the compiled reader of Polars."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar, Literal

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.ticks import Chunk, FileContext

_EXTRA = "_more_fields"
_LONGEST_LINE_BYTES = 64 * 1024
UNREADABLE, WRONG_COUNT, NO_SUCH_TIME, OTHER_INSTRUMENT, FLAGGED = range(1, 6)
"""Defects by their numbers in ``DEFECTS``."""


class DelimitedFormat(ABC):
    """What the text formats share; a subclass says what the columns are and mean.

    Attributes
    ----------
    columns : mapping of str to polars.DataType
        Fields of a line, in order, as they are read.
    header : tuple of str or None
        Names that the first line must hold, in any case; None where nothing is expected of it.
    has_header : bool
        Whether the first line is no tick though nothing is expected of its names.
    """

    kind: Literal["quote", "trade"] = "quote"
    copies_are_errors: bool = True
    sides_may_lack: bool = False
    name_pattern: str | None = None
    separator: str = ","
    header: tuple[str, ...] | None = None
    has_header: bool = False
    columns: Mapping[str, pl.DataType] = {}
    may_be_empty: ClassVar[frozenset[str]] = frozenset()
    """Fields that a line may leave empty."""

    @abstractmethod
    def instants(self, context: FileContext) -> pl.Expr:
        """Microseconds in UTC from the raw columns; null where the clock of the file has no such time."""

    @abstractmethod
    def values(self) -> dict[str, pl.Expr]:
        """Canonical columns of ``TICK_SCHEMA`` from the raw columns."""

    def flaw(self, _instrument: str) -> pl.Expr | None:
        """Number of a defect that only the format can see, 0 without one; None when it knows of none."""
        return None

    def chunks(self, stream: BinaryIO, context: FileContext) -> Iterator[Chunk]:
        """The lines of ``stream``; see `TickFormat.chunks`."""
        line = 1
        for data in _blocks(stream, context):
            last = line + data.count(b"\n") - (1 if data.endswith(b"\n") else 0)
            if line == 1 and self.header is not None:
                self._check_header(data, context)
            if last > context.skip_lines:
                yield self._chunk(data, line, last, context)
            line = last + 1

    def _check_header(self, data: bytes, context: FileContext) -> None:
        assert self.header is not None
        text = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
        found = tuple(name.strip().strip('"').lower() for name in text.split(self.separator))
        if found != tuple(name.lower() for name in self.header):
            raise ProviderDataError(
                f"{context.label}: the first line is {text[:120]!r}, expected the header "
                f"{self.separator.join(self.header)!r}; declare the format that the file has"
            )

    def _chunk(self, data: bytes, first: int, last: int, context: FileContext) -> Chunk:
        raw = self._parsed(data, last - first + 1, first, context)
        ticks = self._canonical(raw, data, first, context)
        start = max(context.skip_lines + 1, first)
        if start > first:
            ticks = ticks.filter(pl.col("source_line") >= start)
        return Chunk(ticks, start, last, lambda lines: _texts(data, lines - first))

    def _parsed(self, data: bytes, lines: int, first: int, context: FileContext) -> pl.DataFrame:
        scanned = pl.scan_csv(
            data,
            has_header=False,
            schema={**self.columns, _EXTRA: pl.String()},
            separator=self.separator,
            quote_char=None,
            ignore_errors=True,
            truncate_ragged_lines=True,
            missing_columns="insert",
            encoding="utf8-lossy",
            row_index_name="source_line",
            row_index_offset=first,
            raise_if_empty=False,
        )
        raw = scanned.select("source_line", *self._read_fields(context), _EXTRA).collect()
        if raw.height != lines:
            raise ProviderDataError(
                f"{context.label}: {lines} lines from line {first} on were read as {raw.height} rows; "
                "the file has unusual line ends: convert them to plain ones"
            )
        is_header = first == 1 and (self.has_header or self.header is not None)
        return raw.slice(1) if is_header else raw

    def _read_fields(self, context: FileContext) -> list[str]:
        """Fields that something is read from, and the last one, which tells that the line is whole."""
        flaw = self.flaw(context.instrument)
        meanings = [self.instants(context), *self.values().values(), *([] if flaw is None else [flaw])]
        used = {name for meaning in meanings for name in meaning.meta.root_names()}
        last = [*self.columns][-1]
        return [name for name in self.columns if name in used or name == last]

    def _canonical(self, raw: pl.DataFrame, data: bytes, first: int, context: FileContext) -> pl.DataFrame:
        flaw = self.flaw(context.instrument)
        no_defect = pl.lit(0, pl.UInt8)
        ticks = raw.select(
            pl.col("source_line").cast(pl.Int64),
            self.instants(context).cast(pl.Int64).alias("ts"),
            *(expression.alias(name) for name, expression in self.values().items()),
            (no_defect if flaw is None else flaw.cast(pl.UInt8).fill_null(0)).alias("defect"),
        )
        judged = [name for name in self._read_fields(context) if name not in self.may_be_empty]
        holes = raw.select(pl.any_horizontal(pl.col(judged).is_null(), pl.col(_EXTRA).is_not_null()))
        suspects = holes.to_series()
        if suspects.any():
            lines = raw.filter(suspects)
            ticks = self._with_defects(
                ticks, lines, _texts(data, lines["source_line"].cast(pl.Int64) - first)
            )
        if ticks["ts"].null_count():
            lacks = pl.col("ts").is_null() & (pl.col("defect") == 0)
            ticks = ticks.with_columns(
                pl.when(lacks).then(pl.lit(NO_SUCH_TIME, pl.UInt8)).otherwise("defect").alias("defect")
            )
        return ticks

    def _with_defects(self, ticks: pl.DataFrame, lines: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
        """Tell an empty field, a field that is no number and a wrong count of fields apart; drop blank lines."""
        fields = texts.fill_null("").str.strip_chars().str.split(self.separator)
        is_blank = fields.list.len().eq(1) & fields.list.first().eq("")
        is_short = fields.list.len() != len(self.columns)
        unread = pl.Series([False]).new_from_index(0, lines.height)
        for position, name in enumerate(self.columns):
            if name not in lines.columns:
                continue
            text = fields.list.get(position, null_on_oob=True).fill_null("").str.strip_chars()
            unread = unread | (lines[name].is_null() & ((text != "") | (name not in self.may_be_empty)))
        found = pl.DataFrame(
            {
                "source_line": lines["source_line"].cast(pl.Int64),
                "is_blank": is_blank,
                "found": pl.select(
                    pl.when(is_short).then(WRONG_COUNT).when(unread).then(UNREADABLE).otherwise(0)
                ).to_series(),
            }
        )
        joined = ticks.join(found, on="source_line", how="left", maintain_order="left")
        kept = joined.filter(~pl.col("is_blank").fill_null(False))
        defect = pl.when(pl.col("found") > 0).then("found").otherwise("defect").cast(pl.UInt8)
        return kept.with_columns(defect.alias("defect")).drop("is_blank", "found")


def _blocks(stream: BinaryIO, context: FileContext) -> Iterator[bytes]:
    """Pieces of about ``chunk_bytes`` that end with a line; a byte order mark is dropped."""
    rest = b""
    block = stream.read(context.chunk_bytes).removeprefix(b"\xef\xbb\xbf")
    while block:
        following = stream.read(context.chunk_bytes)
        end = block.rfind(b"\n") + 1
        if not following:
            end = len(block)
        elif end == 0 and len(rest) + len(block) > max(_LONGEST_LINE_BYTES, context.chunk_bytes):
            raise ProviderDataError(
                f"{context.label}: no line ends within {len(rest) + len(block):,} bytes, so this is no file of "
                f"ticks; it begins with {(rest + block)[:60]!r}"
            )
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
        block = following


def _texts(data: bytes, rows: pl.Series) -> pl.Series:
    """The text of lines by their position in ``data``, without the line end."""
    lines = pl.read_csv(
        data,
        has_header=False,
        schema={"text": pl.String(), _EXTRA: pl.String()},
        separator="\x01",
        quote_char=None,
        truncate_ragged_lines=True,
        missing_columns="insert",
        encoding="utf8-lossy",
    )
    return lines["text"].gather(rows).fill_null("").str.strip_chars_end("\r")
