"""Files of bars within the day: LEAN minute zips, declared CSV, and Parquet, each line with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.archives import ArchiveLimits, member_names, opened
from nextgen_resources.market_data.ticks.clocks import (
    EpochUnit,
    checked_zone,
    epoch_to_utc,
    since_midnight_to_utc,
    wall_to_utc,
)
from nextgen_resources.market_data.ticks.declaration import BarSource, DeclaredFile
from nextgen_resources.market_data.ticks.delimited import DelimitedFormat

_INT, _NUMBER, _TEXT = pl.Int64(), pl.Float64(), pl.String()
_PRICES = ("open", "high", "low", "close")
VALUES = (*_PRICES, "volume")
_EPOCH: dict[str, EpochUnit] = {"epoch_s": "s", "epoch_ms": "ms", "epoch_us": "us", "epoch_ns": "ns"}


class LeanBars(DelimitedFormat):
    """Bars of trades of one security on one day: ``.../minute/aapl/20140609_trade.zip``.

    Parameters
    ----------
    security : {'equity', 'crypto'}
        Equities keep the wall clock of New York and prices times ten thousand, crypto UTC and prices.
    """

    name_pattern = r"(?:.*/)?(?P<instrument>[^/]+)/(?P<day>\d{8})_trade\.zip"
    columns = {
        "ms": _INT,
        "open": _NUMBER,
        "high": _NUMBER,
        "low": _NUMBER,
        "close": _NUMBER,
        "volume": _NUMBER,
    }

    def __init__(self, security: Literal["equity", "crypto"]) -> None:
        if security not in ("equity", "crypto"):
            raise SettingsError(f"bar format 'lean': security is {security!r}, expected equity or crypto")
        self._is_equity = security == "equity"
        self._zone = "America/New_York" if security == "equity" else "UTC"

    def instants(self, context: FileContext) -> pl.Expr:
        """Milliseconds since the midnight that the file is named for."""
        if context.day is None:
            raise ProviderDataError(
                f"{context.label}: its name does not tell the day; declare a pattern with it"
            )
        return since_midnight_to_utc(pl.col("ms") * 1_000, context.day, self._zone)

    def values(self) -> dict[str, pl.Expr]:
        """Prices in the listing currency, and the volume."""
        # Polars divides by a constant through its reciprocal, which misses the last bit of many prices.
        scaled = {
            name: (pl.col(name) / 10_000).round(4) if self._is_equity else pl.col(name) for name in _PRICES
        }
        return scaled | {"volume": pl.col("volume")}


class CsvBars(DelimitedFormat):
    """Lines of separated fields, their meaning declared.

    Parameters
    ----------
    columns : iterable of str
        What each field is, in order: ts, open, high, low, close, volume or skip.
    time : str
        ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns`` or a pattern such as ``%Y-%m-%d %H:%M:%S``.
    zone : str
        Clock of readable times: UTC, EST (no daylight saving) or an IANA name.
    """

    def __init__(
        self,
        columns: Iterable[str],
        time: str,
        zone: str = "UTC",
        separator: str = ",",
        has_header: bool = False,
    ) -> None:
        names = list(columns)
        wrong = [name for name in names if name not in ("ts", *VALUES, "skip")]
        if wrong or any(names.count(name) != 1 for name in ("ts", *_PRICES)) or names.count("volume") > 1:
            raise SettingsError(
                f"bar format 'csv': columns are {names}; expected ts, open, high, low and close once each, volume at "
                "most once, and skip for the others"
            )
        if (time not in _EPOCH and "%" not in time) or len(separator) != 1:
            raise SettingsError(
                f"bar format 'csv': time is {time!r} and separator {separator!r}; expected {', '.join(_EPOCH)} or a "
                "pattern with %, and one character"
            )
        self._time, self._zone = time, checked_zone(zone, "csv")
        self.separator, self.has_header = separator, has_header
        kinds: dict[str, pl.DataType] = {"ts": _INT if time in _EPOCH else _TEXT, "skip": _TEXT}
        self.columns = {
            f"skip_{place}" if name == "skip" else name: kinds.get(name, _NUMBER)
            for place, name in enumerate(names)
        }
        self.may_be_empty = frozenset(name for name in self.columns if name.startswith("skip_"))  # type: ignore[misc]

    def instants(self, _context: FileContext) -> pl.Expr:
        """As declared."""
        if self._time in _EPOCH:
            return epoch_to_utc(pl.col("ts"), _EPOCH[self._time])
        wall = pl.col("ts").str.strip_chars().str.to_datetime(self._time, time_unit="us", strict=False)
        return wall_to_utc(wall, self._zone)

    def values(self) -> dict[str, pl.Expr]:
        """The fields as they are."""
        return {name: pl.col(name) for name in VALUES if name in self.columns}


class ParquetBars:
    """Parquet files with a column for each value, named like it or as declared.

    Parameters
    ----------
    columns : mapping of str to str, optional
        From ts, open, high, low, close, volume to the names in the file.
    zone : str
        Clock of times that are stored without a zone.
    """

    name_pattern = None

    def __init__(self, columns: Mapping[str, str] | None = None, zone: str = "UTC") -> None:
        self._columns = {name: name for name in ("ts", *VALUES)} | dict(columns or {})
        self._zone = checked_zone(zone, "parquet")

    def read(self, path: Path) -> pl.DataFrame:
        """The rows of one file, numbered from 1."""
        try:
            frame = pl.read_parquet(path)
            time = frame.schema[self._columns["ts"]]
            ts = pl.col(self._columns["ts"])
            if not isinstance(time, pl.Datetime):
                raise ProviderDataError(
                    f"{path.name}: column {self._columns['ts']} is {time}, expected a datetime"
                )
            instant = (
                ts.dt.epoch("us") if time.time_zone else wall_to_utc(ts.cast(pl.Datetime("us")), self._zone)
            )
            has_volume = self._columns["volume"] in frame.columns
            values = [
                pl.col(self._columns[name]).cast(pl.Float64).alias(name)
                for name in VALUES
                if name != "volume" or has_volume
            ]
            lines = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("source_line")
            return frame.select(lines, instant.alias("ts"), *values, pl.lit(0, pl.UInt8).alias("defect"))
        except (pl.exceptions.PolarsError, KeyError, OSError) as error:
            raise ProviderDataError(f"{path.name} cannot be read as bars: {error}") from error


_FORMATS: dict[str, type[Any]] = {"lean": LeanBars, "csv": CsvBars, "parquet": ParquetBars}


def load_bar_format(source: BarSource) -> Any:
    """The declared format with its options.

    Raises
    ------
    SettingsError
        There is no such format, or it does not take an option.
    """
    if source.format not in _FORMATS:
        raise SettingsError(
            f"bar format {source.format!r} does not exist; choose one of {', '.join(_FORMATS)}"
        )
    try:
        return _FORMATS[source.format](**source.options)
    except TypeError as error:
        raise SettingsError(f"bar format {source.format!r}: {error}") from error


def read_bars(file: DeclaredFile, bar_format: Any, limits: ArchiveLimits) -> pl.DataFrame:
    """Every line of a file: ``source_file, source_line, ts`` (microseconds), prices, ``defect`` and ``text``.

    Notes
    -----
    Bars are few beside ticks, so a file is read whole, within the limits on what it may unpack to.
    """
    if isinstance(bar_format, ParquetBars):
        rows = bar_format.read(file.path)
        return _completed(rows.with_columns(text=pl.lit("")), file.name)
    parts = []
    for member in member_names(file.path, limits):
        label = f"{file.name}/{member}" if member else file.name
        context = FileContext(file.instrument, file.day, label, chunk_bytes=1 << 26)
        with opened(file.path, member, limits) as stream:
            for chunk in bar_format.chunks(stream, context):
                text = chunk.texts(chunk.ticks["source_line"]).alias("text")
                parts.append(_completed(chunk.ticks.with_columns(text), label))
    schema = {
        "source_line": _INT,
        "ts": _INT,
        **dict.fromkeys(VALUES, _NUMBER),
        "defect": pl.UInt8(),
        "text": _TEXT,
    }
    return pl.concat([_completed(pl.DataFrame(schema=schema), ""), *parts])


def _completed(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    if "volume" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.Float64).alias("volume"))
    return rows.select(pl.lit(label).alias("source_file"), "source_line", "ts", *VALUES, "defect", "text")
