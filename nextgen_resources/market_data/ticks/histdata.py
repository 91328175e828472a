"""HistData.com, ASCII tick quotes: ``20140501 000000123,1.38676,1.38686,0``, in EST without daylight saving."""

from __future__ import annotations

import polars as pl

from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import wall_to_utc
from nextgen_resources.market_data.ticks.compact_time import compact_wall
from nextgen_resources.market_data.ticks.delimited import DelimitedFormat


class Format(DelimitedFormat):
    """Quotes of one pair; the volume column is always zero and is left out."""

    columns = {"time": pl.String(), "bid": pl.Float64(), "ask": pl.Float64(), "volume": pl.Float64()}

    def instants(self, _context: FileContext) -> pl.Expr:
        """``YYYYMMDD HHMMSSmmm``, five hours behind UTC in winter and in summer."""
        return wall_to_utc(compact_wall(pl.col("time")), "EST")

    def values(self) -> dict[str, pl.Expr]:
        """Both sides of the quote."""
        return {"bid": pl.col("bid"), "ask": pl.col("ask")}
