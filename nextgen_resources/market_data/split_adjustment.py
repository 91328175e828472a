"""Prices that a source has divided by later splits, back as they were traded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.file_bars import TablePart

PricesAre = Literal["layout", "traded", "split_adjusted"]
SPLIT_ADJUSTED_LAYOUTS = frozenset({"yahoo"})
"""Layouts whose publishers divide prices, and multiply volumes, by every split until the day of download."""

_PRICES = ("open", "high", "low", "close")
_QUOTED_DECIMALS = 4


def checked_prices(prices: str) -> PricesAre:
    """``prices`` if it is one of the choices, else a `SettingsError` with their names."""
    if prices not in get_args(PricesAre):
        raise SettingsError(f"files: prices is {prices!r}, expected one of {', '.join(get_args(PricesAre))}")
    return prices  # type: ignore[return-value]


def as_traded(
    part: TablePart, prices: PricesAre, actions_path: Path | None, actions: pl.DataFrame
) -> pl.DataFrame:
    """The bars of one table as traded: prices times, and volumes over, the splits that came after them.

    Parameters
    ----------
    actions : polars.DataFrame
        Of ``actions_path``: ticker, ex_date, kind, split_ratio.

    Raises
    ------
    ProviderDataError
        The prices are adjusted and no list says for which splits: read as traded they would be wrong in silence.

    Notes
    -----
    The adjusted close stays as it is: with the close as traded, its steps contain the splits too. Prices are
    rounded to the four decimals of a US quote.
    """
    is_adjusted = part.layout in SPLIT_ADJUSTED_LAYOUTS if prices == "layout" else prices == "split_adjusted"
    if not is_adjusted:
        return part.bars
    if actions_path is None:
        raise ProviderDataError(
            f"files: {part.label} is in the layout {part.layout}, whose prices are divided by later splits. Name a "
            "list of the splits in actions_path (one with only a header says that there were none), or set the "
            "option prices to traded if yours are as traded."
        )
    splits = actions.filter(pl.col("kind") == "split").select("ticker", "ex_date", "split_ratio")
    later = (
        part.bars.select("ticker", "session_date")
        .unique()
        .join(splits, on="ticker")
        .filter(pl.col("ex_date") > pl.col("session_date"))
        .group_by("ticker", "session_date")
        .agg(_later=pl.col("split_ratio").product())
    )
    factor = pl.col("_later").fill_null(1.0)
    joined = part.bars.join(later, on=["ticker", "session_date"], how="left", maintain_order="left")
    changed = {name: (pl.col(name) * factor).round(_QUOTED_DECIMALS) for name in _PRICES}
    changed["volume"] = (pl.col("volume") / factor).round(0)
    if "dividend_amount" in part.bars.columns:
        changed["dividend_amount"] = (pl.col("dividend_amount") * factor).round(6)
    is_untouched = pl.col("_later").is_null()
    return joined.with_columns(
        pl.when(is_untouched).then(name).otherwise(value).alias(name) for name, value in changed.items()
    ).drop("_later")
