"""A person's override is a dated row for sessions that nothing has been decided for."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nextgen_assets import threshold_decisions
from nextgen_assets.threshold_decisions import Override, ThresholdDecisionError, override
from nextgen_assets.threshold_view import read_overrides
from nextgen_resources.errors import StaleReadError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

NEWEST, NEXT = date(2012, 6, 15), date(2012, 6, 18)
NOW = datetime(2012, 6, 16, 12, tzinfo=UTC)
SKILL = "humility.worst_brier_skill"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(environ={}, dotenv_path=Path(os.devnull))


@pytest.fixture
def decided(warehouse: Warehouse) -> Warehouse:
    with warehouse.transaction() as connection:
        connection.execute(
            "INSERT INTO market_prices BY NAME SELECT 'AAPL' AS ticker, $day::DATE AS session_date, 1 AS open, 1 AS high, "
            "1 AS low, 1 AS close, 1 AS volume, 't' AS source, $now::TIMESTAMPTZ AS known_at, FALSE AS known_at_is_assumed, "
            "'r' AS run_id",
            {"day": NEWEST, "now": NOW},
        )
    return warehouse


def decide(warehouse: Warehouse, settings: Settings, name: str, value: float | None, **how: Any) -> Override:
    given: dict[str, Any] = {"reason": "badly calibrated since May", "author": "ann", "now": NOW} | how
    return override(warehouse, settings, name, value, **given)


def test_override_holds_from_the_next_session_and_is_kept_with_reason_and_author(
    decided: Warehouse, settings: Settings
) -> None:
    made = decide(decided, settings, SKILL, 0.0)
    assert (made.decided_after, made.effective_from) == (NEWEST, NEXT)
    row = decided.read("overrides", scenario_id="baseline", last=NEXT).row(0, named=True)
    assert (row["override_id"], row["reason"], row["author"]) == (made.override_id, made.reason, "ann")
    assert read_overrides(decided, settings, NEXT).value_at(SKILL, NEXT, -0.05) == 0.0
    assert read_overrides(decided, settings, NEWEST).rows == []
    decide(decided, settings, SKILL, None, effective_from=date(2012, 7, 2))
    later = read_overrides(decided, settings, date(2012, 7, 2))
    assert [later.value_at(SKILL, day, -0.05) for day in (date(2012, 6, 29), date(2012, 7, 2))] == [
        0.0,
        -0.05,
    ]


@pytest.mark.parametrize(
    ("name", "value", "how", "message"),
    [
        (SKILL, 0.0, {"effective_from": NEWEST}, "sessions up to 2012-06-15 have been decided.*expected 2012-06-18"),
        (SKILL, 0.0, {"effective_from": date(2012, 6, 23)}, "no session of the exchange; the next one is 2012-06-25"),
        (SKILL, 0.0, {"reason": " "}, "the reason is empty"),
        (SKILL, 0.0, {"author": ""}, "the author is empty"),
        (SKILL, 2.0, {}, "expected a number from -10.0 to 0.0"),
        ("trading.max_weight", 0.1, {}, "no threshold that can be overridden"),
        ("humility.min_return_to_width", 0.9, {}, "must be below full_return_to_width"),
    ],
)  # fmt: skip
def test_override_that_cannot_be_is_refused_and_writes_nothing(
    decided: Warehouse, settings: Settings, name: str, value: float, how: dict[str, Any], message: str
) -> None:
    with pytest.raises(ThresholdDecisionError, match=message):
        decide(decided, settings, name, value, **how)
    assert decided.scalar("SELECT count(*) FROM threshold_overrides") == 0


def test_session_that_is_decided_in_the_meantime_refuses_the_override(
    decided: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(warehouse: Warehouse, given: Settings) -> date:
        with warehouse.transaction() as connection:
            connection.execute("UPDATE market_prices SET session_date = $day", {"day": NEXT})
        return NEXT

    monkeypatch.setattr(threshold_decisions, "next_session", meanwhile)
    with pytest.raises(StaleReadError, match="nothing was written: do it again"):
        decide(decided, settings, SKILL, 0.0)
    assert decided.scalar("SELECT count(*) FROM threshold_overrides") == 0


def test_same_decision_again_is_one_row(decided: Warehouse, settings: Settings) -> None:
    assert decide(decided, settings, SKILL, 0.0) == decide(decided, settings, SKILL, 0.0)
    assert decided.scalar("SELECT count(*) FROM threshold_overrides") == 1
