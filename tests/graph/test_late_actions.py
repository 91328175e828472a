"""A split that the provider states late: the past stays as it was decided, and the future knows it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.market_data import ACTION_SCHEMA
from nextgen_resources.market_data.bokeh import Provider as EmbeddedMarket
from tests.graph.harness import built

FIRST, LAST = date(2005, 2, 14), date(2005, 3, 11)
SPLIT = date(2005, 2, 28)
SETTINGS = {
    "ingestion.first_session": FIRST,
    "ingestion.last_session": LAST,
    "ingestion.tickers": ["AAPL", "IBM"],
}


class Vendor(EmbeddedMarket):
    """The embedded bars with a list of actions instead of an adjusted close."""

    capabilities = frozenset({"daily", "actions", "universe"})

    def __init__(self, stated: dict[str, float]) -> None:
        super().__init__()
        self.stated = stated

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        rows = [(name, SPLIT, "split", ratio, None, None) for name, ratio in self.stated.items()]
        frame = pl.DataFrame(rows, schema=dict(ACTION_SCHEMA), orient="row")
        return frame.filter(pl.col("ticker").is_in(list(tickers)) & pl.col("ex_date").is_between(first, last))


@pytest.mark.slow
def test_split_learnt_late_changes_no_past_feature_and_its_first_statement_does(tmp_path: Path) -> None:
    vendor = Vendor({})
    with built(tmp_path / "late", SETTINGS, market_data=vendor) as late:
        late.run("prepare_inputs", FIRST, LAST)
        before = late.content("feature_windows")
        vendor.stated = {"AAPL": 2.0}
        late.run("prepare_inputs", FIRST, LAST)
        assert late.content("feature_windows").equals(before)
        known = late.warehouse.read(
            "SELECT known_at, known_at_is_assumed, split_ratio FROM corporate_actions"
        )
        assert known["split_ratio"].to_list() == [2.0]
        assert known["known_at"][0].date() > LAST
        assert known["known_at_is_assumed"].to_list() == [False]
        first_known = known["known_at"][0]
        late.run("prepare_inputs", SPLIT, SPLIT)
        assert late.warehouse.read("SELECT known_at FROM corporate_actions")["known_at"].to_list() == [
            first_known
        ]
        vendor.stated = {}
        late.run("prepare_inputs", SPLIT, SPLIT)
        assert late.warehouse.scalar("SELECT count(*) FROM corporate_actions") == 0
        assert late.warehouse.scalar("SELECT count(*) FROM corporate_action_revisions") == 1
    with built(tmp_path / "timely", SETTINGS, market_data=Vendor({"AAPL": 2.0})) as timely:
        timely.run("prepare_inputs", FIRST, LAST)
        assert timely.warehouse.scalar("SELECT known_at_is_assumed FROM corporate_actions") is True
        assert not timely.content("feature_windows").equals(before)


DECIDED = ("feature_windows", "model_registry", "strategic_priorities", "predictions", "prediction_accuracy",
           "trade_plans", "trades", "ledger_entries", "portfolio_holdings", "portfolio_values")  # fmt: skip
HISTORY, TRAINED, BEGIN = date(2004, 1, 5), date(2004, 11, 1), date(2004, 12, 1)
WHOLE = SETTINGS | {
    "ingestion.first_session": HISTORY,
    "ingestion.tickers": ["AAPL", "IBM", "MSFT"],
    "models.families": ["base_rate", "logistic"],
    "models.champion": "logistic",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_split_learnt_late_changes_no_past_prediction_and_no_trade(tmp_path: Path) -> None:
    vendor = Vendor({})
    with built(tmp_path, WHOLE, market_data=vendor) as late:
        late.run("prepare_inputs", HISTORY, LAST)
        late.run("train_models", TRAINED, TRAINED)
        late.run("decide_and_trade", BEGIN, LAST)
        before = {table: late.content(table) for table in DECIDED}
        vendor.stated = {"AAPL": 2.0}
        late.run("prepare_inputs", SPLIT, LAST)
        late.run("decide_and_trade", SPLIT, LAST)
        known = late.warehouse.read("SELECT split_ratio, known_at FROM corporate_actions")
        assert known["split_ratio"].to_list() == [2.0]
        assert known["known_at"][0].date() > LAST
        for table, rows in before.items():
            assert late.content(table).equals(rows), table
    after_it = pl.col("session_date") >= SPLIT
    assert before["predictions"].filter(after_it & ~pl.col("abstained")).height > 10
    assert before["trade_plans"].filter(after_it).height > 10
    assert before["trades"].height > 0
