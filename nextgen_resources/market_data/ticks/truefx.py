"""TrueFX quotes: ``EUR/USD,20140501 00:00:00.123,1.38676,1.38686``, in UTC, the pair on every line."""

from __future__ import annotations

import polars as pl

from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import wall_to_utc
from nextgen_resources.market_data.ticks.delimited import OTHER_INSTRUMENT, DelimitedFormat


class Format(DelimitedFormat):
    """Quotes of one pair; a line of another pair than the declared instrument is not a tick of it."""

    columns = {"pair": pl.String(), "time": pl.String(), "bid": pl.Float64(), "ask": pl.Float64()}

    def instants(self, _context: FileContext) -> pl.Expr:
        """``YYYYMMDD HH:MM:SS.mmm`` in UTC."""
        wall = pl.col("time").str.to_datetime("%Y%m%d %H:%M:%S%.3f", time_unit="us", strict=False)
        return wall_to_utc(wall, "UTC")

    def values(self) -> dict[str, pl.Expr]:
        """Both sides of the quote."""
        return {"bid": pl.col("bid"), "ask": pl.col("ask")}

    def flaw(self, instrument: str) -> pl.Expr | None:
        """The pair without its slash must be the instrument."""
        pair = pl.col("pair").str.replace("/", "", literal=True)
        return pl.when(pair != instrument).then(OTHER_INSTRUMENT).otherwise(0)
