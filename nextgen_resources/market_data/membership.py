"""Index membership from a file: which tickers were in an index from when to when.

A CSV with the columns ticker, start_date and end_date (ISO): a ticker is in from its start on and no more
on its end; an empty end is open. A ticker that comes back has several lines.
"""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from nextgen_resources.archives import ArchiveLimits, opened
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import TICKER_PATTERN
from nextgen_resources.market_data.bar_text import decoded

MEMBERSHIP_SCHEMA = {"ticker": pl.String(), "member_from": pl.Date(), "member_to": pl.Date()}
_COLUMNS = {"ticker": "ticker", "start_date": "member_from", "end_date": "member_to"}


def read_membership(path: Path) -> pl.DataFrame:
    """The intervals of the file, columns of ``MEMBERSHIP_SCHEMA``, by ticker and member_from.

    Raises
    ------
    ProviderDataError
        The file cannot be read, lacks a column, or a line is no interval or overlaps another of its ticker.
    """
    with opened(path, ArchiveLimits(max_bytes=1 << 28)) as stream:
        text = decoded(str(path), stream.read(), 1)
    try:
        raw = pl.read_csv(io.StringIO(text), infer_schema=False, row_index_name="_line", row_index_offset=2)
    except pl.exceptions.PolarsError as error:
        raise ProviderDataError(f"{path} cannot be read as CSV: {error}") from error
    if missing := [name for name in _COLUMNS if name not in raw.columns]:
        raise ProviderDataError(
            f"{path} lacks the column(s) {', '.join(missing)}; found {', '.join(raw.columns[1:])}, expected "
            f"{', '.join(_COLUMNS)}."
        )
    ticker = pl.col("ticker").str.strip_chars().str.to_uppercase()
    days = [
        pl.col(name).str.strip_chars().str.to_date("%Y-%m-%d", strict=False).alias(canonical)
        for name, canonical in list(_COLUMNS.items())[1:]
    ]
    frame = raw.with_columns(ticker, *days)
    is_open = pl.col("end_date").fill_null("").str.strip_chars() == ""
    is_bad = (
        ~pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
        | pl.col("member_from").is_null()
        | (pl.col("member_to").is_null() & ~is_open)
        | (pl.col("member_to") <= pl.col("member_from")).fill_null(False)
    )
    if (bad := frame.filter(is_bad)).height:
        row = bad.row(0, named=True)
        raise ProviderDataError(
            f"{path} line {row['_line']}: {row['ticker']!r} from {row['start_date']!r} to {row['end_date']!r} is no "
            "interval; expected a ticker, a start (YYYY-MM-DD) and a later end or none."
        )
    ordered = frame.sort("ticker", "member_from")
    still_in = pl.col("member_to").shift(1).over("ticker").is_null() & (
        pl.col("ticker").shift(1) == pl.col("ticker")
    )
    overlaps = (pl.col("member_from") < pl.col("member_to").shift(1).over("ticker")).fill_null(False)
    if (doubled := ordered.filter(still_in.fill_null(False) | overlaps)).height:
        row = doubled.row(0, named=True)
        raise ProviderDataError(
            f"{path} line {row['_line']}: {row['ticker']} is in already on {row['start_date']}; correct its intervals."
        )
    return ordered.select(list(MEMBERSHIP_SCHEMA))
