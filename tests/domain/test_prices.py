"""Panels, total returns and adjusted closes, worked by hand and against a vendor's adjusted prices."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from bokeh_sampledata import stocks

from nextgen_assets.domain.prices import (
    Panel,
    adjusted_close,
    build_panel,
    forward_total_return,
    total_log_returns,
)
from nextgen_assets.domain.sessions import xnys
from tests.contracts.synthetic_market import action, actions_frame, no_sentiment, synthetic_market

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = SESSIONS = (
    date(2012, 10, 8),
    date(2012, 10, 9),
    date(2012, 10, 10),
    date(2012, 10, 11),
    date(2012, 10, 12),
)
NO_ACTIONS = actions_frame([])


def bars_of(closes: dict[date, float], ticker: str = "A", volume: int = 100) -> pl.DataFrame:
    rows = [
        {
            "ticker": ticker,
            "session_date": day,
            "open": close * 0.9,
            "high": close * 1.1,
            "low": close * 0.8,
            "close": close,
            "volume": volume,
        }
        for day, close in closes.items()
    ]
    return pl.DataFrame(rows)


def log_returns(closes: dict[date, float], *actions: dict) -> list[float]:
    panel = build_panel(bars_of(closes), actions_frame(list(actions)), no_sentiment(), SESSIONS, ("A",))
    return panel.fields["log_return"][:, 0].tolist()


def test_first_row_of_a_panel_has_no_return() -> None:
    assert math.isnan(log_returns({MONDAY: 10.0, TUESDAY: 11.0})[0])


def test_plain_return_is_the_log_of_the_closes() -> None:
    assert log_returns({MONDAY: 10.0, TUESDAY: 11.0})[1] == math.log(11.0 / 10.0)


def test_two_for_one_split_at_half_the_price_returns_nothing() -> None:
    assert log_returns({MONDAY: 90.0, TUESDAY: 45.0}, action("A", TUESDAY, split=2.0))[1] == 0.0


def test_dividend_is_added_to_the_close_of_its_ex_date() -> None:
    assert log_returns({MONDAY: 100.0, TUESDAY: 99.0}, action("A", TUESDAY, cash=2.0))[1] == math.log(1.01)


def test_cash_on_the_day_of_a_split_is_per_share_after_it() -> None:
    both = [action("A", TUESDAY, split=2.0), action("A", TUESDAY, cash=2.0)]
    assert log_returns({MONDAY: 100.0, TUESDAY: 50.0}, *both)[1] == math.log(104.0 / 100.0)


def test_opening_gap_carries_the_action_too() -> None:
    bars, split = bars_of({MONDAY: 90.0, TUESDAY: 45.0}), actions_frame([action("A", TUESDAY, split=2.0)])
    panel = build_panel(bars, split, no_sentiment(), SESSIONS, ("A",))
    assert panel.fields["open_gap"][1, 0] == pytest.approx(math.log(0.9))


def test_ex_date_on_a_weekend_takes_effect_on_the_next_session() -> None:
    sessions = (date(2012, 10, 5), MONDAY)
    bars = bars_of({sessions[0]: 90.0, MONDAY: 45.0})
    split = actions_frame([action("A", date(2012, 10, 6), split=2.0)])
    panel = build_panel(bars, split, no_sentiment(), sessions, ("A",))
    assert panel.fields["log_return"][1, 0] == 0.0


def test_rename_and_delisting_change_no_return() -> None:
    renamed = {**action("A", TUESDAY, cash=1.0), "kind": "rename", "cash_amount_usd": None, "new_ticker": "B"}
    assert log_returns({MONDAY: 10.0, TUESDAY: 11.0}, renamed)[1] == math.log(11.0 / 10.0)


def test_return_never_spans_a_hole() -> None:
    returns = log_returns({MONDAY: 10.0, WEDNESDAY: 12.0, THURSDAY: 12.0})
    assert [math.isnan(value) for value in returns] == [True, True, True, False, True]


def test_ratios_are_relative_to_the_close_and_zero_volume_is_null() -> None:
    bars = pl.concat([bars_of({MONDAY: 10.0}, volume=0), bars_of({TUESDAY: 10.0}, volume=5)])
    fields = build_panel(bars, NO_ACTIONS, no_sentiment(), SESSIONS, ("A",)).fields
    for name, ratio in (("high_ratio", 1.1), ("low_ratio", 0.8), ("open_ratio", 0.9)):
        assert fields[name][0, 0] == pytest.approx(math.log(ratio))
    assert math.isnan(fields["log_dollar_volume"][0, 0])
    assert fields["log_dollar_volume"][1, 0] == pytest.approx(math.log(50.0))


def test_absent_news_is_null_sentiment_and_zero_articles() -> None:
    news = pl.DataFrame(
        {"ticker": ["A"], "session_date": [TUESDAY], "decayed_sentiment": [-0.5], "article_count": [3]}
    )
    panel = build_panel(bars_of({MONDAY: 10.0}), NO_ACTIONS, news, SESSIONS, ("A",))
    assert np.isnan(panel.fields["sentiment"][:, 0]).tolist() == [True, False, True, True, True]
    assert panel.fields["article_count"][:, 0].tolist() == [0.0, 3.0, 0.0, 0.0, 0.0]


def test_has_bar_marks_the_bars_and_other_tickers_are_left_out() -> None:
    bars = pl.concat([bars_of({MONDAY: 1.0}), bars_of({TUESDAY: 2.0}, "B"), bars_of({FRIDAY: 3.0}, "C")])
    panel = build_panel(bars, NO_ACTIONS, no_sentiment(), SESSIONS, ("B", "A"))
    assert panel.has_bar.T.tolist() == [[False, True, False, False, False], [True, *[False] * 4]]


def test_panel_fields_cannot_be_written() -> None:
    panel = build_panel(bars_of({MONDAY: 1.0}), NO_ACTIONS, no_sentiment(), SESSIONS, ("A",))
    with pytest.raises(ValueError, match="read-only"):
        panel.fields["log_return"][0, 0] = 0.0


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        (bars_of({MONDAY: 1.0}).drop("volume"), r"market_prices: the columns \['volume'\] are missing"),
        (pl.concat([bars_of({MONDAY: 1.0})] * 2), "A 2012-10-08 stands 2 times, expected once"),
        (bars_of({MONDAY: 0.0}), "1 bars are not positive numbers, first A 2012-10-08"),
        (bars_of({MONDAY: float("nan")}), "1 bars are not positive numbers"),
        (bars_of({MONDAY: float("inf")}), "1 bars are not positive numbers"),
        (bars_of({MONDAY: 1.0}).with_columns(high=None), "1 bars are not positive numbers"),
        (bars_of({MONDAY: 1.0}, volume=-1), "1 bars are not positive numbers"),
    ],
    ids=["column", "repeat", "zero", "nan", "infinite", "null", "volume"],
)
def test_bad_bars_are_refused(bars: pl.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_panel(bars, NO_ACTIONS, no_sentiment(), SESSIONS, ("A",))


def test_bar_on_a_day_that_is_no_session_is_refused() -> None:
    with pytest.raises(
        ValueError, match="1 rows lie on days that are no session of the panel, first A 2012-10-10"
    ):
        build_panel(bars_of({WEDNESDAY: 1.0}), NO_ACTIONS, no_sentiment(), (MONDAY, FRIDAY), ("A",))


@pytest.mark.parametrize(
    ("sessions", "tickers", "message"),
    [
        ((), ("A",), "has no sessions"),
        ((TUESDAY, MONDAY), ("A",), "ascend"),
        ((MONDAY,), ("A", "A"), "repeat"),
    ],
)
def test_malformed_panel_is_refused(sessions: tuple, tickers: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Panel(sessions, tickers, {})


def test_session_outside_the_panel_is_refused() -> None:
    panel = build_panel(bars_of({MONDAY: 1.0}), NO_ACTIONS, no_sentiment(), (MONDAY, WEDNESDAY), ("A",))
    assert panel.index(WEDNESDAY) == 1
    for session in (TUESDAY, FRIDAY):
        with pytest.raises(ValueError, match=f"{session} is not in the panel"):
            panel.index(session)


def test_total_log_returns_of_arrays() -> None:
    close = np.array([[10.0], [5.5], [np.nan], [6.0]])
    ratio, cash = np.array([[1.0], [2.0], [1.0], [1.0]]), np.zeros((4, 1))
    assert np.array_equal(
        total_log_returns(close, ratio, cash)[:, 0],
        [np.nan, math.log(1.1), np.nan, np.nan],
        equal_nan=True,
    )


def test_forward_return_is_the_sum_of_the_next_daily_returns() -> None:
    closes = dict(zip(SESSIONS, (10.0, 11.0, 12.0, 9.0, 8.0), strict=True))
    panel = build_panel(bars_of(closes), NO_ACTIONS, no_sentiment(), SESSIONS, ("A",))
    forward = forward_total_return(panel, 2)[:, 0]
    assert forward[:3] == pytest.approx([math.log(12 / 10), math.log(9 / 11), math.log(8 / 12)])
    assert np.isnan(forward[3:]).all()
    assert np.isnan(forward_total_return(panel, 9)).all()


def test_forward_return_is_null_across_a_hole() -> None:
    closes = {MONDAY: 10.0, TUESDAY: 11.0, THURSDAY: 9.0, FRIDAY: 8.0}
    panel = build_panel(bars_of(closes), NO_ACTIONS, no_sentiment(), SESSIONS, ("A",))
    assert np.isnan(forward_total_return(panel, 2)[:, 0]).all()
    assert np.isfinite(forward_total_return(panel, 1)[:, 0]).tolist() == [True, False, False, True, False]


def test_horizon_below_one_is_refused() -> None:
    panel = build_panel(bars_of({MONDAY: 1.0}), NO_ACTIONS, no_sentiment(), SESSIONS, ("A",))
    with pytest.raises(ValueError, match="the horizon is 0 sessions"):
        forward_total_return(panel, 0)


def test_adjusted_close_leaves_the_last_close_and_scales_the_past() -> None:
    bars = bars_of({MONDAY: 100.0, TUESDAY: 50.0, WEDNESDAY: 49.0, THURSDAY: 49.5})
    actions = actions_frame([action("A", TUESDAY, split=2.0), action("A", WEDNESDAY, cash=1.0)])
    adjusted = adjusted_close(bars, actions, THURSDAY)["adjusted_close"].to_list()
    assert adjusted == pytest.approx([49.0, 49.0, 49.0, 49.5])
    assert adjusted_close(bars, actions, TUESDAY)["adjusted_close"].to_list() == [50.0, 50.0]


def test_log_differences_of_adjusted_closes_are_the_total_returns() -> None:
    market = synthetic_market()
    adjusted = adjusted_close(market.bars, market.actions, market.sessions[-1])
    closes = adjusted.filter(pl.col("ticker") == "SPLIT")["adjusted_close"].to_numpy()
    returns = market.panel(tickers=("SPLIT",)).fields["log_return"][1:, 0]
    assert np.diff(np.log(closes)) == pytest.approx(returns, abs=1e-12)


def test_real_split_of_apple_in_2005_is_no_fall() -> None:
    sessions = tuple(xnys().between(date(2005, 2, 22), date(2005, 3, 4)))
    bars = _real_bars("AAPL")
    panel = build_panel(
        bars,
        actions_frame([action("AAPL", date(2005, 2, 28), split=2.0)]),
        no_sentiment(),
        sessions,
        ("AAPL",),
    )
    row = sessions.index(date(2005, 2, 28))
    assert panel.fields["log_return"][row, 0] == pytest.approx(math.log(44.86 * 2 / 88.99))
    assert np.nanmax(np.abs(panel.fields["log_return"])) < 0.06
    unadjusted = build_panel(bars, NO_ACTIONS, no_sentiment(), sessions, ("AAPL",))
    assert unadjusted.fields["log_return"][row, 0] < -0.6


def test_total_returns_of_thirteen_years_agree_with_the_vendors_adjusted_close() -> None:
    sessions = tuple(xnys().between(date(2000, 3, 1), date(2013, 3, 1)))
    events = [
        action("AAPL", date(2000, 6, 21), split=2.0),
        action("AAPL", date(2005, 2, 28), split=2.0),
        *(action("AAPL", day, cash=2.65) for day in (date(2012, 8, 9), date(2012, 11, 7), date(2013, 2, 7))),
    ]
    panel = build_panel(_real_bars("AAPL"), actions_frame(events), no_sentiment(), sessions, ("AAPL",))
    vendor = np.diff(np.log(np.array(stocks.AAPL["adj_close"])))
    assert len(vendor) == len(sessions) - 1
    assert np.abs(panel.fields["log_return"][1:, 0] - vendor).max() < 5e-4


def _real_bars(ticker: str) -> pl.DataFrame:
    raw = getattr(stocks, ticker)
    frame = pl.DataFrame({key: raw[key] for key in ("date", "open", "high", "low", "close", "volume")})
    return frame.with_columns(ticker=pl.lit(ticker), session_date=pl.col("date").str.to_date())
