"""The Yahoo provider with recorded answers at the seam: as-traded prices, actions, and refusals."""

from datetime import date

import pandas as pd
import pytest

from nextgen_resources.errors import ProviderDataError, ProviderUnavailableError
from nextgen_resources.market_data.door import check_bars
from nextgen_resources.market_data.yahoo import Provider

COLUMNS = ["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
NVDA = {
    "2021-06-08": (17.52725, 17.6215, 17.251, 17.457001, 17.4188175, 323848000, 0.0, 0.0),
    "2021-06-09": (17.515751, 17.575001, 17.255751, 17.358249, 17.3242512, 381656000, 0.004, 0.0),
    "2021-07-19": (17.91525078, 19.0419998, 17.86549950, 18.77975082, 18.7429714, 749060000, 0.0, 0.0),
    "2021-07-20": (18.7299995, 18.8379993, 18.1639996, 18.6119995, 18.5755444, 434687000, 0.0, 4.0),
    "2024-06-07": (119.769997, 121.692001, 118.022003, 120.888, 120.84, 412386000, 0.0, 0.0),
    "2024-06-10": (120.370003, 123.099998, 117.010002, 121.790001, 121.75, 314162700, 0.0, 10.0),
}
FIRST, LAST = date(2021, 6, 1), date(2021, 7, 31)


def answer(rows=NVDA, timezone="America/New_York"):
    index = pd.DatetimeIndex(list(rows), name="Date").tz_localize(timezone)
    return pd.DataFrame(list(rows.values()), index=index, columns=COLUMNS)


class Recorded:
    """Answers like the download function and notes what it was asked."""

    def __init__(self, *frames):
        self.frames, self.asked = list(frames), []

    def __call__(self, ticker, first):
        self.asked.append((ticker, first))
        return self.frames[min(len(self.asked), len(self.frames)) - 1]


def provider(*frames):
    download = Recorded(*(frames or [answer()]))
    return Provider(tickers=["NVDA"], download=download), download


def closes(bars):
    return dict(zip(check_bars(bars)["session_date"], check_bars(bars)["close"], strict=True))


def test_prices_before_later_splits_are_those_that_were_traded():
    yahoo, _ = provider()
    assert closes(yahoo.daily_bars(["NVDA"], FIRST, LAST)) == {
        date(2021, 6, 8): 698.28,
        date(2021, 6, 9): 694.33,
        date(2021, 7, 19): 751.19,
        date(2021, 7, 20): 186.12,
    }


def test_volume_is_in_shares_of_that_time():
    yahoo, _ = provider()
    bars = yahoo.daily_bars(["NVDA"], date(2021, 7, 19), date(2021, 7, 20))
    assert bars["volume"].tolist() == [18_726_500.0, 43_468_700.0]


def test_the_newest_bars_need_no_undoing():
    yahoo, _ = provider()
    assert closes(yahoo.daily_bars(["NVDA"], date(2024, 6, 10), date(2024, 6, 10))) == {
        date(2024, 6, 10): 121.79
    }


def test_splits_and_dividends_are_those_of_that_time():
    yahoo, _ = provider()
    actions = yahoo.corporate_actions(["NVDA"], FIRST, date(2024, 12, 31))
    assert actions.select("ex_date", "kind", "split_ratio", "cash_amount_usd").rows() == [
        (date(2021, 6, 9), "dividend", None, 0.16),
        (date(2021, 7, 20), "split", 4.0, None),
        (date(2024, 6, 10), "split", 10.0, None),
    ]


def test_answers_without_timezone_give_the_same():
    aware, _ = provider()
    naive, _ = provider(answer(timezone=None))
    assert check_bars(aware.daily_bars(["NVDA"], FIRST, LAST)).equals(
        check_bars(naive.daily_bars(["NVDA"], FIRST, LAST))
    )


def test_an_empty_answer_is_an_error_and_not_no_data():
    yahoo = Provider(download=lambda ticker, first: answer().iloc[:0])
    with pytest.raises(ProviderUnavailableError, match=r"empty answer for NVDA; .*rate limit.*retry later"):
        yahoo.daily_bars(["NVDA"], FIRST, LAST)


def test_a_ticker_that_yahoo_knows_without_a_bar_has_no_rows():
    yahoo = Provider(download=lambda ticker, first: answer() if ticker == "NVDA" else None)
    assert set(check_bars(yahoo.daily_bars(["NVDA", "QUIET"], FIRST, LAST))["ticker"]) == {"NVDA"}
    assert check_bars(yahoo.daily_bars(["QUIET"], FIRST, LAST)).is_empty()
    assert yahoo.corporate_actions(["QUIET"], FIRST, LAST).is_empty()


def test_an_empty_answer_may_be_tried_again():
    assert ProviderUnavailableError.is_retryable


def test_an_answer_without_a_column_names_it():
    yahoo, _ = provider(answer().drop(columns=["Stock Splits", "Adj Close"]))
    with pytest.raises(ProviderDataError, match=r"NVDA lacks Adj Close, Stock Splits; found Open"):
        yahoo.daily_bars(["NVDA"], FIRST, LAST)


def test_a_range_before_the_first_bar_has_no_rows():
    yahoo, _ = provider()
    assert yahoo.daily_bars(["NVDA"], date(2020, 1, 1), date(2020, 2, 1)).empty


def test_no_tickers_are_an_error():
    with pytest.raises(ProviderDataError, match=r"name at least one"):
        provider()[0].daily_bars([], FIRST, LAST)


def test_one_answer_serves_older_questions():
    yahoo, download = provider()
    yahoo.daily_bars(["NVDA"], FIRST, LAST)
    yahoo.corporate_actions(["NVDA"], FIRST, LAST)
    assert download.asked == [("NVDA", FIRST)]


def test_the_newest_bar_is_asked_for_again_since_it_may_have_been_forming():
    forming = {**NVDA, "2024-06-10": (120.37, 121.0, 119.0, 120.0, 120.0, 1000, 0.0, 10.0)}
    yahoo, download = provider(answer(forming), answer())
    today = date(2024, 6, 10)
    assert closes(yahoo.daily_bars(["NVDA"], today, today)) == {today: 120.0}
    assert closes(yahoo.daily_bars(["NVDA"], today, today)) == {today: 121.79}
    assert len(download.asked) == 2


def test_an_earlier_question_is_asked_anew():
    yahoo, download = provider()
    yahoo.daily_bars(["NVDA"], LAST, LAST)
    yahoo.daily_bars(["NVDA"], FIRST, LAST)
    assert [first for _, first in download.asked] == [LAST, FIRST]


def test_a_missing_value_stays_missing_for_the_quality_rules():
    holed = answer()
    holed.loc[holed.index[0], "Close"] = float("nan")
    yahoo, _ = provider(holed)
    assert check_bars(yahoo.daily_bars(["NVDA"], FIRST, LAST))["close"][0] is None


def test_listings_say_when_the_history_begins_and_claim_no_universe():
    yahoo, _ = provider()
    assert yahoo.listings().select("ticker", "security_id", "first_session", "last_session").rows() == [
        ("NVDA", "yahoo:NVDA", date(2021, 6, 8), None)
    ]
    assert "universe" not in yahoo.capabilities


def test_without_yfinance_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yfinance", None)
    with pytest.raises(ProviderUnavailableError, match=r"pip install 'nextgen\[yahoo\]'"):
        Provider().daily_bars(["NVDA"], FIRST, LAST)
