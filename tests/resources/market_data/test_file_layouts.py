"""Layouts of usual sources, told with certainty or refused; lines that cannot be read; archives as hostile input."""

import gzip
import io
import json
import tarfile
import zipfile
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import bar_text
from nextgen_resources.market_data.bar_layouts import tell_layout
from nextgen_resources.market_data.bar_text import blocks, typed_block
from nextgen_resources.market_data.files import Provider

FIRST, LAST = date(2013, 1, 1), date(2013, 12, 31)
DAY, NEXT = date(2013, 2, 25), date(2013, 2, 26)
CSV = "Date,Open,High,Low,Close,Volume\n2013-02-25,10,11,9,10.5,1000\n2013-02-26,10.5,12,10,11,1100\n"
LONG = "symbol,date,open,high,low,close,volume,adj_close\n"
STOOQ = (
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\r\n"
    "AAPL.US,D,20130225,000000,63.4,63.6,62.3,62.4,92800000,0\r\n"
    "AAPL.US,D,20130226,000000,62.4,62.9,61.5,62.9,124000000,0\r\n"
)
LEAN = "20130225 00:00,4438000,4449300,4360000,4427000,14360000\n20130226 00:00,4427100,4489900,4370000,4489700,15900000\n"
ALPHA_VANTAGE = (
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\r\n"
    "2013-02-26,20,21,19,20.5,19.9,500,0.8500,1.0\r\n2013-02-25,40,42,38,40.0,19.8,250,0.0000,1.0\r\n"
)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return path


def bars(provider, *tickers):
    return provider.daily_bars(tickers, FIRST, LAST)


def test_stooq_folder_tree_is_read_and_the_market_leaves_the_ticker(tmp_path):
    write(tmp_path, "daily/us/nasdaq/aapl.us.txt", STOOQ)
    write(tmp_path, "daily/us/README.txt", "not bars")
    found = bars(Provider(tmp_path, recursive=True), "AAPL")
    assert found.select("session_date", "open", "close", "volume").rows() == [
        (DAY, 63.4, 62.4, 92_800_000.0),
        (NEXT, 62.4, 62.9, 124_000_000.0),
    ]


def test_stooq_bars_of_an_hour_are_refused(tmp_path):
    write(tmp_path, "aapl.us.txt", STOOQ.replace(",D,20130226", ",60,20130226"))
    with pytest.raises(ProviderDataError, match=r"line 3: period is '60', expected D \(daily bars\)"):
        bars(Provider(tmp_path), "AAPL")


def test_lean_zip_has_no_header_and_prices_times_ten_thousand(tmp_path):
    zipped(tmp_path / "aapl.zip", {"aapl.csv": LEAN})
    found = bars(Provider(tmp_path), "AAPL")
    assert found.row(0)[1:7] == (DAY, 443.8, 444.93, 436.0, 442.7, 14_360_000.0)
    assert found.height == 2


def test_alpha_vantage_gives_its_actions_whatever_the_order_of_days(tmp_path):
    provider = Provider(write(tmp_path, "IBM.csv", ALPHA_VANTAGE))
    assert bars(provider, "IBM")["session_date"].to_list() == [DAY, NEXT]
    assert provider.corporate_actions(["IBM"], FIRST, LAST).row(0) == (
        "IBM", NEXT, "dividend", None, 0.85, None,
    )  # fmt: skip


def test_alpha_vantage_json_is_read_where_it_is_declared(tmp_path):
    series = {
        "2013-02-26": {
            "1. open": "20",
            "2. high": "21",
            "3. low": "19",
            "4. close": "20.5",
            "5. volume": "500",
        },
        "2013-02-25": {
            "1. open": "19",
            "2. high": "21",
            "3. low": "19",
            "4. close": "20.0",
            "5. volume": "400",
        },
    }
    answer = {"Meta Data": {"2. Symbol": "ibm"}, "Time Series (Daily)": series}
    write(tmp_path, "any name.json", json.dumps(answer))
    assert bars(Provider(tmp_path, layout="alphavantage"), "IBM")["close"].to_list() == [20.0, 20.5]
    with pytest.raises(ProviderDataError, match="no bars in"):
        bars(Provider(tmp_path), "IBM")


def test_a_message_of_the_server_in_json_is_no_empty_series(tmp_path):
    write(tmp_path, "IBM.json", json.dumps({"Note": "Thank you for using Alpha Vantage! 5 calls per minute"}))
    with pytest.raises(ProviderDataError, match=r"message of the server, not bars: 'Thank you"):
        bars(Provider(tmp_path, layout="alphavantage"), "IBM")


def test_a_declared_layout_that_the_file_has_not_is_refused(tmp_path):
    path = write(tmp_path, "IBM.csv", ALPHA_VANTAGE)
    with pytest.raises(ProviderDataError, match=r"declared to be of the layout stooq.*that is alphavantage"):
        bars(Provider(path, layout="stooq"), "IBM")
    with pytest.raises(SettingsError, match=r"layout is 'excel', expected one of yahoo, stooq"):
        Provider(path, layout="excel")


def test_a_header_that_fits_two_layouts_is_refused_with_both(tmp_path):
    both = CSV.replace("Volume", "Adj Close,Volume,timestamp").replace("1000\n", "10,1000,x\n")
    path = write(tmp_path, "IBM.csv", both)
    with pytest.raises(ProviderDataError, match=r"could be yahoo or alphavantage; set the option layout"):
        bars(Provider(path), "IBM")


def test_days_whose_order_cannot_be_told_are_refused_until_it_is_declared(tmp_path):
    path = write(
        tmp_path, "IBM.csv", CSV.replace("2013-02-25", "03/02/2013").replace("2013-02-26", "04/02/2013")
    )
    with pytest.raises(
        ProviderDataError, match=r"day or month first cannot be told: set the option date_format"
    ):
        bars(Provider(path), "IBM")
    days = bars(Provider(path, date_format="%d/%m/%Y"), "IBM")["session_date"].to_list()
    assert days == [date(2013, 2, 3), date(2013, 2, 4)]


def test_bars_without_header_in_no_known_layout_are_refused(tmp_path):
    path = write(tmp_path, "IBM.csv", "2013-02-25,10,11,9,10.5,1000\n")
    with pytest.raises(
        ProviderDataError, match=r"is no header; bars without one are read in the layout lean"
    ):
        bars(Provider(path), "IBM")


def test_semicolons_separate_and_a_decimal_comma_is_not_guessed(tmp_path):
    path = write(tmp_path, "IBM.csv", CSV.replace(",", ";"))
    assert bars(Provider(path), "IBM")["close"].to_list() == [10.5, 11.0]
    path = write(tmp_path, "IBM.csv", CSV.replace(",", ";").replace("10.5;1000", "10,5;1000"))
    with pytest.raises(ProviderDataError, match=r"line 2: close is '10,5', expected a number"):
        bars(Provider(path), "IBM")


def test_odd_tickers_stay_tickers(tmp_path):
    odd = ["NAN", "TRUE", "INF", "ON", "NA", "NULL", "NONE"]
    lines = "".join(f"{name},2013-02-25,1,2,1,2,100,2\n" for name in odd)
    provider = Provider(write(tmp_path, "all.csv", LONG + lines))
    assert bars(provider, *odd)["ticker"].to_list() == sorted(odd)


def test_parquet_that_lost_its_tickers_to_guessed_types_is_refused(tmp_path):
    columns = {"ticker": [True], "date": [DAY], "open": [1.0], "high": [2.0], "low": [1.0], "close": [2.0]}
    pl.DataFrame({**columns, "volume": [100]}).write_parquet(tmp_path / "all.parquet")
    with pytest.raises(
        ProviderDataError, match=r"ticker has type Boolean, expected text: tickers such as TRUE"
    ):
        bars(Provider(tmp_path), "TRUE")


DIRTY = (
    LONG + "CH,2013-02-25,1,2,1,2,100,2\n" + LONG + "CH,2013-02-26,1,2,1,2,100,2\n"
    "AA,2013-02-25,1,2,1,n/k,100,2\nAA,2013-02-26,1,2,1,2,100,2,7,8\n"
    "<html><body>Too many requests</body></html>\nAA,2013-02-27,1,2,1,2,100,2\n"
)


@pytest.mark.parametrize("block_bytes", [64, 1 << 20], ids=["many blocks", "one block"])
def test_lines_that_cannot_be_read_go_to_quarantine_whole_and_the_others_stay(
    tmp_path, monkeypatch, block_bytes
):
    monkeypatch.setattr(bar_text.blocks, "__defaults__", (block_bytes,))
    provider = Provider(write(tmp_path, "prices.csv", DIRTY), unreadable="quarantine")
    assert bars(provider, "AA", "CH").select("ticker", "session_date").rows() == [
        ("AA", date(2013, 2, 27)), ("CH", DAY), ("CH", NEXT),
    ]  # fmt: skip
    rejected = provider.rejected_rows(FIRST, LAST)
    assert rejected["reason_code"].to_list() == [
        "header_line", "unreadable_close", "wrong_field_count", "unreadable_ticker",
    ]  # fmt: skip
    payloads = [json.loads(text) for text in rejected["payload"]]
    assert [row["line"] for row in payloads] == [3, 5, 6, 7]
    assert payloads[3]["text"] == "<html><body>Too many requests</body></html>"
    assert rejected["session_date"].null_count() == 0


def test_by_default_the_first_unreadable_line_refuses_the_delivery(tmp_path):
    with pytest.raises(
        ProviderDataError, match=r"prices.csv line 3: header is .*; 4 row\(s\) in all.*quarantine"
    ):
        bars(Provider(write(tmp_path, "prices.csv", DIRTY)), "AA")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><head><title>Sign in</title>", "a page or a message of a server, not bars"),
        (b'{"Error Message": "Invalid API call"}', "a page or a message of a server, not bars"),
        (b"Exceeded the daily hits limit", "lacks a column for session_date"),
        (b"No data\n", "lacks a column for session_date"),
        (b"", "it is empty"),
        (b"\xff\xfeD\x00a\x00", "UTF-16"),
        (CSV.encode().replace(b"10.5,1000", b"\xe9,1000"), r"line 2 is not UTF-8 \(byte 0xe9\)"),
    ],
    ids=["page", "json", "limit", "no data", "empty", "utf-16", "latin-1"],
)
def test_what_is_no_table_of_bars_is_refused_or_quarantined_as_a_whole(tmp_path, content, message):
    write(tmp_path, "BAD.csv", content)
    write(tmp_path, "GOOD.csv", CSV)
    with pytest.raises(ProviderDataError, match=message):
        bars(Provider(tmp_path), "GOOD")
    tolerant = Provider(tmp_path, unreadable="quarantine")
    assert tolerant.listings()["ticker"].to_list() == ["GOOD"]
    rejected = tolerant.rejected_rows(DAY, DAY)
    assert rejected["reason_code"].to_list() == ["unreadable_file"]
    assert "BAD.csv" in rejected["reason"][0]


def test_zip_tar_gzip_and_plain_give_the_same_bars(tmp_path):
    sources = {
        "plain": write(tmp_path, "a/IBM.csv", CSV),
        "gzip": write(tmp_path, "b/IBM.csv.gz", gzip.compress(CSV.encode())),
        "zip": zipped(tmp_path / "c.zip", {"folder/IBM.csv": CSV, "folder/notes.md": "x"}),
        "tar": tarred(tmp_path / "d.tar.gz", {"folder/IBM.csv": CSV, "folder/notes.txt": "x"}),
    }
    frames = {name: bars(Provider(path), "IBM") for name, path in sources.items()}
    assert all(frame.equals(frames["plain"]) and frame.height == 2 for frame in frames.values())


def test_a_table_of_something_else_in_an_archive_is_named_and_left_out_by_pattern(tmp_path):
    path = tarred(
        tmp_path / "crawl.tar.gz",
        {"prices.csv": LONG + "A,2013-02-25,1,2,1,2,9,2\n", "reports.csv": "a,b\n1,2\n"},
    )
    with pytest.raises(ProviderDataError, match=r"crawl.tar.gz!reports.csv lacks a column"):
        bars(Provider(path), "A")
    assert bars(Provider(path, pattern="prices.csv"), "A").height == 1


@pytest.mark.parametrize(
    "name", ["../IBM.csv", "/etc/IBM.csv", "a/../../IBM.csv", "C:\\IBM.csv", "..\\IBM.csv"]
)
def test_members_that_climb_refuse_the_whole_archive(tmp_path, name):
    for path in (
        zipped(tmp_path / "a.zip", {"IBM.csv": CSV, name: CSV}),
        tarred(tmp_path / "a.tar.gz", {name: CSV}),
    ):
        with pytest.raises(
            ProviderDataError, match=r"leads out of the archive; nothing of the archive is read"
        ):
            bars(Provider(path), "IBM")


def test_links_inside_a_tar_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("IBM.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ProviderDataError, match=r"'IBM.csv' is a link or a device"):
        bars(Provider(tmp_path / "a.tar.gz"), "IBM")


def test_bombs_are_not_unfolded(tmp_path):
    bomb = CSV + "\n" * 50_000_000
    for path in (
        zipped(tmp_path / "a.zip", {"IBM.csv": bomb}),
        write(tmp_path, "IBM.csv.gz", gzip.compress(bomb.encode(), 9)),
        tarred(tmp_path / "a.tar.gz", {"IBM.csv": bomb}),
    ):
        assert path.stat().st_size < 200_000
        with pytest.raises(ProviderDataError, match=r"unfolds to more than .* bytes .*unpack it"):
            bars(Provider(path), "IBM")


def test_an_archive_in_an_archive_and_too_large_a_total_are_refused(tmp_path):
    with pytest.raises(ProviderDataError, match=r"holds another archive, inner.zip"):
        bars(Provider(zipped(tmp_path / "a.zip", {"inner.zip": b"PK"})), "IBM")
    lines = "".join(
        f"2013-{m:02d}-{d:02d},10,11,9,10.5,{m * d * 7919}\n" for m in range(1, 13) for d in range(1, 28)
    )
    big = {f"T{number}.csv": CSV + lines * 40 for number in range(5)}
    with pytest.raises(ProviderDataError, match=r"1,073,741 bytes in all"):
        bars(Provider(zipped(tmp_path / "b.zip", big), max_archive_gigabytes=0.001), "T1")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "IBM.csv.gz"])
def test_a_cut_off_archive_is_damaged_and_not_shorter(tmp_path, name):
    rows = "".join(f"2013-02-25,10,11,9,10.5,{number * 7919}\n" for number in range(5_000))
    whole = tmp_path / name
    if name.endswith("csv.gz"):
        whole.write_bytes(gzip.compress((CSV + rows).encode()))
    else:
        (zipped if name == "a.zip" else tarred)(whole, {"IBM.csv": CSV + rows})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ProviderDataError, match=r"damaged"):
        bars(Provider(whole), "IBM")


FIELD = st.one_of(
    st.floats(allow_nan=True).map(repr),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6),
    st.sampled_from(["2013-02-25", "", "AAPL", '"', "1,5", "NaN"]),
)


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(st.lists(FIELD, min_size=1, max_size=9).map(",".join), max_size=8),
    size=st.integers(16, 200),
)
def test_every_line_is_a_bar_or_unreadable_and_none_is_lost(lines, size):
    layout = tell_layout("x", LONG.strip(), None, None)
    content = "\n".join(lines).encode()
    line, bar_count, numbers = 2, 0, []
    for block in blocks("x", io.BytesIO(content), size):
        typed, unreadable = typed_block("x", block, layout, line, None)
        assert typed["session_date"].null_count() == 0
        bar_count += typed.height
        numbers += unreadable["line"].to_list()
        line += block.count(b"\n")
    expected = [number for number, text in enumerate(lines, start=2) if text.strip()]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(expected)
    assert bar_count + len(numbers) == len(expected)
