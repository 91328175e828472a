"""The universe is limited to the most traded tickers, by what came before it."""

from datetime import date

import polars as pl

from nextgen_assets.domain.liquidity import most_liquid

LISTINGS = pl.DataFrame(
    {"ticker": ["AA", "BB", "BB", "CC", "DD"], "security_id": ["a", "b1", "b2", "c", "d"]}
)
BARS = pl.DataFrame(
    {
        "ticker": ["AA", "AA", "AA", "BB", "CC"],
        "session_date": [date(2002, 12, day) for day in (26, 27, 30, 30, 30)],
        "close": [10.0, 10.0, 10.0, 5.0, 20.0],
        "volume": [100.0, 200.0, 1_000_000.0, 300.0, 150.0],
    }
)


def _kept(count):
    return most_liquid(LISTINGS, BARS, count)["security_id"].to_list()


def test_median_dollar_volume_ranks_and_a_single_wild_day_does_not():
    assert _kept(1) == ["c"]  # 3,000 a day; AA has 2,000 but for one day of 10,000,000


def test_listings_of_one_ticker_stay_together_and_order_is_kept():
    assert _kept(3) == ["a", "b1", "b2", "c"]


def test_ticker_without_earlier_bars_comes_last():
    assert _kept(4) == ["a", "b1", "b2", "c", "d"]
    assert "d" not in _kept(3)


def test_without_any_earlier_bar_the_names_decide():
    assert most_liquid(LISTINGS, BARS.clear(), 2)["security_id"].to_list() == ["a", "b1", "b2"]
