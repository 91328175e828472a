"""Dukascopy quotes as CSV: JForex exports with a readable time, or epoch milliseconds, ask before bid."""

from __future__ import annotations

from typing import Literal

import polars as pl

from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import epoch_to_utc, wall_to_utc
from nextgen_resources.market_data.ticks.delimited import DelimitedFormat

_HEADERS = {
    "gmt": ("Gmt time", "Ask", "Bid", "AskVolume", "BidVolume"),
    "epoch_ms": ("timestamp", "askPrice", "bidPrice", "askVolume", "bidVolume"),
}


class Format(DelimitedFormat):
    """Quotes of one instrument with sizes.

    Parameters
    ----------
    time : {'gmt', 'epoch_ms'}
        ``01.05.2014 00:00:00.123`` under the header ``Gmt time,Ask,Bid,AskVolume,BidVolume``, or
        milliseconds since 1970 under ``timestamp,askPrice,bidPrice,askVolume,bidVolume``.
    """

    def __init__(self, time: Literal["gmt", "epoch_ms"] = "gmt") -> None:
        if time not in _HEADERS:
            raise SettingsError(f"tick format 'dukascopy': time is {time!r}, expected gmt or epoch_ms")
        self.header = _HEADERS[time]
        self._is_text = time == "gmt"
        numbers = dict.fromkeys(("ask", "bid", "ask_size", "bid_size"), pl.Float64())
        self.columns = {"time": pl.String() if self._is_text else pl.Int64(), **numbers}

    def instants(self, _context: FileContext) -> pl.Expr:
        """UTC in both forms."""
        if not self._is_text:
            return epoch_to_utc(pl.col("time"), "ms")
        wall = pl.col("time").str.to_datetime("%d.%m.%Y %H:%M:%S%.3f", time_unit="us", strict=False)
        return wall_to_utc(wall, "UTC")

    def values(self) -> dict[str, pl.Expr]:
        """Both sides with their sizes, in the unit of the file (millions of the base currency for FX)."""
        return {name: pl.col(name) for name in ("bid", "ask", "bid_size", "ask_size")}
