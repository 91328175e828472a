"""Bars within the day: read from files as declared, judged, and dated by the session that may use them."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.intraday import dated_bars, judge_intraday
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.bar_files import load_bar_format, read_bars
from nextgen_resources.market_data.ticks.archives import ArchiveLimits
from nextgen_resources.market_data.ticks.declaration import BarSource, declared_files

LIMITS = ArchiveLimits(10, 1 << 30, 200)
SHARED = Path(__file__).parents[3] / "shared" / "data"
CSV = {"columns": ["ts", "open", "high", "low", "close", "volume"], "time": "%Y-%m-%d %H:%M:%S"}


def source(**said: Any) -> BarSource:
    return BarSource.model_validate({"files": "*", "interval": "1m", "hours": "exchange", **said})


def rows_of(folder: Path, declared: BarSource) -> pl.DataFrame:
    bar_format = load_bar_format(declared)
    files = declared_files(folder, declared, bar_format.name_pattern)
    return pl.concat([read_bars(file, bar_format, LIMITS) for file in files])


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def test_lean_minutes_are_prices_of_the_wall_clock_of_new_york(tmp_path: Path) -> None:
    (tmp_path / "aapl").mkdir()
    with zipfile.ZipFile(tmp_path / "aapl" / "20140609_trade.zip", "w") as archive:
        archive.writestr("a.csv", "34200000,927000,927500,926000,927100,5000\n34260000,927100,x,1,1,1\n")
    declared = source(files="*/*_trade.zip", format="lean", options={"security": "equity"})
    good, bad = rows_of(tmp_path, declared).to_dicts()
    assert good["ts"] == us("2014-06-09T13:30:00+00:00")
    assert (good["open"], good["high"], good["low"], good["close"], good["volume"]) == (
        92.7,
        92.75,
        92.6,
        92.71,
        5000,
    )
    assert (good["source_file"], good["source_line"], good["defect"]) == (
        "aapl/20140609_trade.zip/a.csv",
        1,
        0,
    )
    assert (bad["defect"], bad["text"]) == (1, "34260000,927100,x,1,1,1")


def test_csv_and_parquet_say_the_same_where_they_are_declared_to(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("time,o,h,l,c,v\n2014-06-09 09:30:00,1,3,1,2,10\n")
    csv = source(
        files="*.csv",
        format="csv",
        instrument="B",
        options={**CSV, "zone": "America/New_York", "has_header": True},
    )
    frame = pl.DataFrame({"when": [datetime(2014, 6, 9, 9, 30)], "open": 1.0, "high": 3.0, "low": 1.0, "close": 2.0,  # noqa: DTZ001
                          "volume": 10.0})  # fmt: skip
    frame.write_parquet(tmp_path / "b.parquet")
    parquet = source(
        files="*.parquet", format="parquet", instrument="B",
        options={"columns": {"ts": "when"}, "zone": "America/New_York"},
    )  # fmt: skip
    values = ["ts", "open", "high", "low", "close", "volume", "defect"]
    assert rows_of(tmp_path, csv).select(values).rows() == rows_of(tmp_path, parquet).select(values).rows()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"format": "stooq"}, "bar format 'stooq' does not exist"),
        ({"format": "lean", "options": {"security": "bond"}}, "expected equity or crypto"),
        (
            {"format": "csv", "options": {**CSV, "columns": ["ts", "open"]}},
            "expected ts, open, high, low and close",
        ),
        ({"format": "csv", "options": {**CSV, "colour": 1}}, "colour"),
    ],
)
def test_declaration_that_cannot_be_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_bar_format(source(**said))


def bars(*rows: tuple[int, float, float, float, float, float | None, int]) -> pl.DataFrame:
    names = ["ts", "open", "high", "low", "close", "volume", "defect"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.col("volume").cast(pl.Float64))
    return frame.with_columns(
        ticker=pl.lit("X"), interval=pl.lit("1m"), defect=pl.col("defect").cast(pl.UInt8)
    )


def test_bad_bars_have_reasons_copies_are_one_and_contradictions_none() -> None:
    accepted, bad = judge_intraday(
        bars(
            (1, 2, 3, 1, 2, 5, 0), (2, 2, 3, 1, 2, None, 0), (2, 2, 3, 1, 2, None, 0), (3, 2, 3, 1, 2, 5, 0),
            (3, 2, 3, 1, 2.5, 5, 0), (4, 2, 1, 3, 2, 5, 0), (5, 0, 3, 1, 2, 5, 0), (6, 2, 3, 1, 2, -1, 0),
            (7, 2, 3, 1, 2, 5, 2),
        )
    )  # fmt: skip
    assert accepted["ts"].to_list() == [1, 2]
    assert sorted(bad.select("ts", "reason_code").rows()) == [
        (3, "doubled_bar"), (3, "doubled_bar"), (4, "prices_out_of_order"), (5, "not_positive"), (6, "not_positive"),
        (7, "wrong_field_count"),
    ]  # fmt: skip


def test_bar_belongs_to_the_session_that_knows_its_end_and_is_complete_only_then() -> None:
    start = [us("2014-06-09T20:29:00+00:00"), us("2014-06-09T20:30:00+00:00")]
    accepted, _ = judge_intraday(bars(*((at, 2.0, 3.0, 1.0, 2.0, 5.0, 0) for at in start)))
    live = datetime(2014, 6, 9, 20, 30, 30, tzinfo=UTC)
    found = dated_bars(accepted, 60, xnys(), 30, live)
    assert found["session_date"].to_list() == [date(2014, 6, 9), date(2014, 6, 10)]
    assert found["is_complete"].to_list() == [True, False]
    assert found["known_at"].to_list() == [live, live]
    history = dated_bars(accepted, 60, xnys(), 30, datetime(2020, 1, 1, tzinfo=UTC))
    assert history["known_at_is_assumed"].to_list() == [True, True]
    assert (history["known_at"] == history["bar_end"]).all()


def test_original_minutes_are_those_of_the_converted_set() -> None:
    folder = SHARED / "lean_intraday_tick"
    if not folder.is_dir():
        pytest.skip("the data sets of ../shared/data are not beside the repository")
    pattern = r".*__minute__(?P<instrument>[a-z]+)__(?P<day>\d{8})_trade\.zip"
    declared = source(
        files="original_zips/equity__usa__minute__*_trade.zip", format="lean", options={"security": "equity"},
        pattern=pattern,
    )  # fmt: skip
    found = rows_of(folder, declared)
    expected = pl.read_parquet(folder / "equity_minute_trade_ny.parquet").filter(
        (pl.col("ticker") == "AAPL") & (pl.col("ts").dt.date() == date(2014, 6, 9))
    )
    utc = expected["ts"].dt.replace_time_zone("America/New_York").dt.epoch("us")
    assert found["defect"].sum() == 0
    assert sorted(found["ts"].to_list()) == sorted(utc.to_list())
    assert found["volume"].sum() == expected["volume"].sum()
    assert found["close"].sum() == pytest.approx(expected["close"].sum(), rel=1e-12)
