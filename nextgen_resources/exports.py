"""Files for people: pages, and tables as CSV and XLSX in which no cell can become a formula."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import polars as pl

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of a text that a spreadsheet may read as a formula, full-width forms included."""

_LARGEST_SHEET_ROWS: Final = 1_048_575


def write_text(path: Path, text: str) -> Path:
    """Write a file whole or not at all, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path


def neutralised(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text that could be a formula led by an apostrophe, nested values as JSON.

    Notes
    -----
    Numbers, dates and money stay what they are: a negative number is no text. Spaces before the sign do
    not help an attacker, as some programs trim them.

    References
    ----------
    OWASP, "CSV injection".
    """
    columns: list[pl.Expr | pl.Series] = []
    for name, dtype in frame.schema.items():
        if dtype.is_nested():
            texts = [None if v is None else json.dumps(v, default=str) for v in frame[name].to_list()]
            columns.append(pl.Series(name, texts, dtype=pl.String))
        elif dtype == pl.String:
            first = pl.col(name).str.strip_chars_start(" \u00a0")
            is_formula = pl.any_horizontal(first.str.starts_with(start) for start in FORMULA_STARTS)
            led = pl.lit("'") + pl.col(name)
            columns.append(pl.when(is_formula).then(led).otherwise(pl.col(name)).alias(name))
        else:
            columns.append(pl.col(name))
    return frame.select(columns)


def write_csv(path: Path, frame: pl.DataFrame) -> Path:
    """Write a table as UTF-8 CSV, neutralised, whole or not at all."""
    return write_text(path, neutralised(frame).write_csv())


def write_xlsx(path: Path, sheets: dict[str, pl.DataFrame]) -> Path:
    """Write tables as the sheets of one workbook, neutralised, whole or not at all.

    Parameters
    ----------
    sheets : dict of name to DataFrame
        Names of at most 31 characters; aware instants are written in UTC, money as numbers.

    Raises
    ------
    ValueError
        If a table has more rows than a sheet holds; export it as CSV.
    """
    import xlsxwriter

    for name, frame in sheets.items():
        if frame.height > _LARGEST_SHEET_ROWS:
            raise ValueError(
                f"{name} has {frame.height:,} rows; a sheet holds {_LARGEST_SHEET_ROWS:,}; export it as CSV"
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.stem}.{os.getpid()}.unfinished.xlsx")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(unfinished, options) as book:
        for name, frame in sheets.items():
            _plain(neutralised(frame)).write_excel(workbook=book, worksheet=name[:31], autofit=False)
    unfinished.replace(path)
    return path


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Instants without their zone (a sheet knows none), money as floats."""
    return frame.with_columns(
        *(
            pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            for name, dtype in frame.schema.items()
            if isinstance(dtype, pl.Datetime) and dtype.time_zone
        ),
        *(
            pl.col(name).cast(pl.Float64)
            for name, dtype in frame.schema.items()
            if isinstance(dtype, pl.Decimal)
        ),
    )
