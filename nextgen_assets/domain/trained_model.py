"""A trained model as a record: its row of the registry, its manifest and its arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.models import Arrays, CurvePoint

MANIFEST_FORMAT = "nextgen-model-1"
SCALER_PREFIX, MODEL_PREFIX, REFERENCE_PREFIX = "scaler.", "model.", "reference."

REGISTRY_SCHEMA: dict[str, Any] = {
    "model_id": pl.String,
    "family": pl.String,
    "scope": pl.List(pl.String),
    "feature_set_id": pl.String,
    "horizon_sessions": pl.Int32,
    "first_training_session": pl.Date,
    "last_training_session": pl.Date,
    "cutoff_session": pl.Date,
    "labels_end_session": pl.Date,
    "scaler_fitted_until_session": pl.Date,
    "window_count": pl.Int32,
    "config": pl.String,
    "seed": pl.Int64,
    "metrics": pl.String,
    "baseline_metrics": pl.String,
    "trials_to_date": pl.Int32,
    "target_ticker": pl.String,
}


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One model: a row of ``model_registry`` and the arrays of its artifact.

    ``arrays`` holds the scaler under ``scaler.``, the family's own under ``model.`` and the windows that stand for
    its training under ``reference.``. ``target_ticker`` is whom it was made for, None for the universe.
    """

    model_id: str
    family: str
    scope: tuple[str, ...]
    feature_set_id: str
    horizon_sessions: int
    first_training_session: date
    last_training_session: date
    cutoff_session: date
    labels_end_session: date
    scaler_fitted_until_session: date
    window_count: int
    config: Mapping[str, Any]
    seed: int
    metrics: Mapping[str, Any]
    baseline_metrics: Mapping[str, Any]
    trials_to_date: int
    curve: tuple[CurvePoint, ...]
    arrays: Arrays
    target_ticker: str | None = None

    @classmethod
    def from_artifact(cls, arrays: Arrays, manifest: Mapping[str, Any]) -> TrainedModel:
        """The model as it was trained, less its learning curve; for those that go on from it.

        Raises
        ------
        KeyError
            If the manifest lacks a key.
        """
        values = {name: manifest[name] for name in REGISTRY_SCHEMA if name != "target_ticker"}
        dates = {
            name: date.fromisoformat(values[name])
            for name, kind in REGISTRY_SCHEMA.items()
            if kind == pl.Date
        }
        return cls(
            **{**values, **dates, "scope": tuple(values["scope"])},
            curve=(),
            arrays=arrays,
            target_ticker=manifest.get("target_ticker"),
        )

    def registry_values(self) -> dict[str, Any]:
        """Columns of ``model_registry`` that training knows; JSON columns as canonical text."""
        columns = {name: getattr(self, name) for name in REGISTRY_SCHEMA}
        texts = {name: canonical_json(columns[name]) for name in ("config", "metrics", "baseline_metrics")}
        return {**columns, **texts, "scope": list(self.scope)}

    def manifest(self) -> dict[str, Any]:
        """What an artifact says about its arrays; plain JSON values."""
        values = {name: getattr(self, name) for name in REGISTRY_SCHEMA}
        plain = {
            name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()
        }
        if self.target_ticker is None:
            del plain["target_ticker"]
        return {"format": MANIFEST_FORMAT, **plain, "scope": list(self.scope)}


def registry_frame(models: Iterable[TrainedModel]) -> pl.DataFrame:
    """Rows of ``model_registry`` less artifact_path, artifact_sha256, as_of, created_at and run_id.

    In the order of ``models``.
    """
    return pl.DataFrame([model.registry_values() for model in models], schema=REGISTRY_SCHEMA, orient="row")


def arrays_sha256(arrays: Arrays) -> str:
    """Hash of names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def canonical_json(values: Mapping[str, Any]) -> str:
    """JSON with sorted keys; a NaN is refused."""
    return json.dumps(values, sort_keys=True, allow_nan=False)
