"""Frames as Markdown tables that fit on a page of the UI and in a terminal."""

from datetime import datetime
from decimal import Decimal

import polars as pl

_SHOWN_IN_PLACE = 1000
_COLUMNS_IN_PLACE, _COLUMNS_IN_DIALOG = 5, 10
_PREVIEW_ROWS = 8
_PREVIEW_RECORDS = 2
_TEXT_WIDTH, _RECORD_WIDTH = 60, 40
_LISTED = 3
_HASH = "^[0-9a-f]{16,}$"
_HASH_SHOWN = 10


def preview(frame: pl.DataFrame) -> str:
    """The last rows as a Markdown table: a line per row, or a line per column where columns are many.

    Notes
    -----
    The UI shows short Markdown in its place on the page, where few columns fit, and longer Markdown in a
    dialog as wide as the window. Hashes are cut to their beginning, which is enough to find the row.
    """
    table = markdown_table(_with_short_hashes(frame.tail(_PREVIEW_ROWS)))
    most = _COLUMNS_IN_PLACE if len(table) < _SHOWN_IN_PLACE else _COLUMNS_IN_DIALOG
    return table if frame.width <= most or frame.is_empty() else _turned(frame)


def _turned(frame: pl.DataFrame) -> str:
    """The last rows side by side."""
    last = _with_short_hashes(frame.tail(_PREVIEW_RECORDS))
    names = [f"row {number:,}" for number in range(frame.height - last.height + 1, frame.height + 1)]
    rows = {
        name: [_cut(_shown(value), _RECORD_WIDTH) for value in row]
        for name, row in zip(names, last.rows(), strict=True)
    }
    return markdown_table(pl.DataFrame({"column": last.columns} | rows))


def markdown_table(frame: pl.DataFrame) -> str:
    """Every row of ``frame`` as a Markdown table; long values are shortened, nulls are left blank."""
    if frame.is_empty():
        return "no rows"
    rules = ["---:" if kind.is_numeric() else "---" for kind in frame.dtypes]
    lines = [
        list(frame.columns),
        rules,
        *([_escaped(_shown(value)) for value in row] for row in frame.rows()),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _with_short_hashes(frame: pl.DataFrame) -> pl.DataFrame:
    texts = [pl.col(name) for name, kind in frame.schema.items() if kind == pl.String]
    short = [text.str.slice(0, _HASH_SHOWN) + "…" for text in texts]
    return frame.with_columns(
        pl.when(text.str.contains(_HASH)).then(cut).otherwise(text).alias(text.meta.output_name())
        for text, cut in zip(texts, short, strict=True)
    )


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
    return _cut(" ".join(str(value).split()), _TEXT_WIDTH)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _listed(values: list[object]) -> str:
    """The first few values, and how many there are where that is more."""
    is_numeric = any(isinstance(value, float) for value in values)
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    if not is_numeric or len(values) <= _LISTED:
        return _shown(", ".join(shown))
    return f"{', '.join(shown[:_LISTED])}, … ({len(values)})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
