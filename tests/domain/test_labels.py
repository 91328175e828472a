"""Labels state a return only once its target session has closed."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_assets.domain.labels import labels, realised_log_returns
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.provenance import row_digests
from nextgen_assets.domain.sessions import xnys
from tests.contracts.synthetic_market import TICKERS, synthetic_market

SESSIONS = tuple(xnys().between(date(2012, 10, 8), date(2012, 10, 19)))
RETURNS = [float("nan"), 0.01, -0.02, 0.03, -0.03, 0.0, 0.05, -0.01, 0.02, 0.01]


def panel_of(returns: list[float]) -> Panel:
    return Panel(SESSIONS, ("A",), {"log_return": np.array(returns).reshape(-1, 1)})


def test_label_is_the_sum_of_the_next_returns_with_its_sign_and_target() -> None:
    known = labels(panel_of(RETURNS), 2, SESSIONS[-1])
    assert known.forward_return[:8, 0] == pytest.approx([-0.01, 0.01, 0.0, -0.03, 0.05, 0.04, 0.01, 0.03])
    assert known.direction[:8, 0].tolist() == [-1.0, 1.0, 0.0, -1.0, 1.0, 1.0, 1.0, 1.0]
    assert known.target_sessions == (*SESSIONS[2:], None, None)


def test_label_whose_target_closes_after_known_until_is_not_stated() -> None:
    known = labels(panel_of(RETURNS), 2, SESSIONS[4])
    assert np.isfinite(known.forward_return[:, 0]).tolist() == [True] * 3 + [False] * 7
    assert known.target_sessions == (*SESSIONS[2:5], *[None] * 7)


@given(st.integers(1, 12), st.integers(-3, 12))
def test_no_label_reads_a_return_after_known_until(horizon: int, until: int) -> None:
    known_until = SESSIONS[0] + timedelta(days=until)
    future = np.array([day > known_until for day in SESSIONS])
    changed = np.where(future, 99.0, RETURNS).tolist()
    first, second = (labels(panel_of(returns), horizon, known_until) for returns in (RETURNS, changed))
    assert first.forward_return.tobytes() == second.forward_return.tobytes()
    assert first.target_sessions == second.target_sessions


def test_frame_has_a_row_for_each_known_label() -> None:
    frame = labels(panel_of(RETURNS), 2, SESSIONS[4]).frame()
    assert frame.drop("forward_return").rows() == [
        ("A", SESSIONS[0], SESSIONS[2], "down"),
        ("A", SESSIONS[1], SESSIONS[3], "up"),
        ("A", SESSIONS[2], SESSIONS[4], "flat"),
    ]
    assert frame.columns == [
        "ticker",
        "session_date",
        "target_session_date",
        "forward_return",
        "direction",
    ]


def test_frame_of_nothing_known_is_empty_with_its_columns() -> None:
    frame = labels(panel_of(RETURNS), 5, date(2012, 10, 1)).frame()
    assert frame.is_empty()
    assert frame.schema["target_session_date"] == pl.Date


def test_label_equals_the_oracle_over_raw_closes_with_splits_dividends_and_holes() -> None:
    market = synthetic_market()
    frame = labels(market.panel(), 5, market.sessions[-1]).frame()
    closes = {(row["ticker"], row["session_date"]): row["close"] for row in market.bars.iter_rows(named=True)}
    acts = {(row["ticker"], row["ex_date"]): row for row in market.actions.iter_rows(named=True)}
    expected = {}
    for ticker in TICKERS:
        for start in range(len(market.sessions) - 5):
            wealth = 1.0
            for before, day in zip(
                market.sessions[start : start + 5], market.sessions[start + 1 : start + 6], strict=True
            ):
                act = acts.get((ticker, day), {})
                now, then = closes.get((ticker, day)), closes.get((ticker, before))
                if now is None or then is None:
                    wealth = None
                    break
                wealth *= (now * (act.get("split_ratio") or 1.0) + (act.get("cash_amount_usd") or 0.0)) / then
            if wealth is not None:
                expected[ticker, market.sessions[start]] = math.log(wealth)
    found = {row[:2]: row[2] for row in frame.select("ticker", "session_date", "forward_return").iter_rows()}
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-12)


def test_realised_returns_say_when_the_last_price_was_learned() -> None:
    market, calendar = synthetic_market(), xnys()
    late = calendar.close_at(market.sessions[70])
    corrected = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[22])
    bars = market.bars.with_columns(
        known_at=pl.when(corrected).then(pl.lit(late, pl.Datetime("us", "UTC"))).otherwise(pl.col("known_at"))
    )
    panel = market.panel(tickers=TICKERS[::-1])
    versions = row_digests(bars, market.actions, market.articles, panel, calendar)
    rows = realised_log_returns(panel, versions, 5, market.sessions[-1])
    assert rows.drop("price_known_at").rows() == (
        labels(market.panel(), 5, market.sessions[-1]).frame().drop("direction").rows()
    )
    for row in rows.iter_rows(named=True):
        near = (
            row["ticker"] == "WAVE"
            and row["session_date"] <= market.sessions[22] <= row["target_session_date"]
        )
        expected = max(late, calendar.close_at(row["target_session_date"])) if near else None
        assert row["price_known_at"] == (expected or calendar.close_at(row["target_session_date"]))
