"""LEAN's factor and map files as stated actions and listings.

A factor file holds, per security, ``date,price_factor,split_factor,ref_price``: bars up to ``date`` are adjusted by
the factors of its row, so between two rows lie a dividend and a split with the session after ``date`` as ex-session.
A map file holds ``until,ticker,exchange``: up to ``until`` the security traded as ``ticker``. Both are read from a
folder with one file per security and no header, as LEAN ships them (``aapl.csv``), or from one CSV with a header
whose first column names the security.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import ACTION_SCHEMA, TICKER_PATTERN

_FACTORS = ("date", "price_factor", "split_factor", "ref_price")
_NAMES = ("until", "ticker", "exchange")
_OPEN_END = date(2050, 1, 1)
_SMALLEST_STEP = 1e-9
_LONGEST_CLOSE = timedelta(days=10)
"""Days without a bar after which the next one is not the ex-session any more."""

NO_FACTORS = pl.DataFrame(
    schema={"security": pl.String(), "date": pl.Date()} | dict.fromkeys(_FACTORS[1:], pl.Float64())
)
NO_NAMES = pl.DataFrame(
    schema={"security": pl.String(), "ticker": pl.String(), "first": pl.Date(), "last": pl.Date()}
)


def read_factors(path: Path) -> pl.DataFrame:
    """Factor files: security, date, price_factor, split_factor, ref_price, sorted by security and date.

    Raises
    ------
    ProviderDataError
        A file cannot be read, or a factor is not a positive number; names file and row.
    """
    text = _table(path, _FACTORS)
    numbers = [pl.col(name).cast(pl.Float64, strict=False) for name in _FACTORS[1:]]
    rows = text.with_columns(_day("date"), *numbers)
    bad = rows.filter(
        pl.any_horizontal(pl.col("date").is_null(), *(pl.col(name).is_null() for name in _FACTORS[1:]))
        | ~(pl.col("price_factor") > 0)
        | ~(pl.col("split_factor") > 0)
    )
    _refuse(path, bad, "a day YYYYMMDD and positive factors")
    return rows.sort("security", "date")


def read_names(path: Path) -> pl.DataFrame:
    """Map files as spans: security, ticker, first, last (days, both included), sorted by security and first.

    Raises
    ------
    ProviderDataError
        A file cannot be read, or names no ticker; names file and row.
    """
    rows = _table(path, _NAMES).with_columns(_day("until"), pl.col("ticker").str.to_uppercase())
    is_ticker = pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
    _refuse(path, rows.filter(pl.col("until").is_null() | ~is_ticker), "a day YYYYMMDD and a ticker")
    rows = rows.sort("security", "until", maintain_order=True)
    before = pl.col("until").shift(1).over("security")
    spans = rows.with_columns(first=(before + timedelta(days=1)).fill_null(pl.col("until")))
    # The first row only says when the listing began, under the name of the second.
    begins = pl.col("until").shift(1).over("security") == pl.col("until").first().over("security")
    is_first = pl.int_range(pl.len()).over("security") == 0
    is_alone = pl.len().over("security") == 1
    first = pl.when(begins & (pl.col("ticker") == pl.col("ticker").shift(1).over("security"))).then(before)
    spans = spans.with_columns(first=pl.coalesce(first, "first")).filter(~is_first | is_alone)
    return spans.select("security", "ticker", "first", pl.col("until").alias("last"))


def lean_actions(factors: pl.DataFrame, names: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Splits, dividends, renames and delistings: ``ACTION_SCHEMA``, sorted by ticker, ex_date and kind.

    Parameters
    ----------
    factors, names : polars.DataFrame
        Of `read_factors` and `read_names`; either may be empty. Without names a security is its own ticker.
    bars : polars.DataFrame
        ticker and session_date: an ex-session is the first bar after the day that a file names.

    Notes
    -----
    LEAN deducts a dividend from the reference price before: ``price_factor`` steps by ``1 - cash / ref_price``,
    the cash per share before a split of the day; ours is per share after it. A step without a reference price
    (LEAN writes 1 or 0 there where it has none) tells no cash and is left out, as is one without bars around it.
    """
    following = [pl.col(name).shift(-1).over("security").alias(f"next_{name}") for name in _FACTORS[1:3]]
    steps = factors.with_columns(following).drop_nulls("next_price_factor")
    steps = steps.with_columns(
        ratio=pl.col("next_split_factor") / pl.col("split_factor"),
        share=1 - pl.col("price_factor") / pl.col("next_price_factor"),
    )
    placed = _of_the_day(steps, names, bars)
    key = {"ticker": pl.col("ticker"), "ex_date": pl.col("ex_date")}
    nothing = {name: pl.lit(None, dtype) for name, dtype in ACTION_SCHEMA.items()}
    splits = placed.filter((pl.col("ratio") - 1).abs() > _SMALLEST_STEP).select(
        **{**nothing, **key, "kind": pl.lit("split"), "split_ratio": pl.col("ratio")}
    )
    cash = (pl.col("ref_price") * pl.col("share") / pl.col("ratio")).round(6)
    paid = placed.filter((pl.col("share") > _SMALLEST_STEP) & (pl.col("ref_price") > 1) & (cash > 0))
    dividends = paid.select(**{**nothing, **key, "kind": pl.lit("dividend"), "cash_amount_usd": cash})
    actions = pl.concat([splits, dividends, _changes_of_name(names, bars)])
    return actions.select(list(ACTION_SCHEMA)).sort("ticker", "ex_date", "kind")


def lean_listings(names: pl.DataFrame, bars: pl.DataFrame, labels: dict[str, str]) -> pl.DataFrame:
    """One row per span of a name that has bars: columns of ``LISTING_SCHEMA``; the security is ``lean:NAME``."""
    inside = bars.select("ticker", "session_date").join(names, on="ticker")
    inside = inside.filter(pl.col("session_date").is_between("first", "last"))
    spans = inside.group_by("security", "ticker", "last").agg(
        first_session=pl.col("session_date").min(), last_bar=pl.col("session_date").max()
    )
    return spans.select(
        "ticker",
        pl.format("lean:{}", "security").alias("security_id"),
        pl.col("ticker").alias("name"),
        *(pl.lit(text).alias(label) for label, text in labels.items()),
        "first_session",
        pl.when(pl.col("last") < _OPEN_END).then("last_bar").alias("last_session"),
    ).sort("ticker", "first_session")


def _of_the_day(steps: pl.DataFrame, names: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """The steps with the ticker and the ex-session that their security had."""
    own = steps.select("security").unique().with_columns(ticker="security", first=date.min, last=date.max)
    unnamed = own.join(names, on="security", how="anti").select(names.columns)
    spans = pl.concat([names, unnamed])
    days = (
        bars.select("ticker", "session_date")
        .unique()
        .sort("session_date")
        .with_columns(ex_date="session_date")
    )
    candidates = steps.join(spans.select("security", "ticker", "first", "last"), on="security")
    after = candidates.with_columns(after=pl.col("date") + timedelta(days=1)).sort("after")
    found = after.join_asof(
        days,
        left_on="after",
        right_on="session_date",
        by="ticker",
        strategy="forward",
        tolerance=_LONGEST_CLOSE,
        check_sortedness=False,
    )
    inside = found.filter(pl.col("ex_date").is_between("first", "last")).sort("ex_date", "ticker")
    inside = inside.unique(["security", "date"], keep="first", maintain_order=True)
    # Where the map gives a ticker to one security, another one that only is called like it has no say.
    held = names.select("ticker", holder="security", begin="first", end="last")
    others = inside.join(held, on="ticker").filter(
        pl.col("ex_date").is_between("begin", "end") & (pl.col("holder") != pl.col("security"))
    )
    return inside.join(others, on=["security", "date"], how="anti", maintain_order="left")


def _changes_of_name(names: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    known = set(bars["ticker"].unique())
    rows: list[dict[str, Any]] = []
    for (_,), spans in names.group_by("security", maintain_order=True):
        mine = spans.sort("first").rows(named=True)
        for now, later in zip(mine, [*mine[1:], None], strict=True):
            change = {"ticker": now["ticker"], "ex_date": now["last"] + timedelta(days=1)}
            if now["ticker"] not in known:
                continue
            if later is None and now["last"] < _OPEN_END:
                rows.append({**change, "kind": "delisting"})
            elif later is not None and later["ticker"] != now["ticker"]:
                rows.append({**change, "kind": "rename", "new_ticker": later["ticker"]})
    return pl.DataFrame(rows, schema=dict(ACTION_SCHEMA))


def _table(path: Path, fields: tuple[str, ...]) -> pl.DataFrame:
    """All rows as text, with the column security."""
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    parts = []
    for file in files:
        try:
            rows = pl.read_csv(file, has_header=not path.is_dir(), infer_schema=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ProviderDataError(f"files: {file} cannot be read: {error}") from error
        if path.is_dir():
            rows = rows.insert_column(0, pl.lit(file.stem.upper()).alias("security"))
        if rows.width < len(fields) + (0 if "exchange" in fields else 1):
            raise ProviderDataError(
                f"files: {file} has {rows.width} columns, expected {', '.join(fields)}"
                f"{'' if path.is_dir() else ' after the security'}; name LEAN's factor or map files."
            )
        rows = rows.rename(dict(zip(rows.columns, ("security", *fields), strict=False)))
        absent = [pl.lit(None, pl.String).alias(name) for name in fields if name not in rows.columns]
        parts.append(rows.with_columns(absent).select("security", *fields))
    if not parts:
        raise ProviderDataError(f"files: no CSV in {path}; name LEAN's folder of factor or map files.")
    return pl.concat(parts).with_columns(pl.col("security").str.to_uppercase())


def _day(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


def _refuse(path: Path, bad: pl.DataFrame, expected: str) -> None:
    if bad.height:
        raise ProviderDataError(f"files: {path}: {bad.row(0)} is no row of LEAN; expected {expected}.")
