"""Rows of feature_windows: exact spans, completeness, provenance, and no look-ahead."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from bokeh_sampledata import stocks
from polars.testing import assert_frame_equal

from nextgen_assets.domain.features import FeatureSet, select
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.provenance import row_digests
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.windows import (
    LookAheadError,
    feature_vectors,
    required_history,
    window_rows,
)
from tests.contracts.synthetic_market import (
    HOLE_OFFSETS,
    TICKERS,
    Market,
    actions_frame,
    no_sentiment,
    synthetic_market,
)

SMALL = FeatureSet(select(["return_5", "parkinson_10", "sentiment"]), lookback_sessions=6)
SPAN = 6 - 1 + 9 + 1


@pytest.fixture(scope="module")
def market() -> Market:
    return synthetic_market()


def rows_of(
    market: Market,
    first: date,
    last: date,
    feature_set: FeatureSet = SMALL,
    tickers: tuple[str, ...] = TICKERS,
    sessions: tuple[date, ...] | None = None,
) -> pl.DataFrame:
    panel = market.panel(sessions, tickers)
    return window_rows(
        panel,
        feature_vectors(panel, feature_set.features),
        row_digests(market.bars, market.actions, market.articles, panel, xnys()),
        feature_set=feature_set,
        calendar=xnys(),
        delay_minutes=30,
        first=first,
        last=last,
    )


def test_required_history_reaches_the_close_before_the_first_row_of_the_first_window() -> None:
    assert required_history(select(["return_1"]), 1) == 1
    assert required_history(select(["return_20", "sentiment"]), 20) == 19 + 19 + 1
    assert required_history(SMALL.features, SMALL.lookback_sessions) == SPAN


def test_row_of_one_window_is_what_the_schema_says(market: Market) -> None:
    session = market.sessions[50]
    rows = rows_of(market, session, session)
    assert rows["ticker"].to_list() == sorted(TICKERS)
    row = rows.row(by_predicate=pl.col("ticker") == "WAVE", named=True)
    vectors = feature_vectors(market.panel(), SMALL.features)
    assert row["values"] == vectors[50, TICKERS.index("WAVE")].tolist()
    assert row["first_session_date"] == market.sessions[45]
    assert row["first_raw_session_date"] == market.sessions[50 - SPAN]
    assert (row["lookback_sessions"], row["feature_count"]) == (6, 3)
    assert (row["missing_sessions"], row["is_complete"]) == (0, True)
    assert row["feature_set_id"] == SMALL.feature_set_id
    assert row["as_of"] == xnys().close_at(session) + timedelta(minutes=30)
    assert row["inputs_known_until"] == xnys().close_at(session)
    text = f"WAVE|{session}|{SMALL.feature_set_id}|{row['provenance_hash']}"
    assert row["window_id"] == hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def test_rows_enter_the_migrated_table(market: Market) -> None:
    rows = rows_of(market, market.sessions[20], market.sessions[-1])
    with duckdb.connect(":memory:") as connection:
        migration = Path(__file__).parents[2] / "sql" / "migrations" / "0002_features_and_models.sql"
        connection.execute(migration.read_text().split("CREATE MACRO")[0])
        stamped = rows.with_columns(run_id=pl.lit("run"))
        connection.register("stamped", stamped.to_arrow())
        connection.execute("INSERT INTO feature_windows BY NAME SELECT * FROM stamped")
        back = connection.sql("SELECT * FROM feature_windows ORDER BY ticker, session_date").pl()
    assert back["values"].to_list() == rows["values"].to_list()
    assert set(back.columns) == set(stamped.columns)


def test_a_hole_makes_every_window_over_it_incomplete_and_has_no_row(market: Market) -> None:
    rows = rows_of(market, market.sessions[SPAN], market.sessions[-1]).filter(pl.col("ticker") == "HOLES")
    vectors = feature_vectors(market.panel(), SMALL.features)[:, TICKERS.index("HOLES")]
    for row in rows.iter_rows(named=True):
        last = market.sessions.index(row["session_date"])
        assert last not in HOLE_OFFSETS
        missing = sum(
            index in HOLE_OFFSETS or bool(np.isnan(vectors[index]).any())
            for index in range(last - 5, last + 1)
        )
        assert (row["missing_sessions"], row["is_complete"]) == (missing, missing == 0)
    assert rows["is_complete"].any()
    assert not rows["is_complete"].all()


def test_a_value_that_cannot_be_known_is_null_in_the_list(market: Market) -> None:
    session = market.sessions[HOLE_OFFSETS[1] + 2]
    row = rows_of(market, session, session).row(by_predicate=pl.col("ticker") == "HOLES", named=True)
    assert row["values"][:2] == [None, None]
    assert row["values"][2] is not None


@pytest.mark.parametrize("offset", [SPAN, 41, 56, 89])
def test_one_session_alone_equals_the_range_in_every_column(market: Market, offset: int) -> None:
    session = market.sessions[offset]
    whole = rows_of(market, market.sessions[SPAN], market.sessions[-1])
    alone = rows_of(
        market.through(session),
        session,
        session,
        tickers=TICKERS[::-1],
        sessions=market.sessions[offset - SPAN : offset + 1],
    )
    assert_frame_equal(alone, whole.filter(pl.col("session_date") == session), check_exact=True)


@pytest.mark.parametrize(("back", "changes"), [(0, True), (SPAN, True), (SPAN + 1, False)])
def test_provenance_covers_the_raw_span_and_no_more(market: Market, back: int, changes: bool) -> None:
    session = market.sessions[60]
    hit = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[60 - back])
    source = pl.when(hit).then(pl.lit("another vendor")).otherwise(pl.col("source"))
    other = Market(
        market.sessions,
        market.bars.with_columns(source=source),
        market.actions,
        market.sentiment,
        market.articles,
    )
    before, after = (rows_of(each, session, session) for each in (market, other))
    different = before.filter(before["provenance_hash"] != after["provenance_hash"])["ticker"].to_list()
    assert different == (["WAVE"] if changes else [])
    assert (before["window_id"] != after["window_id"]).sum() == len(different)
    assert before["values"].to_list() == after["values"].to_list()


@pytest.mark.parametrize(("back", "is_read"), [(0, True), (SPAN, True), (SPAN + 1, False)])
def test_inputs_known_until_covers_the_raw_span_and_no_more(market: Market, back: int, is_read: bool) -> None:
    session = market.sessions[60]
    moment = xnys().close_at(session) + timedelta(minutes=7)
    hit = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[60 - back])
    late = pl.when(hit).then(pl.lit(moment, pl.Datetime("us", "UTC"))).otherwise(pl.col("known_at"))
    other = dataclasses.replace(market, bars=market.bars.with_columns(known_at=late))
    row = rows_of(other, session, session).row(by_predicate=pl.col("ticker") == "WAVE", named=True)
    assert row["inputs_known_until"] == (moment if is_read else xnys().close_at(session))


def test_session_without_a_bar_is_missing_even_where_every_feature_has_a_value(market: Market) -> None:
    news_only = FeatureSet(select(["sentiment", "news_count"]), lookback_sessions=6)
    session = market.sessions[HOLE_OFFSETS[2] + 1]
    row = rows_of(market, session, session, news_only).row(
        by_predicate=pl.col("ticker") == "HOLES", named=True
    )
    assert (row["missing_sessions"], row["is_complete"]) == (2, False)


def test_row_learned_after_the_cut_off_is_refused(market: Market) -> None:
    session = market.sessions[60]
    hit = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[58])
    late = pl.lit(xnys().close_at(market.sessions[61]), pl.Datetime("us", "UTC"))
    bars = market.bars.with_columns(known_at=pl.when(hit).then(late).otherwise(pl.col("known_at")))
    other = Market(market.sessions, bars, market.actions, market.sentiment, market.articles)
    with pytest.raises(LookAheadError, match=f"1 rows read raw rows learned after.*WAVE {session}"):
        rows_of(other, session, session)
    later = rows_of(other, market.sessions[61], market.sessions[61])
    assert later["inputs_known_until"].max() == xnys().close_at(market.sessions[61])


def test_panel_with_too_little_history_is_refused_with_the_session_it_needs(market: Market) -> None:
    first = market.sessions[SPAN - 1]
    with pytest.raises(ValueError, match=f"build it from {xnys().shift(first, -SPAN)}"):
        rows_of(market, first, market.sessions[-1])


def test_panel_that_leaves_out_a_session_is_refused(market: Market) -> None:
    gone = market.sessions[30]
    sessions = tuple(day for day in market.sessions if day != gone)
    rest = Market(
        sessions,
        market.bars.filter(pl.col("session_date") != gone),
        market.actions,
        market.sentiment.filter(pl.col("session_date") != gone),
        market.articles.filter(pl.col("session_date") != gone),
    )
    with pytest.raises(ValueError, match="the panel has 89 sessions, the calendar 90"):
        rows_of(rest, sessions[-1], sessions[-1])


def test_vectors_of_another_feature_set_are_refused(market: Market) -> None:
    panel = market.panel()
    with pytest.raises(ValueError, match=r"expected \(6 to 90, 4, 3\)"):
        window_rows(
            panel,
            feature_vectors(panel, SMALL.features[:2]),
            row_digests(market.bars, market.actions, market.articles, panel, xnys()),
            feature_set=SMALL,
            calendar=xnys(),
            delay_minutes=30,
            first=market.sessions[-1],
            last=market.sessions[-1],
        )


@pytest.mark.parametrize("skipped", [0, 40, 84])
def test_vectors_of_the_sessions_that_windows_stack_are_enough(market: Market, skipped: int) -> None:
    panel, last = market.panel(), market.sessions[-1]

    def rows(first_row: int) -> pl.DataFrame:
        return window_rows(
            panel,
            feature_vectors(panel, SMALL.features, first_row),
            row_digests(market.bars, market.actions, market.articles, panel, xnys()),
            feature_set=SMALL,
            calendar=xnys(),
            delay_minutes=30,
            first=last,
            last=last,
        )

    assert_frame_equal(rows(skipped), rows_of(market, last, last), check_exact=True)
    with pytest.raises(ValueError, match=r"shape \(5, 4, 3\), expected \(6 to 90"):
        rows(85)


def test_session_without_any_bar_gives_an_empty_frame_with_its_columns(market: Market) -> None:
    session = market.sessions[HOLE_OFFSETS[2]]
    empty = rows_of(market, session, session, tickers=("HOLES",))
    assert empty.is_empty()
    assert empty.schema == rows_of(market, session, session).schema


def test_infinite_feature_is_refused(market: Market) -> None:
    def endless(panel: Panel) -> Values:
        return np.full((len(panel.sessions), len(panel.tickers)), np.inf)

    broken = dataclasses.replace(SMALL.features[0], compute=endless)
    with pytest.raises(ValueError, match="feature return_5 is infinite for 360 cells, first WAVE 2012-10-01"):
        feature_vectors(market.panel(), [broken])


def test_first_complete_window_of_the_embedded_data_is_one_history_after_its_first_bar() -> None:
    raw, calendar = stocks.MSFT, xnys()
    start = date(2000, 3, 1)
    sessions = tuple(calendar.between(calendar.shift(start, -60), date(2000, 7, 31)))
    bars = pl.DataFrame({key: raw[key] for key in ("date", "open", "high", "low", "close", "volume")})
    bars = bars.with_columns(
        ticker=pl.lit("MSFT"),
        session_date=pl.col("date").str.to_date(),
        source=pl.lit("bokeh"),
        known_at=pl.col("date").str.to_datetime(time_unit="us", time_zone="UTC"),
    )
    articles = synthetic_market().articles.clear()
    real = Market(sessions, bars, actions_frame([]), no_sentiment(), articles)
    feature_set = FeatureSet(select(["return_20", "rsi_14", "volatility_20", "news_count"]), 20)
    span = required_history(feature_set.features, 20)
    rows = rows_of(real, start, sessions[-1], feature_set, ("MSFT",))
    assert rows["session_date"][0] == start
    assert rows.filter("is_complete")["session_date"][0] == calendar.shift(start, span)
    assert rows["is_complete"].to_list() == [False] * span + [True] * (rows.height - span)
