"""Real faults with their repaired form, and clean series with planted faults, as the audit's input."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

SHARED = Path(__file__).parents[3] / "shared" / "data"
CASES = SHARED / "yahoo_bad_vs_fixed" / "cases.parquet"
SP500 = SHARED / "sp500_daily_2003_2017" / "ohlcv_raw_adj_actions.parquet"
NOTICES = ("stale_run",)
"""Findings that state a fact and are no fault of the source."""

EXPECTED = {
    "bad-div": ("dividend_",),
    "missing-div-adjust": ("dividend_not_adjusted",),
    "bad-stock-split": ("split_", "bad_print"),
    "100x-error": ("unit_switch", "price_100x"),
    "bad-unit": ("unit_switch", "price_100x"),
    "cg-double-count": ("capital_gain_",),
    "no-bad-divs": (),
}
"""Findings that name the fault of a case, by the beginning of their codes."""


def fault_class(case: str) -> str:
    """The fault that the name of a case states."""
    bare = case.removesuffix("-fixed")
    return next((name for name in EXPECTED if bare.endswith(name)), "other")


def cases(path: Path = CASES) -> dict[str, pl.DataFrame]:
    """The series by their interval: ``daily``, and ``other`` for weeks and minutes."""
    raw = pl.read_parquet(path)
    columns = {
        "ticker": "case",
        "adjusted_close": "adj_close",
        "dividend": "dividends",
        "split_ratio": "stock_splits",
        "capital_gain": "capital_gains",
    }
    is_daily = pl.col("case").str.contains("-1d-")
    frames = {}
    for interval, mine in (("daily", is_daily), ("other", ~is_daily)):
        part = raw.filter(mine)
        text = pl.col("date").str
        day = text.slice(0, 10).str.to_date() if interval == "daily" else text.slice(0, 19).str.to_datetime()
        frames[interval] = part.select(
            *(pl.col(found).alias(name) for name, found in columns.items()),
            day.alias("session_date"),
            "open",
            "high",
            "low",
            "close",
            "volume",
        )
    return frames


def sp500(tickers: int | None = None) -> pl.DataFrame:
    """Bars as traded with dividends, splits and an adjusted close."""
    raw = pl.read_parquet(SP500)
    if tickers is not None:
        names = raw["ticker"].unique().sort()
        raw = raw.filter(pl.col("ticker").is_in(names.gather_every(max(1, len(names) // tickers)).to_list()))
    return raw.select(
        "ticker", pl.col("date").alias("session_date"), "open", "high", "low", "close", "volume",
        "adjusted_close", pl.col("dividend_amount").alias("dividend"),
        pl.col("split_coefficient").alias("split_ratio"), pl.lit(None, pl.Float64).alias("capital_gain"),
    )  # fmt: skip


PRICES = ("open", "high", "low", "close")
Planted = tuple[list[str], Callable[[Any], Any], str]
_PLANTS: dict[str, Planted] = {
    "one bar times 100": ([*PRICES, "adjusted_close"], lambda value: value * 100, "unit_switch"),
    "one price times 100": (["high"], lambda value: value * 100, "price_100x"),
    "one bar times 10 and back": ([*PRICES, "adjusted_close"], lambda value: value * 10, "bad_print"),
    "low a tenth": (["low"], lambda value: value / 10, "bad_print"),
    "dividend times 100": (["dividend"], lambda value: value * 100, "dividend_"),
    "dividend a hundredth": (["dividend"], lambda value: value / 100, "dividend_"),
    "dividend left out": (["dividend"], lambda _: 0.0, "dividend_missing"),
    "phantom dividend": (["dividend"], lambda _: 0.5, "dividend_"),
    "split left out": (["split_ratio"], lambda _: 1.0, "split_missing|dividend_missing"),
    "split upside down": (["split_ratio"], lambda value: 1 / value, "split_contradicts_prices"),
}


def planted(
    bars: pl.DataFrame, seed: int = 5, each: int = 40
) -> dict[str, tuple[pl.DataFrame, list[tuple[str, date]], str]]:
    """For every kind of fault the bars with some of it planted: the frame, where, and the code expected."""
    draw, made = random.Random(seed), {}
    numbered = bars.sort("ticker", "session_date").with_row_index("place")
    # an ordinary place: not beside an action, not at either end
    quiet = (pl.col("dividend") == 0) & (pl.col("split_ratio") == 1)
    inner = pl.int_range(pl.len()).over("ticker").is_between(60, pl.len().over("ticker") - 10)
    paid = (pl.col("dividend") / pl.col("close")).is_between(0.002, 0.05) & (pl.col("split_ratio") == 1)
    split = (pl.col("split_ratio") - 1).abs() > 0.4
    for name, (columns, change, code) in _PLANTS.items():
        fits = paid if name.startswith("dividend") else split if name.startswith("split") else quiet
        places = numbered.filter(fits & inner)["place"].to_list()
        chosen = sorted(draw.sample(places, min(each, len(places))))
        at = pl.col("place").is_in(chosen)
        changed = numbered.with_columns(
            pl.when(at).then(change(pl.col(column).cast(pl.Float64)))
            .otherwise(pl.col(column).cast(pl.Float64)).alias(column)
            for column in columns
        )  # fmt: skip
        made[name] = (changed.drop("place"), changed.filter(at).select("ticker", "session_date").rows(), code)
    return made
