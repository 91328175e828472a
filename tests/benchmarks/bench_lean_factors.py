"""Our adjustment beside the factor files of LEAN: event by event, to 1e-6, and where the sources disagree.

Bars are LEAN's own, as traded. Actions come from another source (the S&P 500 set); LEAN's come from its
factor files. For every ex-session of either the step of the adjustment is compared. A step is LEAN's
``price_factor * split_factor`` over the next one, and ours the same ratio of `adjusted_close` over close.

Run: ``python -m tests.benchmarks.bench_lean_factors`` (needs ../shared/data; prints why and stops without).
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import polars as pl

from nextgen_assets.domain.prices import adjusted_close
from nextgen_resources.market_data.files import Provider
from nextgen_resources.market_data.lean_files import read_factors, read_names

DATA = Path(__file__).parents[3] / "shared" / "data"
AGREE = 1e-6
TICKS = 2e-4
"""LEAN keeps factors to seven decimals and prices to a hundredth of a cent; below this a step is a rounding."""


def lean_bars() -> pl.DataFrame:
    """LEAN's bars: ticker, session_date, close."""
    bars = pl.read_parquet(DATA / "lean_daily_unadjusted" / "ohlcv_unadjusted.parquet")
    return bars.select("ticker", pl.col("date").cast(pl.Date).alias("session_date"), "close").sort(
        "ticker", "session_date"
    )


def lean_steps(bars: pl.DataFrame) -> pl.DataFrame:
    """ticker, session_date (the ex-session), lean: the factor of the session before over that of this one."""
    files = pl.read_csv(
        DATA / "lean_daily_unadjusted" / "factor_files.csv", schema_overrides={"date": pl.String}
    )
    files = files.with_columns(
        pl.col("date").str.to_date("%Y%m%d"), factor=pl.col("price_factor") * pl.col("split_factor")
    ).sort("ticker", "date")
    placed = bars.sort("session_date").join_asof(
        files.select("ticker", "date", "factor").sort("date"),
        left_on="session_date", right_on="date", by="ticker", strategy="forward", check_sortedness=False,
    )  # fmt: skip
    step = pl.col("factor").shift(1).over("ticker") / pl.col("factor")
    return placed.sort("ticker", "session_date").select("ticker", "session_date", lean=step)


def stated_actions(tickers: list[str]) -> pl.DataFrame:
    """Splits and dividends of the other source for ``tickers``."""
    source = DATA / "sp500_daily_2003_2017" / "ohlcv_raw_adj_actions.parquet"
    rows = pl.read_parquet(source, columns=["ticker", "date", "dividend_amount", "split_coefficient"])
    rows = rows.filter(pl.col("ticker").is_in(tickers)).with_columns(pl.col("date").cast(pl.Date))
    moved = (pl.col("dividend_amount") > 0) | (pl.col("split_coefficient") != 1.0)
    return rows.filter(moved).select(
        "ticker",
        ex_date="date",
        split_ratio=pl.col("split_coefficient"),
        cash_amount_usd=pl.when(pl.col("dividend_amount") > 0).then(
            pl.col("dividend_amount") / pl.col("split_coefficient")
        ),
    )


def compared() -> pl.DataFrame:
    """One row per ex-session of either source: ticker, session_date, lean, ours, verdict."""
    bars = lean_bars()
    source = stated_actions(bars["ticker"].unique().to_list())
    spans = source.group_by("ticker").agg(first=pl.col("ex_date").min(), last=pl.col("ex_date").max())
    bars = bars.join(spans, on="ticker").filter(pl.col("session_date").is_between("first", "last"))
    bars = bars.drop("first", "last").sort("ticker", "session_date")
    adjusted = adjusted_close(bars, source, bars["session_date"].max(), "previous_close")
    factor = pl.col("adjusted_close") / pl.col("close")
    ours = adjusted.select("ticker", "session_date", "close", ours=factor.shift(1).over("ticker") / factor)
    both = ours.join(lean_steps(lean_bars()), on=["ticker", "session_date"]).drop_nulls()
    difference = (pl.col("ours") - pl.col("lean")).abs()
    lean_moves, we_move = (pl.col("lean") - 1).abs() > 1e-9, (pl.col("ours") - 1).abs() > 1e-9
    verdict = (
        pl.when(~lean_moves & ~we_move)
        .then(None)
        .when(difference <= AGREE)
        .then(pl.lit("agree to 1e-6"))
        .when(lean_moves & we_move & (difference <= TICKS))
        .then(pl.lit("rounded: dividend or reference price to fewer digits"))
        .when(lean_moves & we_move)
        .then(pl.lit("differ: another amount or price"))
        .when(lean_moves)
        .then(pl.lit("only in LEAN"))
        .otherwise(pl.lit("only in the other source"))
    )
    return both.with_columns(verdict=verdict).filter(pl.col("verdict").is_not_null())


def from_factor_files() -> pl.DataFrame:
    """Steps by the provider ``files`` from LEAN's own files beside those files: ticker, session_date, lean, ours."""
    home = DATA / "lean_daily_unadjusted"
    provider = Provider(
        home / "ohlcv_unadjusted.parquet",
        factor_files=home / "factor_files.csv",
        map_files=home / "map_files.csv",
    )
    names, bars = read_names(home / "map_files.csv"), lean_bars()
    actions = provider.corporate_actions(bars["ticker"].unique().to_list(), date.min, date.max)
    assert actions is not None
    factors = read_factors(home / "factor_files.csv").with_columns(
        factor=pl.col("price_factor") * pl.col("split_factor")
    )
    # a security's bars are those of the ticker that it had on each day
    own = bars.join(names, on="ticker").filter(pl.col("session_date").is_between("first", "last"))
    placed = own.sort("session_date").join_asof(
        factors.select("security", "date", "factor").sort("date"),
        left_on="session_date", right_on="date", by="security", strategy="forward", check_sortedness=False,
    ).drop_nulls("factor").sort("security", "session_date")  # fmt: skip
    lean = placed.with_columns(lean=pl.col("factor").shift(1).over("security") / pl.col("factor"))
    effects = actions.filter(pl.col("split_ratio").is_not_null() | pl.col("cash_amount_usd").is_not_null())
    adjusted = adjusted_close(
        placed.select(pl.col("security").alias("ticker"), "session_date", "close"),
        effects.join(names, on="ticker").filter(pl.col("ex_date").is_between("first", "last"))
        .with_columns(ticker="security"),
        date.max, "previous_close",
    )  # fmt: skip
    factor = pl.col("adjusted_close") / pl.col("close")
    ours = adjusted.with_columns(ours=factor.shift(1).over("ticker") / factor)
    both = lean.select(pl.col("security").alias("ticker"), "session_date", "lean").join(
        ours, on=["ticker", "session_date"]
    )
    return both.select("ticker", "session_date", "lean", "ours").drop_nulls()


def main() -> None:
    """Print the counts by ticker and every step that disagrees by more than a rounding."""
    if not (DATA / "lean_daily_unadjusted").is_dir():
        print(f"skipped: the LEAN data is not at {DATA}")
        return
    started = time.perf_counter()
    steps = compared()
    with pl.Config(
        tbl_rows=200, tbl_hide_dataframe_shape=True, fmt_str_lengths=60, tbl_hide_column_data_types=True
    ):
        print(
            steps.group_by("ticker", "verdict")
            .len()
            .pivot("verdict", index="ticker")
            .fill_null(0)
            .sort("ticker")
        )
        print(steps.group_by("verdict").len().sort("len", descending=True))
        far = steps.filter(
            ~pl.col("verdict").str.starts_with("agree") & ~pl.col("verdict").str.starts_with("rounded")
        )
        print(far.sort("ticker", "session_date"))
        own = from_factor_files().filter((pl.col("lean") - 1).abs() > 1e-9)
        differing = own.filter((pl.col("lean") - pl.col("ours")).abs() > AGREE)
        print(
            f"LEAN's own files through the provider files: {own.height} steps, beyond 1e-6: {differing.height}"
        )
        print(differing)
    print(f"{steps.height} steps in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
