"""What the door and the audit say of every set of daily bars in ../shared/data, as it is.

``python -m tests.benchmarks.bench_datasets``: per set, rows in = accepted + quarantined (by reason) + exact copies, then
findings of the audit by fault. `bench_quality` adds faults that are known or planted, with what is found and missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from nextgen_assets.domain.audit import audit
from nextgen_assets.domain.corporate_actions import recover_actions
from nextgen_assets.domain.quality import inspect_bars
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.quality_findings import audited
from nextgen_resources.market_data.files import Provider
from tests.benchmarks.quality_cases import sp500

DATA = Path(__file__).parents[3] / "shared" / "data"
_VALUES = ("open", "high", "low", "close", "volume")
_NO_FACTOR = pl.DataFrame(schema={"ticker": pl.String, "session_date": pl.Date, "factor": pl.Float64})
Bars, Actions = pl.DataFrame, pl.DataFrame


def s_and_p() -> tuple[Bars, Actions, pl.DataFrame]:
    """A sixth of the S&P 500 tickers, with the actions and the adjusted close of the source."""
    rows = sp500(84).with_columns(factor=pl.col("adjusted_close") / pl.col("close"))
    moved = rows.filter((pl.col("dividend") > 0) | (pl.col("split_ratio") != 1))
    actions = moved.select(
        "ticker",
        ex_date="session_date",
        cash_amount_usd=pl.when(pl.col("dividend") > 0).then("dividend"),
        split_ratio=pl.when(pl.col("split_ratio") != 1).then("split_ratio"),
    )
    return rows, actions, rows.select("ticker", "session_date", "factor")


def kdd17() -> tuple[Bars, Actions, pl.DataFrame]:
    """Fifty stocks without a list of actions: those that the adjusted close implies."""
    raw = pl.read_parquet(DATA / "kdd17" / "prices_raw.parquet")
    names = {"date": "session_date", "adj_close": "adjusted_close"}
    rows = raw.rename({found: name for found, name in names.items() if found in raw.columns})
    rows = rows.with_columns(pl.col("session_date").cast(pl.Date))
    actions = recover_actions(
        rows.select("ticker", "session_date", "close", "adjusted_close"),
        xnys(),
        "kdd17",
        "previous_close",
        1e-6,
    )
    return rows, actions, _NO_FACTOR


def lean() -> tuple[Bars, Actions, pl.DataFrame]:
    """LEAN's daily bars with the actions of its factor files."""
    home = DATA / "lean_daily_unadjusted"
    provider = Provider(
        home / "ohlcv_unadjusted.parquet",
        factor_files=home / "factor_files.csv",
        map_files=home / "map_files.csv",
    )
    tickers = provider.listings()["ticker"].unique().to_list()
    span = xnys().sessions[0], xnys().sessions[-1]
    actions = provider.corporate_actions(tickers, *span)
    assert actions is not None
    return provider.daily_bars(tickers, *span), actions, _NO_FACTOR


def crawls() -> tuple[Bars, Actions, pl.DataFrame]:
    """What the crawls of a tenth of the tickers said of each bar for the first time; they state no actions."""
    said = pl.read_parquet(DATA / "pystock_vintages_2015_2016" / "prices_vintages.parquet")
    some = said["symbol"].unique().sort().gather_every(10)
    first = (
        said.filter(pl.col("symbol").is_in(some.implode()))
        .sort("vintage")
        .unique(["symbol", "date"], keep="first")
    )
    rows = first.rename({"symbol": "ticker", "date": "session_date"})
    none = pl.DataFrame(
        schema={
            "ticker": pl.String,
            "ex_date": pl.Date,
            "cash_amount_usd": pl.Float64,
            "split_ratio": pl.Float64,
        }
    )
    return rows, none, _NO_FACTOR


SETS: dict[str, Callable[[], tuple[Bars, Actions, pl.DataFrame]]] = {
    "sp500_daily_2003_2017": s_and_p,
    "kdd17": kdd17,
    "lean_daily_unadjusted": lean,
    "pystock_vintages_2015_2016": crawls,
}


def told(name: str) -> None:
    """Print what becomes of one set."""
    started = time.perf_counter()
    rows, actions, factors = SETS[name]()
    bars = rows.select("ticker", "session_date", *(pl.col(value).cast(pl.Float64) for value in _VALUES))
    splits = actions.filter(pl.col("split_ratio").is_not_null()).with_columns(kind=pl.lit("split"))
    inspected = inspect_bars(bars, xnys(), actions=splits)
    assert inspected.accepted.height + inspected.rejected.height + inspected.duplicate_count == bars.height
    seen = audited(inspected.accepted, actions, factors)
    findings = audit(seen)
    reasons = inspected.rejected.group_by("reason_code").len().sort("reason_code").rows()
    faults = findings.group_by("fault").len().sort("fault").rows()
    print(f"{name}: {bars['ticker'].n_unique()} tickers, {bars.height:,} bars, {actions.height:,} actions")
    print(f"  accepted {inspected.accepted.height:,}, exact copies {inspected.duplicate_count:,}, quarantined: "
          f"{', '.join(f'{code} {count:,}' for code, count in reasons) or 'none'}")  # fmt: skip
    print(f"  findings: {', '.join(f'{fault} {count}' for fault, count in faults) or 'none'}")
    print(f"  {time.perf_counter() - started:.1f} s")


def main() -> None:
    """Every set that is there."""
    for name in SETS:
        if (DATA / name).is_dir():
            told(name)
        else:
            print(f"skipped: {name} is not at {DATA}")


if __name__ == "__main__":
    main()
