"""Walk-forward training: for one cut-off, every family from scratch on the past alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.dissimilarity import WindowReference, fit_reference
from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.metrics import ScoreIntervals
from nextgen_assets.domain.models import Arrays, FittedModel, LabelledWindows, load_family
from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.scaling import FeatureScaler, fit_pooled_scaler
from nextgen_assets.domain.splits import SplitConfig, split_by_time
from nextgen_assets.domain.trained_model import (
    MODEL_PREFIX,
    REFERENCE_PREFIX,
    SCALER_PREFIX,
    TrainedModel,
    arrays_sha256,
    canonical_json,
)


@dataclass(frozen=True)
class TrainingSettings:
    """What is trained, on how much, from which seed.

    Parameters
    ----------
    families : mapping of str to mapping
        Family name to its settings; an empty mapping takes the defaults of the family.
    split : SplitConfig
        Horizon, length of the past, embargo and validation share.
    bootstrap : BootstrapConfig
        Of the intervals of the validation scores.
    seed : int
        Of every family.
    """

    families: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"base_rate": {}, "logistic": {}, "lstm": {}}
    )
    split: SplitConfig = field(default_factory=SplitConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    seed: int = 20_000_301


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """Everything that one cut-off is trained from; picklable.

    Parameters
    ----------
    cutoff_session : date
        Last session whose data is in here.
    labels_end_session : date
        Session at whose close the newest label ended.
    feature_set_id : str
        Of the windows.
    windows : PooledWindows
        Raw and finite, (n_windows, lookback, n_features), ordered by session and ticker.
    forward_return, volatility : ndarray of float64, shape (n_windows,)
        Log total return over the horizon; its forecast standard deviation, positive.
    session_index : ndarray of int64, shape (n_windows,)
        Calendar positions, ascending.
    session_dates : ndarray of datetime64[D], shape (n_windows,)
        The same sessions as dates.
    tickers : tuple of str
        Whose windows these are, sorted.
    settings : TrainingSettings
        What to train.
    trials_to_date : int
        Configurations tried so far, this one included.
    """

    cutoff_session: date
    labels_end_session: date
    feature_set_id: str
    windows: PooledWindows
    forward_return: npt.NDArray[np.float64]
    volatility: npt.NDArray[np.float64]
    session_index: npt.NDArray[np.int64]
    session_dates: npt.NDArray[np.datetime64]
    tickers: tuple[str, ...]
    settings: TrainingSettings
    trials_to_date: int = 1

    def part(self, rows: npt.NDArray[np.int64], scaled: npt.NDArray[np.float32]) -> LabelledWindows:
        """The windows at ``rows`` over their scaled vectors, with their labels."""
        return LabelledWindows(
            self.windows.take(rows).over(scaled),
            self.forward_return[rows],
            self.volatility[rows],
            self.session_index[rows],
        )


def train_cutoff(job: TrainingJob) -> tuple[TrainedModel, ...]:
    """Train every family of the job from scratch.

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
    split = split_by_time(job.session_index, job.settings.split)
    job.windows.refuse_non_finite("training windows")
    scaler = fit_pooled_scaler(job.windows.vectors, job.windows.take(split.fit).uses())
    scaled = scaler.standardise(job.windows.vectors)
    fit, validation = job.part(split.fit, scaled), job.part(split.validation, scaled)
    scaler_until = job.session_dates[split.fit[-1]].astype(object)
    gap = job.windows.shape[1] + job.settings.split.horizon_sessions
    reference = fit_reference(fit.pooled, fit.session_index, gap)
    base_rate = load_family("base_rate")
    baseline = base_rate.fit(fit, validation, base_rate.config_from({}), job.settings.seed)
    baseline_metrics = _scores(baseline, validation, job.settings.bootstrap)
    models = []
    for name, values in job.settings.families.items():
        family = load_family(name)
        config = family.config_from(values)
        fitted = family.fit(fit, validation, config, job.settings.seed)
        scores = _scores(fitted, validation, job.settings.bootstrap)
        notes = {"is_selected_on_these_windows": family.selects_on_validation, "notes": list(scaler.notes)}
        curve = [asdict(point) for point in fitted.curve]
        models.append(
            _model(
                job,
                name,
                fitted,
                scaler,
                reference,
                config={"model": asdict(config), "split": asdict(job.settings.split)},
                metrics={**scores, **notes, "curve": curve},
                baseline_metrics=baseline_metrics,
                scaler_fitted_until_session=scaler_until,
            )
        )
    return tuple(models)


def train_cutoffs(jobs: Iterable[TrainingJob], n_workers: int = 1) -> list[TrainedModel]:
    """Train many cut-offs, in ``n_workers`` processes.

    Parameters
    ----------
    jobs : iterable of TrainingJob
        Read lazily: only a few jobs per worker are in memory.
    n_workers : int
        Processes; 1, or a single job, trains in this process.

    Returns
    -------
    list of TrainedModel
        In the order of the jobs and of their families. The same bytes for any number of workers, because
        every job trains on one thread and shares nothing.

    Raises
    ------
    ValueError
        If ``n_workers`` is below 1.
    """
    if n_workers < 1:
        raise ValueError(f"n_workers={n_workers}, expected at least 1")
    remaining = iter(jobs)
    head = list(islice(remaining, 2))
    if n_workers == 1 or len(head) < 2:
        return [model for job in chain(head, remaining) for model in train_cutoff(job)]
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    parallel = Parallel(n_jobs=n_workers, backend="loky", max_nbytes=None, pre_dispatch="2*n_jobs")
    try:
        trained = parallel(delayed(train_cutoff)(job) for job in chain(head, remaining))
    finally:
        get_reusable_executor().shutdown(wait=True)
    return [model for models in trained for model in models]


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
    }
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
        curve=fitted.curve,
        arrays=arrays,
        **record,
    )


def _scores(model: FittedModel, validation: LabelledWindows, bootstrap: BootstrapConfig) -> dict[str, Any]:
    probability_up, _ = model.predict(validation.tensor)
    intervals = ScoreIntervals(validation.session_index, bootstrap)
    return {
        "brier_score": intervals.brier_score(probability_up, validation.went_up).as_dict(),
        "log_loss": intervals.log_loss(probability_up, validation.went_up).as_dict(),
        "accuracy": intervals.accuracy(probability_up, validation.went_up).as_dict(),
    }
