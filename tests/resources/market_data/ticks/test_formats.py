"""Each format reads its lines as they are meant, and says of a line what keeps it from being one."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.ticks import DEFECTS, FileContext, load_tick_format, tick_format_names

HEADER = b"Gmt time,Ask,Bid,AskVolume,BidVolume\n"
GENERIC = {"columns": ["ts", "last", "size"], "time": "iso"}


def read(
    name: str,
    content: bytes,
    *,
    day: date | None = None,
    chunk_bytes: int = 1 << 20,
    instrument: str = "EURUSD",
    **options: Any,
) -> pl.DataFrame:
    context = FileContext(instrument, day, "file", chunk_bytes)
    chunks = load_tick_format(name, **options).chunks(io.BytesIO(content), context)
    return pl.concat([chunk.ticks for chunk in chunks])


def utc(row: dict[str, Any]) -> str:
    return datetime.fromtimestamp(row["ts"] / 1e6, UTC).isoformat(timespec="milliseconds")[:-6]


@pytest.mark.parametrize(
    ("name", "options", "day", "line", "expected"),
    [
        ("histdata", {}, None, b"20140701 093000123,1.3,1.4,0\n",
         ("2014-07-01T14:30:00.123", {"bid": 1.3, "ask": 1.4})),
        ("truefx", {}, None, b"EUR/USD,20140701 09:30:00.123,1.3,1.4\n",
         ("2014-07-01T09:30:00.123", {"bid": 1.3, "ask": 1.4})),
        ("dukascopy", {}, None, HEADER + b"01.07.2014 09:30:00.123,1.4,1.3,2.5,0.75\n",
         ("2014-07-01T09:30:00.123", {"bid": 1.3, "ask": 1.4, "bid_size": 0.75, "ask_size": 2.5})),
        ("dukascopy", {"time": "epoch_ms"}, None,
         b"timestamp,askPrice,bidPrice,askVolume,bidVolume\n1404207000123,1.4,1.3,2.5,0.75\n",
         ("2014-07-01T09:30:00.123", {"bid": 1.3, "ask": 1.4, "bid_size": 0.75, "ask_size": 2.5})),
        ("binance", {"file": "trades"}, None, b"28457,4.00000100,12.5,50.0,1404207000123,True,True\n",
         ("2014-07-01T09:30:00.123", {"last": 4.000001, "size": 12.5, "identity": 28457})),
        ("binance", {"file": "agg_trades", "unit": "us"}, None,
         b"26129,0.01633102,4.7,27781,27781,1404207000123456,true,true\n",
         ("2014-07-01T09:30:00.123", {"last": 0.01633102, "size": 4.7, "identity": 26129})),
        ("binance", {"file": "book_ticker", "market": "futures"}, None,
         b"77,25.1,31.2,25.3,40.6,1404207000123,1404207000125\n",
         ("2014-07-01T09:30:00.123", {"bid": 25.1, "ask": 25.3, "bid_size": 31.2, "ask_size": 40.6})),
        ("lean", {"security": "equity", "kind": "trade"}, date(2014, 7, 1),
         b"34200123,1815200,283,P,20002020,0\n",
         ("2014-07-01T13:30:00.123", {"last": 181.52, "size": 283.0})),
        ("lean", {"security": "equity", "kind": "quote"}, date(2014, 12, 1), b"34200123,0,0,1836300,100,Q,1,0\n",
         ("2014-12-01T14:30:00.123", {"bid": None, "ask": 183.63, "bid_size": None, "ask_size": 100.0})),
        ("lean", {"security": "forex", "kind": "quote"}, date(2014, 7, 1), b"34200123,1.3,1.4\n",
         ("2014-07-01T09:30:00.123", {"bid": 1.3, "ask": 1.4})),
        ("generic", {**GENERIC, "zone": "America/New_York"}, None, b"2014-07-01T09:30:00.123,5.5,7\n",
         ("2014-07-01T13:30:00.123", {"last": 5.5, "size": 7.0})),
        ("generic", GENERIC, None, b"2014-07-01 09:30:00.123+02:00,5.5,7\n",
         ("2014-07-01T07:30:00.123", {"last": 5.5, "size": 7.0})),
        ("generic", {"columns": ["skip", "ts", "bid", "ask"], "time": "epoch_ns", "separator": ";",
                     "price_scale": 100.0}, None, b"x;1404207000123000000;130;140\n",
         ("2014-07-01T09:30:00.123", {"bid": 1.3, "ask": 1.4})),
    ],
)  # fmt: skip
def test_line_means_what_the_format_says(
    name: str, options: dict[str, Any], day: date | None, line: bytes, expected: tuple[str, dict[str, Any]]
) -> None:
    (row,) = read(name, line, day=day, **options).to_dicts()
    moment, values = expected
    assert utc(row) == moment
    assert {column: row[column] for column in values} == values
    assert row["defect"] == 0


def test_every_format_is_covered_here() -> None:
    assert set(tick_format_names()) == {
        "dukascopy_bi5",
        "binance", "dukascopy", "generic", "histdata", "lean", "truefx",
    }  # fmt: skip


def test_lines_that_are_no_ticks_are_told_apart_and_blank_ones_dropped() -> None:
    content = (
        b"2014-07-01 09:30:00,5.5,7\n\n2014-07-01 09:30:01,five,7\n2014-07-01 09:30:02,5.5\n"
        b"2014-07-01 09:30:03,5.5,7,8\n2014-02-30 09:30:00,5.5,7\r\n2014-07-01 09:30:04,,7\n\n"
    )
    rows = read("generic", content, **GENERIC)
    told = {line: DEFECTS.get(defect) for line, defect in rows.select("source_line", "defect").rows()}
    assert told == {
        1: None,
        3: "unreadable_value",
        4: "wrong_field_count",
        5: "wrong_field_count",
        6: "no_such_time",
        7: "unreadable_value",
    }


def test_wall_times_that_do_not_exist_or_exist_twice_are_not_guessed() -> None:
    options = {**GENERIC, "zone": "America/New_York"}
    content = b"2014-03-09 02:30:00,5,1\n2014-11-02 01:30:00,5,1\n2014-11-02 02:30:00,5,1\n"
    defects = [DEFECTS.get(number) for number in read("generic", content, **options)["defect"]]
    assert defects == ["no_such_time", "no_such_time", None]


def test_histdata_has_no_daylight_saving() -> None:
    rows = read("histdata", b"20140308 120000000,1,2,0\n20140310 120000000,1,2,0\n")
    assert [utc(row)[11:16] for row in rows.to_dicts()] == ["17:00", "17:00"]


def test_line_of_another_pair_and_a_flagged_one_are_marked() -> None:
    other = read("truefx", b"USD/JPY,20140701 09:30:00.123,1.3,1.4\n")
    flagged = read("lean", b"34200123,10,1,P,0,1\n", day=date(2014, 7, 1), security="equity", kind="trade")
    assert [DEFECTS[frame["defect"][0]] for frame in (other, flagged)] == [
        "other_instrument",
        "flagged_by_source",
    ]


@pytest.mark.parametrize("chunk_bytes", [40, 97, 1 << 20])
def test_size_of_the_blocks_changes_nothing(chunk_bytes: int) -> None:
    lines = [f"2014-07-01 09:30:{second:02},{second + 1}.5,7" for second in range(60)]
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    rows = read("generic", content, chunk_bytes=chunk_bytes, **GENERIC)
    assert rows["source_line"].to_list() == list(range(1, 61))
    assert rows["last"].to_list() == [second + 1.5 for second in range(60)]
    assert rows["defect"].sum() == 0


def test_text_of_a_line_is_kept_as_it_stands() -> None:
    content = "2014-07-01 09:30:00,5.5,7\n2014-07-01 09:30:01,fünf,7\r\n".encode("latin-1")
    context = FileContext("X", None, "file", 1 << 20)
    (chunk,) = load_tick_format("generic", **GENERIC).chunks(io.BytesIO(content), context)
    assert chunk.texts(pl.Series([2])).to_list() == ["2014-07-01 09:30:01,f�nf,7"]


def test_file_with_another_header_is_refused_with_what_was_found() -> None:
    with pytest.raises(ProviderDataError, match=r"first line is '<html>', expected the header 'Gmt time,Ask"):
        read("dukascopy", b"<html>\n<body>\n")


def test_endless_line_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(ProviderDataError, match="no line ends within"):
        read("generic", b"x" * 1_000_000, chunk_bytes=4_096, **GENERIC)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": ["ts", "price"], "time": "iso"}, r"\['price'\] mean nothing here"),
        ({"columns": ["bid", "ask"], "time": "iso"}, "lack ts"),
        ({"columns": ["ts", "last", "bid"], "time": "iso"}, "not both"),
        ({"columns": ["ts", "last"], "time": "sometimes"}, "expected epoch_s"),
        ({"columns": ["ts", "last"], "time": "iso", "zone": "../etc/passwd"}, "zone .* is unknown"),
        ({"columns": ["ts", "last"], "time": "iso", "separator": "ab"}, "one character"),
    ],
)
def test_declaration_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_tick_format("generic", **options)


def test_lean_file_whose_name_tells_no_day_is_refused() -> None:
    with pytest.raises(ProviderDataError, match="does not tell the day"):
        read("lean", b"1,2,3\n", security="forex", kind="quote")
