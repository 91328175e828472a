"""Sessions that were asked for, and the actions that came late."""

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.action_coverage import COVERAGE_SCHEMA, stamp_late, widened
from nextgen_assets.domain.departures import departures
from nextgen_assets.domain.sessions import xnys

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2005, 1, 3), date(2005, 3, 31))
NOW = datetime(2005, 6, 1, tzinfo=UTC)
NOTHING = pl.DataFrame(schema=COVERAGE_SCHEMA)


def spans(*rows):
    return pl.DataFrame(list(rows), schema=COVERAGE_SCHEMA, orient="row")


def action(ticker, day):
    opened = CALENDAR.open_at(day)
    columns = {"ticker": ticker, "ex_date": day, "known_at": opened, "known_at_is_assumed": True}
    return pl.DataFrame([columns], schema_overrides={"known_at": pl.Datetime("us", "UTC")})


def test_an_action_of_a_session_never_asked_for_is_assumed_to_have_come_in_time():
    covered = spans(("AAPL", DAYS[0], DAYS[4]), ("IBM", DAYS[0], DAYS[20]))
    on_time = action("AAPL", DAYS[10])
    assert stamp_late(on_time, covered, NOW).equals(on_time)


def test_an_action_of_a_session_asked_for_before_is_known_from_now_on():
    found = stamp_late(action("AAPL", DAYS[4]), spans(("AAPL", DAYS[0], DAYS[4])), NOW)
    assert found.select("known_at", "known_at_is_assumed").row(0) == (NOW, False)


def test_session_by_session_leaves_one_span():
    covered = NOTHING
    for day in DAYS:
        covered = pl.concat([covered, widened(covered, ["IBM"], day, day, CALENDAR)]).unique(
            ["ticker", "first_session"], keep="last"
        )
    assert covered.rows() == [("IBM", DAYS[0], DAYS[-1])]
    assert widened(covered, ["IBM"], DAYS[3], DAYS[9], CALENDAR).is_empty()


@settings(deadline=None)
@given(runs=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), max_size=12))
def test_covered_is_exactly_what_was_asked_for(runs):
    covered, asked = NOTHING, set()
    for start, length in runs:
        first, last = DAYS[start % len(DAYS)], DAYS[min(start % len(DAYS) + length, len(DAYS) - 1)]
        covered = pl.concat([covered, widened(covered, ["IBM"], first, last, CALENDAR)]).unique(
            ["ticker", "first_session"], keep="last"
        )
        asked |= set(CALENDAR.between(first, last))
    inside = {day for day in DAYS for _, first, last in covered.rows() if first <= day <= last}
    assert inside == asked


STAYS = pl.DataFrame(
    [
        ("FB", DAYS[0], DAYS[20], "meta", "renamed"),
        ("META", DAYS[20], None, "meta", None),
        ("GONE", DAYS[0], DAYS[9], "gone", "delisted"),
        ("OUT", DAYS[0], DAYS[9], "out", "removed"),
    ],
    schema={"ticker": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, "security_id": pl.String,
            "reason_out": pl.String},
    orient="row",
)  # fmt: skip


def test_departures_are_the_renames_and_delistings_of_the_range_that_nobody_stated():
    none = departures(
        STAYS, action("IBM", DAYS[0]).with_columns(kind=pl.lit("split")), DAYS[0], DAYS[-1], CALENDAR, "x"
    )
    assert none.select("ticker", "ex_date", "kind", "new_ticker").rows() == [
        ("FB", DAYS[20], "rename", "META"),
        ("GONE", DAYS[9], "delisting", None),
    ]
    stated = action("GONE", DAYS[9]).with_columns(kind=pl.lit("delisting"))
    assert departures(STAYS, stated, DAYS[0], DAYS[19], CALENDAR, "x").is_empty()
