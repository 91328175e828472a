"""Closed positions that fall short of their predictions in one slice are found, and only there."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from nextgen_assets.domain.curiosity import CuriositySettings, Findings, find_insights
from nextgen_assets.domain.sessions import xnys
from tests.domain.ledger_simulation import Ledger, simulated_ledger

SETTINGS = CuriositySettings(climatology_sessions=100)


def closed_positions(ledger: Ledger, seed: int, weak: str | None) -> pl.DataFrame:
    """A third of the predictions were traded; outcomes are as predicted, but below it in one ticker."""
    rng = np.random.default_rng(seed)
    kept = ["ticker", "session_date", "volatility", "probability_up", "sector", "regime", "mood", "has_news"]
    rows = ledger.joined.filter(pl.Series(rng.random(ledger.joined.height) < 0.33))
    quantile = rng.random(rows.height)
    if weak is not None:
        quantile = np.where((rows["ticker"] == weak).to_numpy(), 0.5 * quantile, quantile)
    lesson = np.where(quantile < 0.5, "The thesis failed.", "The thesis held.")
    return rows.select(
        *kept,
        pl.col("target_session_date").alias("closed_on"),
        pl.Series("outcome_quantile", quantile),
        pl.Series("lesson", lesson),
    )


def find(ledger: Ledger, closed: pl.DataFrame | None) -> Findings:
    return find_insights(
        ledger.joined, ledger.month_ends[-1:], xnys(), 30, SETTINGS, ledger.issued, closed=closed
    )


def test_a_ticker_whose_positions_fall_short_is_found_with_its_lessons() -> None:
    ledger = simulated_ledger(5)
    found = find(ledger, closed_positions(ledger, 5, weak="T04")).insights.filter(kind="lesson")
    assert found["scope"].to_list() == ["ticker:T04"]
    row = found.row(0, named=True)
    assert 0.2 < row["effect"] < 0.9  # one half, planted
    assert row["lower"] < row["effect"] < row["upper"]
    assert json.loads(row["evidence"])["lessons"][0].endswith("times: The thesis failed.")
    assert "smaller positions" in row["suggested_action"]
    assert row["n"] >= 40


def test_positions_that_come_out_as_predicted_are_no_finding() -> None:
    claimed = 0
    for seed in range(4):
        ledger = simulated_ledger(seed)
        found = find(ledger, closed_positions(ledger, seed, weak=None)).insights
        claimed += found.filter(kind="lesson").height
    assert claimed <= 1


def test_later_positions_change_no_finding() -> None:
    ledger = simulated_ledger(5)
    closed = closed_positions(ledger, 5, weak="T04")
    last = ledger.month_ends[-3]

    def at_last(rows: pl.DataFrame) -> pl.DataFrame:
        return find_insights(ledger.joined, [last], xnys(), 30, SETTINGS, ledger.issued, closed=rows).insights

    known = closed.filter(pl.col("closed_on") <= last)
    assert known.height < closed.height
    assert at_last(closed).equals(at_last(known))
