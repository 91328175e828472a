"""Scores of single predictions, by hand."""

from datetime import date, timedelta
from math import log

import polars as pl
import pytest

from nextgen_assets.domain import validation
from nextgen_assets.domain.sessions import xnys

SESSION, TARGET = date(2012, 6, 1), date(2012, 6, 8)
CLOSE = xnys().close_at(TARGET)


def _prediction(**changes):
    row = {
        "prediction_id": "p", "scenario_id": "baseline", "ticker": "AAPL", "session_date": SESSION,
        "target_session_date": TARGET, "direction": "up", "probability_up": 0.7, "expected_log_return": 0.01,
        "lower_log_return": -0.03, "upper_log_return": 0.05, "volatility": 0.02, "abstained": False,
        "as_of": xnys().cutoff(SESSION, 30),
    } | changes  # fmt: skip
    return pl.DataFrame([row])


def _realised(log_return, known_at=CLOSE):
    row = {"ticker": "AAPL", "session_date": SESSION, "target_session_date": TARGET}
    return pl.DataFrame([row | {"realised_log_return": log_return, "price_known_at": known_at}])


def _validate(predictions, realised, sessions=(TARGET,)):
    return validation.validate_predictions(predictions, realised, list(sessions), xnys(), 30)


def test_hit_inside_the_bounds_gives_the_scores_worked_by_hand():
    row = _validate(_prediction(), _realised(0.04)).row(0, named=True)
    assert (row["realised_direction"], row["is_correct"], row["is_inside_interval"]) == ("up", True, True)
    assert row["brier_score"] == pytest.approx(0.09)
    assert row["log_loss"] == pytest.approx(-log(0.7))
    assert row["surprise_z"] == pytest.approx(1.5)
    assert row["as_of"] == xnys().cutoff(TARGET, 30)


def test_zero_return_is_flat_and_counts_as_not_up():
    up = _validate(_prediction(), _realised(0.0)).row(0, named=True)
    down = _validate(_prediction(direction="down", probability_up=0.3), _realised(0.0)).row(0, named=True)
    assert up["realised_direction"] == "flat"
    assert (up["is_correct"], down["is_correct"]) == (False, True)
    assert up["brier_score"] == pytest.approx(0.49)


def test_certain_and_wrong_is_clipped_to_a_finite_loss():
    row = _validate(_prediction(probability_up=1.0), _realised(-0.01)).row(0, named=True)
    assert row["log_loss"] == pytest.approx(-log(1e-6))


def test_bounds_include_their_ends():
    assert _validate(_prediction(), _realised(0.05))["is_inside_interval"].item()
    assert not _validate(_prediction(), _realised(0.0501))["is_inside_interval"].item()


def test_abstentions_and_other_targets_are_not_validated():
    abstained = _prediction(abstained=True, direction=None, probability_up=None)
    assert _validate(abstained, _realised(0.04)).height == 0
    assert _validate(_prediction(), _realised(0.04), sessions=(date(2012, 6, 11),)).height == 0


def test_price_learned_after_the_cutoff_gives_no_row_and_is_counted_as_missing():
    late = xnys().cutoff(TARGET, 30) + timedelta(microseconds=1)
    accuracy = _validate(_prediction(), _realised(0.04, known_at=late))
    counts = validation.validation_counts(_prediction(), accuracy, [TARGET, date(2012, 6, 11)])
    assert accuracy.height == 0
    assert accuracy.columns == list(validation.ACCURACY_SCHEMA)
    assert counts.rows() == [(TARGET, 1, 0, 1), (date(2012, 6, 11), 0, 0, 0)]


def test_price_learned_at_the_cutoff_counts():
    assert _validate(_prediction(), _realised(0.04, known_at=xnys().cutoff(TARGET, 30))).height == 1


def test_speaking_prediction_without_volatility_is_refused():
    with pytest.raises(validation.IncompletePredictionError, match="AAPL 2012-06-01 without volatility"):
        _validate(_prediction(volatility=None), _realised(0.04))


def test_range_equals_session_by_session(matured_ledger):
    joined = matured_ledger(n_sessions=20)
    predictions = joined.with_columns(
        abstained=False,
        direction=pl.when(pl.col("probability_up") >= 0.5).then(pl.lit("up")).otherwise(pl.lit("down")),
    )
    sessions = joined["target_session_date"].unique().sort().to_list()
    whole = _validate(predictions, joined, sessions)
    alone = pl.concat([_validate(predictions, joined, [session]) for session in sessions])
    assert whole.height == 60
    assert whole.equals(alone)
