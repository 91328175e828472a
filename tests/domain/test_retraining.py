"""Signals: what sets them off and how long they stay quiet."""

import json
from datetime import date

import polars as pl
import pytest

from nextgen_assets.domain.retraining import SIGNAL_SCHEMA, RetrainRules, retrain_signals
from nextgen_assets.domain.sessions import xnys

SESSIONS = xnys().between(date(2010, 1, 4), date(2010, 12, 31))
NO_SIGNALS = pl.DataFrame(schema=SIGNAL_SCHEMA)


def _feedback(
    days, scope="overall", metric="brier_score", value=0.27, baseline=0.25, error=0.005, status="worse"
):
    details = json.dumps(
        {"difference": value - baseline, "difference_standard_error": error, "n_blocks": 25}, sort_keys=True
    )
    return pl.DataFrame(
        {
            "session_date": days, "scope": scope, "metric": metric, "value": value,
            "baseline_value": baseline, "status": status, "details": details,
        }
    )  # fmt: skip


def _signals(feedback, earlier=NO_SIGNALS, sessions=SESSIONS):
    return retrain_signals(feedback, earlier, sessions, xnys(), 30)


def test_standing_fault_is_signalled_once_per_cool_down():
    days = _signals(_feedback(SESSIONS))["session_date"].to_list()
    assert days == SESSIONS[::60]


def test_signal_names_the_window_the_ticker_and_the_confidence():
    row = _signals(_feedback(SESSIONS[:1], scope="ticker:AAPL")).row(0, named=True)
    assert (row["ticker"], row["reason"], row["status"]) == ("AAPL", "brier_score_above_base_rate", "open")
    assert (row["window_start"], row["window_end"]) == (xnys().shift(SESSIONS[0], -249), SESSIONS[0])
    # t = 0.02 / 0.005 = 4 with 24 degrees of freedom: two-sided p = 0.00053
    assert row["confidence"] == pytest.approx(1 - 0.00053, abs=1e-4)
    assert _signals(_feedback(SESSIONS[:1]))["ticker"].item() is None


def test_weakly_supported_fault_gives_no_signal():
    assert (
        _signals(_feedback(SESSIONS[:1], error=0.009)).height == 0
    )  # t = 2.2: worse at 95, not at 99 percent
    assert _signals(_feedback(SESSIONS[:1], status="indistinct")).height == 0


@pytest.mark.parametrize(
    ("value", "reasons"),
    [(0.80, ["coverage_below_stated"]), (0.87, []), (0.96, ["coverage_above_stated"])],
)
def test_coverage_signals_only_beyond_the_tolerance(value, reasons):
    feedback = _feedback(SESSIONS[:1], metric="coverage", value=value, baseline=0.9)
    assert _signals(feedback)["reason"].to_list() == reasons


def test_range_equals_session_by_session_over_the_signals_before():
    feedback = pl.concat([_feedback(SESSIONS), _feedback(SESSIONS[30:170], scope="ticker:IBM")])
    whole = _signals(feedback)
    grown = NO_SIGNALS.with_columns(as_of=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
    for session in SESSIONS:
        grown = pl.concat([grown, _signals(feedback, grown, [session])])
    assert whole.equals(grown)
    assert whole["signal_id"].n_unique() == whole.height == 8


def test_rerun_of_a_range_passes_over_its_own_signals_and_later_ones():
    feedback = _feedback(SESSIONS)
    first = _signals(feedback)
    assert _signals(feedback, first).equals(first)
    assert _signals(feedback, first, SESSIONS[:30]).equals(first.head(1))


def test_cool_down_counts_sessions_from_an_earlier_signal():
    earlier = pl.DataFrame(
        {
            "session_date": [xnys().shift(SESSIONS[0], -10)],
            "ticker": [None],
            "reason": ["brier_score_above_base_rate"],
        },
        schema={"session_date": pl.Date, "ticker": pl.String, "reason": pl.String},
    )
    days = retrain_signals(
        _feedback(SESSIONS), earlier, SESSIONS, xnys(), 30, RetrainRules(cool_down_sessions=30)
    )
    assert days["session_date"][0] == SESSIONS[20]


def test_fault_of_a_sector_or_a_regime_asks_for_no_model_of_its_own():
    assert _signals(_feedback(SESSIONS[:1], scope="sector:Health")).is_empty()
    assert _signals(_feedback(SESSIONS[:1], scope="regime:falling calm")).is_empty()


def test_drift_asks_for_a_model_of_the_universe_and_is_quiet_for_the_cool_down():
    days = [SESSIONS[20], SESSIONS[40], SESSIONS[100]]
    drift = pl.DataFrame(
        {"session_date": days * 2, "kind": ["input"] * 3 + ["output"] * 3, "q_value": 0.002}
    ).with_columns(window_start=pl.lit(SESSIONS[0]))
    calm = _feedback(SESSIONS[:1], status="indistinct")
    found = retrain_signals(calm, NO_SIGNALS, SESSIONS, xnys(), 30, drift=drift)
    assert found.select("session_date", "ticker", "reason").rows() == [
        (day, None, reason)
        for day in (SESSIONS[20], SESSIONS[100])
        for reason in ("input_drift", "output_drift")
    ]
    assert found["confidence"].to_list() == pytest.approx([0.998] * 4)
    assert set(found["window_start"]) == {SESSIONS[0]}
    alone = retrain_signals(calm, found.head(2), SESSIONS[90:], xnys(), 30, drift=drift)
    assert alone.equals(found.tail(2))
