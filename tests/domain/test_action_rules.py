"""Stated actions: a broken one is refused with its rule, and the others are believed."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.action_rules import action_rules, inspect_actions

DAY = date(2013, 2, 25)
BARS = pl.DataFrame(schema={"ticker": pl.String, "session_date": pl.Date, "close": pl.Float64})
SCHEMA = {
    "ticker": pl.String, "ex_date": pl.Date, "kind": pl.String, "split_ratio": pl.Float64,
    "cash_amount_usd": pl.Float64, "new_ticker": pl.String, "source": pl.String,
    "known_at": pl.Datetime("us", "UTC"), "known_at_is_assumed": pl.Boolean,
}  # fmt: skip
GOOD = {"ticker": "AAPL", "ex_date": DAY, "kind": "dividend", "cash_amount_usd": 0.5, "source": "s",
        "known_at": datetime(2013, 2, 25, tzinfo=UTC), "known_at_is_assumed": True}  # fmt: skip


def inspect(*changes: dict[str, Any]) -> Any:
    return inspect_actions(pl.DataFrame([GOOD | change for change in changes], schema=SCHEMA), BARS)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ticker": "a'; --"}, "bad_ticker"),
        ({"ticker": None}, "bad_ticker"),
        ({"kind": "gift"}, "unknown_kind"),
        ({"kind": None}, "unknown_kind"),
        ({"kind": "split"}, "split_without_ratio"),
        ({"kind": "split", "split_ratio": -2.0}, "split_without_ratio"),
        ({"kind": "split", "split_ratio": math.inf}, "split_without_ratio"),
        ({"cash_amount_usd": 0.0}, "payment_without_amount"),
        ({"kind": "spinoff", "cash_amount_usd": math.nan}, "payment_without_amount"),
        ({"kind": "rename", "new_ticker": "AAPL"}, "rename_without_ticker"),
        ({"kind": "rename", "new_ticker": "x"}, "rename_without_ticker"),
        ({"split_ratio": 2.0}, "value_of_another_kind"),
        ({"kind": "delisting", "cash_amount_usd": -1.0}, "value_of_another_kind"),
        ({"new_ticker": "MSFT"}, "value_of_another_kind"),
    ],
)
def test_a_bad_action_is_refused_with_the_code_of_its_rule(change: dict[str, Any], code: str) -> None:
    found = inspect(change, {"ticker": "IBM"})
    assert found.rejected.select("reason_code", "session_date").rows() == [(code, DAY)]
    assert found.accepted["ticker"].to_list() == ["IBM"]


def test_good_actions_of_every_kind_are_believed_and_copies_count_once() -> None:
    kinds = [
        {}, {}, {"kind": "split", "split_ratio": 2.0, "cash_amount_usd": None}, {"kind": "spinoff"},
        {"kind": "rename", "new_ticker": "APPL", "cash_amount_usd": None}, {"kind": "delisting"},
    ]  # fmt: skip
    found = inspect(*kinds)
    assert found.rejected.is_empty()
    assert (found.accepted.height, found.duplicate_count) == (5, 1)


def test_versions_that_disagree_are_all_refused() -> None:
    found = inspect({}, {"cash_amount_usd": 0.6}, {"ticker": "IBM"})
    assert found.rejected["reason_code"].to_list() == ["conflicting_versions"] * 2
    assert found.accepted["ticker"].to_list() == ["IBM"]
    assert len({rule.reason_code for rule in action_rules()}) == len(action_rules())
