"""Files of daily bars: which files, which tables in them, which rows, one typed frame after the other.

A table is a CSV or text file, plain or gzip, a Parquet file, or one of these inside a zip or tar archive.
Text is converted block by block; Parquet is scanned, so that only the wanted rows and columns are read.
"""

from __future__ import annotations

import fnmatch
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

import polars as pl

from nextgen_resources.archives import ARCHIVE_SUFFIXES, ArchiveLimits, archive_members, opened
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import TICKER_PATTERN
from nextgen_resources.market_data.bar_json import daily_series
from nextgen_resources.market_data.bar_layouts import (
    NUMBERS,
    Layout,
    canonical_columns,
    is_stooq,
    tell_layout,
)
from nextgen_resources.market_data.bar_text import UNREADABLE_SCHEMA, blocks, first_line, typed_block

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz", ".parquet", ".pq", *ARCHIVE_SUFFIXES)
_TABLES = (".csv", ".txt", ".parquet", ".pq")
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class FileOptions:
    """How the files are found and read; see `files.Provider`."""

    layout: str | None = None
    pattern: str = "*"
    recursive: bool = False
    date_format: str | None = None
    limits: ArchiveLimits = field(default_factory=ArchiveLimits)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Ends of the names of files that are read: JSON only where the layout is declared."""
        return (*SUFFIXES, ".json") if self.layout == "alphavantage" else SUFFIXES


@dataclass(frozen=True)
class Wanted:
    """The rows to keep: days from ``first`` to ``last``, and ``tickers`` unless None."""

    first: date = date.min
    last: date = date.max
    tickers: tuple[str, ...] | None = None

    @property
    def rows(self) -> pl.Expr:
        """True for wanted rows and for those whose day or ticker cannot be told."""
        day = pl.col("session_date")
        in_span = day.is_between(self.first, self.last) | day.is_null()
        return in_span if self.tickers is None else in_span & pl.col("ticker").is_in(list(self.tickers))


@dataclass(frozen=True)
class TablePart:
    """Bars of one table or block, the lines of it that cannot be read (``UNREADABLE_SCHEMA``), and its layout."""

    label: str
    bars: pl.DataFrame
    unreadable: pl.DataFrame
    layout: str = "generic"


def bar_files(path: Path, options: FileOptions, left_out: tuple[Path, ...] = ()) -> list[Path]:
    """Files of bars at ``path`` (one file or a directory), ascending by name.

    Raises
    ------
    ProviderDataError
        Nothing is there, or a link leads out of the directory.
    """
    if path.is_file():
        found = [path]
    elif path.is_dir():
        entries = path.rglob("*") if options.recursive else path.iterdir()
        found = sorted(entry for entry in entries if _is_chosen(entry, options) and entry not in left_out)
    else:
        raise ProviderDataError(f"files: {path} does not exist; set the option path to a file or directory.")
    if not found or not found[0].name.lower().endswith(options.suffixes):
        hint = "" if options.recursive or path.is_file() else " Subdirectories are read with recursive=true."
        raise ProviderDataError(
            f"files: no bars in {path}; expected files that end in {', '.join(options.suffixes)} and match "
            f"{options.pattern!r}, one per ticker (AAPL.csv) or with a ticker column.{hint}"
        )
    root = path.resolve() if path.is_dir() else path.resolve().parent
    for entry in found if path.is_dir() else []:
        if not entry.resolve().is_relative_to(root):
            raise ProviderDataError(
                f"files: {entry} leads out of {root}, to {entry.resolve()}; copy the file into the directory."
            )
    return found


def read_tables(file: Path, options: FileOptions, wanted: Wanted) -> Iterator[TablePart]:
    """The wanted rows of every table in ``file``.

    Yields
    ------
    TablePart
        ``bars`` with ticker, session_date and the numbers that the table has (Float64).

    Raises
    ------
    ProviderDataError
        The file is damaged, unsafe, empty, no table of bars, or not of the declared layout.
    """
    name = file.name.lower()
    if name.endswith(_PARQUET):
        yield _parquet_part(str(file), file, file.name, wanted)
        return
    if name.endswith(ARCHIVE_SUFFIXES):
        tables = (*_TABLES, ".json") if options.layout == "alphavantage" else _TABLES
        for member, stream in archive_members(file, options.limits, tables):
            if _matches(member, options):
                yield from _stream_parts(f"{file}!{member}", member, stream, options, wanted)
        return
    with opened(file, options.limits) as stream:
        yield from _stream_parts(str(file), file.name, stream, options, wanted)


def tickers_in(file: Path, options: FileOptions) -> set[str]:
    """The tickers that ``file`` holds; of Parquet only that column is read."""
    if file.name.lower().endswith(_PARQUET):
        lazy = _parquet_bars(str(file), file, file.name)
        try:
            return set(lazy.select("ticker").unique().collect()["ticker"].drop_nulls())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ProviderDataError(f"files: {file} cannot be read: {error}") from error
    return {
        str(ticker)
        for part in read_tables(file, options, Wanted())
        for ticker in part.bars["ticker"].unique()
    }


def _is_chosen(entry: Path, options: FileOptions) -> bool:
    name = entry.name.lower()
    if not name.endswith(options.suffixes) or not entry.is_file():
        return False
    is_archive = name.endswith(ARCHIVE_SUFFIXES)
    if not is_archive and not _matches(entry.name, options):
        return False
    return not name.endswith(".txt") or options.layout is not None or is_stooq(_head(entry))


def _head(entry: Path) -> str:
    with entry.open("rb") as stream:
        return stream.read(64).decode("utf-8", errors="replace").removeprefix("\ufeff")


def _matches(name: str, options: FileOptions) -> bool:
    return fnmatch.fnmatchcase(Path(name.replace("\\", "/")).name.lower(), options.pattern.lower())


def _stream_parts(
    label: str, name: str, stream: IO[bytes], options: FileOptions, wanted: Wanted
) -> Iterator[TablePart]:
    lower = name.lower()
    if lower.endswith(_PARQUET):
        yield _parquet_part(label, io.BytesIO(stream.read()), name, wanted)
        return
    if lower.endswith(".json"):
        ticker, header, lines = daily_series(label, stream)
        layout = Layout("alphavantage", tuple(header), canonical_columns(label, header))
        ticker = ticker or _file_ticker(label, name)
        yield _kept(label, *typed_block(label, lines, layout, 1, ticker), wanted, layout.name)
        return
    head, number = first_line(label, stream)
    if lower.endswith((".txt", ".txt.gz")) and options.layout is None and not is_stooq(head):
        return
    layout = tell_layout(label, head, options.layout, options.date_format)
    file_ticker = None if "ticker" in layout.columns else _file_ticker(label, name)
    line = number + 1 if layout.has_header else number
    pending = b"" if layout.has_header else head.encode() + b"\n"
    for block in blocks(label, stream):
        whole, pending = pending + block, b""
        yield _kept(label, *typed_block(label, whole, layout, line, file_ticker), wanted, layout.name)
        line += whole.count(b"\n")
    if pending:
        yield _kept(label, *typed_block(label, pending, layout, line, file_ticker), wanted, layout.name)


def _kept(label: str, bars: pl.DataFrame, unreadable: pl.DataFrame, wanted: Wanted, layout: str) -> TablePart:
    unread = unreadable.filter(wanted.rows | pl.col("ticker").is_null())
    return TablePart(label, bars.filter(wanted.rows), unread, layout)


def _file_ticker(label: str, name: str) -> str:
    base = Path(name.replace("\\", "/")).name
    stem = base
    for suffix in (".csv.gz", ".txt.gz", ".csv", ".txt", ".parquet", ".pq", ".json"):
        if base.lower().endswith(suffix):
            stem = base[: -len(suffix)]
            break
    if not re.fullmatch(TICKER_PATTERN, stem.upper()):
        raise ProviderDataError(
            f"files: {label} has no ticker column and its name {stem.upper()!r} is not a ticker "
            f"({TICKER_PATTERN}); rename the file to TICKER.csv or add the column. If it holds no bars, leave it "
            "out with the option pattern."
        )
    return stem.upper()


def _parquet_part(label: str, source: Path | io.BytesIO, name: str, wanted: Wanted) -> TablePart:
    lazy = _parquet_bars(label, source, name)
    try:
        frame = lazy.filter(wanted.rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProviderDataError(f"files: {label} cannot be read: {error}") from error
    is_ticker = pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
    is_dated = pl.col("session_date").is_not_null()
    bad = frame.filter(~is_ticker | ~is_dated)
    rows = [
        (
            None,
            "session_date" if row["session_date"] is None else "ticker",
            None if row["session_date"] is None else row["ticker"],
            "a date" if row["session_date"] is None else f"a ticker ({TICKER_PATTERN})",
            "unreadable_session_date" if row["session_date"] is None else "unreadable_ticker",
            str(row),
            row["ticker"],
            row["session_date"],
        )
        for row in bad.iter_rows(named=True)
    ]
    unreadable = pl.DataFrame(rows, schema=UNREADABLE_SCHEMA, orient="row")
    return TablePart(label, frame.filter(is_ticker & is_dated), unreadable)


def _parquet_bars(label: str, source: Path | io.BytesIO, name: str) -> pl.LazyFrame:
    """Canonical columns; the ticker is left untouched, so that a filter on it skips row groups."""
    try:
        lazy = pl.scan_parquet(source)
        schema = lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProviderDataError(f"files: {label} cannot be read: {error}") from error
    columns = canonical_columns(label, schema.names())
    if "ticker" not in columns:
        ticker = pl.lit(_file_ticker(label, name))
    elif schema[columns["ticker"]] in (pl.String, pl.Null) or isinstance(
        schema[columns["ticker"]], pl.Categorical | pl.Enum
    ):
        ticker = pl.col(columns["ticker"]).cast(pl.String)
    else:
        raise ProviderDataError(
            f"files: {label}: column {columns['ticker']} has type {schema[columns['ticker']]}, expected text: "
            "tickers such as TRUE, NAN and INF are lost where a tool guesses types. Write the file again."
        )
    numbers = [pl.col(columns[name]).cast(pl.Float64).alias(name) for name in NUMBERS if name in columns]
    return lazy.select(
        ticker.alias("ticker"), _parquet_date(label, columns["session_date"], schema), *numbers
    )


def _parquet_date(label: str, name: str, schema: pl.Schema) -> pl.Expr:
    dtype = schema[name]
    if dtype == pl.Date:
        return pl.col(name).alias("session_date")
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.date().alias("session_date")
    if dtype == pl.String:
        return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d").alias("session_date")
    raise ProviderDataError(
        f"files: {label}: column {name} has type {dtype}, expected a date, a datetime or ISO text; "
        "write it as a date."
    )
