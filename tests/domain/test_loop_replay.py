"""The replay tells what each part of the loop is worth where it was planted, and sees no later outcome."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.adjustment import AdjustmentConfig, MaturedHistory
from nextgen_assets.domain.loop_replay import VARIANTS, ReplayRules, compared, replayed
from nextgen_assets.domain.sessions import xnys

HORIZON, TICKERS, N_SESSIONS = 5, ("AAPL", "GOOG", "IBM", "MSFT"), 330
FIRST = xnys().index(date(2004, 1, 5))
DAYS = list(xnys().sessions[FIRST : FIRST + N_SESSIONS])
RULES = ReplayRules(
    AdjustmentConfig(calibration_sessions=100, minimum_predictions=60),
    {},
    learning_rate=1.0,
    horizon_sessions=HORIZON,
)


def _ledger(seed=0):
    """One member knows a little and boasts, one knows nothing and boasts; volatility doubles unforeseen after a while."""
    rng = np.random.default_rng(seed)
    rows = []
    for place, day in enumerate(DAYS):
        target = xnys().shift(day, HORIZON)
        for ticker in TICKERS:
            volatility = 0.03
            realised = float(rng.normal(0, volatility * (1.0 if place < 150 else 2.0)))
            right = rng.random() < 0.62
            knows = 0.85 if (realised > 0) == right else 0.15
            blind = 0.9 if rng.random() < 0.5 else 0.1
            members = [
                {
                    "model_id": name,
                    "family": name,
                    "weight": 0.5,
                    "probability_up": said,
                    "standardised_mean": 0.0,
                }
                for name, said in (("blind", blind), ("knows", knows))
            ]
            rows.append((ticker, day, target, (knows + blind) / 2, volatility, json.dumps(members), realised))
    names = ("ticker", "session_date", "target_session_date", "raw_probability_up", "volatility", "ensemble")
    return pl.DataFrame(rows, schema=[*names, "realised_log_return"], orient="row").with_columns(
        expected_raw=0.0
    )


def _replayed(ledger, sessions):
    outcomes = ledger.select("ticker", "session_date", "target_session_date", "realised_log_return")
    said = ledger.drop("target_session_date", "realised_log_return")
    return replayed(MaturedHistory.build(said, outcomes, xnys(), {}), sessions, RULES)


@pytest.fixture(scope="module")
def ledger():
    return _ledger()


@pytest.fixture(scope="module")
def table(ledger):
    return compared(_replayed(ledger, DAYS[40:]), 0.9)


@pytest.mark.parametrize(
    ("variant", "score"),
    [
        ("without calibration", "calibration_error"),
        ("without calibration", "log_loss"),
        ("without learned weights", "brier_score"),
        ("without adapting bounds", "coverage_error"),
        ("without any of it", "log_loss"),
    ],
)
def test_what_a_part_of_the_loop_is_worth_is_seen_without_it(table, variant, score):
    row = table.filter(variant=variant, score=score).row(0, named=True)
    assert row["lower"] > 0.0
    assert row["difference"] == pytest.approx(
        row["value"] - table.filter(variant="the whole loop", score=score)["value"].item()
    )


def test_a_part_that_does_not_touch_a_score_leaves_it_equal(table):
    row = table.filter(variant="without adapting bounds", score="brier_score").row(0, named=True)
    assert (row["difference"], row["lower"], row["upper"]) == (0.0, 0.0, 0.0)
    assert table["n"].n_unique() == 1
    assert table["n_blocks"].unique().to_list() == [29]


def test_outcomes_after_a_session_change_nothing_up_to_it(ledger):
    session = DAYS[120]
    later = pl.col("target_session_date") > session
    scrambled = ledger.with_columns(
        realised_log_return=pl.when(later)
        .then(-3 * pl.col("realised_log_return"))
        .otherwise("realised_log_return")
    )
    wanted = DAYS[100:121]
    for name, frame in _replayed(ledger, wanted).items():
        other = _replayed(scrambled, wanted)[name]
        assert frame.height == len(wanted) * len(TICKERS)
        assert frame.select("probability_up", "width").equals(other.select("probability_up", "width")), name


def test_replay_of_too_young_a_ledger_compares_nothing(ledger):
    assert set(_replayed(ledger, DAYS[:10])) == set(VARIANTS)
    assert compared(_replayed(ledger, DAYS[:10]), 0.9).is_empty()
