"""Actions recovered from real adjusted closes, from closes adjusted by hand, and against explicit lists."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.corporate_actions import (
    ACTION_COLUMNS,
    as_known,
    date_actions,
    recover_actions,
    unexplained_steps,
)
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data import load_provider

CALENDAR = xnys()
MONDAY = date(2013, 2, 4)
ALL_TICKERS = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
EXPLICIT_DATA = Path(__file__).resolve().parents[3] / "shared/data/sp500_daily_2003_2017"


@pytest.fixture(scope="module")
def embedded_bars():
    return load_provider("bokeh").daily_bars(ALL_TICKERS, date(2000, 1, 1), date(2013, 12, 31))


@pytest.fixture(scope="module")
def embedded_actions(embedded_bars):
    return recover_actions(embedded_bars, CALENDAR, "bokeh", "ex_close")


def amounts(actions, ticker):
    rows = actions.filter((pl.col("ticker") == ticker) & (pl.col("kind") == "dividend"))
    return dict(rows.select("ex_date", "cash_amount_usd").iter_rows())


def test_embedded_splits_are_the_three_real_ones(embedded_actions):
    splits = embedded_actions.filter(pl.col("kind") == "split")
    assert splits.select("ticker", "ex_date", "split_ratio").rows() == [
        ("AAPL", date(2000, 6, 21), 2.0),
        ("AAPL", date(2005, 2, 28), 2.0),
        ("MSFT", date(2003, 2, 18), 2.0),
    ]


def test_embedded_dividends_of_apple_are_the_three_real_ones(embedded_actions):
    expected = dict.fromkeys([date(2012, 8, 9), date(2012, 11, 7), date(2013, 2, 7)], 2.65)
    assert amounts(embedded_actions, "AAPL") == expected


def test_embedded_dividends_of_microsoft_begin_in_2003_and_include_the_special_one(embedded_actions):
    paid = amounts(embedded_actions, "MSFT")
    assert min(paid) == date(2003, 2, 19)
    assert paid[date(2003, 2, 19)] == 0.08
    assert paid[date(2004, 11, 15)] == 3.08
    assert len(paid) == 37


def test_embedded_dividends_of_ibm_are_quarterly_from_13_to_85_cents(embedded_actions):
    paid = amounts(embedded_actions, "IBM")
    by_year = {
        year: [amount for day, amount in paid.items() if day.year == year] for year in range(2000, 2013)
    }
    assert by_year[2000] == [0.13] * 3
    assert by_year[2001] == [0.13, 0.14, 0.14, 0.14]
    assert by_year[2007] == [0.3, 0.4, 0.4, 0.4]
    assert by_year[2012] == [0.75, 0.85, 0.85, 0.85]
    assert len(paid) == 52


def test_embedded_google_and_facebook_have_no_actions(embedded_actions):
    assert embedded_actions.filter(pl.col("ticker").is_in(["GOOG", "FB"])).is_empty()


def test_every_embedded_amount_is_a_whole_number_of_cents(embedded_actions):
    paid = embedded_actions["cash_amount_usd"].drop_nulls()
    assert (paid * 100 - (paid * 100).round(0)).abs().max() < 1e-9


def test_every_embedded_step_is_explained(embedded_bars):
    assert unexplained_steps(embedded_bars).is_empty()


def test_actions_are_known_at_the_opening_of_the_ex_date(embedded_actions):
    split = embedded_actions.row(0, named=True)
    assert split["known_at"] == datetime(2000, 6, 21, 13, 30, tzinfo=UTC)
    assert split["known_at_is_assumed"] is True
    assert split["source"] == "bokeh"
    assert tuple(embedded_actions.columns) == ACTION_COLUMNS


def test_single_sessions_give_the_same_rows_as_the_range(embedded_bars, embedded_actions):
    for ticker, ex_date in [
        ("MSFT", date(2003, 2, 18)),
        ("MSFT", date(2003, 2, 19)),
        ("IBM", date(2012, 5, 8)),
    ]:
        pair = [CALENDAR.shift(ex_date, -1), ex_date]
        alone = recover_actions(
            embedded_bars.filter((pl.col("ticker") == ticker) & pl.col("session_date").is_in(pair)),
            CALENDAR,
            "bokeh",
        )
        key = (pl.col("ticker") == ticker) & (pl.col("ex_date") == ex_date)
        assert alone.equals(embedded_actions.filter(key))


def test_deleting_the_future_changes_no_earlier_action(embedded_bars, embedded_actions):
    last = date(2005, 2, 28)
    truncated = recover_actions(embedded_bars.filter(pl.col("session_date") <= last), CALENDAR, "bokeh")
    assert truncated.equals(embedded_actions.filter(pl.col("ex_date") <= last))


def adjusted_bars(closes, steps):
    """Bars of one ticker whose factor of adjustment steps by ``steps`` (the first step is of no day)."""
    factors = [1.0]
    for step in steps[1:]:
        factors.append(factors[-1] * step)
    sessions = [CALENDAR.shift(MONDAY, offset) for offset in range(len(closes))]
    return pl.DataFrame(
        {
            "ticker": ["X"] * len(closes),
            "session_date": sessions,
            "close": closes,
            "adjusted_close": [close * factor for close, factor in zip(closes, factors, strict=True)],
        }
    )


def recovered(closes, steps, **options):
    actions = recover_actions(adjusted_bars(closes, steps), CALENDAR, "hand", **options)
    return actions.select("kind", "split_ratio", "cash_amount_usd").rows()


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [(100.0, 49.0, 2.0), (90.0, 31.0, 3.0), (75.0, 51.0, 1.5), (700.0, 101.0, 7.0), (2.0, 19.5, 0.1)],
)
def test_a_step_equal_to_a_known_ratio_that_the_price_confirms_is_a_split(before, after, ratio):
    assert recovered([before, after], [1.0, ratio]) == [("split", ratio, None)]


def test_a_known_ratio_that_the_price_denies_is_no_action_but_is_reported():
    bars = adjusted_bars([56.09, 56.09], [1.0, 2.0])
    assert recover_actions(bars, CALENDAR, "hand").is_empty()
    assert unexplained_steps(bars).select("step", "price_move").rows() == [(2.0, 1.0)]


def test_a_dividend_reinvested_at_the_ex_close_is_close_times_step_minus_one():
    assert recovered([101.0, 100.0], [1.0, 1.005]) == [("dividend", None, 0.5)]


def test_a_dividend_deducted_from_the_close_before_uses_that_close():
    step = 1 / (1 - 0.5 / 101.0)
    assert recovered([101.0, 100.0], [1.0, step], dividend_basis="previous_close") == [
        ("dividend", None, 0.5)
    ]


def test_an_unknown_dividend_basis_is_refused():
    with pytest.raises(ValueError, match=r"expected 'ex_close' or 'previous_close'"):
        recover_actions(adjusted_bars([1.0], [1.0]), CALENDAR, "hand", "monthly")


def test_a_split_and_a_dividend_of_one_day_are_told_apart():
    assert recovered([100.0, 50.0], [1.0, 2.0 * 1.004]) == [("dividend", None, 0.2), ("split", 2.0, None)]
    step = 2.0 / (1 - 0.2 / 50.0)
    both = recovered([100.0, 50.0], [1.0, step], dividend_basis="previous_close")
    assert both == [("dividend", None, 0.2), ("split", 2.0, None)]


def test_a_spin_off_that_the_price_confirms_is_a_dividend_of_its_value():
    assert recovered([100.0, 55.0], [1.0, 100.0 / 55.0]) == [("dividend", None, 45.0)]


def test_a_distribution_of_a_fifth_that_the_price_denies_is_reported():
    bars = adjusted_bars([100.0, 103.0], [1.0, 1.25 * 0.99])
    assert recover_actions(bars, CALENDAR, "hand").is_empty()
    assert unexplained_steps(bars)["session_date"].to_list() == [CALENDAR.shift(MONDAY, 1)]


def test_a_step_below_one_that_is_no_reverse_split_is_reported():
    bars = adjusted_bars([12.84, 13.41], [1.0, 0.3035])
    assert recover_actions(bars, CALENDAR, "hand").is_empty()
    assert unexplained_steps(bars).height == 1


def test_rounding_of_the_adjusted_close_is_no_dividend_when_its_step_is_stated():
    bars = pl.DataFrame(
        {
            "ticker": ["X"] * 2,
            "session_date": [MONDAY, CALENDAR.shift(MONDAY, 1)],
            "close": [100.0, 101.0],
            "adjusted_close": [0.07, 0.070701],
        }
    )
    assert recover_actions(bars, CALENDAR, "hand", adjusted_close_step_usd=1e-6).is_empty()
    assert recover_actions(bars, CALENDAR, "hand")["kind"].to_list() == ["dividend"]


def test_days_without_a_usable_adjusted_close_are_passed_over():
    bars = adjusted_bars([100.0, 100.0, 100.0, 50.0], [1.0, 1.0, 1.0, 2.0])
    holes = bars.with_columns(
        pl.Series("adjusted_close", [100.0, None, float("nan"), bars["adjusted_close"][3]])
    )
    assert recover_actions(holes, CALENDAR, "hand")["split_ratio"].to_list() == [2.0]


def test_no_bars_give_no_actions_in_the_columns_of_the_table():
    empty = recover_actions(adjusted_bars([1.0], [1.0]).clear(), CALENDAR, "hand")
    assert (empty.height, tuple(empty.columns)) == (0, ACTION_COLUMNS)


@given(
    st.lists(
        st.tuples(st.floats(0.97, 1.03), st.sampled_from([0.0, 0.0, 0.14, 0.5])), min_size=1, max_size=30
    ),
    st.sampled_from(["ex_close", "previous_close"]),
)
@settings(max_examples=60, deadline=None)
def test_dividends_paid_are_dividends_recovered(days_and_amounts, basis):
    closes, steps = [100.0], [1.0]
    for move, amount in days_and_amounts:
        closes.append(closes[-1] * move)
        is_ex_close = basis == "ex_close"
        steps.append(1 + amount / closes[-1] if is_ex_close else 1 / (1 - amount / closes[-2]))
    found = [amount for _, _, amount in recovered(closes, steps, dividend_basis=basis)]
    assert found == [amount for _, amount in days_and_amounts if amount]


def provided(rows):
    schema = {
        "ticker": pl.String,
        "ex_date": pl.Date,
        "kind": pl.String,
        "split_ratio": pl.Float64,
        "cash_amount_usd": pl.Float64,
        "new_ticker": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_dated_actions_have_tidy_ratios_and_other_ratios_stay():
    rows = [
        ("A", MONDAY, "split", 1.49999925, None, None),
        ("B", MONDAY, "split", 0.166666666667, None, None),
        ("C", MONDAY, "split", 1.237, None, None),
        ("D", MONDAY, "dividend", None, 0.1, None),
    ]
    dated = date_actions(provided(rows), CALENDAR, "files")
    assert dated["split_ratio"].to_list() == [1.5, 1 / 6, 1.237, None]


def test_an_ex_date_without_trading_is_known_at_the_next_opening():
    dated = date_actions(provided([("A", date(2013, 2, 9), "dividend", None, 0.1, None)]), CALENDAR, "files")
    assert dated["known_at"].to_list() == [datetime(2013, 2, 11, 14, 30, tzinfo=UTC)]


def test_actions_become_known_at_their_instant_and_not_before(embedded_actions):
    opening = datetime(2005, 2, 28, 14, 30, tzinfo=UTC)
    split = (pl.col("ticker") == "AAPL") & (pl.col("ex_date") == date(2005, 2, 28))
    assert as_known(embedded_actions, opening).filter(split).height == 1
    assert as_known(embedded_actions, opening - timedelta(microseconds=1)).filter(split).is_empty()


def test_a_cut_off_without_a_timezone_is_refused(embedded_actions):
    with pytest.raises(ValueError, match=r"without a timezone"):
        as_known(embedded_actions, datetime(2005, 2, 28, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.skipif(
    not EXPLICIT_DATA.is_dir(), reason="the data set with explicit actions is not on this machine"
)
def test_recovered_actions_agree_with_explicit_ones_of_500_companies():
    provider = load_provider("files", path=EXPLICIT_DATA)
    tickers = provider.listings()["ticker"].to_list()
    bars = provider.daily_bars(tickers, date(2003, 1, 1), date(2017, 12, 31))
    found = recover_actions(bars, CALENDAR, "files", "ex_close", adjusted_close_step_usd=1e-6)
    explicit = date_actions(
        provider.corporate_actions(tickers, date(2003, 1, 1), date(2017, 12, 31)), CALENDAR, "files"
    )
    keys = ["ticker", "ex_date", "kind"]
    both = explicit.join(found, on=keys, suffix="_found")
    assert explicit.height > 19_000
    assert explicit.height - both.height <= 25
    assert found.height - both.height <= 7
    splits = both.filter(pl.col("kind") == "split")
    assert (splits.height, splits.filter(pl.col("split_ratio") != pl.col("split_ratio_found")).height) == (
        287,
        0,
    )
    off_by_a_cent = (pl.col("cash_amount_usd") - pl.col("cash_amount_usd_found")).abs() > 0.01
    assert both.filter(off_by_a_cent).height == 6
    assert unexplained_steps(bars, 1e-6).height == 10
