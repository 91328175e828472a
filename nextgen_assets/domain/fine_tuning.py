"""A pooled model made to fit one ticker: a few short passes over its own past, from the weights of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from nextgen_assets.domain.checkpoints import Checkpoints
from nextgen_assets.domain.models import ModelInputError, RefinableFamily, load_family
from nextgen_assets.domain.scaling import FeatureScaler
from nextgen_assets.domain.trained_model import SCALER_PREFIX, TrainedModel
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import KnownScaler, Start
from nextgen_assets.domain.windows import LookAheadError


def fine_tuned(
    data: TrainingData,
    cutoff_session: date,
    ticker: str,
    champion: TrainedModel,
    checkpoints: Checkpoints | None = None,
) -> TrainedModel:
    """The champion after passes over the windows of ``ticker`` alone.

    Parameters
    ----------
    data : TrainingData
        As of the cut-off.
    cutoff_session : date
        Last session whose data may be seen; not before that of the champion.
    ticker : str
        Whom it is for; the scope of the new model.
    champion : TrainedModel
        Of a family that can go on, trained on the universe.
    checkpoints : Checkpoints, optional
        As for ``train_cutoff``.

    Returns
    -------
    TrainedModel
        Behind the scaler of the champion, whose weights stay where no pass validates better on the ticker's
        newest windows. ``metrics["started_from"]`` names the champion.

    Raises
    ------
    ModelInputError
        If the family cannot go on.
    LookAheadError
        If the champion has seen sessions after the cut-off.
    TooLittleDataError
        If the ticker has too little history.
    """
    if not isinstance(load_family(champion.family), RefinableFamily):
        raise ModelInputError(
            f"{champion.family}: this family cannot go on from a fitted model; train it anew, or fine-tune a network"
        )
    if champion.cutoff_session > cutoff_session:
        raise LookAheadError(
            f"fine-tuning of {ticker} at {cutoff_session}: model {champion.model_id} has seen data up to "
            f"{champion.cutoff_session}; start from a model of an earlier cut-off"
        )
    own = {
        name.removeprefix(SCALER_PREFIX): array
        for name, array in champion.arrays.items()
        if name.startswith(SCALER_PREFIX)
    }
    settings = replace(data.settings, families={champion.family: dict(champion.config["model"])})
    job = replace(
        data.job(cutoff_session, tickers=(ticker,)),
        settings=settings,
        starts={champion.family: Start.of(champion)},
        scaler=KnownScaler(FeatureScaler.from_arrays(own), champion.scaler_fitted_until_session),
        target_ticker=ticker,
    )
    return train_cutoff(job, checkpoints)[0]
