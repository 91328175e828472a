"""Renames and reuses of tickers: whose history a row is, as of a session."""

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.security_names import SecurityNames, changes
from nextgen_assets.domain.sessions import xnys

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2022, 1, 3), date(2022, 12, 30))
RENAMED = date(2022, 6, 9)


def stays(*rows):
    schema = {"ticker": pl.String, "valid_from": pl.Date, "security_id": pl.String}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


META = stays(
    ("FB", DAYS[0], "meta"),
    ("IBM", DAYS[0], "ibm"),
    ("META", DAYS[0], "a fund"),
    ("META", RENAMED, "meta"),
)


def rows(*cells):
    return pl.DataFrame(list(cells), schema={"ticker": pl.String, "day": pl.Date}, orient="row")


BARS = rows(*((name, day) for name in ("FB", "IBM", "META") for day in DAYS if name != "FB" or day < RENAMED))


def test_before_the_rename_every_ticker_is_itself():
    names = SecurityNames.as_of(META, CALENDAR.shift(RENAMED, -1))
    assert names == SecurityNames()
    assert names.follow(BARS, "day").equals(BARS)


def test_after_the_rename_the_history_goes_on_and_the_former_firm_is_left_out():
    names = SecurityNames.as_of(META, RENAMED)
    followed = names.follow(BARS, "day")
    meta = followed.filter(pl.col("ticker") == "META")
    assert meta["day"].sort().to_list() == DAYS
    assert followed["ticker"].unique().sort().to_list() == ["IBM", "META"]
    assert names.renamed_on(RENAMED) == {"META": "FB"}
    assert names.renamed_on(CALENDAR.shift(RENAMED, 1)) == {}


def test_a_former_firm_may_keep_rows_under_a_name_that_no_ticker_has():
    names = SecurityNames.as_of(META, RENAMED)
    followed = names.follow(BARS, "day", "alias")
    assert followed.height == BARS.height
    former = followed.filter(pl.col("ticker") == f"META until {RENAMED}")
    assert former["day"].max() < RENAMED
    assert names.name_of("META", DAYS[3]) == f"META until {RENAMED}"
    assert names.name_of("FB", DAYS[3]) == "META"


def test_a_chain_of_renames_leads_to_the_newest_ticker_and_names_the_one_before():
    chain = stays(("A", DAYS[0], "x"), ("B", DAYS[10], "x"), ("C", DAYS[20], "x"))
    names = SecurityNames.as_of(chain, DAYS[30])
    cells = rows(("A", DAYS[5]), ("B", DAYS[15]), ("C", DAYS[25]))
    assert names.follow(cells, "day")["ticker"].to_list() == ["C", "C", "C"]
    assert names.renamed_on(DAYS[20]) == {"C": "B"}
    assert SecurityNames.as_of(chain, DAYS[10]).renamed_on(DAYS[10]) == {"B": "A"}
    assert changes(chain, CALENDAR) == [DAYS[10], DAYS[20]]


def test_a_reused_ticker_has_no_history_of_the_old_firm():
    reused = stays(("WM", DAYS[0], "bank"), ("WM", DAYS[100], "waste"))
    cells = rows(("WM", DAYS[50]), ("WM", DAYS[150]))
    assert SecurityNames.as_of(reused, DAYS[200]).follow(cells, "day").rows() == [("WM", DAYS[150])]
    assert changes(reused, CALENDAR) == [DAYS[100]]


def test_stays_of_one_security_under_one_ticker_change_nothing():
    plain = stays(("IBM", DAYS[0], "ibm"), ("IBM", DAYS[40], "ibm"), ("NEW", DAYS[50], "new"))
    assert changes(plain, CALENDAR) == []
    assert SecurityNames.as_of(plain, DAYS[-1]) == SecurityNames()


SEGMENT = st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(0, 40))


@settings(deadline=None)
@given(drawn=st.lists(SEGMENT, max_size=6), at=st.integers(0, 45), later=st.lists(SEGMENT, max_size=3))
def test_names_at_a_session_do_not_depend_on_what_comes_after(drawn, at, later):
    past = [(t, DAYS[n], s) for t, s, n in drawn if n <= at]
    future = [(t, DAYS[min(n + at + 1, 250)], s) for t, s, n in later]
    unique = {(t, day): s for t, day, s in past}
    known = stays(*((t, day, s) for (t, day), s in unique.items()))
    whole = stays(*((t, day, s) for (t, day), s in {**unique, **{(t, d): s for t, d, s in future}}.items()))
    assert SecurityNames.as_of(known, DAYS[at]) == SecurityNames.as_of(whole, DAYS[at])
