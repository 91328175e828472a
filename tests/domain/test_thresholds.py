"""Dated overrides hold from their session on, within bounds, and for nothing before it."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from nextgen_assets.domain.thresholds import (
    DISSIMILARITY,
    HUMILITY,
    Overrides,
    ThresholdError,
    refuse_unknown,
)
from nextgen_assets.domain.trading.rules import TradingRules, TradingRulesError
from tests.domain import test_service as service
from tests.domain.planted_market import CALENDAR, planted_market

FIRST, SECOND, THIRD = date(2012, 6, 5), date(2012, 6, 8), date(2012, 6, 20)
SKILL = "humility.worst_brier_skill"
GIVEN = Overrides([(FIRST, SKILL, -0.5), (SECOND, SKILL, 0.0), (SECOND, DISSIMILARITY, 3.0), (THIRD, SKILL, None)])  # fmt: skip


def test_override_holds_from_its_session_until_the_next_one_and_a_reset_gives_the_settings_back():
    days = [date(2012, 6, 4), FIRST, date(2012, 6, 7), SECOND, date(2012, 6, 19), THIRD]
    assert [GIVEN.value_at(SKILL, day, -0.05) for day in days] == [-0.05, -0.5, -0.5, 0.0, 0.0, -0.05]
    assert [GIVEN.value_at(DISSIMILARITY, day, None) for day in days] == [None, None, None, 3.0, 3.0, 3.0]


def test_of_two_for_one_session_the_one_decided_last_holds():
    twice = Overrides([(FIRST, SKILL, -0.5), (FIRST, SKILL, -0.2)])
    assert twice.value_at(SKILL, FIRST, -0.05) == -0.2


def test_rules_of_trading_follow_and_stay_the_same_object_without_overrides():
    rules = TradingRules()
    assert GIVEN.rules_at(SECOND, rules) == replace(rules, worst_brier_skill=0.0)
    assert GIVEN.rules_at(THIRD, rules) == rules
    assert Overrides().rules_at(SECOND, rules) is rules
    crossed = Overrides([(FIRST, "humility.min_return_to_width", 0.5)])
    with pytest.raises(TradingRulesError, match="must be below full_return_to_width"):
        crossed.rules_at(FIRST, rules)


def test_parts_begin_where_a_named_threshold_changes_also_on_a_day_that_is_no_session():
    days = CALENDAR.between(date(2012, 6, 4), date(2012, 6, 11))
    assert [part[0] for part in GIVEN.parts(days, HUMILITY)] == [days[0], FIRST, SECOND]
    assert GIVEN.parts(days, [DISSIMILARITY]) == [days[:4], days[4:]]
    weekend = Overrides([(date(2012, 6, 9), SKILL, 0.0)])
    assert [part[0] for part in weekend.parts(days, HUMILITY)] == [days[0], date(2012, 6, 11)]
    assert Overrides().parts(days, HUMILITY) == [days]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trading.kelly_fraction", 0.5, "no threshold that can be overridden; expected one of prediction"),
        (SKILL, 0.1, "expected a number from -10.0 to 0.0"),
        (SKILL, float("nan"), "expected a number"),
        ("'; DROP TABLE predictions", 1.0, "no threshold"),
    ],
)
def test_what_is_not_on_the_list_or_out_of_bounds_is_refused(name, value, message):
    with pytest.raises(ThresholdError, match=message):
        refuse_unknown(name, value)


def test_limit_of_dissimilarity_silences_from_its_session_on_in_a_range_as_alone(monkeypatch):
    start = service.DAYS[80]
    ensemble = replace(service.CONFIG.ensemble, overrides=Overrides([(start, DISSIMILARITY, 0.1)]))
    before = service.ranged()
    monkeypatch.setattr(service, "CONFIG", replace(service.CONFIG, ensemble=ensemble))
    frame = service.issue(service.DAYS, service.service())
    is_later = pl.col("session_date") >= start
    assert frame.filter(~is_later).equals(before.filter(~is_later))
    silent = frame.filter(is_later & pl.col("raw_probability_up").is_not_null())
    assert set(silent["abstain_reason"]) == {"out_of_distribution"}
    ledger = frame.filter(pl.col("session_date") < start)
    alone = service.issue([start], service.service(), planted_market().through(start), ledger)
    assert alone.equals(frame.filter(pl.col("session_date") == start))
