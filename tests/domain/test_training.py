"""Walk-forward training: the past alone, the same bytes every time."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.splits import TooLittleDataError
from nextgen_assets.domain.trained_model import arrays_sha256, registry_frame
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.walk_forward import train_cutoffs
from tests.domain.planted_market import (
    CALENDAR,
    CUTOFFS,
    HORIZON,
    SETTINGS,
    SPLIT,
    Market,
    planted_market,
    trained_models,
    training_data,
)

FAST = replace(SETTINGS, families={"base_rate": {}, "logistic": {}})


def test_every_family_of_every_cutoff_gives_one_model_in_order() -> None:
    models = trained_models()
    assert [(model.cutoff_session, model.family) for model in models] == [
        (cutoff, family) for cutoff in CUTOFFS for family in SETTINGS.families
    ]
    assert len({model.model_id for model in models}) == len(models)


def test_a_cutoff_alone_gives_the_bytes_that_it_gives_in_a_range() -> None:
    data = training_data(planted_market())
    alone = train_cutoff(data.job(CUTOFFS[1]))
    ranged = [model for model in trained_models() if model.cutoff_session == CUTOFFS[1]]
    assert [model.model_id for model in alone] == [model.model_id for model in ranged]
    assert [arrays_sha256(model.arrays) for model in alone] == [arrays_sha256(m.arrays) for m in ranged]
    assert registry_frame(alone).equals(registry_frame(ranged))


def test_deleting_everything_after_the_cutoff_changes_nothing() -> None:
    past = planted_market().through(CUTOFFS[1])
    models = train_cutoff(training_data(past).job(CUTOFFS[1]))
    ranged = [model for model in trained_models() if model.cutoff_session == CUTOFFS[1]]
    assert registry_frame(models).equals(registry_frame(ranged))
    assert [model.model_id for model in models] == [model.model_id for model in ranged]


def test_changing_the_past_changes_the_model_and_its_id() -> None:
    market = planted_market()
    changed = market.matrix.copy()
    changed[0, 100, 0] += 0.5
    models = train_cutoff(training_data(replace(market, matrix=changed), FAST).job(CUTOFFS[0]))
    before = [model for model in trained_models() if model.cutoff_session == CUTOFFS[0]][:2]
    for after, earlier in zip(models, before, strict=True):  # the scaler of every model saw the change
        assert after.model_id != earlier.model_id


def test_sessions_of_a_model_keep_the_time_rules_of_the_registry() -> None:
    for model in trained_models():
        last = CALENDAR.index(model.last_training_session)
        assert CALENDAR.index(model.cutoff_session) == last + HORIZON + SPLIT.embargo_sessions
        assert CALENDAR.index(model.labels_end_session) == last + HORIZON
        assert last - CALENDAR.index(model.first_training_session) + 1 == SPLIT.train_sessions
        assert model.scaler_fitted_until_session < model.last_training_session
        validation = round(SPLIT.train_sessions * SPLIT.validation_fraction)
        gap = last - CALENDAR.index(model.scaler_fitted_until_session)
        assert gap == validation - 1 + HORIZON + SPLIT.embargo_sessions
        assert model.window_count == SPLIT.train_sessions * 3


def test_the_scaler_saw_the_fitting_part_only() -> None:
    market, cutoff = planted_market(), CUTOFFS[0]
    model = trained_models()[1]
    fit_until = market.sessions.index(model.scaler_fitted_until_session)
    shifted = market.matrix.copy()
    shifted[:, fit_until + 1 :] += 100.0
    again = train_cutoff(training_data(replace(market, matrix=shifted), FAST).job(cutoff))[1]
    assert again.arrays["scaler.mean"].tobytes() == model.arrays["scaler.mean"].tobytes()
    assert again.arrays["model.direction"].tobytes() == model.arrays["model.direction"].tobytes()


def test_metrics_carry_day_clustered_intervals_and_a_curve() -> None:
    for model in trained_models():
        metrics, baseline = model.metrics, model.baseline_metrics
        for score in ("brier_score", "log_loss", "accuracy"):
            assert metrics[score]["lower"] <= metrics[score]["value"] <= metrics[score]["upper"]
            assert metrics[score]["n_sessions"] == 24
            assert metrics[score]["n"] == baseline[score]["n"] == 72
        assert len(metrics["curve"]) >= 1
        assert metrics["is_selected_on_these_windows"] is (model.family == "lstm")
    base_rate, logistic, _ = trained_models()[:3]
    assert base_rate.metrics["brier_score"] != logistic.metrics["brier_score"]
    assert logistic.metrics["brier_score"]["value"] < logistic.baseline_metrics["brier_score"]["value"]


def test_the_registry_frame_has_one_row_per_model_with_json_columns() -> None:
    frame = registry_frame(trained_models())
    assert frame.height == len(trained_models())
    assert frame.drop("target_ticker").null_count().sum_horizontal()[0] == 0
    assert frame["target_ticker"].null_count() == frame.height  # all are for the universe
    row = frame.row(2, named=True)
    assert json.loads(row["config"])["model"]["hidden_size"] == 4
    assert json.loads(row["config"])["split"]["embargo_sessions"] == 1
    assert row["scope"] == ["AAPL", "IBM", "MSFT"]
    assert row["trials_to_date"] == 1


def test_too_short_a_past_is_named_before_and_refused_on_training() -> None:
    data = training_data(planted_market())
    early = planted_market().sessions[60]
    assert "expected at least 40" in data.shortage(early)
    assert data.shortage(CUTOFFS[0]) == ""
    with pytest.raises(TooLittleDataError, match=rf"model_registry: cut-off {early}"):
        data.job(early)


def test_windows_without_a_label_or_a_volatility_do_not_train() -> None:
    market = planted_market()
    hole = (pl.col("ticker") == "IBM") & (pl.col("session_date") == market.sessions[100])
    for column in ("forward_return", "volatility"):
        holed = market.targets.with_columns(pl.when(~hole).then(pl.col(column)).alias(column))
        job = training_data(Market(market.matrix, holed, market.sessions)).job(CUTOFFS[0])
        assert len(job.windows) == SPLIT.train_sessions * 3 - 1
        assert job.dropped == 1


def test_targets_that_occur_twice_are_refused() -> None:
    market = planted_market()
    doubled = pl.concat([market.targets, market.targets.head(1)])
    with pytest.raises(ValueError, match=r"2 rows share ticker and session, first AAPL 2004-01-02"):
        TrainingData.build(market.store, doubled, "features-1", CALENDAR, SETTINGS)


def test_a_job_is_picklable_and_trains_the_same() -> None:
    job = training_data(planted_market(), FAST).job(CUTOFFS[0])
    again = train_cutoff(pickle.loads(pickle.dumps(job)))
    assert [model.model_id for model in again] == [model.model_id for model in train_cutoff(job)]


def test_a_constant_feature_is_noted_beside_the_scores() -> None:
    market = planted_market()
    flat = market.matrix.copy()
    flat[:, :, 2] = 3.0
    models = train_cutoff(training_data(replace(market, matrix=flat), FAST).job(CUTOFFS[0]))
    assert models[0].metrics["notes"] == ["feature 2 is constant in the training windows; scaled by 1"]


def test_no_worker_is_refused_and_no_job_gives_no_model() -> None:
    assert train_cutoffs([], n_workers=2) == []
    with pytest.raises(ValueError, match="n_workers=0"):
        train_cutoffs([], n_workers=0)


def test_default_settings_train_all_families() -> None:
    assert tuple(TrainingSettings().families) == ("base_rate", "logistic", "lstm")
    assert np.isfinite(TrainingSettings().seed)
