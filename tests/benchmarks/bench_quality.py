"""Fault classes found, missed and alarmed for nothing, on real broken series, on planted faults, and per second.

``python -m tests.benchmarks.bench_quality [cases.parquet] [tickers]``: ../shared/data/yahoo_bad_vs_fixed beside its
repaired form, faults planted into ../shared/data/sp500_daily_2003_2017, and what the audit says of that as it is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Literal

import polars as pl

from nextgen_assets.domain.audit import audit
from nextgen_assets.domain.repairs import REPAIRS, propose_repairs
from tests.benchmarks.quality_cases import CASES, EXPECTED, NOTICES, SP500, cases, fault_class, planted, sp500

_REPAIRED_FIELDS = ("open", "high", "low", "close", "volume", "dividend", "split_ratio")


def of_cases(path: Path) -> pl.DataFrame:
    """Findings of every series, with what its pair has too marked as left in both."""
    found = []
    for interval, bars in cases(path).items():
        told = audit(bars, are_split_adjusted=True, orientation="daily" if interval == "daily" else "other")
        found.append(told.with_columns(pl.col("session_date").cast(pl.String).str.slice(0, 10)))
    findings = pl.concat(part.drop("visible_from") for part in found)
    bare = pl.col("ticker").str.replace("-fixed$", "")
    return findings.with_columns(
        pair=bare,
        is_fixed=pl.col("ticker").str.ends_with("-fixed"),
        in_both=pl.col("ticker").n_unique().over(bare, "fault", "session_date") == 2,
    )


def table_of_cases(path: Path = CASES) -> list[dict[str, object]]:
    """One row per fault class: series, found, missed, and alarms on repaired series and controls."""
    findings = of_cases(path).filter(~pl.col("fault").is_in(NOTICES))
    names = pl.concat(bars.select("ticker") for bars in cases(path).values())["ticker"].unique().sort()
    rows = []
    for name, codes in EXPECTED.items():
        mine = [case for case in names if fault_class(case) == name]
        broken = [case for case in mine if not case.endswith("-fixed")]
        is_named = pl.any_horizontal(
            pl.lit(False), *(pl.col("fault").str.starts_with(code) for code in codes)
        )
        own = findings.filter(pl.col("ticker").is_in(mine))
        hit = own.filter(is_named & ~pl.col("is_fixed") & ~pl.col("in_both"))
        clean = own if not codes else own.filter(pl.col("is_fixed") & ~pl.col("in_both"))
        left = own.filter(pl.col("is_fixed") & pl.col("in_both"))
        rows.append(
            {
                "fault class": name,
                "broken": len(broken) if codes else 0,
                "found": hit["ticker"].n_unique(),
                "missed": ", ".join(sorted(set(broken) - set(hit["ticker"]))) if codes else "",
                "findings": hit.height,
                "clean": len(mine) - len(broken) if codes else len(broken),
                "false alarms": clean.height,
                "left in both": left.height,
            }
        )
    return rows


def table_of_repairs(path: Path = CASES) -> list[dict[str, object]]:
    """One row per broken series: numbers that its repaired form changes, proposed repairs, and how many equal it."""
    rows = []
    for interval, bars in cases(path).items():
        orientation: Literal["daily", "other"] = "daily" if interval == "daily" else "other"
        told = audit(bars, are_split_adjusted=True, orientation=orientation)
        proposed = propose_repairs(bars, told, REPAIRS, are_split_adjusted=True)
        index = ["ticker", "session_date"]
        numbers = bars.unpivot(_REPAIRED_FIELDS, index=index, variable_name="field", value_name="number")
        fixed = numbers.filter(pl.col("ticker").str.ends_with("-fixed")).with_columns(
            pl.col("ticker").str.replace("-fixed$", "")
        )
        both = numbers.join(fixed, on=[*index, "field"], suffix="_fixed").join(
            proposed, on=[*index, "field"], how="left"
        )
        near = 1e-3 * pl.col("number_fixed").abs() + 1e-9
        summed = both.group_by("ticker").agg(
            differing=((pl.col("number") - pl.col("number_fixed")).abs() > near).sum(),
            proposed=pl.col("after").is_not_null().sum(),
            right=((pl.col("after") - pl.col("number_fixed")).abs() <= near).sum(),
        )
        rows += summed.sort("ticker").to_dicts()
    untouched = proposed_of_controls(path)
    return [
        *rows,
        {"ticker": "repaired series and controls", "differing": 0, "proposed": untouched, "right": ""},
    ]


def proposed_of_controls(path: Path = CASES) -> int:
    """Repairs proposed for what needs none."""
    count = 0
    for interval, bars in cases(path).items():
        clean = bars.filter(pl.col("ticker").str.contains("-fixed$|no-bad-divs"))
        told = audit(clean, are_split_adjusted=True, orientation="daily" if interval == "daily" else "other")
        count += propose_repairs(clean, told, REPAIRS, are_split_adjusted=True).height
    return count


def table_of_plants(bars: pl.DataFrame) -> list[dict[str, object]]:
    """One row per planted fault: planted, found, and further findings that the bars did not have before."""
    before = set(audit(bars).select("ticker", "session_date", "fault").rows())
    rows = []
    for name, (changed, places, code) in planted(bars).items():
        told = audit(changed)
        new = [row for row in told.select("ticker", "session_date", "fault").rows() if row not in before]
        wanted = set(places)
        hits = {row[:2] for row in new if any(row[2].startswith(part) for part in code.split("|"))}
        near = {place[0] for place in places}
        rows.append(
            {
                "planted": name,
                "faults": len(places),
                "found": len(hits & wanted),
                "elsewhere": sum(row[0] not in near for row in new),
            }
        )
    return rows


def show(rows: list[dict[str, object]]) -> None:
    """Print a table."""
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    print("  ".join(name.ljust(width) for name, width in widths.items()))
    for row in rows:
        print("  ".join(str(row[name]).ljust(width) for name, width in widths.items()))


def main(path: str = str(CASES), tickers: str = "60") -> None:
    """All three tables."""
    if not CASES.is_file() or not SP500.is_file():
        print(f"skipped: the series are not at {CASES.parents[1]}")
        return
    print("real broken series, their repaired form and controls")
    show(table_of_cases(Path(path)))
    print(
        "\nrepairs of the same series by every rule of ingestion.repairs: numbers changed by the repaired form"
    )
    show(table_of_repairs(Path(path)))
    bars = sp500(int(tickers))
    print(f"\nfaults planted into {bars['ticker'].n_unique()} tickers, {bars.height:,} bars")
    show(table_of_plants(bars))
    started = time.perf_counter()
    told = audit(bars)
    seconds = time.perf_counter() - started
    actions = int(((bars["dividend"] > 0) | (bars["split_ratio"] != 1)).sum())
    print(f"\nthe same bars as they are ({actions:,} dividends and splits): findings by fault")
    show(told.group_by("fault").agg(findings=pl.len()).sort("fault").to_dicts())
    started = time.perf_counter()
    bars.sort("ticker", "session_date").with_columns(pl.col("close").pct_change().over("ticker"))
    plain = time.perf_counter() - started
    print(
        f"{bars.height / seconds:,.0f} bars per second; one return per bar in Polars takes {plain / seconds:.2f} of that time"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
