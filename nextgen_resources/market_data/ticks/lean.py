"""LEAN tick files: milliseconds since midnight in a zip for each day, equity prices times ten thousand."""

from __future__ import annotations

from typing import Literal

import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.ticks import FileContext
from nextgen_resources.market_data.ticks.clocks import since_midnight_to_utc
from nextgen_resources.market_data.ticks.delimited import FLAGGED, DelimitedFormat

_INT, _NUMBER, _TEXT = pl.Int64(), pl.Float64(), pl.String()
_TAIL: dict[str, pl.DataType] = {"exchange": _TEXT, "condition": _TEXT, "suspicious": _INT}
_COLUMNS: dict[tuple[str, str], dict[str, pl.DataType]] = {
    ("equity", "trade"): {"ms": _INT, "price": _NUMBER, "quantity": _NUMBER, **_TAIL},
    ("equity", "quote"): {"ms": _INT, "bid": _NUMBER, "bid_quantity": _NUMBER, "ask": _NUMBER,
                          "ask_quantity": _NUMBER, **_TAIL},
    ("forex", "quote"): {"ms": _INT, "bid": _NUMBER, "ask": _NUMBER},
    ("crypto", "trade"): {"ms": _INT, "price": _NUMBER, "quantity": _NUMBER},
    ("crypto", "quote"): {"ms": _INT, "bid": _NUMBER, "bid_quantity": _NUMBER, "ask": _NUMBER,
                          "ask_quantity": _NUMBER},
}  # fmt: skip


class Format(DelimitedFormat):
    """Ticks of one security on one day, which the path names: ``.../ibm/20131007_trade.zip``.

    Parameters
    ----------
    security : {'equity', 'forex', 'crypto'}
        Equities keep the wall clock of New York and prices times ten thousand, the others UTC and prices.
    kind : {'trade', 'quote'}
        Quotes of equities update one side a line; the other side is zero, which means no statement.
    """

    may_be_empty = frozenset({"exchange", "condition"})

    def __init__(
        self, security: Literal["equity", "forex", "crypto"], kind: Literal["trade", "quote"]
    ) -> None:
        if (security, kind) not in _COLUMNS:
            allowed = ", ".join(f"{one} {other}" for one, other in _COLUMNS)
            raise SettingsError(f"tick format 'lean': {security} {kind} is unknown; expected {allowed}")
        self.kind = kind
        self.columns = _COLUMNS[security, kind]
        self._is_equity = security == "equity"
        self._zone = "America/New_York" if self._is_equity else "UTC"
        self.copies_are_errors = kind == "quote" and not self._is_equity
        self.sides_may_lack = kind == "quote" and self._is_equity
        self.name_pattern = rf"(?:.*/)?(?P<instrument>[^/]+)/(?P<day>\d{{8}})_{kind}\.zip"

    def instants(self, context: FileContext) -> pl.Expr:
        """Milliseconds since the midnight that the file is named for."""
        if context.day is None:
            raise ProviderDataError(
                f"{context.label}: its name does not tell the day, and its times count from midnight; "
                "declare a pattern with the group day"
            )
        return since_midnight_to_utc(pl.col("ms") * 1_000, context.day, self._zone)

    def values(self) -> dict[str, pl.Expr]:
        """Prices in the listing currency; sides that a line says nothing of are null."""
        if self.kind == "trade":
            return {"last": self._price("price"), "size": pl.col("quantity")}
        found = {"bid": self._price("bid"), "ask": self._price("ask")}
        if "bid_quantity" in self.columns:
            found |= {
                "bid_size": pl.when(found["bid"].is_not_null()).then(pl.col("bid_quantity")),
                "ask_size": pl.when(found["ask"].is_not_null()).then(pl.col("ask_quantity")),
            }
        return found

    def flaw(self, _instrument: str) -> pl.Expr | None:
        """Equity ticks that the vendor marked as suspicious."""
        if not self._is_equity:
            return None
        return pl.when(pl.col("suspicious") != 0).then(FLAGGED).otherwise(0)

    def _price(self, name: str) -> pl.Expr:
        # Polars divides by a constant through its reciprocal, which misses the last bit of many prices.
        price = (pl.col(name) / 10_000).round(4) if self._is_equity else pl.col(name)
        return pl.when(price != 0).then(price) if self.sides_may_lack else price
