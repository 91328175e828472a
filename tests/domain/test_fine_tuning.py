"""A pooled network made to fit one ticker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.fine_tuning import fine_tuned
from nextgen_assets.domain.models import ModelInputError
from nextgen_assets.domain.splits import TooLittleDataError
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.windows import LookAheadError
from tests.domain.planted_market import CUTOFFS, SPLIT, Market, planted_market, trained_models, training_data

NETWORK = {
    "hidden_size": 8,
    "epochs": 12,
    "patience": 12,
    "batch_size": 32,
    "learning_rate": 0.01,
    "refining_epochs": 12,
    "refining_rate": 1.0,
}
SETTINGS = TrainingSettings({"lstm": NETWORK}, SPLIT)


def contrarian() -> Market:
    """The planted market, in which one ticker does the opposite of what its features say to all others."""
    market = planted_market()
    opposite = pl.when(pl.col("ticker") == "IBM").then(-pl.col("forward_return")).otherwise("forward_return")
    return replace(market, targets=market.targets.with_columns(opposite.alias("forward_return")))


def champion() -> TrainedModel:
    return next(model for model in trained_models() if model.family == "lstm")


def test_a_ticker_that_differs_is_understood_better_after_fine_tuning() -> None:
    data = training_data(contrarian(), SETTINGS)
    pooled = train_cutoff(data.job(CUTOFFS[0]))[0]
    model = fine_tuned(data, CUTOFFS[1], "IBM", pooled)
    assert model.scope == ("IBM",)
    assert model.metrics["started_from"] == pooled.model_id
    assert model.scaler_fitted_until_session == pooled.scaler_fitted_until_session
    assert model.arrays["scaler.mean"].tobytes() == pooled.arrays["scaler.mean"].tobytes()
    assert model.window_count <= SPLIT.train_sessions
    assert model.metrics["log_loss"]["value"] < model.baseline_metrics["log_loss"]["value"]
    weights = "model.recurrent.weight_hh_l0"
    assert not np.array_equal(model.arrays[weights], pooled.arrays[weights])


def test_fine_tuning_gives_the_same_bytes_again_and_does_not_hang_on_the_others() -> None:
    market = planted_market()
    once = fine_tuned(training_data(market), CUTOFFS[1], "IBM", champion())
    again = fine_tuned(training_data(market.through(CUTOFFS[1])), CUTOFFS[1], "IBM", champion())
    assert again.model_id == once.model_id
    changed = market.matrix.copy()
    changed[0] += 0.5  # AAPL
    others = fine_tuned(training_data(replace(market, matrix=changed)), CUTOFFS[1], "IBM", champion())
    assert others.model_id == once.model_id


def test_what_cannot_be_fine_tuned_is_refused() -> None:
    data = training_data(planted_market())
    with pytest.raises(ModelInputError, match="logistic: this family cannot go on"):
        fine_tuned(data, CUTOFFS[0], "IBM", trained_models()[1])
    late = next(m for m in trained_models() if m.family == "lstm" and m.cutoff_session == CUTOFFS[2])
    with pytest.raises(LookAheadError, match=f"has seen data up to {CUTOFFS[2]}"):
        fine_tuned(data, CUTOFFS[0], "IBM", late)
    with pytest.raises(TooLittleDataError, match="no window with a matured label"):
        fine_tuned(data, CUTOFFS[0], "NOBODY", champion())
