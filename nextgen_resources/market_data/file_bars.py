"""Reading files of daily bars: which files, which columns, which rows, as one lazy frame per file.

CSV columns are read as text and converted here, so that a value that cannot be read is reported with its
file and line and never turns into a guess. Parquet is scanned: only the needed columns and rows are read.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import TICKER_PATTERN

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq")
NUMBERS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adjusted_close",
    "dividend_amount",
    "split_coefficient",
)
REQUIRED = ("session_date", "open", "high", "low", "close", "volume")
_SYNONYMS = {
    "ticker": ("ticker", "symbol", "code", "sym"),
    "session_date": ("session_date", "date", "timestamp", "datetime", "time", "day"),
    "open": ("open", "1. open", "open_price"),
    "high": ("high", "2. high", "high_price"),
    "low": ("low", "3. low", "low_price"),
    "close": ("close", "4. close", "close_price", "close/last"),
    "volume": ("volume", "5. volume", "6. volume", "vol"),
    "adjusted_close": ("adjusted_close", "adj_close", "adj close", "adjclose", "5. adjusted close"),
    "dividend_amount": ("dividend_amount", "dividends", "dividend", "div", "7. dividend amount"),
    "split_coefficient": (
        "split_coefficient",
        "stock splits",
        "stock_splits",
        "split_ratio",
        "split",
        "8. split coefficient",
    ),
}
_NULL_TEXTS = ["", "null", "NULL", "None", "NA", "N/A", "n/a", "NaN", "nan", "-"]
_ISO_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$"
_LINE = "_line"


def bar_files(path: Path) -> list[Path]:
    """Files of bars at ``path`` (one file, or a directory without its subdirectories), ascending by name.

    Raises
    ------
    ProviderDataError
        Nothing is there, or a link leads out of the directory.
    """
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(entry for entry in path.iterdir() if entry.name.lower().endswith(SUFFIXES))
    else:
        raise ProviderDataError(f"files: {path} does not exist; set the option path to a file or directory.")
    if not found or not found[0].name.lower().endswith(SUFFIXES):
        raise ProviderDataError(
            f"files: no bars in {path}; expected files that end in {', '.join(SUFFIXES)}, one per ticker "
            "(AAPL.csv) or with a ticker column."
        )
    root = path.resolve() if path.is_dir() else path.resolve().parent
    for entry in found if path.is_dir() else []:
        if not entry.resolve().is_relative_to(root):
            raise ProviderDataError(
                f"files: {entry} leads out of {root}, to {entry.resolve()}; copy the file into the directory."
            )
    return found


def scan_bars(file: Path) -> pl.LazyFrame:
    """One file as a lazy frame of canonical columns, typed.

    Returns
    -------
    polars.LazyFrame
        ticker, session_date, the numbers that the file has (Float64) and, for CSV only, the columns
        ``_raw_<name>`` and ``_line`` that `refuse_unreadable` needs.

    Raises
    ------
    ProviderDataError
        A required column is missing, two columns mean the same, or the file name is no ticker.
    """
    is_text = not file.name.lower().endswith((".parquet", ".pq"))
    try:
        lazy = (
            pl.scan_csv(
                file, infer_schema=False, null_values=_NULL_TEXTS, row_index_name=_LINE, row_index_offset=2
            )
            if is_text
            else pl.scan_parquet(file)
        )
        columns = _canonical_columns(file, [name for name in lazy.collect_schema().names() if name != _LINE])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProviderDataError(f"files: {file} cannot be read: {error}") from error
    ticker = _ticker_expression(file, columns, is_text)
    if is_text:
        raw = [pl.col(found).str.strip_chars().alias(f"_raw_{name}") for name, found in columns.items()]
        lazy = lazy.select(pl.col(_LINE), ticker, *raw)
        day = pl.col("_raw_session_date").str.extract(_ISO_DAY)
        session_date = day.str.to_date("%Y-%m-%d", strict=False)
        numbers = [
            pl.col(f"_raw_{name}").cast(pl.Float64, strict=False).alias(name) for name in _numbers(columns)
        ]
        return lazy.with_columns(session_date.alias("session_date"), *numbers)
    session_date = _parquet_date(file, columns["session_date"], lazy.collect_schema())
    numbers = [pl.col(columns[name]).cast(pl.Float64).alias(name) for name in _numbers(columns)]
    return lazy.select(ticker, session_date, *numbers)


def refuse_unreadable(file: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """Raise for the first value of a file that cannot be read as what it should be; else drop raw columns.

    Raises
    ------
    ProviderDataError
        Names the file, the line (for CSV), the column and the text.
    """
    is_ticker = pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
    _refuse(file, frame.filter(~is_ticker), "ticker", "ticker", f"a ticker ({TICKER_PATTERN})")
    is_dateless = pl.col("session_date").is_null()
    shown = "_raw_session_date" if "_raw_session_date" in frame.columns else "session_date"
    _refuse(file, frame.filter(is_dateless), "session_date", shown, "an ISO date (YYYY-MM-DD)")
    for name in NUMBERS:
        raw = f"_raw_{name}"
        if raw in frame.columns:
            unread = frame.filter(pl.col(name).is_null() & pl.col(raw).is_not_null())
            _refuse(file, unread, name, raw, "a number")
    return frame.drop([name for name in frame.columns if name.startswith("_")])


def _refuse(file: Path, unread: pl.DataFrame, name: str, shown: str, expected: str) -> None:
    if unread.is_empty():
        return
    place = f" line {unread[_LINE][0]}" if _LINE in unread.columns else ""
    raise ProviderDataError(
        f"files: {file}{place}: {name} is {unread[shown][0]!r}, expected {expected}; "
        f"{unread.height} row(s) in all. Correct the file."
    )


def _numbers(columns: dict[str, str]) -> list[str]:
    return [name for name in NUMBERS if name in columns]


def _canonical_columns(file: Path, found: list[str]) -> dict[str, str]:
    """Canonical name of every column that is used, mapped to its name in the file."""
    by_lower: dict[str, list[str]] = {}
    for name in found:
        by_lower.setdefault(name.strip().lower(), []).append(name)
    columns = {}
    for canonical, synonyms in _SYNONYMS.items():
        matches = [name for synonym in synonyms for name in by_lower.get(synonym, [])]
        if canonical == "volume" and "5. adjusted close" in by_lower:
            matches = [name for name in matches if not name.lower().startswith("5.")]
        if len(matches) > 1:
            raise ProviderDataError(
                f"files: {file} has several columns for {canonical}: {', '.join(matches)}; keep one."
            )
        if matches:
            columns[canonical] = matches[0]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ProviderDataError(
            f"files: {file} lacks a column for {', '.join(missing)}; found {', '.join(found)}. "
            f"Accepted names for {missing[0]}: {', '.join(_SYNONYMS[missing[0]])} (in any case)."
        )
    return columns


def _ticker_expression(file: Path, columns: dict[str, str], is_text: bool) -> pl.Expr:
    """The ticker column; left untouched in Parquet, so that a filter on it skips row groups."""
    if "ticker" in columns:
        ticker = pl.col(columns["ticker"]).cast(pl.String)
        return (ticker.str.strip_chars().str.to_uppercase() if is_text else ticker).alias("ticker")
    stem = file.name[
        : -len(next(suffix for suffix in SUFFIXES if file.name.lower().endswith(suffix)))
    ].upper()
    if not re.fullmatch(TICKER_PATTERN, stem):
        raise ProviderDataError(
            f"files: {file} has no ticker column and its name {stem!r} is not a ticker "
            f"({TICKER_PATTERN}); rename the file to TICKER.csv or add the column."
        )
    return pl.lit(stem).alias("ticker")


def _parquet_date(file: Path, name: str, schema: pl.Schema) -> pl.Expr:
    dtype = schema[name]
    if dtype == pl.Date:
        return pl.col(name).alias("session_date")
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.date().alias("session_date")
    if dtype == pl.String:
        return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d").alias("session_date")
    raise ProviderDataError(
        f"files: {file}: column {name} has type {dtype}, expected a date, a datetime or ISO text; "
        "write it as a date."
    )
