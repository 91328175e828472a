"""What the live models say about each ticker and session, and the predictions that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.dated_adjustments import AdjustmentRecord
from nextgen_assets.domain.ensemble import EnsembleConfig, join_models
from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.members import NO_MEMBERS
from nextgen_assets.domain.prediction_ledger import PredictionConfig, calibrated_predictions
from nextgen_assets.domain.service import Service
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.window_store import WindowStore

NO_MODEL_LIVE = "no_model_live"
WINDOW_INCOMPLETE = "window_incomplete"
VOLATILITY_UNKNOWN = "volatility_unknown"
OUT_OF_DISTRIBUTION = "out_of_distribution"

RAW_SCHEMA: dict[str, pl.DataType] = {
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "window_id": pl.String(),
    "model_id": pl.String(),
    "raw_probability_up": pl.Float64(),
    "standardised_mean": pl.Float64(),
    "volatility": pl.Float64(),
    "expected_raw": pl.Float64(),
    "ensemble": pl.String(),
    "abstain_reason": pl.String(),
    "dissimilarity": pl.Float64(),
}


def raw_predictions(
    store: WindowStore,
    universe: pl.DataFrame,
    volatility: pl.DataFrame,
    models_by_session: Mapping[date, Sequence[LiveModel]],
    config: EnsembleConfig | None = None,
) -> pl.DataFrame:
    """One row per ticker of the universe and session: the ensemble, or why there is none.

    The logits of the members are averaged by weight, and so are their standardised means;
    ``expected_raw = standardised_mean * volatility``.

    Parameters
    ----------
    store : WindowStore
        Vectors of one feature set over the sessions and the lookback before them.
    universe : DataFrame
        ``ticker, session_date``: who is to be predicted when. Every session of it gets rows.
    volatility : DataFrame
        ``ticker, session_date, volatility``: forecast standard deviation of the log return over the
        horizon, from trailing sessions; missing, null or not positive where unknown.
    models_by_session : mapping of date to sequence of LiveModel
        From ``live_models_by_session``; a session that is missing has no model.
    config : EnsembleConfig, optional
        Weights and champion.

    Returns
    -------
    DataFrame
        ``RAW_SCHEMA``, sorted by session and ticker. ``abstain_reason`` is 'no_model_live',
        'window_incomplete', 'volatility_unknown' or 'out_of_distribution', else null; what is not known
        is null. ``dissimilarity`` is the distance of the window to the training windows over its limit.
        ``ensemble`` is a JSON list of {model_id, family, weight, probability_up, standardised_mean}.

    Raises
    ------
    ValueError
        If a live model was trained on windows of another shape, or the models of one session have several
        horizons or feature sets.

    Notes
    -----
    As-of rule: the window of S ends at S. The batch of S is exactly its complete windows by ticker, universe
    members or not, so that S alone gives the bytes that it gives in a range.
    """
    config = config or EnsembleConfig()
    members = universe.select("ticker", "session_date").unique().sort("session_date", "ticker")
    known = volatility.filter(pl.col("volatility").is_finite() & (pl.col("volatility") > 0))
    keyed = members.join(
        known.select("ticker", "session_date", "volatility"),
        on=["ticker", "session_date"],
        how="left",
        maintain_order="left",
        validate="1:1",
    )
    parts = [
        _session_rows(store, group, tuple(models_by_session.get(group["session_date"][0], ())), config)
        for group in keyed.partition_by("session_date", maintain_order=True)
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=RAW_SCHEMA)


def said_of_session(
    store: WindowStore, session: date, models: Sequence[LiveModel], config: EnsembleConfig
) -> dict[str, tuple[list[dict[str, Any]], float | None]]:
    """What each live model says of every complete window that ends at ``session``.

    Returns
    -------
    dict
        Ticker to its members, {model_id, family, probability_up, standardised_mean} by family, and the
        dissimilarity of its window, None if unknown. The same batch as :func:`raw_predictions` computes, so the same bits.
    """
    batch = store.at(session)
    if not models or not batch.tickers:
        return {}
    joined = join_models(batch.tensor, models, config)
    unlike = _dissimilarity(batch.tensor, models)
    found = {}
    for row, ticker in enumerate(batch.tickers):
        members = json.loads(joined.ensemble[row])
        for member in members:
            del member["weight"]
        found[ticker] = (members, None if unlike is None else float(unlike[row]))
    return found


def issue_predictions(
    store: WindowStore,
    universe: pl.DataFrame,
    window_rows: pl.DataFrame,
    volatility: pl.DataFrame,
    models_by_session: Mapping[date, Sequence[LiveModel]],
    history: pl.DataFrame,
    outcomes: pl.DataFrame,
    calendar: SessionCalendar,
    config: PredictionConfig,
    service: Service | None = None,
    record: AdjustmentRecord | None = None,
) -> pl.DataFrame:
    """Issue the predictions of every ticker and session of ``universe``.

    Parameters
    ----------
    store, universe, volatility, models_by_session
        As for :func:`raw_predictions`.
    window_rows : DataFrame
        ``ticker, session_date, inputs_known_until`` of ``feature_windows``.
    history : DataFrame
        Earlier predictions, from ``history_from_ledger``; rows of the sessions that are issued now are
        left out. Needs the trailing ``calibration_sessions`` sessions before the one before the first.
    outcomes : DataFrame
        As for ``MaturedHistory.build``, of all sessions of history and universe that have matured.
    calendar : SessionCalendar
        Numbers the sessions and gives the cut-offs.
    config : PredictionConfig
        Settings.
    service : Service, optional
        Decides who is served at each session; without it all members by the weights of ``config``.
    record : AdjustmentRecord, optional
        Receives the dated adjustments that are applied.

    Returns
    -------
    DataFrame
        As ``calibrated_predictions``.

    Raises
    ------
    ValueError
        If a live model predicts another horizon than the configuration.
    LookAheadError
        If an input was known only after the cut-off of its session.
    """
    horizons = {model.horizon_sessions for models in models_by_session.values() for model in models}
    if horizons - {config.horizon_sessions}:
        raise ValueError(
            f"live models predict {sorted(horizons)} sessions ahead, the configuration says "
            f"{config.horizon_sessions}; deploy models of that horizon"
        )
    raw = raw_predictions(store, universe, volatility, models_by_session, config.ensemble)
    sessions = raw["session_date"].unique().sort().to_list()
    earlier = history.filter(~pl.col("session_date").is_in(sessions))
    together = pl.concat([earlier, raw], how="diagonal")
    return calibrated_predictions(
        together, outcomes, window_rows, sessions, calendar, config, service, record
    )


def _session_rows(
    store: WindowStore, group: pl.DataFrame, models: tuple[LiveModel, ...], config: EnsembleConfig
) -> pl.DataFrame:
    batch = store.at(group["session_date"][0])
    row_of = {ticker: row for row, ticker in enumerate(batch.tickers)}
    joined = join_models(batch.tensor, models, config) if models and row_of else None
    unlike = _dissimilarity(batch.tensor, models) if joined is not None else None
    limit = config.limit_at(group["session_date"][0])
    records: list[tuple[object, ...]] = []
    for ticker, session, deviation in group.select("ticker", "session_date", "volatility").rows():
        row = row_of.get(ticker)
        window_id = None if row is None else batch.window_ids[row]
        if joined is None or row is None:
            reason = NO_MODEL_LIVE if not models else WINDOW_INCOMPLETE
            model_id = config.champion(models).model_id if models else None
            records.append(
                (ticker, session, window_id, model_id, None, None, deviation, None, NO_MEMBERS, reason, None)
            )
            continue
        mean = float(joined.standardised_mean[row])
        distance = None if unlike is None else float(unlike[row])
        records.append(
            (
                ticker,
                session,
                window_id,
                joined.model_id,
                float(joined.probability_up[row]),
                mean,
                deviation,
                None if deviation is None else mean * deviation,
                joined.ensemble[row],
                _reason(deviation, distance, limit),
                distance,
            )
        )
    return pl.DataFrame(records, schema=RAW_SCHEMA, orient="row")


def _reason(volatility: float | None, dissimilarity: float | None, maximum: float | None) -> str | None:
    if volatility is None:
        return VOLATILITY_UNKNOWN
    if dissimilarity is not None and maximum is not None and dissimilarity > maximum:
        return OUT_OF_DISTRIBUTION
    return None


def _dissimilarity(
    tensor: npt.NDArray[np.float32], models: Sequence[LiveModel]
) -> npt.NDArray[np.float64] | None:
    """The largest of the live models; models that were trained together are asked once."""
    asked: list[LiveModel] = []
    found: npt.NDArray[np.float64] | None = None
    for model in models:
        if model.reference is None or any(_is_alike(model, other) for other in asked):
            continue
        asked.append(model)
        distances = model.dissimilarity(tensor)
        if distances is not None:
            found = distances if found is None else np.maximum(found, distances)
    return found


def _is_alike(model: LiveModel, other: LiveModel) -> bool:
    """Whether both measure by the same windows and the same scale."""
    return (
        model.reference is not None
        and other.reference is not None
        and np.array_equal(model.reference.points, other.reference.points)
        and np.array_equal(model.scaler.mean, other.scaler.mean)
    )
