"""Layouts of text files of daily bars: declared by name, or told from the first line where that is certain.

==============  =====================================================================================
layout          first line
==============  =====================================================================================
yahoo           ``Date,Open,High,Low,Close,Adj Close,Volume``
stooq           ``<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>``
lean            no header: ``20130225 00:00,4438000,4449300,4360000,4427000,14360000``, prices times 10,000
alphavantage    ``timestamp,open,high,low,close,volume`` or with adjusted_close, dividend_amount and
                split_coefficient
generic         a header of usual names: date, open, high, low, close, volume, ticker, …
==============  =====================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nextgen_resources.errors import ProviderDataError, SettingsError

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
SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
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
)
ISO_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$"
COMPACT_DAY = r"^(\d{8})(?: 00:00)?$"
_STOOQ_NAMES = {
    "<ticker>": "ticker",
    "<per>": "period",
    "<date>": "session_date",
    "<open>": "open",
    "<high>": "high",
    "<low>": "low",
    "<close>": "close",
    "<vol>": "volume",
}
_LEAN_LINE = re.compile(r"\d{8} \d{2}:\d{2}(,-?\d+(\.\d+)?){5}")
_LEAN_NAMES = ("session_date", "open", "high", "low", "close", "volume")
_MARKUP = re.compile(r"\s*(<!doctype|<html|<\?xml|<head|<body|\{|\[)", re.IGNORECASE)
_STOOQ_HEAD = re.compile(r"\s*<ticker>", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How the lines of one text file are to be read.

    Parameters
    ----------
    name : str
        Layout.
    header : tuple of str
        Names of the fields, in order.
    columns : mapping of str to str
        Canonical column to the field that holds it.
    has_header : bool
        Whether the first line names the fields.
    separator : str
        Between fields.
    day_pattern, day_format : str
        Regular expression whose first group is the day, and how to read it.
    price_divisor : float
        Prices are divided by it.
    """

    name: str
    header: tuple[str, ...]
    columns: Mapping[str, str]
    has_header: bool = True
    separator: str = ","
    day_pattern: str = ISO_DAY
    day_format: str = "%Y-%m-%d"
    price_divisor: float = 1.0
    numbers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", tuple(name for name in NUMBERS if name in self.columns))


LAYOUTS = ("yahoo", "stooq", "lean", "alphavantage", "generic")


def tell_layout(label: str, first_line: str, declared: str | None, day_format: str | None) -> Layout:
    """The layout of a file whose first line is ``first_line``.

    Parameters
    ----------
    label : str
        The file, for messages.
    first_line : str
        Without its line end.
    declared : str, optional
        Name of the layout that the user states; the file must fit it.
    day_format : str, optional
        How days are written, such as ``%d/%m/%Y``; only a declared one is used for anything but
        ISO and the fixed forms of stooq and lean.

    Raises
    ------
    ProviderDataError
        No layout fits, several do, or the declared one does not; the message names the candidates.
    """
    if _MARKUP.match(first_line) and not _STOOQ_HEAD.match(first_line):
        raise ProviderDataError(
            f"files: {label} holds {first_line.strip()[:80]!r}: a page or a message of a server, not bars. "
            "Fetch it again, or delete it."
        )
    separator = next((mark for mark in (",", ";", "\t") if mark in first_line), ",")
    header = tuple(part.strip().strip('"') for part in first_line.split(separator))
    fits = _fitting(header, first_line)
    if declared is not None:
        if declared not in ("generic", *fits):
            raise ProviderDataError(
                f"files: {label} is declared to be of the layout {declared}, but begins with "
                f"{first_line[:80]!r}; that is {' or '.join(fits) or 'no named layout'}. Correct the option layout."
            )
        fits = [declared]
    if len(fits) > 1:
        raise ProviderDataError(
            f"files: {label} could be {' or '.join(fits)}; set the option layout to the right one."
        )
    layout = _layout(label, fits[0] if fits else "generic", header, separator)
    return layout if day_format is None else _with_days(layout, day_format)


def checked_layout(layout: str | None) -> str | None:
    """``layout`` if it is one, else a `SettingsError` with the names."""
    if layout is not None and layout not in LAYOUTS:
        raise SettingsError(f"files: layout is {layout!r}, expected one of {', '.join(LAYOUTS)} or none")
    return layout


def is_stooq(first_line: str) -> bool:
    """Whether a text file begins as those of Stooq do."""
    return _STOOQ_HEAD.match(first_line) is not None


def canonical_columns(label: str, found: list[str]) -> dict[str, str]:
    """Canonical name of every column that is used, mapped to its name in the file.

    Raises
    ------
    ProviderDataError
        A required column is missing, or two mean the same.
    """
    by_lower: dict[str, list[str]] = {}
    for name in found:
        by_lower.setdefault(name.strip().lower(), []).append(name)
    columns = {}
    for canonical, synonyms in SYNONYMS.items():
        matches = [name for synonym in synonyms for name in by_lower.get(synonym, [])]
        if canonical == "volume" and "5. adjusted close" in by_lower:
            matches = [name for name in matches if not name.lower().startswith("5.")]
        if len(matches) > 1:
            raise ProviderDataError(
                f"files: {label} has several columns for {canonical}: {', '.join(matches)}; keep one."
            )
        if matches:
            columns[canonical] = matches[0]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ProviderDataError(
            f"files: {label} lacks a column for {', '.join(missing)}; found {', '.join(found)[:300]}. "
            f"Accepted names for {missing[0]}: {', '.join(SYNONYMS[missing[0]])} (in any case)."
        )
    return columns


def _fitting(header: tuple[str, ...], first_line: str) -> list[str]:
    lower = {name.lower() for name in header}
    ohlc = {"open", "high", "low", "close"}
    signs = {
        "yahoo": "date" in lower and {*ohlc, "adj close", "volume"} <= lower,
        "stooq": {"<ticker>", "<per>", "<date>", "<open>", "<close>"} <= lower,
        "lean": _LEAN_LINE.fullmatch(first_line.strip()) is not None,
        "alphavantage": "timestamp" in lower and {*ohlc, "volume"} <= lower,
    }
    return [name for name, fits in signs.items() if fits]


def _layout(label: str, name: str, header: tuple[str, ...], separator: str) -> Layout:
    if name == "stooq":
        columns = {_STOOQ_NAMES[part.lower()]: part for part in header if part.lower() in _STOOQ_NAMES}
        return Layout(name, header, columns, day_pattern=COMPACT_DAY, day_format="%Y%m%d")
    if name == "lean":
        columns = {column: column for column in _LEAN_NAMES}
        days = {"day_pattern": COMPACT_DAY, "day_format": "%Y%m%d"}
        return Layout(name, _LEAN_NAMES, columns, has_header=False, price_divisor=10_000.0, **days)
    if re.match(r"\s*\d", header[0]):
        raise ProviderDataError(
            f"files: {label} begins with {separator.join(header)[:80]!r}, which is no header; bars without one are "
            "read in the layout lean only (YYYYMMDD HH:MM,open,high,low,close,volume). Add a header line."
        )
    return Layout(name, header, canonical_columns(label, list(header)), separator=separator)


def _with_days(layout: Layout, day_format: str) -> Layout:
    return Layout(
        layout.name,
        layout.header,
        layout.columns,
        layout.has_header,
        layout.separator,
        r"^(.+)$",
        day_format,
        layout.price_divisor,
    )
