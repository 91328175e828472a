"""Models as they serve: read from an artifact, and matched to the sessions at which each is live."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.dissimilarity import WindowReference
from nextgen_assets.domain.models import FittedModel, load_family
from nextgen_assets.domain.scaling import FeatureScaler
from nextgen_assets.domain.trained_model import (
    MANIFEST_FORMAT,
    MODEL_PREFIX,
    REFERENCE_PREFIX,
    SCALER_PREFIX,
    canonical_json,
)
from nextgen_assets.domain.windows import LookAheadError


class ArtifactError(ValueError):
    """An artifact does not describe a model that this code can serve."""


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A fitted family behind its scaler.

    Parameters
    ----------
    model_id, family, feature_set_id : str
        As in ``model_registry``.
    horizon_sessions : int
        Of the return it predicts.
    cutoff_session, labels_end_session : date
        Last session whose data it may have seen; end of its newest label.
    recipe : str
        Hash of all that decides what would be learned from a given past; see :func:`recipe_id`.
    scaler : FeatureScaler
        Fitted on the same past.
    fitted : FittedModel
        Takes scaled windows.
    reference : WindowReference or None
        Knows how unlike its training windows a window is; None for artifacts without it.
    """

    model_id: str
    family: str
    feature_set_id: str
    horizon_sessions: int
    cutoff_session: date
    labels_end_session: date
    recipe: str
    scaler: FeatureScaler
    fitted: FittedModel
    reference: WindowReference | None = None

    def predict(
        self, windows: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Probability of a positive return and standardised mean, each (n_windows,), of raw windows."""
        return self.fitted.predict(self.scaler.transform(windows))

    def dissimilarity(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64] | None:
        """How unlike the training windows raw windows are, (n_windows,), 1 being the limit; None if unknown."""
        if self.reference is None:
            return None
        return self.reference.dissimilarity(self.scaler.transform(windows))


def live_model(arrays: Mapping[str, npt.NDArray[Any]], manifest: Mapping[str, Any]) -> LiveModel:
    """The model of an artifact: the arrays and the manifest of a ``TrainedModel``.

    Raises
    ------
    ArtifactError
        If the manifest has another format or lacks a key, or arrays are missing: train the cut-off again.
    """
    if manifest.get("format") != MANIFEST_FORMAT:
        raise ArtifactError(
            f"artifact of model {manifest.get('model_id')!r} has format {manifest.get('format')!r}, "
            f"expected {MANIFEST_FORMAT!r}; train the cut-off again"
        )
    try:
        family = load_family(manifest["family"])
        config = family.config_from(manifest["config"]["model"])
        found = _named(arrays, REFERENCE_PREFIX)
        return LiveModel(
            model_id=manifest["model_id"],
            family=manifest["family"],
            feature_set_id=manifest["feature_set_id"],
            horizon_sessions=manifest["horizon_sessions"],
            cutoff_session=date.fromisoformat(manifest["cutoff_session"]),
            labels_end_session=date.fromisoformat(manifest["labels_end_session"]),
            recipe=recipe_id(manifest),
            scaler=FeatureScaler.from_arrays(_named(arrays, SCALER_PREFIX)),
            fitted=family.from_arrays(_named(arrays, MODEL_PREFIX), config),
            reference=WindowReference.from_arrays(found) if found else None,
        )
    except KeyError as missing:
        raise ArtifactError(
            f"artifact of model {manifest.get('model_id')!r} lacks {missing}; it has arrays {sorted(arrays)} "
            f"and manifest keys {sorted(manifest)}; train the cut-off again"
        ) from missing


def recipe_id(described: Mapping[str, Any]) -> str:
    """Hash of family, feature set, horizon, settings, seed and ticker, if any: one trial, whichever months it was
    trained in.

    Parameters
    ----------
    described : mapping
        A manifest, or a row of ``model_registry`` whose ``config`` is text.
    """
    config = described["config"]
    parts = {name: described[name] for name in ("family", "feature_set_id", "horizon_sessions", "seed")}
    parts["config"] = json.loads(config) if isinstance(config, str) else config
    if described.get("target_ticker") is not None:
        parts["target_ticker"] = described["target_ticker"]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def of_universe(deployments: pl.DataFrame) -> pl.DataFrame:
    """The deployments that serve every ticker: models of single tickers are left out."""
    if "target_ticker" not in deployments.columns:
        return deployments
    return deployments.filter(pl.col("target_ticker").is_null())


def appointed_families(deployments: pl.DataFrame, sessions: Sequence[date]) -> dict[date, str]:
    """The family that a person has put in charge, by session; no entry where nobody has.

    Parameters
    ----------
    deployments : DataFrame
        ``family, live_from, created_at, role, decision`` and, where models of single tickers are among them,
        ``target_ticker``.

    Notes
    -----
    Of each family the newest row of a person counts (decision promote or rollback): as champion the family is in
    charge, as challenger no longer. Of several in charge, the one appointed last is.
    """
    persons = (
        of_universe(deployments)
        .filter(pl.col("decision") != "training")
        .sort("live_from", "created_at", "family")
    )
    waiting = deque(persons.select("live_from", "family", "role").rows())
    in_charge: dict[str, None] = {}
    found: dict[date, str] = {}
    for session in sorted(sessions):
        while waiting and waiting[0][0] <= session:
            _, family, role = waiting.popleft()
            in_charge.pop(family, None)
            if role == "champion":
                in_charge[family] = None
        if in_charge:
            found[session] = next(reversed(in_charge))
    return found


def live_models_by_session(
    deployments: pl.DataFrame, sessions: Sequence[date], load: Callable[[str], LiveModel]
) -> dict[date, tuple[LiveModel, ...]]:
    """The models that serve each session: of each family, the latest deployment up to it.

    Parameters
    ----------
    deployments : DataFrame
        ``model_id, family, live_from, live_to, created_at``; ``live_to`` is null while open and included. Rows
        with a ``target_ticker`` are left out: they serve nobody else.
    sessions : sequence of date
        Sessions to serve.
    load : callable
        Gives the model of a model_id; called once per model.

    Returns
    -------
    dict of date to tuple of LiveModel
        Sorted by family; empty where nothing is live.

    Raises
    ------
    LookAheadError
        If a model was trained on the session it is to serve, or a later one.

    Notes
    -----
    As-of rule: ``live_from <= session`` and ``cutoff_session < session``. Where two deployments of a family
    start together, the one created later serves, then the greater model_id.
    """
    rows = of_universe(deployments).select("family", "live_from", "live_to", "model_id", "created_at")
    waiting = deque(rows.sort("live_from", "created_at", "model_id").rows(named=True))
    latest: dict[str, dict[str, Any]] = {}
    loaded: dict[str, LiveModel] = {}
    serving: dict[date, tuple[LiveModel, ...]] = {}
    for session in sorted(sessions):
        while waiting and waiting[0]["live_from"] <= session:
            row = waiting.popleft()
            latest[row["family"]] = row
        open_rows = [row for row in latest.values() if row["live_to"] is None or session <= row["live_to"]]
        for row in open_rows:
            if row["model_id"] not in loaded:
                loaded[row["model_id"]] = load(row["model_id"])
        models = [loaded[row["model_id"]] for row in open_rows]
        serving[session] = tuple(sorted(models, key=lambda model: model.family))
        _refuse_look_ahead(session, serving[session])
    return serving


def _refuse_look_ahead(session: date, models: Sequence[LiveModel]) -> None:
    for model in models:
        if model.cutoff_session >= session:
            raise LookAheadError(
                f"predictions: model {model.model_id} ({model.family}) was trained up to "
                f"{model.cutoff_session} and is to serve {session}; expected a cut-off before the session. "
                "Correct live_from in model_deployments"
            )


def _named(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
