"""Binance public data: trades, aggregated trades and best quotes, as the exchange publishes them by day."""

from __future__ import annotations

from typing import Literal

import polars as pl

from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import epoch_to_utc
from nextgen_resources.market_data.ticks.delimited import DelimitedFormat

_INT, _NUMBER, _TEXT = pl.Int64(), pl.Float64(), pl.String()
_FILES: dict[str, dict[str, pl.DataType]] = {
    "trades": {"id": _INT, "price": _NUMBER, "qty": _NUMBER, "quote_qty": _NUMBER, "time": _INT,
               "is_buyer_maker": _TEXT, "is_best_match": _TEXT},
    "agg_trades": {"agg_trade_id": _INT, "price": _NUMBER, "quantity": _NUMBER, "first_trade_id": _INT,
                   "last_trade_id": _INT, "transact_time": _INT, "is_buyer_maker": _TEXT, "is_best_match": _TEXT},
    "book_ticker": {"update_id": _INT, "best_bid_price": _NUMBER, "best_bid_qty": _NUMBER,
                    "best_ask_price": _NUMBER, "best_ask_qty": _NUMBER, "transaction_time": _INT,
                    "event_time": _INT},
}  # fmt: skip
_TIME = {"trades": "time", "agg_trades": "transact_time", "book_ticker": "transaction_time"}
_IDENTITY = {"trades": "id", "agg_trades": "agg_trade_id", "book_ticker": "update_id"}


class Format(DelimitedFormat):
    """One symbol of one market.

    Parameters
    ----------
    file : {'trades', 'agg_trades', 'book_ticker'}
        Which of the files.
    market : {'spot', 'futures'}
        Trades of futures lack the last column, ``is_best_match``.
    has_header : bool
        Whether the first line names the columns, as it does in newer files of futures.
    unit : {'ms', 'us'}
        Of the times; spot files count microseconds from 2025 on.
    """

    def __init__(
        self,
        file: Literal["trades", "agg_trades", "book_ticker"],
        market: Literal["spot", "futures"] = "spot",
        has_header: bool = False,
        unit: Literal["ms", "us"] = "ms",
    ) -> None:
        if file not in _FILES or market not in {"spot", "futures"} or unit not in {"ms", "us"}:
            raise SettingsError(
                f"tick format 'binance': found file={file!r}, market={market!r}, unit={unit!r}; expected file "
                f"one of {', '.join(_FILES)}, market spot or futures, unit ms or us"
            )
        self._file, self._unit = file, unit
        self.kind = "quote" if file == "book_ticker" else "trade"
        self.columns = {
            name: kind for name, kind in _FILES[file].items() if market == "spot" or name != "is_best_match"
        }
        if has_header:
            self.header = tuple(self.columns)

    def instants(self, _context: FileContext) -> pl.Expr:
        """The time of the transaction, in the declared unit."""
        return epoch_to_utc(pl.col(_TIME[self._file]), "us" if self._unit == "us" else "ms")

    def values(self) -> dict[str, pl.Expr]:
        """Price and quantity of the trade, or both sides of the book; every row has an identity."""
        identity = {"identity": pl.col(_IDENTITY[self._file])}
        if self._file == "book_ticker":
            return identity | {
                "bid": pl.col("best_bid_price"),
                "ask": pl.col("best_ask_price"),
                "bid_size": pl.col("best_bid_qty"),
                "ask_size": pl.col("best_ask_qty"),
            }
        size = "qty" if self._file == "trades" else "quantity"
        return identity | {"last": pl.col("price"), "size": pl.col(size)}
