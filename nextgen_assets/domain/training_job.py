"""What one cut-off is trained from: windows, returns, settings, and the earlier models that it goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.checkpoints import fingerprint
from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.models import Arrays, LabelledWindows
from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.scaling import FeatureScaler, fit_pooled_scaler
from nextgen_assets.domain.splits import SplitConfig, TimeSplit
from nextgen_assets.domain.trained_model import MODEL_PREFIX, TrainedModel, canonical_json


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
    warm_start_months : int
        Months from one training from scratch to the next; those between go on from it. 1: all from scratch.
    """

    families: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"base_rate": {}, "logistic": {}, "lstm": {}}
    )
    split: SplitConfig = field(default_factory=SplitConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    seed: int = 20_000_301
    warm_start_months: int = 1


@dataclass(frozen=True, eq=False)
class Start:
    """A model of an earlier cut-off: its id, and the arrays of its family."""

    model_id: str
    arrays: Arrays

    @classmethod
    def of(cls, model: TrainedModel) -> Start:
        """What a later cut-off needs of ``model``."""
        own = {name: array for name, array in model.arrays.items() if name.startswith(MODEL_PREFIX)}
        return cls(model.model_id, {name.removeprefix(MODEL_PREFIX): array for name, array in own.items()})


@dataclass(frozen=True, eq=False)
class KnownScaler:
    """A scaler that was fitted before, and the last session that shaped it."""

    scaler: FeatureScaler
    fitted_until_session: date


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
    starts : mapping of str to Start
        By family, the earlier model that it goes on from; families that are not named begin from scratch.
    scaler : KnownScaler or None
        Of the model that is fine-tuned; None: fitted on the fitting part.
    dropped : int
        Complete windows of the span that could not train: no known return or volatility.
    target_ticker : str or None
        Whom the models are made for; None for the universe.
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
    starts: Mapping[str, Start] = field(default_factory=dict)
    scaler: KnownScaler | None = None
    dropped: int = 0
    target_ticker: str | None = None

    def fingerprint(self) -> str:
        """A name for all that decides what is learned."""
        settings = self.settings
        texts = (
            self.feature_set_id,
            self.cutoff_session.isoformat(),
            canonical_json({name: dict(values) for name, values in settings.families.items()}),
            canonical_json({"split": asdict(settings.split), "seed": settings.seed}),
            *(f"{name} from {start.model_id}" for name, start in sorted(self.starts.items())),
        )
        arrays: Arrays = {
            "vectors": self.windows.vectors,
            "first": self.windows.first,
            "forward_return": self.forward_return,
            "volatility": self.volatility,
            "session_index": self.session_index,
        }
        arrays |= {} if self.scaler is None else self.scaler.scaler.arrays()
        return fingerprint(texts, arrays)

    def scaling(self, split: TimeSplit) -> tuple[FeatureScaler, date]:
        """The scaler of the job, and the last session that shaped it."""
        if self.scaler is not None:
            return self.scaler.scaler, self.scaler.fitted_until_session
        scaler = fit_pooled_scaler(self.windows.vectors, self.windows.take(split.fit).uses())
        return scaler, self.session_dates[split.fit[-1]].astype(object)

    def part(self, rows: npt.NDArray[np.int64], scaled: npt.NDArray[np.float32]) -> LabelledWindows:
        """The windows at ``rows`` over their scaled vectors, with their labels."""
        return LabelledWindows(
            self.windows.take(rows).over(scaled),
            self.forward_return[rows],
            self.volatility[rows],
            self.session_index[rows],
        )
