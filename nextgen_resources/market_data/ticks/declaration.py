"""What a folder of intraday files holds, as its ``intraday.yaml`` declares it: nothing is guessed.

::

    ticks:
      - files: "equity/usa/tick/*/*_trade.zip"     # relative to the folder
        format: lean
        options: {security: equity, kind: trade}
        hours: exchange
      - files: "eurusd/*.csv.gz"
        format: histdata
        instrument: EURUSD
        hours: fx
        price: mid
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import TICKER_PATTERN
from nextgen_resources.market_data.ticks import TickFormat, load_tick_format
from nextgen_resources.settings.yaml_values import parse_yaml

FILE_NAME = "intraday.yaml"
Hours = Literal["exchange", "extended", "fx", "utc"]
PriceOf = Literal["last", "mid", "bid", "ask"]


class TickSource(BaseModel):
    """Files of one format, and what they are about.

    Attributes
    ----------
    files : str
        Pattern of file names, relative to the folder.
    instrument : str or None
        Symbol of all of them; None where ``pattern`` finds it in the name.
    pattern : str or None
        Regular expression for the whole relative path with the groups ``instrument`` or ``day``; None:
        what the format expects.
    hours : {'exchange', 'extended', 'fx', 'utc'}
        When it trades: 9:30 to the close in New York, 4:00 to 20:00 there, around the clock in days that
        begin at 17:00 in New York, or in days of UTC.
    price : {'last', 'mid', 'bid', 'ask'} or None
        What its bars are built of; None: last for trades, mid for quotes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: str = Field(min_length=1)
    format: str = Field(min_length=1)
    options: Mapping[str, Any] = {}
    instrument: str | None = Field(default=None, pattern=f"^{TICKER_PATTERN}$")
    pattern: str | None = None
    hours: Hours
    price: PriceOf | None = None

    def load_format(self) -> TickFormat:
        """The declared format with its options."""
        return load_tick_format(self.format, **self.options)


class BarSource(BaseModel):
    """Files of intraday bars; like `TickSource`, with ``interval`` such as ``1m``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: str = Field(min_length=1)
    format: str = Field(min_length=1)
    options: Mapping[str, Any] = {}
    instrument: str | None = Field(default=None, pattern=f"^{TICKER_PATTERN}$")
    pattern: str | None = None
    interval: str = Field(pattern=r"^[1-9][0-9]{0,4}[smh]$")
    hours: Hours


class Declaration(BaseModel):
    """Everything that one folder holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticks: tuple[TickSource, ...] = ()
    bars: tuple[BarSource, ...] = ()


@dataclass(frozen=True)
class DeclaredFile:
    """One file with what is known of it before it is opened.

    Attributes
    ----------
    name : str
        Path relative to the folder, with ``/``.
    day : date or None
        Day that its name tells.
    """

    path: Path
    name: str
    instrument: str
    day: date | None


def read_declaration(folder: Path) -> Declaration:
    """The declaration of ``folder``.

    Raises
    ------
    SettingsError
        There is none, or it says something that cannot be; the message names every place.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise SettingsError(
            f"intraday.folder {folder} has no {FILE_NAME}; write one that says which files are in which "
            "format, or set intraday.folder to null"
        )
    try:
        return Declaration.model_validate(parse_yaml(path.read_text(encoding="utf-8")) or {})
    except pydantic.ValidationError as error:
        places = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise SettingsError(f"{path}: {'; '.join(places)}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def declared_files(folder: Path, source: TickSource | BarSource, pattern: str | None) -> list[DeclaredFile]:
    """The files of ``source``, ascending by name.

    Parameters
    ----------
    pattern : str or None
        What the format expects of names, where the declaration says nothing.

    Raises
    ------
    SettingsError
        The pattern of file names climbs out of the folder, or nothing tells the instrument.
    ProviderDataError
        A file lies outside the folder through a link, or its name does not match.
    """
    wanted = PurePosixPath(source.files)
    if wanted.is_absolute() or ".." in wanted.parts or "\\" in source.files:
        raise SettingsError(
            f"{folder / FILE_NAME}: files {source.files!r} lead out of the folder; name files inside it"
        )
    root = folder.resolve()
    found = []
    for path in sorted(folder.glob(source.files)):
        if not path.resolve().is_relative_to(root):
            raise ProviderDataError(f"{path} leads out of {root}; copy the file into the folder")
        if path.is_file() and path.name != FILE_NAME:
            found.append(_described(path, path.relative_to(folder).as_posix(), source, pattern))
    return found


def _described(path: Path, name: str, source: TickSource | BarSource, pattern: str | None) -> DeclaredFile:
    wanted = source.pattern or pattern
    groups: dict[str, str | Any] = {}
    if wanted is not None:
        match = re.fullmatch(wanted, name)
        if match is None:
            raise ProviderDataError(
                f"{name} does not match {wanted!r}, which should tell the instrument or the day; rename it, or "
                f"declare a pattern for it in {FILE_NAME}"
            )
        groups = match.groupdict()
    instrument = source.instrument or str(groups.get("instrument") or "").upper()
    if not re.fullmatch(TICKER_PATTERN, instrument):
        raise SettingsError(
            f"{FILE_NAME}: nothing tells the instrument of {name} (found {instrument!r}, expected "
            f"{TICKER_PATTERN}); declare instrument, or a pattern with the group instrument"
        )
    return DeclaredFile(path, name, instrument, _day(name, groups))


def _day(name: str, groups: Mapping[str, Any]) -> date | None:
    text = groups.get("day")
    if groups.get("month0"):  # months counted from 00
        text = f"{groups['year']}{int(groups['month0']) + 1:02}{groups['dom']}"
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  (a day, not an instant)
    except ValueError as error:
        raise ProviderDataError(f"{name}: {text!r} in its name is no day (YYYYMMDD)") from error
