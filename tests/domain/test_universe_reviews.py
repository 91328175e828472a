"""Reviews of the universe: filters, hysteresis, what happens between them, and runs in any cut."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.universe import STAY_SCHEMA, members
from nextgen_assets.domain.universe_reviews import (
    Curator,
    ReviewRules,
    measured,
    membership_changes,
    review_sessions,
    reviewed,
    with_eligibility,
)
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data.membership import read_membership

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2012, 1, 3), date(2012, 12, 31))
SP500 = Path(__file__).parents[3] / "shared" / "data" / "universe" / "sp500_ticker_start_end.csv"


MEASURES = {
    "ticker": pl.String,
    "last_close": pl.Float64,
    "median_dollar_volume_usd": pl.Float64,
    "history_sessions": pl.Int64,
}


def candidates(*tickers, exchange="XNYS"):
    return pl.DataFrame({"ticker": list(tickers), "exchange": [exchange] * len(tickers)})


def measures(**dollars):
    return pl.DataFrame(
        {
            "ticker": list(dollars),
            "last_close": [20.0] * len(dollars),
            "median_dollar_volume_usd": [float(value) for value in dollars.values()],
            "history_sessions": [63] * len(dollars),
        },
        schema=MEASURES,
    )


def chosen(found):
    return found.filter("is_in")["ticker"].to_list()


def reasons(found):
    return dict(found.filter(~pl.col("is_in")).select("ticker", "reason").rows())


def test_review_days_begin_their_period():
    assert review_sessions(DAYS[0], DAYS[-1], "quarter", CALENDAR) == [
        date(2012, 1, 3), date(2012, 4, 2), date(2012, 7, 2), date(2012, 10, 1),
    ]  # fmt: skip
    assert len(review_sessions(DAYS[0], DAYS[-1], "month", CALENDAR)) == 12
    assert review_sessions(date(2012, 9, 4), date(2012, 9, 10), "week", CALENDAR) == [
        date(2012, 9, 4), date(2012, 9, 10),
    ]  # fmt: skip


def test_median_is_over_the_last_sessions_and_close_is_the_last():
    bars = pl.DataFrame(
        {"ticker": "A", "session_date": DAYS[:4], "close": [1.0, 2.0, 3.0, 4.0], "volume": [9, 1, 1, 1]}
    )
    found = measured(bars, ReviewRules(liquidity_sessions=3))
    assert found.rows() == [("A", 4.0, 3.0, 4)]


def test_every_filter_says_why_it_keeps_a_security_out():
    rules = ReviewRules(
        max_tickers=1, minimum_price_usd=5, minimum_dollar_volume_usd=100, minimum_history_sessions=20,
        exchanges=("XNYS",),
    )  # fmt: skip
    table = measures(GOOD=900, POOR=90, CHEAP=900, YOUNG=900, NEXT=800, AWAY=900).with_columns(
        last_close=pl.when(pl.col("ticker") == "CHEAP").then(4.0).otherwise(20.0),
        history_sessions=pl.when(pl.col("ticker") == "YOUNG").then(19).otherwise(63),
    )
    listed = pl.concat(
        [candidates("GOOD", "POOR", "CHEAP", "YOUNG", "NEXT", "NONE"), candidates("AWAY", exchange="XLON")]
    )
    found = reviewed(listed, table, frozenset(), rules)
    assert chosen(found) == ["GOOD"]
    assert reasons(found) == {
        "AWAY": "exchange", "CHEAP": "low price", "NEXT": "low rank", "NONE": "no bars",
        "POOR": "low dollar volume", "YOUNG": "short history",
    }  # fmt: skip


def test_a_member_stays_within_the_slack_where_a_newcomer_would_not_enter():
    rules = ReviewRules(max_tickers=5, slack=0.2)
    table = measures(A=10, B=9, C=8, D=7, E=6, F=5, G=4)
    listed = candidates(*"ABCDEFG")
    assert (rules.enter_rank, rules.exit_rank) == (4, 6)
    assert chosen(reviewed(listed, table, frozenset("ABCDF"), rules)) == list("ABCDF")
    assert chosen(reviewed(listed, table, frozenset("ABCDG"), rules)) == list("ABCDE")
    assert chosen(reviewed(listed, table, frozenset("CDEFG"), rules)) == list("ABCDE")
    assert chosen(reviewed(listed, table, frozenset(), rules)) == list("ABCDE")
    floor = ReviewRules(minimum_dollar_volume_usd=10, slack=0.2)
    assert chosen(reviewed(candidates("A", "B"), measures(A=8.5, B=8.5), frozenset("A"), floor)) == ["A"]


def listing(ticker, security, first, last=None, reason=None):
    facts = ("XNYS", "USD", "Energy", "listed", reason, None, None, "hand", CALENDAR.open_at(DAYS[first]))
    return (ticker, DAYS[first], None if last is None else DAYS[last], security, ticker, *facts)


LISTINGS = pl.DataFrame(
    [
        listing("FB", "meta", 0, 120, "renamed"),
        listing("GONE", "gone", 0, 60, "delisted"),
        listing("META", "meta", 120),
        listing("NEW", "new", 45),
        *(listing(f"S{number}", f"s{number}", 0) for number in range(5)),
    ],
    schema=STAY_SCHEMA,
    orient="row",
)
RULES = ReviewRules(max_tickers=4, slack=0.25, liquidity_sessions=10)


def dollars(seed):
    """A wandering dollar volume of every security and session."""
    rng = np.random.default_rng(seed)
    walks = {
        name: 20 + np.cumsum(rng.normal(0, 1, len(DAYS))) for name in sorted(set(LISTINGS["security_id"]))
    }
    return {name: np.exp(walk / 10) for name, walk in walks.items()}


def run(first, last, existing, seed=1, every="month"):
    volumes = dollars(seed)

    def decide(session, listed, held):
        at = DAYS.index(session)
        table = measures(**{
            ticker: float(volumes[security][max(at - 1, 0)])
            for ticker, security in listed.select("ticker", "security_id").rows()
        })  # fmt: skip
        return reviewed(listed, table, held, RULES)

    curator = Curator(LISTINGS, existing, CALENDAR)
    reviews = {*review_sessions(DAYS[first], DAYS[last], every, CALENDAR), *([DAYS[0]] if first == 0 else [])}
    curator.run(DAYS[first], DAYS[last], sorted(reviews), decide)
    return curator.table()


NO_STAYS = pl.DataFrame(schema=STAY_SCHEMA)


def test_between_reviews_a_delisting_ends_a_stay_and_a_rename_carries_it_over():
    everybody = ReviewRules()
    curator = Curator(LISTINGS, NO_STAYS, CALENDAR)
    curator.run(
        DAYS[0], DAYS[-1], [DAYS[0]], lambda _, listed, held: reviewed(listed, measures(), held, everybody)
    )
    found = {
        row[0]: row[1:]
        for row in curator.table().select("ticker", "valid_from", "valid_to", "reason_out").rows()
    }
    assert found["GONE"] == (DAYS[0], DAYS[60], "delisted")
    assert found["FB"] == (DAYS[0], DAYS[120], "renamed")
    assert found["META"] == (DAYS[120], None, None)
    assert "NEW" not in found  # waits for the next review
    assert "GONE" in members(curator.table(), DAYS[30])["ticker"].to_list()


@pytest.mark.parametrize("seed", range(6))
def test_a_range_its_sessions_and_a_rebuild_give_the_same_stays(seed):
    last = len(DAYS) - 1
    whole = run(0, last, NO_STAYS, seed)
    assert whole.filter(pl.col("valid_to").is_not_null()).height > 3
    step, single = 7, NO_STAYS
    for first in range(0, last + 1, step):
        single = run(first, min(first + step - 1, last), single, seed)
    assert single.equals(whole)
    assert run(100, last, whole, seed).equals(whole)
    assert run(0, last, whole, seed).equals(whole)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(cuts=st.sets(st.integers(1, len(DAYS) - 1), max_size=6), seed=st.integers(0, 3))
def test_any_cut_of_the_range_gives_the_same_stays_and_never_two_at_once(cuts, seed):
    edges = [0, *sorted(cuts), len(DAYS)]
    table = NO_STAYS
    for first, stop in pairwise(edges):
        table = run(first, stop - 1, table, seed, "week")
    assert table.equals(run(0, len(DAYS) - 1, NO_STAYS, seed, "week"))
    for day in DAYS[::20]:
        inside = members(table, day)
        assert inside["security_id"].is_unique().all()
        assert inside.height <= RULES.max_tickers


def test_membership_file_decides_who_is_eligible_and_when_to_review(tmp_path):
    path = tmp_path / "members.csv"
    path.write_text(
        "ticker,start_date,end_date\nAAL,1996-01-02,1997-01-15\nAAL,2012-03-24,\nTRUE,2011-01-03,2012-06-01\n"
    )
    table = read_membership(path)
    assert membership_changes(table, DAYS[0], DAYS[-1], CALENDAR) == [date(2012, 3, 26), date(2012, 6, 1)]
    for day, expected in (
        (date(2012, 3, 23), ["TRUE"]),
        (date(2012, 3, 26), ["AAL", "TRUE"]),
        (date(2012, 6, 1), ["AAL"]),
    ):
        found = reviewed(
            with_eligibility(candidates("AAL", "TRUE"), table, day), measures(), frozenset(), ReviewRules()
        )
        assert chosen(found) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("AAL,2012-13-01,", "is no interval"),
        ("AAL,2012-03-01,2012-02-01", "is no interval"),
        ("../AAL,2012-03-01,", "is no interval"),
        ("AAL,2012-03-01,\nAAL,2013-03-01,", "is in already on 2013-03-01"),
    ],
)
def test_a_line_that_is_no_interval_is_refused(tmp_path, line, message):
    path = tmp_path / "members.csv"
    path.write_text(f"ticker,start_date,end_date\n{line}\n")
    with pytest.raises(ProviderDataError, match=message):
        read_membership(path)


@pytest.mark.skipif(not SP500.is_file(), reason=f"the index membership is not at {SP500}")
def test_real_index_membership_has_its_re_entries_and_the_securities_delisted_since():
    table = read_membership(SP500)
    again = table.group_by("ticker").len().filter(pl.col("len") > 1)
    assert (table.height, table["ticker"].n_unique(), again.height) == (1230, 1181, 48)  # one twice
    day = date(2008, 9, 12)
    tickers = table["ticker"].unique().sort().to_list()
    inside = with_eligibility(candidates(*tickers), table, day).filter("is_eligible")
    assert 495 <= inside.height <= 505
    assert {"WB", "MER"} <= set(inside["ticker"])  # gone within months
