"""Files of dated deliveries: text stays text, days are found, what cannot be read is kept."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import load_provider
from nextgen_resources.market_data.dated import DATED_BAR_SCHEMA, DatedProvider, check_dated_bars

ONE, TWO = date(2015, 4, 6), date(2015, 4, 7)
HEADER = "symbol,date,open,high,low,close,volume,adj_close"
ODD = ["NAN", "TRUE", "INF", "ON"]


def lines(*extra: str) -> str:
    return "\n".join([HEADER, *(f"{symbol},2015-04-06,1.5,2,1,1.75,100,1.7" for symbol in ODD), *extra])


def said(path: Path, tickers: list[str] = ODD, **options: object) -> pl.DataFrame:
    provider = load_provider("vintages", path=path, **options)
    assert isinstance(provider, DatedProvider)
    return check_dated_bars(provider.dated_bars(tickers, ONE, TWO), "vintages")


def archive(path: Path, member: str, text: str) -> None:
    with tarfile.open(path, "w:gz") as packed:
        info = tarfile.TarInfo(member)
        info.size = len(text.encode())
        packed.addfile(info, io.BytesIO(text.encode()))


@pytest.mark.parametrize(
    "name", ["20150406.csv", "crawl-2015-04-06.csv", "20150406.tar.gz", "20150406.csv.gz"]
)
def test_odd_tickers_are_text_and_the_day_comes_from_the_name(tmp_path: Path, name: str) -> None:
    if name.endswith("tar.gz"):
        archive(tmp_path / name, "prices.csv", lines())
    elif name.endswith(".gz"):
        import gzip

        (tmp_path / name).write_bytes(gzip.compress(lines().encode()))
    else:
        (tmp_path / name).write_text(lines())
    found = said(tmp_path)
    assert set(found.columns) == {*DATED_BAR_SCHEMA, "source"}
    assert sorted(found["ticker"]) == sorted(ODD)
    assert found["delivered_on"].unique().to_list() == [ONE]
    assert found.select("open", "volume", "adjusted_close").row(0) == (1.5, 100.0, 1.7)
    assert found["raw_row"].null_count() == 4


def test_a_header_in_mid_file_and_a_broken_number_keep_their_text(tmp_path: Path) -> None:
    (tmp_path / "20150406.csv").write_text(lines(HEADER, "ON,2015-04-07,1,2,<html>,1,5,1"))
    kept = said(tmp_path).filter(pl.col("raw_row").is_not_null()).sort("raw_row")
    assert kept["raw_row"].to_list() == [
        "ON 2015-04-07 1 2 <html> 1 5 1",
        "symbol date open high low close volume adj_close",
    ]
    assert kept["low"].null_count() == 2


def test_instants_with_a_zone_are_taken_as_they_are(tmp_path: Path) -> None:
    at = datetime(2015, 4, 7, 2, 30, tzinfo=UTC)  # still the evening of the 6th in New York
    pl.DataFrame(
        {"vintage": [at], "symbol": ["ON"], "date": [ONE], "open": [1.0], "high": [1.0], "low": [1.0],
         "close": [1.0], "volume": [1]}
    ).write_parquet(tmp_path / "said.parquet")  # fmt: skip
    assert said(tmp_path, ["ON"]).select("delivered_on", "delivered_at").row(0) == (ONE, at)


def test_only_deliveries_up_to_the_option_until_exist(tmp_path: Path) -> None:
    (tmp_path / "20150406.csv").write_text(lines())
    (tmp_path / "20150407.csv").write_text(lines("X,2015-04-07,1,1,1,1,1,1"))
    assert said(tmp_path)["delivered_on"].unique().sort().to_list() == [ONE, TWO]
    assert said(tmp_path, until="2015-04-06")["delivered_on"].unique().to_list() == [ONE]
    with pytest.raises(ProviderDataError, match="has X"):
        said(tmp_path, ["X"], until=ONE)


def test_the_newest_delivery_is_the_ordinary_bar(tmp_path: Path) -> None:
    (tmp_path / "20150406.csv").write_text(lines())
    (tmp_path / "20150407.csv").write_text(lines().replace("1.75", "1.8"))
    provider = load_provider("vintages", path=tmp_path)
    assert provider.daily_bars(["ON"], ONE, TWO)["close"].to_list() == [1.8]
    assert provider.listings().filter(pl.col("ticker") == "ON")["first_session"].to_list() == [ONE]


def test_the_adjusted_closes_of_crawls_that_each_adjust_to_their_own_day_make_one_chain(
    tmp_path: Path,
) -> None:
    row = "ON,{day},{p},{p},{p},{p},100,{a}"
    days = {
        "20150406": [row.format(day="2015-04-06", p=20, a=20)],
        "20150407": [row.format(day="2015-04-06", p=20, a=10), row.format(day="2015-04-07", p=10, a=10)],
        "20150408": [row.format(day="2015-04-07", p=10, a=9), row.format(day="2015-04-08", p=9, a=9)],
    }
    for day, rows in days.items():
        (tmp_path / f"{day}.csv").write_text("\n".join([HEADER, *rows]))
    bars = load_provider("vintages", path=tmp_path).daily_bars(["ON"], ONE, date(2015, 4, 8))
    assert bars["close"].to_list() == [20.0, 10.0, 9.0]
    assert bars["adjusted_close"].to_list() == pytest.approx([9.0, 9.0, 9.0])


def test_an_empty_crawl_is_passed_over_but_not_a_folder_of_them(tmp_path: Path) -> None:
    (tmp_path / "20150406.csv").write_text("")
    with pytest.raises(ProviderDataError, match="holds a bar"):
        said(tmp_path)
    (tmp_path / "20150407.csv").write_text(lines())
    assert said(tmp_path)["delivered_on"].unique().to_list() == [TWO]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("prices.csv", lines(), "no day in its name"),
        ("20150406.csv", "symbol,date,open,high,low,close\nON,2015-04-06,1,1,1,1", "lacks the column volume"),
        ("20150406.csv", "<html><body>Too many requests</body></html>", "lacks the column ticker or symbol"),
        ("20150406.txt", lines(), "no deliveries"),
        ("20150406.tar.gz", "no archive", "cannot be read"),
    ],
)
def test_what_is_no_delivery_is_refused(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProviderDataError, match=told):
        said(tmp_path)


def test_an_archive_without_prices_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "20150406.tar.gz", "../prices.csv", lines())
    with pytest.raises(ProviderDataError, match=r"holds no prices\.csv"):
        said(tmp_path)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="until is 'soon'"):
        load_provider("vintages", path="x", until="soon")
