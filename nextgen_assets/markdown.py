"""Frames as Markdown tables that fit on a page of the UI and in a terminal."""

import re
from datetime import datetime
from decimal import Decimal

import polars as pl

_MOST_COLUMNS = 9
_PREVIEW_ROWS = 8
_PREVIEW_RECORDS = 3
_TEXT_WIDTH = 60
_LISTED = 3
_HASH = re.compile(r"[0-9a-f]{16,}")
_HASH_SHOWN = 10


def preview(frame: pl.DataFrame) -> str:
    """The last rows as a Markdown table: a line per row, or a line per column where columns are many.

    Notes
    -----
    Hashes are cut to their beginning, which is enough to find the row again.
    """
    if frame.width <= _MOST_COLUMNS:
        return markdown_table(_with_short_hashes(frame.tail(_PREVIEW_ROWS)))
    last = _with_short_hashes(frame.tail(_PREVIEW_RECORDS))
    names = [f"row {number:,}" for number in range(frame.height - last.height + 1, frame.height + 1)]
    shown = {"column": last.columns} | {
        name: [_shown(value) for value in row] for name, row in zip(names, last.rows(), strict=True)
    }
    return markdown_table(pl.DataFrame(shown)) if last.height else "no rows"


def markdown_table(frame: pl.DataFrame) -> str:
    """Every row of ``frame`` as a Markdown table; long values are shortened, nulls are left blank."""
    if frame.is_empty():
        return "no rows"
    rules = ["---:" if kind.is_numeric() else "---" for kind in frame.dtypes]
    lines = [list(frame.columns), rules, *([_escaped(_shown(value)) for value in row] for row in frame.rows())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _with_short_hashes(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).map_elements(_short_hash, return_dtype=pl.String)
        for name, kind in frame.schema.items()
        if kind == pl.String
    )


def _short_hash(text: str) -> str:
    return f"{text[:_HASH_SHOWN]}…" if _HASH.fullmatch(text) else text


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return _listed(value)
    text = " ".join(str(value).split())
    return text if len(text) <= _TEXT_WIDTH else f"{text[: _TEXT_WIDTH - 1]}…"


def _listed(values: list[object]) -> str:
    """The first few values, and how many there are where that is more."""
    is_numeric = any(isinstance(value, float) for value in values)
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    if not is_numeric or len(values) <= _LISTED:
        return _shown(", ".join(shown))
    return f"{', '.join(shown[:_LISTED])}, … ({len(values)})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
