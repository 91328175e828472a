"""Repairs: right where the numbers decide, none where they leave it open, none that nobody named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args

import polars as pl
import pytest

from nextgen_assets.domain.audit import audit
from nextgen_assets.domain.repairs import REPAIRS, in_unit_of, propose_repairs
from nextgen_assets.domain.standing_repairs import (
    actions_as_repaired,
    bars_as_repaired,
    refused_in_unit,
)
from nextgen_resources.settings.data_sections import RepairRule
from tests.domain.test_audit import CASES, DAYS, PAID, PLACE, changed, scaled, series

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def proposed(bars: pl.DataFrame, *rules: str) -> list[tuple[object, ...]]:
    made = propose_repairs(bars, audit(bars), rules or tuple(REPAIRS))
    return made.select("session_date", "field", "rule", pl.col("after").round(9)).rows()


def test_settings_name_the_rules_that_there_are() -> None:
    assert get_args(RepairRule) == tuple(REPAIRS)


def test_one_price_in_another_unit_is_brought_to_that_of_the_others() -> None:
    bars = series()
    high = bars["high"][200]
    broken = changed(bars, 200, high=high * 100)
    assert proposed(broken) == [(DAYS[200], "high", "price_100x", round(high, 9))]
    assert proposed(broken, "dividend_doubled") == []


def test_a_hundredfold_dividend_is_scaled_and_a_half_one_stays() -> None:
    bars = series(**PAID)
    assert proposed(changed(bars, 240, dividend=41.0)) == [
        (DAYS[240], "dividend", "dividend_wrong_scale", 0.41)
    ]
    assert proposed(changed(bars, 240, dividend=0.2)) == []


def test_an_adjusted_close_that_is_wrong_does_not_change_a_dividend_that_the_price_confirms() -> None:
    bars = series(d200=10.0)
    before = bars["close"][199]
    off = pl.when(PLACE < 200).then((1 - 0.1 / before) / (1 - 10.0 / before)).otherwise(1.0)
    bars = bars.with_columns(adjusted_close=pl.col("adjusted_close") * off)
    assert audit(bars)["fault"].to_list() == ["dividend_wrong_scale"]
    assert proposed(bars) == []


def test_the_phantom_of_two_equal_dividends_is_taken_back_and_a_missing_split_added() -> None:
    ((_, field, rule, after),) = proposed(series(d200=0.5, d202=0.5))
    assert (field, rule, after) == ("dividend", "dividend_doubled", 0.0)
    halved = scaled(series(), PLACE >= 200, 0.5)
    assert proposed(halved) == [(DAYS[200], "split_ratio", "split_missing", 2.0)]


def test_bars_in_the_units_of_the_other_side_of_a_split_are_brought_to_their_own() -> None:
    bars = series()
    broken = changed(
        scaled(scaled(bars, PLACE >= 200, 2.0), PLACE.is_between(197, 199), 2.0), 200, split_ratio=0.5
    )
    made = proposed(broken, "split_badly_applied")
    assert {row[0] for row in made} == {DAYS[197], DAYS[198], DAYS[199]}
    closes = [row[3] for row in made if row[1] == "close"]
    assert closes == [round(value, 9) for value in bars["close"][197:200]]


def test_a_bad_print_and_a_real_extreme_are_repaired_by_nothing() -> None:
    assert proposed(scaled(series(), PLACE == 200, 10.0)) == []
    assert proposed(scaled(series(), PLACE >= 200, 0.39)) == []


def test_a_proposal_rests_on_nothing_later_than_its_finding() -> None:
    whole = pl.concat(
        [
            changed(series(**PAID), 240, dividend=41.0).with_columns(ticker=pl.lit("A")),
            series(d200=0.5, d202=0.5).with_columns(ticker=pl.lit("B")),
            scaled(series(), PLACE >= 200, 0.5).with_columns(ticker=pl.lit("C")),
        ]
    )
    everything = audit(whole)
    for cut in (DAYS[201], DAYS[202], DAYS[240], DAYS[399]):
        told = everything.filter(pl.col("visible_from") <= cut)
        seen = whole.filter(pl.col("session_date") <= cut)
        now = propose_repairs(seen, told, tuple(REPAIRS))
        assert propose_repairs(whole, told, tuple(REPAIRS)).equals(now)


def test_a_refused_bar_takes_the_unit_of_the_last_close_or_stays_refused() -> None:
    refused = pl.DataFrame(
        {
            "ticker": ["A", "A", "B"], "session_date": [DAYS[11], DAYS[12], DAYS[60]],
            "open": [9900.0, 10100.0, 100.0], "high": [10200.0, 10200.0, 100.0], "low": [9800.0, 9900.0, 100.0],
            "close": [10000.0, 10150.0, 100.0], "volume": [5, 6, 7], "evidence": ["a", "b", "c"],
        }
    )  # fmt: skip
    bars = pl.DataFrame({"ticker": ["A", "B"], "session_date": [DAYS[10], DAYS[10]], "close": [101.0, 1.0]})
    made = refused_in_unit(refused, bars)  # the close of B is older than thirty days
    assert made.select("session_date", "close", "close_before", "rule", "was_refused").rows() == [
        (DAYS[11], 100.0, 10000.0, "unit_switch", True),
        (DAYS[12], 101.5, 10150.0, "unit_switch", True),
    ]
    assert in_unit_of({"open": 1.0, "high": 1.0, "low": 1.0, "close": 50.0}, 100.0) is None


def test_what_is_said_again_stays_repaired_and_what_is_said_anew_stands() -> None:
    prices = {"open": 1.0, "high": 200.0, "low": 1.0, "close": 1.5}
    standing = pl.DataFrame(
        [{"ticker": "A", "session_date": DAYS[0], "rule": "price_100x",
          **{f"{name}_before": value for name, value in prices.items()}, **prices, "high": 2.0}]
    )  # fmt: skip
    rows = [{"ticker": "A", "session_date": day, **prices, "volume": 1, "source": "s"} for day in DAYS[:2]]
    again = bars_as_repaired(pl.DataFrame(rows), standing)
    assert again.select("high", "source").rows() == [(2.0, "repair:price_100x"), (200.0, "s")]
    anew = bars_as_repaired(pl.DataFrame([rows[0] | {"high": 3.0}]), standing)
    assert anew.select("high", "source").rows() == [(3.0, "s")]


def test_repaired_actions_stand_in_for_what_is_stated() -> None:
    def action(kind: str, day: date, ratio: float | None, cash: float | None) -> dict[str, object]:
        return {"ticker": "A", "ex_date": day, "kind": kind, "split_ratio": ratio, "cash_amount_usd": cash,
                "new_ticker": None, "source": "s", "known_at": NOW, "known_at_is_assumed": True}  # fmt: skip

    schema = {"new_ticker": pl.String, "split_ratio": pl.Float64}
    stated = pl.DataFrame(
        [action("dividend", DAYS[0], None, 41.0), action("dividend", DAYS[1], None, 0.5)],
        schema_overrides=schema,
    )
    standing = pl.DataFrame(
        [
            ("A", DAYS[0], "dividend", "dividend_wrong_scale", 41.0, 0.41, NOW),
            ("A", DAYS[1], "dividend", "dividend_doubled", 0.5, None, NOW),
            ("A", DAYS[2], "split", "split_missing", None, 2.0, NOW),
        ],
        schema=["ticker", "ex_date", "kind", "rule", "value_before", "value_after", "repaired_at"],
        orient="row",
    )
    rows = actions_as_repaired(stated, standing).select("ex_date", "split_ratio", "cash_amount_usd", "source")
    assert rows.rows() == [
        (DAYS[0], None, 0.41, "repair:dividend_wrong_scale"),
        (DAYS[2], 2.0, None, "repair:split_missing"),
    ]


@pytest.mark.skipif(not CASES.is_file(), reason=f"the series are not at {CASES}")
def test_repairs_of_real_broken_series_equal_their_repaired_form() -> None:
    from tests.benchmarks.bench_quality import proposed_of_controls, table_of_repairs

    rows = table_of_repairs(CASES)[:-1]
    assert sum(row["proposed"] for row in rows) == sum(row["right"] for row in rows) >= 39  # type: ignore[misc]
    assert proposed_of_controls(CASES) == 0
