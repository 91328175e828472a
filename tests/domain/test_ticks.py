"""Lines are told from ticks: signs, sides, order and copies."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.ticks import (
    REASONS,
    JudgedTicks,
    TickCarry,
    TickRules,
    admitting_sessions,
    cut_position,
    judge_ticks,
)
from nextgen_resources.market_data.ticks import DEFECTS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUOTES = TickRules("quote", copies_are_errors=True, sides_may_lack=False)
ONE_SIDED = TickRules("quote", copies_are_errors=False, sides_may_lack=True)
TRADES = TickRules("trade", copies_are_errors=False, sides_may_lack=False)


def quotes(*rows: tuple[int | None, float | None, float | None]) -> pl.DataFrame:
    schema = {"ts": pl.Int64, "bid": pl.Float64, "ask": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_row_index("source_line", 1).with_columns(
        pl.col("source_line").cast(pl.Int64), defect=pl.lit(0, pl.UInt8)
    )


def at(*instants: int) -> pl.DataFrame:
    return quotes(*((instant, 1.0 + place / 8, 3.0) for place, instant in enumerate(instants)))


def judged(lines: pl.DataFrame, rules: TickRules = QUOTES, carry: TickCarry | None = None) -> JudgedTicks:
    return judge_ticks(lines, rules, carry or TickCarry(), NOW)


def reasons(found: JudgedTicks) -> dict[int, str]:
    return dict(found.rejected.select("source_line", "reason_code").rows())


def test_defects_of_the_formats_are_the_first_reasons() -> None:
    assert list(REASONS)[: len(DEFECTS)] == list(DEFECTS.values())


def test_each_bad_line_gets_its_reason_and_the_others_pass() -> None:
    lines = quotes(
        (10, 1.0, 2.0), (11, 2.0, 1.0), (12, 0.0, 2.0), (13, None, 2.0), (14, -1.0, 2.0),
        (15, float("nan"), 2.0), (16, None, None), (-5, 1.0, 2.0), (2_000_000_000_000_000, 1.0, 2.0),
        (17, 1.0, 1.0),
    )  # fmt: skip
    found = judged(lines)
    assert reasons(found) == {
        2: "crossed", 3: "one_sided", 4: "one_sided", 5: "not_positive", 6: "not_positive", 7: "not_positive",
        8: "outside_time", 9: "outside_time",
    }  # fmt: skip
    assert found.accepted["source_line"].to_list() == [1, 10]
    assert found.accepted.height + found.rejected.height == lines.height


def test_quote_of_one_side_stays_so_where_the_format_means_it() -> None:
    found = judged(quotes((10, None, 2.0), (11, 1.0, None), (12, 2.0, 1.0)), ONE_SIDED)
    assert found.accepted.select("bid", "ask").rows() == [(None, 2.0), (1.0, None)]
    assert reasons(found) == {3: "crossed"}


@pytest.mark.parametrize(
    ("instants", "rejected"),
    [
        ((10, 12, 11, 13), {3: "out_of_order"}),
        ((10, 12, 11, 11, 13), {2: "time_spike"}),
        ((10, 900, 11, 12, 13), {2: "time_spike"}),
        ((10, 900, 950, 11, 12, 13, 14, 15), {2: "time_spike", 3: "time_spike"}),
        ((10, 20, 30, 11, 12, 40), {4: "out_of_order", 5: "out_of_order"}),
        ((10, 11, 5), {3: "out_of_order"}),
    ],
)
def test_line_out_of_order_is_rejected_and_a_wild_time_takes_none_with_it(
    instants: tuple[int, ...], rejected: dict[int, str]
) -> None:
    assert reasons(judged(at(*instants))) == rejected


def test_order_is_that_of_the_file_not_of_the_stretch() -> None:
    found = judged(at(5, 20, 21), carry=TickCarry(20, 2))
    assert reasons(found) == {1: "out_of_order"}
    assert found.accepted["sequence"].to_list() == [5, 1]
    assert found.carry == TickCarry(21, 1)


def test_repeated_quote_is_one_too_many_and_a_repeated_trade_is_not() -> None:
    same = quotes((10, 1.0, 2.0), (10, 1.5, 2.0), (10, 1.0, 2.0), (11, 1.0, 2.0))
    assert reasons(judged(same)) == {3: "exact_copy"}
    trades = same.select("source_line", "ts", pl.lit(5.0).alias("last"), "defect")
    found = judged(trades, TRADES)
    assert not reasons(found)
    assert found.accepted["sequence"].to_list() == [0, 2, 4, 0]


def test_rejected_line_was_learned_with_the_line_before_it() -> None:
    found = judged(quotes((None, 1.0, 2.0), (10, 1.0, 2.0), (12, 2.0, 1.0), (11, 1.0, 2.0)))
    assert found.rejected["ts"].to_list() == [10, 10]


def test_nothing_is_nothing() -> None:
    found = judged(quotes())
    assert (found.accepted.height, found.rejected.height, found.carry) == (0, 0, TickCarry())


def microseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2014-07-01T20:30:00+00:00", date(2014, 7, 1)),  # at the cut-off, half past four in summer
        ("2014-07-01T20:30:00.000001+00:00", date(2014, 7, 2)),
        ("2014-12-01T21:30:00+00:00", date(2014, 12, 1)),
        ("2014-07-03T17:30:00.000001+00:00", date(2014, 7, 7)),  # a half day before the Fourth and a weekend
        ("2014-07-05T12:00:00+00:00", date(2014, 7, 7)),
    ],
)
def test_tick_belongs_to_the_session_whose_cut_off_first_admits_it(moment: str, session: date) -> None:
    found = admitting_sessions(pl.Series([microseconds(moment)]), xnys(), 30)
    assert found.to_list() == [session]
    exact = datetime.fromisoformat(moment)
    assert xnys().admitting(exact, 30) == session


def test_stretch_is_cut_where_a_new_instant_begins() -> None:
    end = list(range(10, 26))
    assert cut_position(pl.Series([1, 2, 3, *end])) == 3
    assert cut_position(pl.Series([1, 2, 10, *end])) == 2
    assert cut_position(pl.Series([1, 2, None, *end])) == 2
    assert cut_position(pl.Series([3] * 40)) == 0
    assert cut_position(pl.Series([1, 2])) == 0


def test_lines_after_the_decided_ones_only_say_what_follows() -> None:
    lines = at(10, 900, 11, 12, 13)
    found = judge_ticks(lines, QUOTES, TickCarry(), NOW, 2)
    assert reasons(found) == {2: "time_spike"}
    assert (found.accepted.height, found.carry) == (1, TickCarry(10, 1))
