"""Walk-forward training: for one cut-off, every family from scratch on the past alone."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from nextgen_assets.domain.checkpoints import Checkpoint, Checkpoints, kept_at
from nextgen_assets.domain.dissimilarity import WindowReference, fit_reference
from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.metrics import ScoreIntervals
from nextgen_assets.domain.models import (
    Arrays,
    CurvePoint,
    FittedModel,
    LabelledWindows,
    ModelFamily,
    RefinableFamily,
    load_family,
)
from nextgen_assets.domain.scaling import FeatureScaler
from nextgen_assets.domain.splits import split_by_time
from nextgen_assets.domain.trained_model import (
    MODEL_PREFIX,
    REFERENCE_PREFIX,
    SCALER_PREFIX,
    TrainedModel,
    arrays_sha256,
    canonical_json,
)
from nextgen_assets.domain.training_account import spent_on
from nextgen_assets.domain.training_job import Start, TrainingJob


def train_cutoff(job: TrainingJob, checkpoints: Checkpoints | None = None) -> tuple[TrainedModel, ...]:
    """Train every family of the job, from scratch or from where the job says.

    Parameters
    ----------
    job : TrainingJob
        What to learn from.
    checkpoints : Checkpoints, optional
        Finished models and passes are written down there as they come; what is found there is not done again,
        and the result has the same bytes.

    Returns
    -------
    tuple of TrainedModel
        In the order of ``job.settings.families``.

    Raises
    ------
    TooLittleDataError
        If the past before the cut-off is too short.
    UnknownModelError, ModelInputError, NonFiniteValuesError
        If a family, its settings or the arrays are not usable.

    Notes
    -----
    As-of rule: nothing but the job is read, and it ends at its cut-off. The scaler sees the fitting part
    only. Scores are those of the newest, purged part; where early stopping has looked at that part, metrics
    say so (``is_selected_on_these_windows``).
    """
    with spent_on("split and scaler"):
        split = split_by_time(job.session_index, job.settings.split)
        job.windows.refuse_non_finite("training windows")
        scaler, scaler_until = job.scaling(split)
        scaled = scaler.standardise(job.windows.vectors)
        fit, validation = job.part(split.fit, scaled), job.part(split.validation, scaled)
    gap = job.windows.shape[1] + job.settings.split.horizon_sessions
    with spent_on("dissimilarity"):
        reference = fit_reference(fit.pooled, fit.session_index, gap)
    base_rate = load_family("base_rate")
    baseline = base_rate.fit(fit, validation, base_rate.config_from({}), job.settings.seed)
    baseline_metrics = _scores(baseline, validation, job.settings.bootstrap)
    with spent_on("fingerprint"):
        content = job.fingerprint() if checkpoints else ""
    models = []
    for name, values in job.settings.families.items():
        family = load_family(name)
        config = family.config_from(values)
        start = job.starts.get(name) if isinstance(family, RefinableFamily) else None
        kept = Checkpoint(checkpoints, f"{content}-{name}") if checkpoints else None
        with spent_on(name):
            fitted, points = _fitted(family, config, start, (fit, validation), job.settings.seed, kept)
        scores = _scores(fitted, validation, job.settings.bootstrap)
        notes = {"is_selected_on_these_windows": family.selects_on_validation, "notes": _notes(job, scaler)}
        notes |= {"started_from": start.model_id} if start else {}
        curve = [asdict(point) for point in points]
        models.append(
            _model(
                job,
                name,
                fitted,
                scaler,
                reference,
                curve=points,
                config={
                    "model": asdict(config),
                    "split": asdict(job.settings.split),
                    "warm_start_months": job.settings.warm_start_months,
                },
                metrics={**scores, **notes, "curve": curve},
                baseline_metrics=baseline_metrics,
                scaler_fitted_until_session=scaler_until,
            )
        )
    return tuple(models)


def _fitted(
    family: ModelFamily,
    config: Any,
    start: Start | None,
    parts: tuple[LabelledWindows, LabelledWindows],
    seed: int,
    kept: Checkpoint | None,
) -> tuple[FittedModel, tuple[CurvePoint, ...]]:
    """The fitted model and its curve; read back where an earlier run had finished it."""
    if kept is None:
        fitted = _fit(family, config, start, parts, seed)
        return fitted, fitted.curve
    finished = replace(kept, key=f"{kept.key}-finished")
    found = finished.load()
    if found is not None:
        points = [CurvePoint(int(row[0]), float(row[1]), float(row[2])) for row in found.pop("curve")]
        own = {name.removeprefix(MODEL_PREFIX): array for name, array in found.items()}
        return family.from_arrays(own, config), tuple(points)
    with kept_at(kept):
        fitted = _fit(family, config, start, parts, seed)
    rows = [(point.epoch, point.training_loss, point.validation_loss) for point in fitted.curve]
    own = {f"{MODEL_PREFIX}{name}": array for name, array in fitted.arrays().items()}
    finished.save(own | {"curve": np.array(rows, dtype=np.float64).reshape(-1, 3)})
    return fitted, fitted.curve


def _fit(
    family: ModelFamily,
    config: Any,
    start: Start | None,
    parts: tuple[LabelledWindows, LabelledWindows],
    seed: int,
) -> FittedModel:
    if start is not None and isinstance(family, RefinableFamily):
        return family.refine(start.arrays, *parts, config, seed)
    return family.fit(*parts, config, seed)


def _notes(job: TrainingJob, scaler: FeatureScaler) -> list[str]:
    notes = list(scaler.notes)
    if job.dropped:
        notes.append(f"{job.dropped} complete windows dropped: no finite return or no positive volatility")
    return notes


def _model(
    job: TrainingJob,
    family: str,
    fitted: FittedModel,
    scaler: FeatureScaler,
    reference: WindowReference | None,
    **record: Any,
) -> TrainedModel:
    arrays: Arrays = {f"{SCALER_PREFIX}{name}": array for name, array in scaler.arrays().items()}
    arrays |= {f"{MODEL_PREFIX}{name}": array for name, array in fitted.arrays().items()}
    if reference is not None:
        arrays |= {f"{REFERENCE_PREFIX}{name}": array for name, array in reference.arrays().items()}
    identity = {
        "family": family,
        "feature_set_id": job.feature_set_id,
        "horizon_sessions": job.settings.split.horizon_sessions,
        "cutoff_session": job.cutoff_session.isoformat(),
        "config": record["config"],
        "seed": job.settings.seed,
        "arrays_sha256": arrays_sha256(arrays),
    } | ({} if job.target_ticker is None else {"target_ticker": job.target_ticker})
    return TrainedModel(
        model_id=hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:32],
        family=family,
        scope=job.tickers,
        feature_set_id=job.feature_set_id,
        horizon_sessions=job.settings.split.horizon_sessions,
        first_training_session=job.session_dates[0].astype(object),
        last_training_session=job.session_dates[-1].astype(object),
        cutoff_session=job.cutoff_session,
        labels_end_session=job.labels_end_session,
        window_count=len(job.windows),
        seed=job.settings.seed,
        trials_to_date=job.trials_to_date,
        arrays=arrays,
        target_ticker=job.target_ticker,
        **record,
    )


def _scores(model: FittedModel, validation: LabelledWindows, bootstrap: BootstrapConfig) -> dict[str, Any]:
    with spent_on("scores, prediction"):
        probability_up, _ = model.predict(validation.tensor)
    with spent_on("scores, bootstrap"):
        intervals = ScoreIntervals(validation.session_index, bootstrap)
        return {
            "brier_score": intervals.brier_score(probability_up, validation.went_up).as_dict(),
            "log_loss": intervals.log_loss(probability_up, validation.went_up).as_dict(),
            "accuracy": intervals.accuracy(probability_up, validation.went_up).as_dict(),
        }
