"""The embedded provider against facts about its data that are public."""

from datetime import date

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.bokeh import Provider

FIRST, LAST = date(2000, 3, 1), date(2013, 3, 1)


@pytest.fixture(scope="module")
def provider():
    return Provider()


def test_five_companies_with_their_first_trading_days(provider):
    listed = provider.listings()
    assert listed.select("ticker", "exchange", "first_session", "last_session").rows() == [
        ("AAPL", "NASDAQ", date(2000, 3, 1), None),
        ("FB", "NASDAQ", date(2012, 5, 18), None),
        ("GOOG", "NASDAQ", date(2004, 8, 19), None),
        ("IBM", "NYSE", date(2000, 3, 1), None),
        ("MSFT", "NASDAQ", date(2000, 3, 1), None),
    ]


def luhn_digit(body):
    digits = "".join(str(int(character, 36)) for character in body)
    doubled = [int(digit) * (2 - position % 2) for position, digit in enumerate(reversed(digits))]
    return -sum(sum(divmod(value, 10)) for value in doubled) % 10


def test_security_ids_are_isins_with_valid_check_digits(provider):
    for security_id in provider.listings()["security_id"]:
        isin = security_id.removeprefix("isin:")
        assert len(isin) == 12
        assert int(isin[-1]) == luhn_digit(isin[:-1])


def test_the_bar_counts_are_those_of_the_package(provider):
    bars = provider.daily_bars(["AAPL", "IBM", "MSFT", "GOOG", "FB"], FIRST, LAST)
    assert dict(bars.group_by("ticker").len().iter_rows()) == {
        "AAPL": 3270,
        "IBM": 3270,
        "MSFT": 3270,
        "GOOG": 2148,
        "FB": 196,
    }


def test_prices_are_as_traded(provider):
    day = date(2000, 3, 1)
    bar = provider.daily_bars(["AAPL"], day, day).row(0, named=True)
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (118.56, 132.06, 118.5, 130.31)
    assert bar["adjusted_close"] == pytest.approx(4.186662803811)


def test_a_ticker_before_its_first_day_has_no_rows(provider):
    assert provider.daily_bars(["FB"], FIRST, date(2012, 5, 17)).is_empty()


def test_an_unknown_ticker_lists_the_known_ones(provider):
    with pytest.raises(ProviderDataError, match=r"no bars for TSLA; the embedded data holds AAPL, FB"):
        provider.daily_bars(["AAPL", "TSLA"], FIRST, LAST)


def test_there_are_no_explicit_actions(provider):
    assert provider.corporate_actions(["AAPL"], FIRST, LAST) is None
    assert "actions" not in provider.capabilities


def test_the_sector_is_stated_for_all(provider):
    assert provider.listings()["sector"].unique().to_list() == ["Information Technology"]


def test_bars_are_sorted_by_ticker_and_session(provider):
    bars = provider.daily_bars(["MSFT", "AAPL"], date(2012, 1, 1), LAST)
    assert bars.equals(bars.sort("ticker", "session_date"))
    assert bars["ticker"].unique(maintain_order=True).to_list() == ["AAPL", "MSFT"]
    assert bars.select(pl.all().null_count()).sum_horizontal().item() == 0
