"""Lines of text to typed bars, block by block, so that memory does not grow with the file.

Every field is read as text and converted here: a value that cannot be read is kept with its file and line
and never turns into a guess. ``NAN``, ``TRUE``, ``INF``, ``ON`` and ``NA`` are tickers like any other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import IO

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import TICKER_PATTERN
from nextgen_resources.market_data.bar_layouts import Layout

BLOCK_BYTES = 1 << 25
"""Bytes of text that are converted at once."""

_LONGEST_LINE = 1 << 20
_NULL_TEXTS = ("", "null", "NULL", "None", "NA", "N/A", "n/a", "NaN", "nan", "-")
_LINE, _TEXT, _PROBLEM = "_line", "_text", "_problem"
_BLANK_LINE = re.compile(rb"^[ \t\r\f\v]*\n|^[ \t\r\f\v]+\Z", re.MULTILINE)
_SLASH_DAY = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{4}")

UNREADABLE_SCHEMA = {
    "line": pl.Int64(),
    "column": pl.String(),
    "found": pl.String(),
    "expected": pl.String(),
    "reason_code": pl.String(),
    "text": pl.String(),
    "ticker": pl.String(),
    "session_date": pl.Date(),
}
"""One row per line that cannot be read; ``session_date`` is that of the line, else of the line before it."""


def first_line(label: str, stream: IO[bytes]) -> tuple[str, int]:
    """The first line that is not blank, without its end, and its number; reads the stream up to there.

    Raises
    ------
    ProviderDataError
        The file is empty, is not UTF-8, or has a line that no text file of bars has.
    """
    for number in range(1, 51):
        line = stream.readline(_LONGEST_LINE)
        if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise ProviderDataError(f"files: {label} cannot be read: it is UTF-16; write it as UTF-8.")
        if not line:
            break
        text = decoded(label, line.removeprefix(b"\xef\xbb\xbf"), number)
        if text.strip():
            return text.rstrip("\r\n"), number
    raise ProviderDataError(f"files: {label} cannot be read: it is empty. Fetch it again, or delete it.")


def decoded(label: str, block: bytes, line: int) -> str:
    """``block`` as UTF-8; the error names the line (``line`` is the number of the first one)."""
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + block.count(b"\n", 0, error.start)
        raise ProviderDataError(
            f"files: {label} line {at} is not UTF-8 (byte 0x{block[error.start]:02x}); write the file as UTF-8."
        ) from error


def blocks(label: str, stream: IO[bytes], size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The rest of ``stream`` in blocks of whole lines of about ``size`` bytes.

    Raises
    ------
    ProviderDataError
        A line is longer than any line of bars.
    """
    rest = b""
    while block := stream.read(size):
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest += block
            if len(rest) > max(_LONGEST_LINE, size):
                raise ProviderDataError(
                    f"files: {label} has a line of over {len(rest):,} bytes; it is no text file."
                )
            continue
        yield rest + block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def typed_block(
    label: str, block: bytes, layout: Layout, line: int, file_ticker: str | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One block as bars, and the lines of it that cannot be read.

    Parameters
    ----------
    label : str
        The file, for messages.
    block : bytes
        Whole lines without the header.
    layout : Layout
        How to read them.
    line : int
        Number of the first line of the block in the file.
    file_ticker : str, optional
        Ticker of every line, where the layout has no column for it.

    Returns
    -------
    bars, unreadable
        ``bars``: ticker, session_date and the numbers of the layout. ``unreadable``: ``UNREADABLE_SCHEMA``.
    """
    decoded(label, block, line)
    fields, ragged = _fields(block, layout, line)
    typed = fields.with_columns(_ticker(layout, file_ticker), _day(layout), *_numbers(layout))
    judged = typed.with_columns(pl.coalesce(*_problems(layout, file_ticker)).alias(_PROBLEM))
    bad = judged.filter(pl.col(_PROBLEM).is_not_null())
    bars = judged.filter(pl.col(_PROBLEM).is_null()).select("ticker", "session_date", *layout.numbers)
    if bad.is_empty() and not ragged:
        return bars, pl.DataFrame(schema=UNREADABLE_SCHEMA)
    days = judged.select(_LINE, "session_date").with_columns(
        pl.col("session_date").fill_null(strategy="forward").fill_null(strategy="backward")
    )
    return bars, _unreadable(bad, ragged, days, block.split(b"\n"), layout, line, file_ticker)


def _fields(block: bytes, layout: Layout, line: int) -> tuple[pl.DataFrame, dict[int, str]]:
    """The fields as text under the names of the layout, and the lines with a wrong number of fields."""
    try:
        return _parsed(block, layout, line), {}
    except pl.exceptions.PolarsError:
        pass
    ragged, kept, numbers = {}, [], []
    for number, text in enumerate(block.split(b"\n"), start=line):
        shown = text.decode().rstrip("\r")
        if not shown.strip():
            continue
        try:
            count = len(next(csv.reader([shown], delimiter=layout.separator, strict=True)))
        except csv.Error:
            count = 0
        if 0 < count <= len(layout.header):
            missing = len(layout.header) - count
            kept.append(shown.encode() + layout.separator.encode() * missing)
            numbers.append(number)
        else:
            ragged[number] = shown
    frame = _parsed(b"\n".join(kept), layout, 0)
    places = pl.Series(_LINE, numbers, pl.Int64)
    return frame.with_columns(places.gather(frame[_LINE])), ragged


def _raw(layout: Layout, name: str) -> pl.Expr:
    """The text of a canonical column."""
    return pl.col(f"_raw_{layout.columns[name]}")


def _parsed(block: bytes, layout: Layout, line: int) -> pl.DataFrame:
    names = [f"_raw_{name}" for name in layout.header]
    if not block.strip():
        return pl.DataFrame(schema={_LINE: pl.Int64, **dict.fromkeys(names, pl.String)})
    frame = pl.read_csv(
        io.BytesIO(block),
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        separator=layout.separator,
        quote_char='"' if b'"' in block else None,
        row_index_name=_LINE,
        row_index_offset=line,
    )
    if frame.height != block.count(b"\n") + (not block.endswith(b"\n")):
        raise pl.exceptions.ComputeError("a quoted field spans lines")
    if _BLANK_LINE.search(block):
        texts = enumerate(block.split(b"\n"), start=line)
        blank = [number for number, text in texts if not text.strip()]
        frame = frame.filter(~pl.col(_LINE).is_in(blank))
    return frame.with_columns(
        pl.col(_LINE).cast(pl.Int64), *(pl.col(name).str.strip_chars() for name in names)
    )


def _ticker(layout: Layout, file_ticker: str | None) -> pl.Expr:
    if "ticker" not in layout.columns:
        return pl.lit(file_ticker, pl.String).alias("ticker")
    ticker = _raw(layout, "ticker").str.to_uppercase()
    return (ticker.str.replace(r"\.US$", "") if layout.name == "stooq" else ticker).alias("ticker")


def _day(layout: Layout) -> pl.Expr:
    day = _raw(layout, "session_date").str.extract(layout.day_pattern)
    return day.str.to_date(layout.day_format, strict=False).alias("session_date")


def _number(layout: Layout, name: str) -> pl.Expr:
    text = _raw(layout, name)
    return pl.when(text.is_in(list(_NULL_TEXTS))).then(None).otherwise(text)


def _numbers(layout: Layout) -> list[pl.Expr]:
    prices = {"open", "high", "low", "close"}
    expressions = []
    for name in layout.numbers:
        value = _number(layout, name).cast(pl.Float64, strict=False)
        if name in prices and layout.price_divisor != 1.0:
            value = _divided(value, layout.price_divisor)
        expressions.append(value.alias(name))
    return expressions


def _divided(value: pl.Expr, divisor: float) -> pl.Expr:
    """A price of whole ten-thousandths as the number that its decimal text would be read as."""
    quotient = value / divisor
    return pl.when(value == value.round(0)).then(quotient.round(4)).otherwise(quotient)


def _problems(layout: Layout, file_ticker: str | None) -> list[pl.Expr]:
    """For each column, its name where the line has a value there that cannot be read."""
    day_name = layout.columns["session_date"]
    is_header = _raw(layout, "session_date").str.to_lowercase() == day_name.lower()
    found: list[pl.Expr] = [pl.when(is_header).then(pl.lit("header"))]
    if "period" in layout.columns:
        is_daily = (_raw(layout, "period") == "D").fill_null(False)
        found.append(pl.when(~is_daily).then(pl.lit("period")))
    if file_ticker is None:
        fits = pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
        found.append(pl.when(~fits).then(pl.lit("ticker")))
    found.append(pl.when(pl.col("session_date").is_null()).then(pl.lit("session_date")))
    for name in layout.numbers:
        is_lost = pl.col(name).is_null() & _number(layout, name).is_not_null()
        found.append(pl.when(is_lost).then(pl.lit(name)))
    return found


def _unreadable(
    bad: pl.DataFrame,
    ragged: dict[int, str],
    days: pl.DataFrame,
    texts: list[bytes],
    layout: Layout,
    line: int,
    file_ticker: str | None,
) -> pl.DataFrame:
    known = sorted(days.drop_nulls().rows())
    rows = []
    for row in bad.select(_LINE, _PROBLEM, "ticker", "session_date").iter_rows():
        number, problem, ticker, day = row
        text = texts[number - line].decode().rstrip("\r")
        found = None if problem == "header" else bad.filter(pl.col(_LINE) == number)
        shown = text if found is None else _shown(found, problem, layout)
        code = "header_line" if problem == "header" else f"unreadable_{problem}"
        place = (file_ticker if problem == "header" else ticker, day)
        rows.append((number, problem, shown, expected(problem, shown, layout), code, text, *place))
    for number, text in ragged.items():
        wanted = f"{len(layout.header)} fields"
        rows.append((number, "fields", text[:200], wanted, "wrong_field_count", text, file_ticker, None))
    dated = [(*row[:7], row[7] or _day_before(known, row[0])) for row in rows]
    return pl.DataFrame(dated, schema=UNREADABLE_SCHEMA, orient="row").sort("line")


def _shown(row: pl.DataFrame, problem: str, layout: Layout) -> str | None:
    value = row.select(pl.col("ticker") if problem == "ticker" else _raw(layout, problem)).item()
    return None if value is None else str(value)


def expected(problem: str, shown: str | None, layout: Layout) -> str:
    """What stands in a field that can be read, for messages."""
    if problem == "ticker":
        return f"a ticker ({TICKER_PATTERN})"
    if (
        problem == "session_date"
        and shown
        and layout.day_format == "%Y-%m-%d"
        and _SLASH_DAY.fullmatch(shown)
    ):
        return (
            "an ISO date (YYYY-MM-DD); day or month first cannot be told: set the option date_format to "
            "%d/%m/%Y or %m/%d/%Y"
        )
    if problem == "session_date":
        is_iso = layout.day_format == "%Y-%m-%d"
        return "an ISO date (YYYY-MM-DD)" if is_iso else f"a day written as {layout.day_format}"
    return {"header": "a bar", "period": "D (daily bars)"}.get(problem, "a number")


def _day_before(known: list[tuple[int, object]], number: int) -> object:
    before = [day for line, day in known if line <= number]
    return before[-1] if before else (known[0][1] if known else None)
