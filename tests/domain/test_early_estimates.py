"""Scores are foretold before labels arrive: within their interval where confidence is honest, corrected where not."""

import json

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.early_estimates import ESTIMATED, estimated_performance, realised_later
from nextgen_assets.domain.scope_scores import FEEDBACK_SCHEMA, FeedbackSettings
from nextgen_assets.domain.sessions import xnys

SETTINGS = FeedbackSettings(window_sessions=120, minimum_sessions=40)


def _told(confidence, truth):
    """Probabilities that say ``confidence`` and are right as often as ``truth`` says."""

    def probability(rng, _, realised):
        right = rng.random(realised.size) < truth
        return np.where((realised > 0) == right, confidence, 1.0 - confidence)

    return probability


def _estimates(joined, sessions):
    waiting = joined.select("session_date", "probability_up")
    return estimated_performance(joined, waiting, sessions, xnys(), 5, SETTINGS)


def _at(joined, session):
    """What a session can see: outcomes up to it, and probabilities issued up to it."""
    judged = joined.filter(pl.col("target_session_date") <= session)
    waiting = joined.filter(pl.col("session_date") <= session).select("session_date", "probability_up")
    return estimated_performance(judged, waiting, [session], xnys(), 5, SETTINGS)


@pytest.fixture(scope="module")
def honest(matured_ledger):
    return matured_ledger(n_sessions=420, probability=_told(0.65, 0.65), seed=3)


@pytest.fixture(scope="module")
def boastful(matured_ledger):
    return matured_ledger(n_sessions=420, probability=_told(0.85, 0.6), seed=4)


def _apart(joined):
    """Sessions whose cohorts do not overlap."""
    return joined["session_date"].unique().sort().to_list()[160:410:5]


@pytest.mark.parametrize("metric", ESTIMATED)
def test_what_comes_lies_in_the_interval_of_a_calibrated_ledger(honest, metric):
    sessions = _apart(honest)
    met = realised_later(_estimates(honest, sessions), honest).filter(metric=metric)
    assert met.height == len(sessions) == 50
    inside = met.select((pl.col("lower") <= pl.col("realised")) & (pl.col("realised") <= pl.col("upper")))
    assert inside.to_series().mean() >= 0.88  # of 95 percent: fewer than 44 of 50 is one in a hundred
    assert met["estimated"].mean() == pytest.approx(met["realised"].mean(), abs=0.02)


def test_estimate_of_a_calibrated_ledger_is_what_its_confidence_says(honest):
    rows = {row["metric"]: row for row in _at(honest, _apart(honest)[20]).iter_rows(named=True)}
    assert json.loads(rows["hit_rate"]["details"])["estimate"] == pytest.approx(0.65)
    assert json.loads(rows["brier_score"]["details"])["estimate"] == pytest.approx(0.65 * 0.35)
    details = json.loads(rows["hit_rate"]["details"])
    assert details["correction"] == pytest.approx(0.0, abs=0.04)
    assert rows["hit_rate"]["n"] == 15
    assert rows["hit_rate"]["n_sessions"] == 5


def test_boastful_confidence_is_not_believed(boastful):
    sessions = _apart(boastful)
    estimates = _estimates(boastful, sessions)
    met = realised_later(estimates, boastful)
    raw = estimates.with_columns(raw=pl.col("details").str.json_path_match("$.estimate").cast(pl.Float64))
    hits = met.filter(metric="hit_rate")
    assert raw.filter(metric="hit_rate")["raw"].mean() == pytest.approx(0.85)
    assert hits["realised"].mean() < 0.66
    assert hits["estimated"].mean() == pytest.approx(hits["realised"].mean(), abs=0.03)
    for row in estimates.filter(metric="brier_score").iter_rows(named=True):
        assert json.loads(row["details"])["correction_lower"] > 0.0  # it is known to promise too much


def test_fall_of_confidence_is_told_before_a_label_shows_it(matured_ledger):
    def probability(rng, _, realised):
        sure = np.arange(realised.size) < 300
        right = rng.random(realised.size) < np.where(sure, 0.9, 0.5)
        said = np.where(sure, 0.9, 0.5)
        return np.where((realised > 0) == right, said, 1.0 - said)

    joined = matured_ledger(n_sessions=330, probability=probability, seed=5)
    days = joined["session_date"].unique().sort().to_list()
    before, after = (_at(joined, days[place]).filter(metric="brier_score") for place in (299, 304))
    assert before["status"].item() == "indistinct"
    assert after["status"].item() == "worse"
    seen = joined.filter(pl.col("target_session_date") <= days[304])
    assert seen["session_date"].max() == days[299]  # no prediction of the new kind had matured


def test_a_session_alone_sees_what_it_sees_in_a_range(honest):
    sessions = _apart(honest)[::9]
    whole = _estimates(honest, sessions)
    alone = pl.concat([_at(honest, session) for session in sessions])
    keys = ["metric", "session_date"]
    assert whole.height == 3 * len(sessions)
    assert whole.sort(keys).equals(alone.sort(keys))


def test_too_young_a_ledger_estimates_nothing(matured_ledger):
    joined = matured_ledger(n_sessions=44)
    frame = _estimates(joined, joined["session_date"].unique().sort().to_list()[-1:])
    assert frame.is_empty()
    assert frame.schema == pl.Schema(FEEDBACK_SCHEMA)
