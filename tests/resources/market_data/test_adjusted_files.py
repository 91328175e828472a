"""Files whose prices are divided by later splits, and LEAN's files of factors and names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.files import Provider

FIRST, LAST = date(2014, 1, 1), date(2014, 12, 31)
YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2014-06-05,92.314285,92.767143,91.801430,92.478569,81.2,531465200
2014-06-06,92.842857,93.037140,92.067146,92.224289,81.0,349938400
2014-06-09,92.699997,93.879997,91.750000,93.699997,82.3,301660000
"""
ACTIONS = "ticker,ex_date,kind,split_ratio,cash_amount_usd,new_ticker\n"
SPLIT = ACTIONS + "AAPL,2014-06-09,split,7,,\n"
REAL = Path(__file__).parents[4] / "shared" / "data" / "lean_daily_unadjusted"


def folder_of(folder: Path, text: str, actions: str | None) -> dict[str, str]:
    folder.mkdir()
    (folder / "AAPL.csv").write_text(text)
    if actions is None:
        return {"path": str(folder)}
    (folder / "actions.csv").write_text(actions)
    return {"path": str(folder), "actions_path": str(folder / "actions.csv")}


def test_prices_of_yahoo_s_page_come_back_as_they_were_traded(tmp_path: Path) -> None:
    provider = Provider(**folder_of(tmp_path / "in", YAHOO, SPLIT))
    bars = provider.daily_bars(["AAPL"], FIRST, LAST)
    assert bars["close"].to_list() == [647.35, 645.57, 93.699997]
    assert bars["open"].to_list() == [646.2, 649.9, 92.699997]
    assert bars["volume"].to_list() == [75923600.0, 49991200.0, 301660000.0]
    assert bars["adjusted_close"].to_list() == [81.2, 81.0, 82.3]
    actions = provider.corporate_actions(["AAPL"], FIRST, LAST)
    assert actions is not None
    assert actions.select("ex_date", "split_ratio").rows() == [(date(2014, 6, 9), 7.0)]


def test_adjusted_prices_without_a_list_of_splits_are_refused_and_an_empty_list_is_one(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        ProviderDataError, match=r"layout yahoo, whose prices are divided by later splits.*actions_path"
    ):
        Provider(**folder_of(tmp_path / "a", YAHOO, None)).listings()
    told = Provider(**folder_of(tmp_path / "b", YAHOO, ACTIONS)).daily_bars(["AAPL"], FIRST, LAST)
    as_they_stand = Provider(tmp_path / "a", prices="traded").daily_bars(["AAPL"], FIRST, LAST)
    assert told.equals(as_they_stand)
    with pytest.raises(
        SettingsError, match="prices is 'raw', expected one of layout, traded, split_adjusted"
    ):
        Provider(tmp_path / "a", prices="raw")  # type: ignore[arg-type]


def test_other_layouts_are_adjusted_where_it_is_declared(tmp_path: Path) -> None:
    plain = YAHOO.replace("Adj Close", "Adj_Close")
    options = folder_of(tmp_path / "in", plain, SPLIT)
    assert Provider(**options).daily_bars(["AAPL"], FIRST, LAST)["close"][0] == 92.478569
    declared = Provider(**options, prices="split_adjusted").daily_bars(["AAPL"], FIRST, LAST)
    assert declared["close"].to_list() == [647.35, 645.57, 93.699997]


def lean_folder(folder: Path) -> dict[str, str]:
    """A security that was OLD, split, paid, became NEW, paid and was delisted; and one that took OLD over."""
    bars = ["ticker,date,open,high,low,close,volume"]
    for ticker, days, close in (
        ("OLD", (2, 3, 6, 7), 100.0),
        ("NEW", (8, 9, 10), 50.0),
        ("OLD", (13, 14), 9.0),
    ):
        bars += [f"{ticker},2014-01-{day:02},{close},{close},{close},{close},10" for day in days]
    (folder / "bars").mkdir(parents=True)
    (folder / "bars" / "all.csv").write_text("\n".join(bars))
    (folder / "factors").mkdir()
    (folder / "factors" / "new.csv").write_text(
        "20140102,0.4851,0.5,1\n20140103,0.4851,0.5,100\n20140107,0.98,1,50\n20140109,0.98,1,50\n20501231,1,1,0\n"
    )
    (folder / "maps").mkdir()
    (folder / "maps" / "new.csv").write_text("20140102,old,N\n20140107,old,N\n20140110,new,N\n")
    (folder / "maps" / "heir.csv").write_text("20140113,old,N\n20501231,old,N\n")
    return {
        "path": str(folder / "bars"),
        "factor_files": str(folder / "factors"),
        "map_files": str(folder / "maps"),
    }


def test_lean_files_tell_splits_dividends_names_and_the_end(tmp_path: Path) -> None:
    provider = Provider(**lean_folder(tmp_path))
    actions = provider.corporate_actions(["NEW", "OLD"], FIRST, LAST)
    assert actions is not None
    columns = ["ticker", "ex_date", "kind", "split_ratio", "cash_amount_usd", "new_ticker"]
    assert actions.select(columns).rows() == [
        ("NEW", date(2014, 1, 10), "dividend", None, 1.0, None),
        ("NEW", date(2014, 1, 11), "delisting", None, None, None),
        ("OLD", date(2014, 1, 6), "dividend", None, 25.25, None),
        ("OLD", date(2014, 1, 6), "split", 2.0, None, None),
        ("OLD", date(2014, 1, 8), "rename", None, None, "NEW"),
    ]
    listed = provider.listings().select("ticker", "security_id", "first_session", "last_session")
    assert listed.rows() == [
        ("NEW", "lean:NEW", date(2014, 1, 8), date(2014, 1, 10)),
        ("OLD", "lean:NEW", date(2014, 1, 2), date(2014, 1, 7)),
        ("OLD", "lean:HEIR", date(2014, 1, 13), None),
    ]


def test_a_row_that_is_none_of_lean_is_refused_with_what_was_found(tmp_path: Path) -> None:
    options = lean_folder(tmp_path)
    (tmp_path / "factors" / "new.csv").write_text("20140102,0.5,zero,1\n")
    with pytest.raises(ProviderDataError, match=r"'NEW'.*expected a day YYYYMMDD and positive factors"):
        Provider(**options).corporate_actions(["OLD"], FIRST, LAST)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"LEAN's files are not at {REAL}")
def test_actions_from_real_factor_files_adjust_as_those_files_do() -> None:
    from tests.benchmarks.bench_lean_factors import from_factor_files

    steps = from_factor_files()
    moved = steps.filter((pl.col("lean") - 1).abs() > 1e-9)
    differing = moved.filter((pl.col("lean") - pl.col("ours")).abs() > 1e-6)
    assert moved.height > 600
    # the bars of QQQ under its name of 2004 to 2011 are not there: one step spans what happened in between
    assert differing.select("ticker", "session_date").rows() == [("QQQ", date(2011, 3, 23))]
    still = steps.filter((pl.col("lean") - 1).abs() <= 1e-9)
    assert (still["ours"] - 1).abs().max() <= 1e-9  # type: ignore[operator]
