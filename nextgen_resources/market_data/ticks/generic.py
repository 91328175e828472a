"""Any other text of ticks, its columns, clock and unit declared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import polars as pl

from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import checked_zone, epoch_to_utc, wall_to_utc
from nextgen_resources.market_data.ticks.delimited import DelimitedFormat

_EPOCH: dict[str, Literal["s", "ms", "us", "ns"]] = {
    "epoch_s": "s", "epoch_ms": "ms", "epoch_us": "us", "epoch_ns": "ns",
}  # fmt: skip
_VALUES = ("bid", "ask", "last", "size", "bid_size", "ask_size", "identity")
MEANINGS = ("ts", *_VALUES, "skip")


class Format(DelimitedFormat):
    """Lines of separated fields.

    Parameters
    ----------
    columns : iterable of str
        What each field is, in order: ts, bid, ask, last, size, bid_size, ask_size, identity (a whole
        number that no two trades share) or skip.
    time : str
        ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``, ``iso`` (with an offset or Z, or naive in
        ``zone``), or a pattern such as ``%d.%m.%Y %H:%M:%S%.f``.
    zone : str
        Clock of times without an offset: UTC, EST (no daylight saving) or an IANA name.
    separator : str
        One character.
    has_header : bool
        Whether the first line holds names; they are not looked at, the declaration counts.
    price_scale : float
        What prices are divided by.
    one_sided : bool
        Whether a quote may state one side only, the other field being empty or zero.
    """

    def __init__(
        self,
        columns: Iterable[str],
        time: str,
        zone: str = "UTC",
        separator: str = ",",
        has_header: bool = False,
        price_scale: float = 1.0,
        one_sided: bool = False,
    ) -> None:
        names = list(columns)
        self._refuse_senseless(names, separator, price_scale)
        self._time, self._zone, self._scale = time, checked_zone(zone, "generic"), price_scale
        if time not in _EPOCH and time != "iso" and "%" not in time:
            raise SettingsError(
                f"tick format 'generic': time is {time!r}, expected {', '.join(_EPOCH)}, iso or a pattern with %"
            )
        self.separator, self.has_header = separator, has_header
        self.columns = {
            f"skip_{place}" if name == "skip" else name: self._type_of(name)
            for place, name in enumerate(names)
        }
        self.kind = "trade" if "last" in names else "quote"
        self.copies_are_errors = self.kind == "quote" or "identity" in names
        self.sides_may_lack = one_sided
        sides = ("bid", "ask", "bid_size", "ask_size") if one_sided else ()
        skipped = (name for name in self.columns if name.startswith("skip_"))
        self.may_be_empty = frozenset((*skipped, *sides))  # type: ignore[misc]

    def instants(self, _context: FileContext) -> pl.Expr:
        """As declared."""
        if self._time in _EPOCH:
            return epoch_to_utc(pl.col("ts"), _EPOCH[self._time])
        text = pl.col("ts").str.strip_chars().str.strip_chars('"')
        if self._time != "iso":
            return wall_to_utc(text.str.to_datetime(self._time, time_unit="us", strict=False), self._zone)
        text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})T", "${1} ").str.replace(r"Z$", "+00:00")
        zoned = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False, time_zone="UTC")
        naive = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        return pl.coalesce(zoned.dt.epoch("us"), wall_to_utc(naive, self._zone))

    def values(self) -> dict[str, pl.Expr]:
        """Prices divided by their scale; a side that is not stated is null."""
        found = {}
        for name in _VALUES:
            if name not in self.columns:
                continue
            value = pl.col(name)
            if name in {"bid", "ask", "last"} and self._scale != 1.0:
                value = value / self._scale
                if (digits := math.log10(self._scale)) == int(digits) > 0:
                    value = value.round(int(digits))  # a constant divides through its reciprocal
            if name in {"bid", "ask"} and self.sides_may_lack:
                value = pl.when(value != 0).then(value)
            found[name] = value
        return found

    def _type_of(self, name: str) -> pl.DataType:
        if name == "ts":
            return pl.Int64() if self._time in _EPOCH else pl.String()
        return pl.String() if name == "skip" else pl.Int64() if name == "identity" else pl.Float64()

    def _refuse_senseless(self, names: list[str], separator: str, price_scale: float) -> None:
        problems = []
        if unknown := sorted(set(names) - set(MEANINGS)):
            problems.append(f"columns {unknown} mean nothing here, choose from {', '.join(MEANINGS)}")
        if doubled := sorted({name for name in names if name != "skip" and names.count(name) > 1}):
            problems.append(f"columns {doubled} are declared twice")
        if "ts" not in names or not {"last", "bid", "ask"} & set(names):
            problems.append(f"columns {names} lack ts, or a price (last, or bid and ask)")
        if "last" in names and {"bid", "ask"} & set(names):
            problems.append("a line is a trade (last) or a quote (bid, ask), not both")
        if len(separator) != 1 or separator in '\n\r"':
            problems.append(f"separator is {separator!r}, expected one character")
        if not 0 < price_scale < float("inf"):
            problems.append(f"price_scale is {price_scale}, expected a positive number")
        if problems:
            raise SettingsError("tick format 'generic': " + "; ".join(problems))
