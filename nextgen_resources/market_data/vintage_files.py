"""Reading the files of dated deliveries: one crawl per file, or many with a column that tells them apart.

Text files are read as text: ``NAN``, ``TRUE``, ``INF`` and ``ON`` are tickers. A row that cannot be read
whole, such as a header in mid-file, keeps its text and leaves its unread values null, so that it reaches the
quarantine and not a guess.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.dated import DATED_BAR_SCHEMA

SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz", ".tar.gz", ".tgz")
_MEMBER = "prices.csv"
_MOST_BYTES = 1 << 30
_DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_SYNONYMS = {
    "ticker": ("ticker", "symbol"),
    "session_date": ("session_date", "date"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume",),
    "adjusted_close": ("adjusted_close", "adj_close", "adj close"),
    "delivered": ("vintage", "delivered_at", "delivered_on", "crawl_date", "known_at"),
}
_OPTIONAL = {"adjusted_close", "delivered"}
_NUMBERS = ("open", "high", "low", "close", "volume", "adjusted_close")
_KINDS = (pl.String, pl.Date, pl.Datetime)


def delivery_files(path: Path) -> list[Path]:
    """Files of deliveries at ``path`` (one file, or a directory without its subdirectories), by name.

    Raises
    ------
    ProviderDataError
        Nothing is there.
    """
    found = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    files = [entry for entry in found if entry.is_file() and entry.name.lower().endswith(SUFFIXES)]
    if not files:
        raise ProviderDataError(
            f"vintages: no deliveries at {path}; expected files that end in {', '.join(SUFFIXES)}, with a "
            "column vintage or the day of the crawl in their names (20150406.csv)."
        )
    return files


def read_deliveries(file: Path, until: date) -> Iterator[pl.DataFrame]:
    """The deliveries of one file up to the day ``until``, in the columns of ``DATED_BAR_SCHEMA``.

    Raises
    ------
    ProviderDataError
        The file cannot be read, lacks a column, or says nowhere of which day it is.
    """
    day = _day_of(file)
    if day is not None and day > until:
        return
    try:
        raw = _raw_frame(file)
    except (pl.exceptions.PolarsError, OSError, EOFError, tarfile.TarError) as error:
        raise ProviderDataError(f"vintages: {file} cannot be read: {error}") from error
    if raw is None:
        return
    columns = _columns_of(file, raw.columns)
    if "delivered" not in columns and day is None:
        raise ProviderDataError(
            f"vintages: {file} has no column {' or '.join(_SYNONYMS['delivered'])} and no day in its name; "
            "add one of them (20150406.csv)."
        )
    frame = _canonical(file, raw, columns, day)
    yield frame.filter(pl.col("delivered_on") <= until)


def _day_of(file: Path) -> date | None:
    found = _DAY_IN_NAME.search(file.name)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _raw_frame(file: Path) -> pl.DataFrame | None:
    """The table of a file, text columns as text; None for a delivery without a single byte."""
    name = file.name.lower()
    if name.endswith((".parquet", ".pq")):
        return pl.read_parquet(file)
    data = _archived(file) if name.endswith((".tar.gz", ".tgz")) else _unpacked(file)
    if not data.strip():
        return None
    return pl.read_csv(io.BytesIO(data), infer_schema=False)


def _unpacked(file: Path) -> bytes:
    with gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb") as stream:
        return _capped(stream.read(_MOST_BYTES + 1), file)


def _archived(file: Path) -> bytes:
    """The prices in an archive; nothing is unpacked to disk."""
    with tarfile.open(file) as archive:
        for member in archive:
            if member.isfile() and member.name.removeprefix("./") == _MEMBER:
                stream = archive.extractfile(member)
                return _capped(stream.read(_MOST_BYTES + 1) if stream else b"", file)
    raise ProviderDataError(f"vintages: {file} holds no {_MEMBER}; an archive must have one at its top.")


def _capped(data: bytes, file: Path) -> bytes:
    if len(data) > _MOST_BYTES:
        raise ProviderDataError(
            f"vintages: {file} unpacks to more than {_MOST_BYTES >> 20} MiB; split it by day."
        )
    return data


def _columns_of(file: Path, found: list[str]) -> dict[str, str]:
    by_name = {name.strip().lower(): name for name in found}
    columns = {}
    for canonical, synonyms in _SYNONYMS.items():
        matching = [by_name[synonym] for synonym in synonyms if synonym in by_name]
        if matching:
            columns[canonical] = matching[0]
        elif canonical not in _OPTIONAL:
            raise ProviderDataError(
                f"vintages: {file} lacks the column {' or '.join(synonyms)}; found {', '.join(found[:12])}."
            )
    return columns


def _canonical(file: Path, raw: pl.DataFrame, columns: dict[str, str], day: date | None) -> pl.DataFrame:
    for name in ("ticker", "session_date", "delivered"):
        if name in columns and not isinstance(raw.schema[columns[name]], _KINDS):
            raise ProviderDataError(
                f"vintages: {file}: column {columns[name]} has type {raw.schema[columns[name]]}; write "
                "tickers as text and days as dates or ISO text."
            )
    text = [pl.col(name) for name in columns.values() if raw.schema[name] == pl.String]
    tidy = raw.with_columns(column.str.strip_chars() for column in text)
    numbers = [_number(columns, name) for name in _NUMBERS]
    at, on, is_undated = _delivery(tidy, columns, day)
    frame = tidy.with_row_index("_row").select(
        pl.col(columns["ticker"]).str.to_uppercase().alias("ticker"),
        _day(tidy, columns["session_date"]).alias("session_date"),
        *numbers,
        on.alias("delivered_on"),
        at.alias("delivered_at"),
        is_undated.alias("_is_undated"),
        "_row",
    )
    required = [name for name in _NUMBERS if name != "adjusted_close"]
    has_gap = pl.any_horizontal(pl.col("session_date", *required).is_null())
    unread = frame.filter(has_gap | pl.col("_is_undated"))["_row"]
    texts = [" ".join(map(str, tidy.row(row))) for row in unread]
    said = pl.DataFrame(
        {"_row": unread, "raw_row": texts}, schema_overrides={"_row": pl.UInt32, "raw_row": pl.String}
    )
    joined = frame.join(said, on="_row", how="left", maintain_order="left")
    return joined.select(pl.col(name).cast(dtype) for name, dtype in DATED_BAR_SCHEMA.items())


def _number(columns: dict[str, str], name: str) -> pl.Expr:
    if name not in columns:
        return pl.lit(None, pl.Float64).alias(name)
    return pl.col(columns[name]).cast(pl.Float64, strict=False).alias(name)


def _day(frame: pl.DataFrame, name: str) -> pl.Expr:
    if frame.schema[name] == pl.String:
        return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return pl.col(name).cast(pl.Date)


def _delivery(
    frame: pl.DataFrame, columns: dict[str, str], day: date | None
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Of each row's delivery the instant, null where only the day is stated; its day; whether it says none.

    A row that says none is unread: it stands with the delivery of its file or of the row before it.
    """
    unknown = pl.lit(None, pl.Datetime("us", "UTC"))
    if "delivered" not in columns:
        return unknown, pl.lit(day), pl.lit(False)
    stated = pl.col(columns["delivered"])
    dtype = frame.schema[columns["delivered"]]
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        instant = stated.dt.cast_time_unit("us").dt.convert_time_zone("UTC")
        own = instant.dt.convert_time_zone("America/New_York").dt.date()
    else:
        instant, own = unknown, _day(frame, columns["delivered"])
    return instant, pl.coalesce(own, pl.lit(day), own.forward_fill(), own.backward_fill()), own.is_null()
