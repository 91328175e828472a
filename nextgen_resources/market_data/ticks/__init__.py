"""Files of ticks: the contract that every format meets, and how one is found by name.

A format is a module of this package that exports a class named ``Format``; its module name is its name in
the declaration of a folder (`declaration`). A format says what the columns of a line mean, in which time
zone and unit its times are, and which sides a quote may lack: all of it declared, nothing guessed from
the content. It judges nothing: rows leave as they are, with ``defect`` where a value cannot be read, and
the domain decides. Importing this package reads no file; neither does constructing a format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

import polars as pl

from nextgen_resources.plug_ins import load_plug_in, plug_in_names

TICK_SCHEMA = MappingProxyType(
    {
        "source_line": pl.Int64(),
        "ts": pl.Int64(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "last": pl.Float64(),
        "size": pl.Float64(),
        "bid_size": pl.Float64(),
        "ask_size": pl.Float64(),
        "identity": pl.Int64(),
        "defect": pl.UInt8(),
    }
)
"""Columns of a chunk; those that a format lacks are absent, but ``source_line``, ``ts`` and ``defect``."""

DEFECTS = MappingProxyType(
    {
        1: "unreadable_value",
        2: "wrong_field_count",
        3: "no_such_time",
        4: "other_instrument",
        5: "flagged_by_source",
    }
)
"""What keeps a line from being a tick at all, by the number in ``defect``; zero means nothing does."""


@dataclass(frozen=True)
class FileContext:
    """What a format may know of the file beside its content.

    Attributes
    ----------
    instrument : str
        As declared.
    day : date or None
        Day that the declared pattern found in the name of the file; None without one.
    label : str
        How messages call the file.
    chunk_bytes : int
        About how many bytes are parsed at once.
    skip_lines : int
        Lines from the beginning that need no parsing.
    """

    instrument: str
    day: date | None
    label: str
    chunk_bytes: int
    skip_lines: int = 0


@dataclass(frozen=True)
class Chunk:
    """Consecutive lines of a file as columns.

    Attributes
    ----------
    ticks : polars.DataFrame
        Columns of ``TICK_SCHEMA`` that the format has, one row per line, in the order of the file.
        ``ts`` is microseconds since 1970 in UTC.
    texts : callable
        From a series of source lines of this chunk to their texts, in the same order.
    first_line, last_line : int
        What the chunk spans, headers and blank lines included.
    """

    ticks: pl.DataFrame
    first_line: int
    last_line: int
    texts: Callable[[pl.Series], pl.Series] = field(repr=False)


@runtime_checkable
class TickFormat(Protocol):
    """What every format of tick files offers.

    Attributes
    ----------
    kind : {'quote', 'trade'}
        What a line is.
    copies_are_errors : bool
        Whether a row that repeats another one of the same instant is one too many. Quotes, and trades
        with an identity, are; two equal trades in one millisecond without one are both real.
    sides_may_lack : bool
        Whether a quote may update one side only.
    name_pattern : str or None
        Regular expression, matched in full with the file's path in its folder, that names the groups
        ``instrument`` and ``day`` (YYYYMMDD; or ``year``, ``month0`` from 00 and ``dom``) where the format keeps
        them there; None where it does not.
    """

    kind: Literal["quote", "trade"]
    copies_are_errors: bool
    sides_may_lack: bool
    name_pattern: str | None

    def chunks(self, stream: BinaryIO, context: FileContext) -> Iterator[Chunk]:
        """The content of ``stream`` in order, in bounded memory.

        Raises
        ------
        ProviderDataError
            The content is not of this format; the message quotes what was found.
        """
        ...  # pragma: no cover


def tick_format_names() -> list[str]:
    """Names of the formats of this package, ascending."""
    return plug_in_names(__name__, "Format")


def load_tick_format(name: str, **options: Any) -> TickFormat:
    """The format called ``name``, constructed with ``options``.

    Raises
    ------
    SettingsError
        No such format, or an option that it does not take; the message lists the valid ones.
    """
    loaded: TickFormat = load_plug_in(__name__, "Format", "tick format", name, options)
    return loaded
