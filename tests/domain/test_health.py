"""Verdicts at their thresholds, memory in data time."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from nextgen_assets.domain.health import FACTS_SCHEMA, HEALTH_SCHEMA, assess
from nextgen_assets.domain.sessions import xnys

DAYS = xnys().between(date(2012, 6, 1), date(2012, 6, 14))
NOTHING = pl.DataFrame(schema=HEALTH_SCHEMA)
GOOD = {
    "member_count": 5, "bar_count": 5, "article_count": 2, "scored_article_count": 2,
    "sessions_since_last_article": 0, "window_count": 5, "complete_window_count": 5,
    "champion_live_from": date(2012, 5, 1), "prediction_count": 5, "abstained_count": 0, "matured_count": 5,
    "validated_count": 5, "ledger_event_count": 3, "unbalanced_event_count": 0, "minimum_cash_usd": 10.0,
    "quarantined_count": 0,
}  # fmt: skip


def _facts(changes_by_day):
    rows = [{"session_date": day} | GOOD | changes for day, changes in changes_by_day.items()]
    return pl.DataFrame(rows, schema_overrides=FACTS_SCHEMA)


def _one(component, **changes):
    health = assess(_facts({DAYS[0]: changes}), NOTHING, DAYS[:1], xnys(), 30)
    return health.filter(component=component).row(0, named=True)


def test_all_is_well_when_everything_arrived():
    health = assess(_facts({DAYS[0]: {}}), NOTHING, DAYS[:1], xnys(), 30)
    assert health["status"].unique().to_list() == ["ok"]
    assert health["component"].to_list() == [
        "feature_windows", "ledger", "market_prices", "models",
        "news", "predictions", "quarantine", "validation",
    ]  # fmt: skip
    assert health["checked_at"].unique().item() == xnys().cutoff(DAYS[0], 30)
    assert health["last_failure"].null_count() == 8


@pytest.mark.parametrize(
    ("component", "changes", "status", "error_count", "words"),
    [
        ("market_prices", {"bar_count": 4}, "warn", 1, "4 of 5 members"),
        ("market_prices", {"bar_count": 3}, "fail", 2, "(60%)"),
        ("market_prices", {"member_count": 0}, "fail", 1, "check ticker_universe"),
        ("news", {"scored_article_count": 1}, "warn", 1, "1 of 2 articles"),
        ("news", {"scored_article_count": 0}, "fail", 2, "0 of 2 articles"),
        ("news", {"article_count": 0, "sessions_since_last_article": 59}, "ok", 0, "59 sessions ago"),
        ("news", {"article_count": 0, "sessions_since_last_article": 60}, "warn", 60, "60 sessions ago"),
        ("news", {"article_count": 0, "sessions_since_last_article": None}, "warn", 0, "ever been admitted"),
        ("feature_windows", {"complete_window_count": 4}, "warn", 1, "4 of 5 windows"),
        ("feature_windows", {"window_count": 0}, "fail", 1, "materialize feature_windows"),
        ("models", {"champion_live_from": None}, "warn", 0, "no champion is live yet"),
        ("models", {"champion_live_from": xnys().shift(DAYS[0], -45)}, "warn", 45, "live for 45 sessions"),
        ("models", {"champion_live_from": xnys().shift(DAYS[0], -44)}, "ok", 0, "live for 44 sessions"),
        ("predictions", {"abstained_count": 2}, "warn", 2, "3 of 5 predictions speak, 2 abstained"),
        ("predictions", {"abstained_count": 5}, "fail", 5, "0 of 5 predictions speak"),
        ("predictions", {"abstained_count": 5, "champion_live_from": None}, "warn", 0, "no champion is live"),
        ("predictions", {"prediction_count": 0}, "fail", 1, "materialize predictions"),
        ("validation", {"validated_count": 4}, "warn", 1, "4 of 5 matured"),
        ("validation", {"matured_count": 0, "validated_count": 0}, "ok", 0, "no prediction matured"),
        ("ledger", {"unbalanced_event_count": 1}, "fail", 1, "1 of 3 events do not sum to zero"),
        ("ledger", {"minimum_cash_usd": -0.01}, "fail", 1, "cash fell to -0.01 US dollars"),
        ("quarantine", {"quarantined_count": 2}, "warn", 2, "2 rows were quarantined"),
        ("quarantine", {"quarantined_count": 100}, "fail", 100, "100 rows"),
    ],
)
def test_verdict_and_its_figures(component, changes, status, error_count, words):
    row = _one(component, **changes)
    assert (row["status"], row["error_count"]) == (status, error_count)
    assert words in row["message"]


def test_decimal_cash_below_zero_fails_the_ledger():
    facts = _facts({DAYS[0]: {}}).with_columns(minimum_cash_usd=pl.lit(Decimal("-1.000000")))
    health = assess(facts, NOTHING, DAYS[:1], xnys(), 30)
    assert health.filter(component="ledger")["status"].item() == "fail"


def test_last_success_and_failure_are_cutoffs_of_earlier_sessions():
    changes = {DAYS[0]: {}, DAYS[1]: {"bar_count": 1}, DAYS[2]: {"bar_count": 4}, DAYS[3]: {}}
    health = assess(_facts(changes), NOTHING, DAYS[:4], xnys(), 30).filter(component="market_prices")
    cut = [xnys().cutoff(day, 30) for day in DAYS]
    assert health["status"].to_list() == ["ok", "fail", "warn", "ok"]
    assert health["last_success"].to_list() == [cut[0], cut[0], cut[0], cut[3]]
    assert health["last_failure"].to_list() == [None, cut[1], cut[1], cut[1]]


def test_range_equals_session_by_session_over_the_rows_before():
    changes = {day: {"bar_count": 5 - number % 4} for number, day in enumerate(DAYS)}
    whole = assess(_facts(changes), NOTHING, DAYS, xnys(), 30)
    grown = NOTHING
    for day in DAYS:
        grown = pl.concat([grown, assess(_facts(changes), grown, [day], xnys(), 30)])
    assert whole.equals(grown.sort("component", "session_date"))
    assert assess(_facts(changes), grown, DAYS, xnys(), 30).equals(whole)


def test_missing_facts_are_named():
    with pytest.raises(ValueError, match="1 rows of facts for 2 sessions, without 2012-06-04"):
        assess(_facts({DAYS[0]: {}}), NOTHING, DAYS[:2], xnys(), 30)
