"""The door: polars and pandas frames come out alike, and a wrong shape names its column."""

from datetime import UTC, date, datetime

import pandas as pd
import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.door import DELIVERED_SCHEMA, check_bars

DAY = date(2013, 2, 25)
COLUMNS = {
    "ticker": ["AAPL", "IBM"],
    "session_date": [DAY, DAY],
    "open": [1.0, 2.0],
    "high": [1.5, 2.5],
    "low": [0.5, 1.5],
    "close": [1.2, 2.2],
    "volume": [100, 200],
    "adjusted_close": [1.1, 2.1],
}


def as_polars(**changes):
    return pl.DataFrame({**COLUMNS, **changes})


def as_pandas(**changes):
    columns = {**COLUMNS, "session_date": pd.to_datetime([DAY, DAY]), **changes}
    return pd.DataFrame(columns)


def test_a_polars_frame_gets_its_canonical_types():
    checked = check_bars(as_polars())
    assert dict(checked.schema) == dict(DELIVERED_SCHEMA)
    assert checked.row(1) == ("IBM", DAY, 2.0, 2.5, 1.5, 2.2, 200.0, 2.1, "provider")


def test_a_pandas_frame_gives_the_same_as_the_polars_frame():
    assert check_bars(as_pandas()).equals(check_bars(as_polars()))


@pytest.mark.parametrize(
    "dates",
    [
        pd.to_datetime([DAY, DAY]).tz_localize("America/New_York"),
        pd.to_datetime([DAY, DAY]).astype("datetime64[s]"),
        [DAY, DAY],
        ["2013-02-25", "2013-02-25"],
        ["2013-02-25T00:00:00", "2013-02-25 16:00:00"],
    ],
    ids=["aware", "seconds", "date objects", "text", "text with time"],
)
def test_pandas_days_of_every_kind_are_the_day_that_they_show(dates):
    assert check_bars(as_pandas(session_date=dates))["session_date"].to_list() == [DAY, DAY]


def test_polars_days_as_text_or_instants_are_read():
    assert check_bars(as_polars(session_date=["2013-02-25"] * 2))["session_date"].to_list() == [DAY, DAY]
    instants = [datetime(2013, 2, 25, 21, tzinfo=UTC)] * 2
    assert check_bars(as_polars(session_date=instants))["session_date"].to_list() == [DAY, DAY]


def test_the_adjusted_close_may_be_absent():
    without = check_bars(as_polars().drop("adjusted_close"))
    assert without["adjusted_close"].to_list() == [None, None]
    assert check_bars(as_pandas().drop(columns="adjusted_close")).equals(without)


def test_missing_and_absurd_values_pass_for_the_quality_rules():
    values = {"close": [float("nan"), -5.0], "volume": [float("inf"), 0.5], "ticker": [None, "not a ticker"]}
    checked = check_bars(as_pandas(**values))
    assert checked["close"].to_list() == [None, -5.0]
    assert checked["volume"].to_list() == [float("inf"), 0.5]
    assert checked["ticker"].to_list() == [None, "not a ticker"]


def test_a_missing_day_passes_for_the_quality_rules():
    checked = check_bars(as_pandas(session_date=pd.to_datetime([DAY, None])))
    assert checked["session_date"].to_list() == [DAY, None]


def test_further_columns_are_dropped():
    assert check_bars(as_pandas(note=["a", "b"])).columns == list(DELIVERED_SCHEMA)


@pytest.mark.parametrize("make", [as_polars, as_pandas])
def test_an_empty_frame_keeps_its_columns(make):
    checked = check_bars(make()[:0])
    assert (checked.height, dict(checked.schema)) == (0, dict(DELIVERED_SCHEMA))


def test_a_column_missing_from_a_polars_frame_is_named():
    with pytest.raises(ProviderDataError, match=r"acme: bars lack the column\(s\) low, close; found ticker"):
        check_bars(as_polars().drop("low", "close"), "acme")


def test_a_column_missing_from_a_pandas_frame_is_named_by_dagster_pandas():
    with pytest.raises(ProviderDataError, match=r"acme: bars refused at the door: Required column low"):
        check_bars(as_pandas().drop(columns="low"), "acme")


def test_text_in_a_price_column_of_polars_is_refused_with_an_example():
    with pytest.raises(ProviderDataError, match=r"column close .* type String \(for example \['1,2'\]\)"):
        check_bars(as_polars(close=["1,2", "2"]))


def test_text_in_a_price_column_of_pandas_is_refused_with_the_constraint():
    with pytest.raises(ProviderDataError, match=r'column "close" .* "is_numeric_dtype", but was "object"'):
        check_bars(as_pandas(close=["1,2", "2"]))


@pytest.mark.parametrize("make", [as_polars, as_pandas])
def test_numbers_are_no_tickers(make):
    with pytest.raises(ProviderDataError, match=r"ticker"):
        check_bars(make(ticker=[1, 2]))


@pytest.mark.parametrize("make", [as_polars, as_pandas])
def test_numbers_are_no_dates(make):
    with pytest.raises(ProviderDataError, match=r"column session_date .* has type .*nt64"):
        check_bars(make(session_date=[1361750400, 1361750400]))


@pytest.mark.parametrize("make", [as_polars, as_pandas])
def test_dates_in_a_local_order_are_refused(make):
    with pytest.raises(ProviderDataError, match=r"02/25/2013"):
        check_bars(make(session_date=["02/25/2013", "02/26/2013"]))


def test_something_that_is_no_frame_is_refused():
    with pytest.raises(ProviderDataError, match=r"arrived as list, expected a Polars or pandas DataFrame"):
        check_bars([1, 2])


def test_a_row_that_names_its_source_keeps_it_and_the_others_get_the_provider():
    checked = check_bars(as_polars(source=["acme", None]), "chain")
    assert checked["source"].to_list() == ["acme", "chain"]
    assert check_bars(as_pandas(source=["acme", "other"]), "chain")["source"].to_list() == ["acme", "other"]


def test_a_source_that_is_no_text_is_refused():
    with pytest.raises(ProviderDataError, match="column source"):
        check_bars(as_polars(source=[1, 2]))
