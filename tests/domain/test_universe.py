"""Stays of the universe: entries, exits, authority of a run, and membership against a plain oracle."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nextgen_assets.domain.sessions import NotASessionError, xnys
from nextgen_assets.domain.universe import STAY_SCHEMA, UniverseRules, members, universe_stays

CALENDAR = xnys()
START = date(2013, 2, 4)
NO_STAYS = pl.DataFrame(schema=STAY_SCHEMA)
NO_BARS = pl.DataFrame(
    schema={"ticker": pl.String, "session_date": pl.Date, "close": pl.Float64, "volume": pl.Int64}
)
LISTING_SCHEMA = {
    "ticker": pl.String,
    "security_id": pl.String,
    "name": pl.String,
    "exchange": pl.String,
    "currency": pl.String,
    "sector": pl.String,
    "first_session": pl.Date,
    "last_session": pl.Date,
}


def session(offset):
    return CALENDAR.shift(START, offset)


def listing(ticker, first, last=None, security_id=None):
    names = (security_id or f"id:{ticker}", f"{ticker} Inc.", "XNYS", "USD", "Energy")
    return (ticker, *names, session(first), None if last is None else session(last))


def listings(*rows):
    return pl.DataFrame(list(rows), schema=LISTING_SCHEMA, orient="row")


def run(frame, first, last, existing=NO_STAYS, bars=NO_BARS, covered_until=None, **rules):
    span = (session(first), session(last))
    rules = UniverseRules(**rules)
    return universe_stays(frame, bars, existing, *span, CALENDAR, "hand", rules, covered_until)


def stays(table):
    return table.select("ticker", "valid_from", "valid_to", "reason_in", "reason_out").rows()


def test_those_listed_on_the_first_day_are_initial_members_and_a_later_one_is_listed():
    table = run(listings(listing("OLD", 0), listing("NEW", 3)), 0, 5)
    assert stays(table) == [
        ("NEW", session(3), None, "listed", None),
        ("OLD", session(0), None, "initial member", None),
    ]


def test_the_table_has_the_columns_of_ticker_universe_and_knows_at_the_opening():
    table = run(listings(listing("OLD", 0)), 0, 0)
    assert table.schema == pl.Schema(STAY_SCHEMA)
    row = table.row(0, named=True)
    assert row["known_at"] == datetime(2013, 2, 4, 14, 30, tzinfo=UTC)
    assert (row["security_id"], row["name"], row["sector"], row["source"]) == (
        "id:OLD",
        "OLD Inc.",
        "Energy",
        "hand",
    )
    assert (row["median_dollar_volume_usd"], row["last_close"]) == (None, None)


def test_a_security_leaves_on_the_first_session_after_its_last_bar():
    table = run(listings(listing("GONE", 0, 4), listing("OLD", 0)), 0, 9)
    assert stays(table)[0] == ("GONE", session(0), session(5), "initial member", "delisted")
    assert session(4).weekday() == 4
    assert session(5) == session(4) + timedelta(days=3)
    assert members(table, session(4))["ticker"].to_list() == ["GONE", "OLD"]
    assert members(table, session(5))["ticker"].to_list() == ["OLD"]


def test_a_delisting_after_the_run_is_not_known_to_it():
    frame = listings(listing("GONE", 0, 4))
    assert stays(run(frame, 0, 4)) == [("GONE", session(0), None, "initial member", None)]


def test_a_listing_after_the_run_is_not_known_to_it():
    assert run(listings(listing("OLD", 0), listing("NEW", 3)), 0, 2)["ticker"].to_list() == ["OLD"]


def test_a_run_that_begins_late_takes_members_in_at_its_first_session():
    table = run(listings(listing("OLD", 0), listing("NEW", 3)), 5, 6)
    assert stays(table) == [
        ("NEW", session(5), None, "initial member", None),
        ("OLD", session(5), None, "initial member", None),
    ]


def test_an_earlier_run_afterwards_extends_the_stay_instead_of_adding_one():
    frame = listings(listing("OLD", 0))
    late = run(frame, 5, 6)
    assert stays(run(frame, 0, 4, late)) == [("OLD", session(0), None, "initial member", None)]


def test_an_end_after_the_run_is_kept_when_the_run_is_repeated():
    frame = listings(listing("GONE", 0, 4))
    table = run(frame, 0, 9)
    assert run(frame, 1, 3, table).equals(table)


def test_a_stay_that_begins_after_the_run_is_kept():
    frame = listings(listing("OLD", 0), listing("NEW", 7))
    table = run(frame, 0, 9)
    assert run(frame, 2, 4, table).equals(table)


def test_an_exit_missed_by_the_runs_so_far_counts_from_the_first_session_of_the_next():
    frame = listings(listing("GONE", 0, 2), listing("OLD", 0))
    table = run(frame, 5, 6, run(frame, 0, 1))
    assert stays(table)[0] == ("GONE", session(0), session(5), "initial member", "delisted")
    assert stays(run(frame, 2, 4, table))[0] == ("GONE", session(0), session(3), "initial member", "delisted")


def test_a_ticker_dropped_from_the_rules_is_removed_at_the_first_session_of_the_run():
    frame = listings(listing("A", 0), listing("B", 0))
    table = run(frame, 3, 5, run(frame, 0, 2), tickers=("A",))
    assert stays(table) == [
        ("A", session(0), None, "initial member", None),
        ("B", session(0), session(3), "initial member", "removed"),
    ]


def test_a_security_back_after_its_removal_is_a_second_stay():
    frame = listings(listing("A", 0), listing("B", 0))
    without = run(frame, 3, 5, run(frame, 0, 2), tickers=("A",))
    assert stays(run(frame, 6, 8, without))[1:] == [
        ("B", session(0), session(3), "initial member", "removed"),
        ("B", session(6), None, "relisted", None),
    ]


def test_a_reused_ticker_has_two_stays_with_distinct_securities():
    frame = listings(listing("T", 0, 2, "id:first"), listing("T", 5, None, "id:second"))
    table = run(frame, 0, 9)
    assert table.select("security_id", "valid_from", "valid_to").rows() == [
        ("id:first", session(0), session(3)),
        ("id:second", session(5), None),
    ]


def test_overlapping_securities_of_one_ticker_are_refused():
    frame = listings(listing("T", 0, 5, "id:first"), listing("T", 5, None, "id:second"))
    with pytest.raises(ValueError, match=r"listings of T overlap: id:second begins on 2013-02-11"):
        run(frame, 0, 9)


def test_a_run_over_a_weekend_day_is_refused():
    with pytest.raises(NotASessionError, match=r"2013-02-09"):
        universe_stays(
            listings(listing("A", 0)),
            NO_BARS,
            NO_STAYS,
            date(2013, 2, 9),
            date(2013, 2, 11),
            CALENDAR,
            "hand",
        )


def bars_of(ticker, closes, volumes, first=0, known_late_from=None):
    sessions = [session(first + position) for position in range(len(closes))]
    known = [CALENDAR.close_at(day) + timedelta(minutes=15) for day in sessions]
    if known_late_from is not None:
        known[known_late_from:] = [moment + timedelta(days=90) for moment in known[known_late_from:]]
    columns = {"session_date": sessions, "close": closes, "volume": volumes, "known_at": known}
    return pl.DataFrame({"ticker": [ticker] * len(closes), **columns})


def liquidity(table):
    return table.select("median_dollar_volume_usd", "last_close").row(0)


def test_liquidity_at_entry_is_the_median_of_the_bars_strictly_before():
    bars = bars_of("OLD", [10.0, 11.0, 12.0, 1000.0], [100, 300, 200, 9_000])
    assert liquidity(run(listings(listing("OLD", 0)), 3, 3, bars=bars)) == (2400.0, 12.0)


def test_liquidity_takes_only_the_stated_number_of_bars():
    bars = bars_of("OLD", [10.0, 11.0, 12.0], [100, 300, 200])
    table = run(listings(listing("OLD", 0)), 3, 3, bars=bars, liquidity_sessions=2)
    assert liquidity(table) == ((3300.0 + 2400.0) / 2, 12.0)


def test_liquidity_ignores_bars_not_known_at_the_opening():
    bars = bars_of("OLD", [10.0, 11.0, 12.0], [100, 300, 200], known_late_from=2)
    assert liquidity(run(listings(listing("OLD", 0)), 3, 3, bars=bars)) == ((1000.0 + 3300.0) / 2, 11.0)


def test_unknown_rules_are_refused():
    with pytest.raises(ValidationError, match=r"extra_forbidden|Extra inputs"):
        UniverseRules(minimum_price=5)


spans = st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 8)))
some_listings = st.lists(spans, min_size=1, max_size=5).map(
    lambda rows: listings(
        *(
            listing(f"T{number}", first, None if length is None else first + length)
            for number, (first, length) in enumerate(rows)
        )
    )
)


def is_member(row, offset):
    """The definition in plain words: from the first bar to the last bar."""
    return row["first_session"] <= session(offset) and (
        row["last_session"] is None or session(offset) <= row["last_session"]
    )


@given(some_listings)
@settings(max_examples=40, deadline=None)
def test_members_of_every_session_are_those_with_bars_around_it(frame):
    table = run(frame, 0, 14)
    for offset in range(15):
        expected = [
            row["ticker"] for row in frame.sort("ticker").iter_rows(named=True) if is_member(row, offset)
        ]
        assert members(table, session(offset))["ticker"].to_list() == expected


@given(
    some_listings, st.permutations(range(5)), st.sampled_from([(3,) * 5, (1, 5, 2, 6, 1), (11, 1, 1, 1, 1)])
)
@settings(max_examples=40, deadline=None)
def test_parts_in_any_order_give_the_table_of_one_range(frame, order, lengths):
    starts = [sum(lengths[:part]) for part in range(5)]
    bars = bars_of("T0", [10.0 + day for day in range(15)], [100 * day + 7 for day in range(15)])
    table, covered_until = NO_STAYS, None
    for part in order:
        last = starts[part] + lengths[part] - 1
        table = run(frame, starts[part], last, table, bars, covered_until)
        covered_until = max(covered_until or date.min, session(last))
    assert table.equals(run(frame, 0, 14, bars=bars))


@given(some_listings, st.integers(0, 14))
@settings(max_examples=40, deadline=None)
def test_deleting_the_future_of_the_listings_changes_no_earlier_run(frame, last):
    known = frame.filter(pl.col("first_session") <= session(last)).with_columns(
        pl.when(pl.col("last_session") < session(last)).then("last_session").alias("last_session")
    )
    assert run(known, 0, last).equals(run(frame, 0, last))


@given(some_listings, st.integers(0, 14), st.integers(0, 14))
@settings(max_examples=40, deadline=None)
def test_running_any_part_again_changes_nothing(frame, one, other):
    table = run(frame, 0, 14)
    assert run(frame, min(one, other), max(one, other), table).equals(table)
