"""A user's files: layouts, spellings, limits, and messages that name the file and the line."""

import gzip
from datetime import date

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.files import Provider

FIRST, LAST = date(2013, 1, 1), date(2013, 12, 31)
ROWS = [
    (date(2013, 2, 25), 10.0, 10.5, 9.5, 10.2, 1000, 9.2),
    (date(2013, 2, 26), 10.2, 10.6, 10.0, 10.4, 1100, 9.4),
]
ONE_CSV = """Date,Open,High,Low,Close,Adj_Close,Volume
2013-02-25,10.0,10.5,9.5,10.2,9.2,1000
2013-02-26,10.2,10.6,10.0,10.4,9.4,1100
"""
LONG_CSV = """Symbol,TIMESTAMP,open,high,low,close,volume,Dividends,Stock Splits
IBM,2013-02-26,20,21,19,20.5,500,0.85,0.0
ibm,2013-02-25,20,21,19,20.0,500,0.0,0.0
AAPL,2013-02-25,440,445,430,442,900,0,2.0
AAPL,2013-02-26,220,225,215,221,900,0,1.0
"""


def bars(provider, *tickers):
    return provider.daily_bars(tickers, FIRST, LAST)


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def test_one_csv_file_per_ticker_takes_the_ticker_from_its_name(tmp_path):
    write(tmp_path, "xyz.csv", ONE_CSV)
    found = bars(Provider(tmp_path), "XYZ")
    assert found.rows() == [("XYZ", *row) for row in ROWS]


def test_windows_line_ends_and_a_zipped_file_read_the_same(tmp_path):
    (tmp_path / "ABC.csv").write_bytes(ONE_CSV.replace("\n", "\r\n").encode())
    (tmp_path / "XYZ.csv.gz").write_bytes(gzip.compress(ONE_CSV.encode()))
    provider = Provider(tmp_path)
    assert bars(provider, "ABC").drop("ticker").equals(bars(provider, "XYZ").drop("ticker"))


def test_a_long_csv_file_has_its_own_tickers_in_any_case(tmp_path):
    provider = Provider(write(tmp_path, "everything.csv", LONG_CSV))
    assert provider.listings()["ticker"].to_list() == ["AAPL", "IBM"]
    assert bars(provider, "IBM")["close"].to_list() == [20.0, 20.5]


def test_splits_and_dividends_of_the_files_are_the_actions(tmp_path):
    provider = Provider(write(tmp_path, "everything.csv", LONG_CSV))
    assert "actions" in provider.capabilities
    assert provider.corporate_actions(["AAPL", "IBM"], FIRST, LAST).rows() == [
        ("AAPL", date(2013, 2, 25), "split", 2.0, None, None),
        ("IBM", date(2013, 2, 26), "dividend", None, 0.85, None),
    ]
    assert provider.corporate_actions(["IBM"], FIRST, date(2013, 2, 25)).is_empty()


def test_files_without_such_columns_have_no_actions(tmp_path):
    write(tmp_path, "XYZ.csv", ONE_CSV)
    provider = Provider(tmp_path)
    assert provider.capabilities == {"daily", "universe", "adjusted_close"}
    assert provider.corporate_actions(["XYZ"], FIRST, LAST) is None


def parquet(path, **changes):
    columns = ["date", "open", "high", "low", "close", "volume", "adjusted_close"]
    frame = pl.DataFrame(ROWS, schema=columns, orient="row").with_columns(**changes)
    frame.write_parquet(path)
    return path


@pytest.mark.parametrize(
    "days",
    [
        pl.col("date"),
        pl.col("date").cast(pl.Datetime("ns")),
        pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York"),
        pl.col("date").cast(pl.String),
    ],
    ids=["date", "datetime", "aware", "text"],
)
def test_parquet_with_days_of_every_kind_reads_the_same(tmp_path, days):
    parquet(tmp_path / "XYZ.parquet", date=days)
    assert bars(Provider(tmp_path), "XYZ").rows() == [("XYZ", *row) for row in ROWS]


def test_csv_and_parquet_may_stand_side_by_side(tmp_path):
    write(tmp_path, "ABC.csv", ONE_CSV)
    parquet(tmp_path / "XYZ.parquet")
    write(tmp_path, "SOURCE.md", "where this comes from")
    assert bars(Provider(tmp_path), "ABC", "XYZ").height == 4


def test_blank_and_null_values_are_missing_and_not_zero(tmp_path):
    text = ONE_CSV.replace("10.2,9.2,1000", "null,,1000")
    found = bars(Provider(write(tmp_path, "XYZ.csv", text)), "XYZ")
    assert found.row(0)[5:] == (None, 1000.0, None)


def test_options_limit_tickers_and_days(tmp_path):
    path = write(tmp_path, "everything.csv", LONG_CSV)
    only_one = Provider(path, tickers=["IBM"], first="2013-02-26", last=date(2013, 2, 26))
    assert bars(only_one, "IBM")["session_date"].to_list() == [date(2013, 2, 26)]
    assert only_one.listings()["first_session"].to_list() == [date(2013, 2, 26)]
    assert Provider(path, max_tickers=1).listings()["ticker"].to_list() == ["AAPL"]
    assert Provider(path, tickers=["IBM", "AAPL"], max_tickers=1).listings()["ticker"].to_list() == ["AAPL"]


def test_a_ticker_that_the_options_exclude_is_unknown(tmp_path):
    provider = Provider(write(tmp_path, "everything.csv", LONG_CSV), tickers=["IBM"])
    with pytest.raises(ProviderDataError, match=r"no bars of AAPL .*1 tickers are there"):
        bars(provider, "AAPL")


@pytest.mark.parametrize("text", ["26/02/2013", "2013-02-26x", "2013-02-30", "20130226", ""])
def test_an_unreadable_date_names_the_file_and_the_line(tmp_path, text):
    write(tmp_path, "XYZ.csv", ONE_CSV.replace("2013-02-26", text))
    shown = repr(text or None)
    with pytest.raises(ProviderDataError, match=rf"XYZ.csv line 3: session_date is {shown}, expected an ISO"):
        Provider(tmp_path).listings()


@pytest.mark.parametrize("ticker", ["../etc/passwd", "AAPL;", "", "aapl"])
def test_a_ticker_outside_the_allow_list_is_refused(tmp_path, ticker):
    write(tmp_path, "XYZ.csv", ONE_CSV)
    with pytest.raises(SettingsError, match=r"is not a ticker"):
        Provider(tmp_path, tickers=[ticker])
    with pytest.raises(SettingsError, match=r"is not a ticker"):
        bars(Provider(tmp_path), ticker)


def test_a_ticker_that_stopped_long_before_the_newest_bar_is_delisted(tmp_path):
    lines = "".join(f"LIVE,2013-03-{day:02d},1,1,1,1,1\n" for day in (1, 15, 28))
    halted, gone = "HALT,2013-03-18,1,1,1,1,1\n", "GONE,2013-03-15,1,1,1,1,1\n"
    header = "ticker,date,open,high,low,close,volume\n"
    provider = Provider(write(tmp_path, "all.csv", header + lines + halted + gone))
    ends = dict(provider.listings().select("ticker", "last_session").iter_rows())
    assert ends == {"LIVE": None, "HALT": None, "GONE": date(2013, 3, 15)}


def test_a_delisting_after_the_last_allowed_day_is_not_seen(tmp_path):
    text = "ticker,date,open,high,low,close,volume\nGONE,2013-03-15,1,1,1,1,1\nLIVE,2013-06-03,1,1,1,1,1\n"
    path = write(tmp_path, "all.csv", text + "LIVE,2013-03-15,1,1,1,1,1\n")
    assert Provider(path, last="2013-03-20").listings()["last_session"].to_list() == [None, None]


def test_an_unreadable_number_names_the_file_the_line_and_the_column(tmp_path):
    write(tmp_path, "XYZ.csv", ONE_CSV.replace("9.4,1100", '9.4,"1,100"'))
    with pytest.raises(ProviderDataError, match=r"XYZ.csv line 3: volume is '1,100', expected a number"):
        Provider(tmp_path).listings()


def test_an_unreadable_ticker_names_the_file_and_the_line(tmp_path):
    write(tmp_path, "all.csv", LONG_CSV.replace("ibm,", "International Business Machines,"))
    with pytest.raises(ProviderDataError, match=r"all.csv line 3: ticker is 'INTERNATIONAL BUSINESS"):
        Provider(tmp_path).listings()


def test_a_parquet_row_without_ticker_is_refused(tmp_path):
    parquet(tmp_path / "all.parquet", ticker=pl.Series([None, "A"]))
    with pytest.raises(ProviderDataError, match=r"all.parquet: ticker is None, expected a ticker"):
        Provider(tmp_path).listings()


def test_unreadable_text_of_an_excluded_ticker_does_not_matter(tmp_path):
    path = write(tmp_path, "all.csv", LONG_CSV.replace("AAPL,2013-02-25,440", "AAPL,2013-02-25,n.a."))
    assert bars(Provider(path, tickers=["IBM"]), "IBM").height == 2


def test_a_missing_column_lists_what_was_found_and_what_is_accepted(tmp_path):
    write(tmp_path, "XYZ.csv", ONE_CSV.replace("Low", "Lowest"))
    with pytest.raises(
        ProviderDataError, match=r"lacks a column for low; found Date, .*Accepted names for low"
    ):
        Provider(tmp_path).listings()


def test_two_columns_of_one_meaning_are_refused(tmp_path):
    write(tmp_path, "XYZ.csv", ONE_CSV.replace("Open", "Timestamp"))
    with pytest.raises(
        ProviderDataError, match=r"several columns for session_date: Date, Timestamp; keep one"
    ):
        Provider(tmp_path).listings()


def test_a_file_name_that_is_no_ticker_is_refused(tmp_path):
    write(tmp_path, "my prices of last year.csv", ONE_CSV)
    with pytest.raises(ProviderDataError, match=r"is not a ticker .*rename the file to TICKER.csv"):
        Provider(tmp_path).listings()


def test_an_empty_directory_says_what_was_expected(tmp_path):
    with pytest.raises(ProviderDataError, match=r"no bars in .*expected files that end in .csv"):
        Provider(tmp_path).listings()


def test_a_path_that_does_not_exist_is_refused_at_the_first_question(tmp_path):
    provider = Provider(tmp_path / "nowhere")
    with pytest.raises(ProviderDataError, match=r"nowhere does not exist; set the option path"):
        provider.listings()


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ProviderDataError, match=r"no bars in"):
        Provider(write(tmp_path, "bars.xlsx", "")).listings()


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(ProviderDataError, match=r"XYZ.csv cannot be read"):
        Provider(write(tmp_path, "XYZ.csv", "")).listings()


def test_a_broken_parquet_file_is_refused(tmp_path):
    with pytest.raises(ProviderDataError, match=r"XYZ.parquet cannot be read"):
        Provider(write(tmp_path, "XYZ.parquet", "not parquet")).listings()


def test_a_link_out_of_the_directory_is_refused(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "XYZ.csv").symlink_to(write(tmp_path, "outside.csv", ONE_CSV))
    with pytest.raises(ProviderDataError, match=r"leads out of"):
        Provider(inside).listings()


def test_options_that_leave_nothing_are_refused(tmp_path):
    write(tmp_path, "XYZ.csv", ONE_CSV)
    with pytest.raises(ProviderDataError, match=r"no bar .* passes the options"):
        Provider(tmp_path, first="2020-01-01").listings()


def test_a_negative_dividend_is_refused(tmp_path):
    provider = Provider(write(tmp_path, "all.csv", LONG_CSV.replace("0.85", "-0.85")))
    with pytest.raises(ProviderDataError, match=r"dividend_amount of IBM on 2013-02-26 .* is -0.85"):
        provider.corporate_actions(["IBM"], FIRST, LAST)


def test_two_dividends_of_one_day_are_refused(tmp_path):
    doubled = LONG_CSV + "IBM,2013-02-26,20,21,19,20.5,500,0.80,0.0\n"
    with pytest.raises(ProviderDataError, match=r"several values for the dividend of IBM on 2013-02-26"):
        Provider(write(tmp_path, "all.csv", doubled)).corporate_actions(["IBM"], FIRST, LAST)


def test_the_files_are_read_once(tmp_path):
    path = write(tmp_path, "XYZ.csv", ONE_CSV)
    provider = Provider(path)
    before = bars(provider, "XYZ")
    path.unlink()
    assert bars(provider, "XYZ").equals(before)


def test_max_tickers_below_one_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"max_tickers is 0"):
        Provider(tmp_path, max_tickers=0)


def test_a_limit_that_is_no_date_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"'yesterday', expected a date"):
        Provider(tmp_path, first="yesterday")


def test_duplicates_are_left_to_the_quality_rules(tmp_path):
    doubled = ONE_CSV + "2013-02-26,10.2,10.6,10.0,10.5,9.4,1100\n"
    assert bars(Provider(write(tmp_path, "XYZ.csv", doubled)), "XYZ").height == 3


def test_a_timestamp_with_a_time_of_day_is_its_day(tmp_path):
    text = ONE_CSV.replace("2013-02-25", "2013-02-25 00:00:00-05:00")
    found = bars(Provider(write(tmp_path, "XYZ.csv", text)), "XYZ")
    assert found["session_date"][0] == date(2013, 2, 25)
