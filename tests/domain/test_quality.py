"""Every quality rule by example, then properties: nothing is lost, nothing bad passes, no look-ahead."""

import json
import math
import random
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.quality import bar_rules, inspect_bars
from nextgen_assets.domain.sessions import xnys

MONDAY = date(2013, 2, 25)
CALENDAR = xnys()
SCHEMA = {
    "ticker": pl.String,
    "session_date": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}


def bar(day=MONDAY, around=100.0, **changes):
    values = {"open": around, "high": around * 1.02, "low": around * 0.98, "close": around, "volume": 1e6}
    return {"ticker": "AAPL", "session_date": day, **values, **changes}


def inspect(rows, **options):
    return inspect_bars(pl.DataFrame(rows, schema=SCHEMA, orient="row"), CALENDAR, **options)


def codes(rows, **options):
    return inspect(rows, **options).rejected["reason_code"].to_list()


def test_a_good_bar_is_accepted_with_whole_volume():
    inspected = inspect([bar()])
    assert inspected.rejected.is_empty()
    assert inspected.accepted.schema["volume"] == pl.Int64
    assert inspected.accepted.row(0) == ("AAPL", MONDAY, 100.0, 102.0, 98.0, 100.0, 1_000_000)


@pytest.mark.parametrize(
    ("changes", "reason_code"),
    [
        ({"ticker": "aapl"}, "bad_ticker"),
        ({"ticker": None}, "bad_ticker"),
        ({"ticker": "A'; DROP TABLE trades; --"}, "bad_ticker"),
        ({"ticker": "AAPL\n"}, "bad_ticker"),
        ({"ticker": ""}, "bad_ticker"),
        ({"session_date": date(2013, 2, 23)}, "no_session"),
        ({"session_date": date(2012, 12, 25)}, "no_session"),
        ({"session_date": date(2012, 10, 29)}, "no_session"),
        ({"session_date": None}, "no_session"),
        ({"close": None}, "missing_value"),
        ({"volume": math.nan}, "missing_value"),
        ({"high": math.inf}, "infinite_value"),
        ({"volume": math.inf}, "infinite_value"),
        ({"open": -math.inf}, "infinite_value"),
        ({"low": 0.0}, "price_not_positive"),
        ({"open": -100.0}, "price_not_positive"),
        ({"volume": -1.0}, "negative_volume"),
        ({"volume": 10.5}, "volume_not_whole"),
        ({"volume": 1e16}, "volume_not_whole"),
        ({"high": 99.0}, "high_too_low"),
        ({"open": 102.01}, "high_too_low"),
        ({"low": 100.01}, "low_too_high"),
        ({"open": 97.0}, "low_too_high"),
    ],
)
def test_a_bad_bar_is_rejected_with_the_code_of_its_rule(changes, reason_code):
    inspected = inspect([bar(**changes)])
    assert inspected.rejected["reason_code"].to_list() == [reason_code]
    assert inspected.accepted.is_empty()


def test_a_bar_without_trades_is_accepted():
    assert codes([bar(volume=0.0, open=100.0, high=100.0, low=100.0)]) == []


@pytest.mark.parametrize("ticker", ["BRK.B", "BF-B", "^GSPC", "EURUSD=X", "3M", "A" * 16])
def test_tickers_of_the_allow_list_or_not(ticker):
    assert codes([bar(ticker=ticker)]) == (["bad_ticker"] if ticker.startswith("^") else [])


def test_a_ticker_of_seventeen_characters_is_rejected():
    assert codes([bar(ticker="A" * 17)]) == ["bad_ticker"]


def test_the_reason_states_what_was_found():
    rejected = inspect([bar(high=99.0)]).rejected
    assert rejected["reason"][0] == "high 99.0 is below open 100.0, low 98.0 or close 100.0"


def test_the_payload_is_valid_json_of_the_whole_row_even_with_infinities():
    rejected = inspect([bar(high=math.inf, close=None)]).rejected
    assert json.loads(rejected["payload"][0], parse_constant=pytest.fail) == {
        "ticker": "AAPL",
        "session_date": "2013-02-25",
        "open": 100.0,
        "high": "inf",
        "low": 98.0,
        "close": None,
        "volume": 1e6,
    }
    assert rejected.row(0, named=True)["session_date"] == MONDAY


def test_exact_copies_collapse_into_one_accepted_bar():
    inspected = inspect([bar(), bar(), bar()])
    assert (inspected.accepted.height, inspected.rejected.height, inspected.duplicate_count) == (1, 0, 2)


def test_disagreeing_versions_are_all_rejected():
    inspected = inspect([bar(), bar(volume=2e6), bar(ticker="IBM")])
    assert inspected.rejected["reason_code"].to_list() == ["conflicting_versions"] * 2
    assert inspected.accepted["ticker"].to_list() == ["IBM"]


def test_of_a_good_and_a_broken_version_neither_is_believed():
    assert sorted(codes([bar(), bar(high=1.0)])) == ["conflicting_versions", "high_too_low"]


def days(count, first=MONDAY):
    return [CALENDAR.shift(first, offset) for offset in range(count)]


def series(closes, first=MONDAY):
    return [bar(day, around=close) for day, close in zip(days(len(closes), first), closes, strict=True)]


def rejected_days(inspected):
    return inspected.rejected["session_date"].to_list()


@pytest.mark.parametrize("factor", [100.0, 0.01, 80.0, 125.0])
def test_a_day_in_another_unit_is_rejected_and_the_next_good_day_is_not(factor):
    inspected = inspect(series([50.0, 51.0, 51.0 * factor, 50.5]))
    assert inspected.rejected["reason_code"].to_list() == ["unit_switch"]
    assert rejected_days(inspected) == [days(3)[2]]


def test_days_that_stay_in_the_other_unit_are_all_rejected():
    inspected = inspect(series([50.0, 5000.0, 5100.0, 49.0]))
    assert rejected_days(inspected) == days(3)[1:]


@pytest.mark.parametrize("move", [0.39, 2.02, 1.87, 0.05, 20.0, 79.0, 126.0])
def test_real_extremes_stay(move):
    assert codes(series([100.0, 100.0 * move])) == []


def test_a_jump_that_a_known_split_explains_is_accepted():
    splits = pl.DataFrame(
        {"ticker": ["AAPL"], "ex_date": [days(2)[1]], "kind": ["split"], "split_ratio": [0.01]}
    )
    assert codes(series([0.5, 50.0]), actions=splits) == []
    assert codes(series([0.5, 50.0])) == ["unit_switch"]


def test_the_first_bar_is_measured_against_earlier_accepted_bars():
    earlier = inspect(series([50.0], first=date(2013, 2, 22))).accepted
    assert codes(series([5000.0]), earlier=earlier) == ["unit_switch"]
    assert codes(series([5000.0])) == []


def test_a_reference_older_than_thirty_days_is_forgotten():
    earlier = inspect([bar(MONDAY - timedelta(days=31), around=50.0)]).accepted
    assert codes(series([5000.0]), earlier=earlier) == []


def test_other_columns_travel_with_the_accepted_bars():
    frame = pl.DataFrame([bar()], schema=SCHEMA).with_columns(adjusted_close=pl.lit(99.0))
    assert inspect_bars(frame, CALENDAR).accepted["adjusted_close"].to_list() == [99.0]


def test_no_bars_give_no_verdicts():
    inspected = inspect([])
    assert inspected.accepted.is_empty()
    assert inspected.rejected.columns == ["reason_code", "reason", "payload", "ticker", "session_date"]


def test_every_rule_has_its_own_code():
    rule_codes = [rule.reason_code for rule in bar_rules(CALENDAR.sessions)]
    assert len(set(rule_codes)) == len(rule_codes) == 10


prices = st.one_of(
    st.floats(),
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, 1.01, 100.0, 100.5, 1e4, 5e-324, 1.7e308]),
)
rows_of_any_kind = st.lists(
    st.tuples(
        st.sampled_from(["AAPL", "IBM", "bad ticker", "", None, "{close}", "X"]),
        st.sampled_from([*days(4), date(2013, 3, 2), date(1900, 1, 1), None]),
        prices,
        prices,
        prices,
        prices,
        st.one_of(st.floats(), st.none(), st.sampled_from([0.0, 1.0, 1e6, 0.5])),
    ),
    max_size=120,
)


@given(rows_of_any_kind)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_rows_are_accepted_rejected_or_counted_and_none_is_lost(rows):
    inspected = inspect(rows)
    counted = inspected.accepted.height + inspected.rejected.height + inspected.duplicate_count
    assert counted == len(rows)
    accepted = inspected.accepted
    assert accepted.select("ticker", "session_date").is_unique().all()
    assert all(CALENDAR.is_session(day) for day in accepted["session_date"])
    assert all(
        0 < low <= min(opened, close) and max(opened, close) <= high < math.inf and volume >= 0
        for _, _, opened, high, low, close, volume in accepted.iter_rows()
    )
    assert all(json.loads(payload, parse_constant=pytest.fail) for payload in inspected.rejected["payload"])
    assert all(inspected.rejected["reason"].str.len_chars() > 0)


closes_of_two_units = st.sampled_from([1.0, 1.1, 0.9, 100.0, 110.0, 0.01])
four_weeks = st.lists(closes_of_two_units, min_size=1, max_size=20)
five_weeks = st.lists(closes_of_two_units, min_size=1, max_size=25)


def slow_verdicts(closes):
    """The unit rule in plain words, one session after another."""
    reference, verdicts = None, []
    for close in closes:
        factor = 1.0 if reference is None else max(close / reference, reference / close)
        is_switch = 80 <= factor <= 125
        verdicts.append(is_switch)
        reference = reference if is_switch else close
    return verdicts


@given(four_weeks)
@settings(max_examples=80, deadline=None)
def test_unit_switches_agree_with_a_plain_walk(closes):
    rejected = set(rejected_days(inspect(series(closes))))
    walked = zip(days(len(closes)), slow_verdicts(closes), strict=True)
    assert rejected == {day for day, is_switch in walked if is_switch}


@given(five_weeks, st.integers(0, 25))
@settings(max_examples=25, deadline=None)
def test_a_range_and_its_single_sessions_give_the_same_and_the_future_changes_nothing(closes, cut):
    rows = series(closes)
    whole = inspect(rows)
    accepted = whole.accepted.clear()
    for row in rows:
        accepted = pl.concat([accepted, inspect([row], earlier=accepted).accepted])
    assert accepted.equals(whole.accepted)
    truncated = inspect(rows[:cut])
    last = rows[cut - 1]["session_date"] if 0 < cut <= len(rows) else date.max if cut else date.min
    assert truncated.accepted.equals(whole.accepted.filter(pl.col("session_date") <= last))
    assert truncated.rejected.equals(whole.rejected.filter(pl.col("session_date") <= last))


def test_ten_thousand_hostile_rows_are_all_accounted_for():
    values = [None, math.nan, math.inf, -1.0, 0.0, 1.0, 1.5, 100.0, 1e300, -math.inf]
    tickers = ["AAPL", "IBM", "", None, "a b", "MSFT'--"]
    calendar_days = [MONDAY + timedelta(days=offset) for offset in range(40)]
    draw = random.Random(7)
    rows = [
        (draw.choice(tickers), draw.choice(calendar_days), *draw.choices(values, k=5)) for _ in range(9_990)
    ]
    rows += rows[:10]
    inspected = inspect(rows)
    assert (
        inspected.accepted.height + inspected.rejected.height + inspected.duplicate_count,
        inspected.rejected.height > 0,
        inspected.duplicate_count > 0,
    ) == (10_000, True, True)
