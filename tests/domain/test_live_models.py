"""Which model serves which session, read back from its artifact."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.live_models import ArtifactError, LiveModel, live_model, live_models_by_session
from nextgen_assets.domain.models import load_family
from nextgen_assets.domain.scaling import FeatureScaler
from nextgen_assets.domain.windows import LookAheadError
from tests.domain.planted_market import (
    CALENDAR,
    CUTOFFS,
    SETTINGS,
    deployments,
    planted_market,
    trained_models,
)


def load(model_id: str) -> LiveModel:
    trained = next(model for model in trained_models() if model.model_id == model_id)
    return live_model(trained.arrays, trained.manifest())


def test_a_live_model_predicts_what_scaler_and_family_predict() -> None:
    windows = planted_market().store.at(date(2004, 11, 1)).tensor
    for trained in trained_models()[:3]:
        family = load_family(trained.family)
        parts = {
            prefix: {
                name.removeprefix(prefix): array
                for name, array in trained.arrays.items()
                if name.startswith(prefix)
            }
            for prefix in ("scaler.", "model.")
        }
        config = family.config_from(SETTINGS.families[trained.family])
        fitted = family.from_arrays(parts["model."], config)
        expected = fitted.predict(FeatureScaler.from_arrays(parts["scaler."]).transform(windows))
        for left, right in zip(load(trained.model_id).predict(windows), expected, strict=True):
            assert left.tobytes() == right.tobytes()


def test_the_latest_deployment_of_each_family_serves() -> None:
    first, second = (CALENDAR.shift(cutoff, 1) for cutoff in CUTOFFS[:2])
    serving = live_models_by_session(
        deployments(trained_models()),
        [CALENDAR.shift(first, -1), first, CALENDAR.shift(second, -1), second],
        load,
    )
    served = {day: [(m.family, m.cutoff_session) for m in models] for day, models in serving.items()}
    families = ["base_rate", "logistic", "lstm"]
    assert served == {
        CALENDAR.shift(first, -1): [],
        first: [(family, CUTOFFS[0]) for family in families],
        CALENDAR.shift(second, -1): [(family, CUTOFFS[0]) for family in families],
        second: [(family, CUTOFFS[1]) for family in families],
    }


def test_each_model_is_loaded_once() -> None:
    loaded: list[str] = []

    def counting(model_id: str) -> LiveModel:
        loaded.append(model_id)
        return load(model_id)

    sessions = CALENDAR.between(date(2004, 8, 1), date(2004, 8, 31))
    live_models_by_session(deployments(trained_models()), sessions, counting)
    assert len(loaded) == len(set(loaded)) == 3


def test_a_rollback_row_serves_from_its_session() -> None:
    rows = deployments(trained_models())
    back = rows.filter(pl.col("family") == "lstm").head(1)
    session = date(2004, 9, 15)
    rolled = pl.concat([rows, back.with_columns(live_from=pl.lit(session))])
    serving = live_models_by_session(rolled, [date(2004, 9, 14), session], load)
    assert [models[2].cutoff_session for models in serving.values()] == [CUTOFFS[1], CUTOFFS[0]]


def test_of_two_deployments_on_one_session_the_later_created_serves() -> None:
    rows = deployments(trained_models()).filter(pl.col("family") == "logistic").head(2)
    start, later = date(2004, 9, 1), datetime(2021, 1, 1, tzinfo=UTC)
    for flip in (False, True):
        created = [later, datetime(2020, 1, 1, tzinfo=UTC)]
        both = rows.with_columns(
            live_from=pl.lit(start), created_at=pl.Series(created[::-1] if flip else created)
        )
        chosen = live_models_by_session(both, [start], load)[start]
        assert [model.cutoff_session for model in chosen] == [CUTOFFS[1] if flip else CUTOFFS[0]]


def test_a_closed_deployment_leaves_its_family_without_a_model() -> None:
    rows = deployments(trained_models()).filter(pl.col("family") == "logistic").head(1)
    closed = rows.with_columns(live_to=pl.lit(date(2004, 8, 10)))
    serving = live_models_by_session(closed, [date(2004, 8, 10), date(2004, 8, 11)], load)
    assert [len(models) for models in serving.values()] == [1, 0]


def test_a_model_trained_on_the_session_it_would_serve_is_refused() -> None:
    rows = deployments(trained_models()).head(1).with_columns(live_from=pl.lit(CUTOFFS[0]))
    with pytest.raises(LookAheadError, match=rf"trained up to {CUTOFFS[0]} and is to serve {CUTOFFS[0]}"):
        live_models_by_session(rows, [CUTOFFS[0]], load)


def test_an_artifact_of_another_format_or_without_its_arrays_is_refused() -> None:
    trained = trained_models()[0]
    with pytest.raises(ArtifactError, match="format 'other'"):
        live_model(trained.arrays, {**trained.manifest(), "format": "other"})
    with pytest.raises(ArtifactError, match="lacks 'constant_features'"):
        live_model({"model.rates": np.ones(2)}, trained.manifest())
