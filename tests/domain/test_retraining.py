"""Signals and flags: what sets them off, how long they stay quiet, since when they stand."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.retraining import (
    FLAG_SCHEMA,
    SIGNAL_SCHEMA,
    BiasRules,
    RetrainRules,
    bias_flags,
    retrain_signals,
)
from nextgen_assets.domain.sessions import xnys

SESSIONS = xnys().between(date(2010, 1, 4), date(2010, 12, 31))
NO_SIGNALS = pl.DataFrame(schema=SIGNAL_SCHEMA)
RULES = BiasRules(window_sessions=100, longest_memory_sessions=40)


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


def _flags(joined, sessions, rules=RULES):
    return bias_flags(joined, sessions, xnys(), 30, rules)


def _targets(joined):
    return joined["target_session_date"].unique().sort().to_list()


def _too_sure_of_up(rng, ticker, realised):
    return np.full(realised.size, 0.85)


def test_standing_optimism_is_flagged_with_its_size(matured_ledger):
    joined = matured_ledger(n_sessions=200, probability=_too_sure_of_up)
    row = _flags(joined, _targets(joined)[-1:]).filter(scope="overall", kind="upward").row(0, named=True)
    window = joined.filter(pl.col("target_session_date") > _targets(joined)[-101])
    assert row["value"] == pytest.approx(0.85 - (window["realised_log_return"] > 0).mean())
    assert 0.03 <= row["threshold"] < row["value"]


def test_since_is_the_first_session_of_the_unbroken_stretch(matured_ledger):
    joined = matured_ledger(n_sessions=200, probability=_too_sure_of_up)
    targets = _targets(joined)
    flags = _flags(joined, targets).filter(scope="overall", kind="overconfident")
    found = dict(flags.select("session_date", "since").iter_rows())
    assert min(found) > targets[58]  # sixty sessions are the least that is judged
    for session, since in found.items():
        start = session
        while xnys().shift(start, -1) in found and start > xnys().shift(
            session, -RULES.longest_memory_sessions
        ):
            start = xnys().shift(start, -1)
        assert since == start
    assert len(set(found.values())) > 20
    alone = _flags(joined, targets[120:121]).filter(scope="overall", kind="overconfident")
    assert alone["since"].item() == found[targets[120]]


def test_flags_of_a_range_equal_each_session_alone_with_the_future_deleted(matured_ledger):
    joined = matured_ledger(n_sessions=160, probability=_too_sure_of_up)
    sessions = _targets(joined)[60::9]
    whole = _flags(joined, sessions)
    alone = pl.concat(
        _flags(joined.filter(pl.col("target_session_date") <= session), [session]) for session in sessions
    )
    assert whole.height > len(sessions)
    assert whole.equals(alone)


def test_null_ledgers_are_seldom_accused(matured_ledger):
    accused = 0
    for seed in range(60):
        joined = matured_ledger(n_sessions=105, seed=seed)
        flags = _flags(joined, _targets(joined)[-1:])
        accused += flags.filter(pl.col("scope") == "overall").height > 0
    # two tests at one percent: about one in sixty is expected
    assert accused < 7


def test_empty_ledger_gives_no_flag_but_all_columns(matured_ledger):
    joined = matured_ledger(n_sessions=3)
    assert _flags(joined.clear(), _targets(joined)).columns == [*FLAG_SCHEMA, "as_of"]
