"""Files as their publishers wrote them, read without a change: crawls, LEAN zips, answers of Stooq."""

import json
import tarfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.files import Provider

DATA = Path(__file__).parents[4] / "shared" / "data"
FIRST, LAST = date(1990, 1, 1), date(2025, 12, 31)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the original files are not at {DATA}")


def lines_of(crawl):
    with tarfile.open(crawl) as archive:
        return archive.extractfile("prices.csv").read().decode().splitlines()


def test_crawl_with_a_header_in_mid_file_gives_every_line_as_a_bar_or_to_quarantine():
    crawl = DATA / "pystock_vintages_2015_2016" / "original_vintages" / "20150406.tar.gz"
    with pytest.raises(
        ProviderDataError, match=r"20150406.tar.gz!prices.csv line \d+: header is 'symbol,date,"
    ):
        Provider(crawl, pattern="prices.csv").listings()
    provider = Provider(crawl, pattern="prices.csv", unreadable="quarantine")
    tickers = provider.listings()["ticker"].to_list()
    rejected = provider.rejected_rows(FIRST, LAST)
    assert provider.daily_bars(tickers, FIRST, LAST).height + rejected.height == len(lines_of(crawl)) - 1
    assert "header_line" in rejected["reason_code"].to_list()
    for payload in map(json.loads, rejected["payload"]):
        assert lines_of(crawl)[payload["line"] - 1] == payload["text"]


def test_odd_tickers_of_a_crawl_are_all_there():
    crawl = DATA / "pystock_vintages_2015_2016" / "original_vintages" / "20151120.tar.gz"
    provider = Provider(crawl, pattern="prices.csv", unreadable="quarantine")
    written = {line.split(",")[0] for line in lines_of(crawl)[1:]}
    lost = {json.loads(text)["text"].split(",")[0] for text in provider.rejected_rows(FIRST, LAST)["payload"]}
    assert set(provider.listings()["ticker"]) | lost == written
    assert written & {"NAN", "TRUE", "INF", "ON"} <= set(provider.listings()["ticker"])


def test_crawl_without_prices_is_an_empty_file_and_no_quiet_day():
    crawl = DATA / "pystock_vintages_2015_2016" / "original_vintages" / "20150610.tar.gz"
    with pytest.raises(ProviderDataError, match=r"20150610.tar.gz!prices.csv cannot be read: it is empty"):
        Provider(crawl, pattern="prices.csv").listings()


def test_lean_daily_zip_equals_the_independent_table():
    path = DATA / "lean_intraday_tick" / "original_zips" / "equity__usa__daily__aapl.zip"
    found = Provider(path).daily_bars(["AAPL"], FIRST, LAST)
    table = pl.read_parquet(DATA / "lean_daily_unadjusted" / "ohlcv_unadjusted.parquet")
    table = (
        table.filter(pl.col("ticker") == "AAPL")
        .rename({"date": "session_date"})
        .with_columns(pl.col("session_date").cast(pl.Date))
    )
    both = found.join(table, on="session_date", how="full", suffix="_table").drop_nulls("open")
    assert both.height > 5_000
    for name in ("open", "high", "low", "close", "volume"):
        assert (both[name] - both[f"{name}_table"]).abs().max() < 1e-9, name


@pytest.mark.parametrize(
    "name", ["equity__usa__minute__aapl__20140609_trade.zip", "equity__usa__tick__ibm__20131007_trade.zip"]
)
def test_lean_files_of_minutes_and_ticks_are_no_daily_bars(name):
    with pytest.raises(ProviderDataError, match=r"which is no header"):
        Provider(DATA / "lean_intraday_tick" / "original_zips" / name).listings()


def test_answers_of_stooq_are_bars_or_clear_errors(tmp_path):
    folder = DATA / "api_payloads" / "stooq"
    (tmp_path / "AAPL.csv").write_bytes((folder / "aapl_us_d.csv").read_bytes())
    assert Provider(tmp_path).daily_bars(["AAPL"], FIRST, LAST)["close"][0] == 256.08
    for name in ("limit_200.txt", "nodata_200.txt"):
        (tmp_path / "AAPL.csv").write_bytes((folder / name).read_bytes())
        with pytest.raises(
            ProviderDataError, match=r"lacks a column for session_date.*; found (Exceeded|No data)"
        ):
            Provider(tmp_path).listings()
