"""The service behind the ledger: reads what a range needs, asks the live models, decides; writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.dated_adjustments import AdjustmentRecord
from nextgen_assets.domain.live_models import live_models_by_session
from nextgen_assets.domain.volatility import WINDOW_SESSIONS
from nextgen_assets.market_view import security_names, segments
from nextgen_assets.partitions import calendar_of
from nextgen_assets.prediction_inputs import (
    PredictionInputs,
    history_sessions,
    issue_stamps,
    model_loader,
    prediction_config,
    service_of,
    ticker_models,
)
from nextgen_assets.threshold_view import read_overrides
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Issued:
    """What the service says of a range of sessions.

    Attributes
    ----------
    predictions : DataFrame
        Rows of ``predictions`` less run_id, by session and ticker.
    verdicts : DataFrame
        Rows of ``promotion_verdicts`` less run_id, of the cut-offs that the sessions rest on.
    adjustments : DataFrame
        Rows of ``calibration_adjustments`` less run_id, of what was applied to them.
    """

    predictions: pl.DataFrame
    verdicts: pl.DataFrame
    adjustments: pl.DataFrame


def issue(
    warehouse: Warehouse,
    settings: Settings,
    model_store: ModelStore,
    sessions: list[date],
    now: datetime,
    watch: Stopwatch,
) -> Issued:
    """Predict every member of the universe at ``sessions``.

    Parameters
    ----------
    sessions : list of date
        Consecutive sessions.
    now : datetime
        Stamped on the rows; decides nothing but whether they are live or a backfill.

    Notes
    -----
    As-of rule: each part of the range reads what was known at its cut-off, and of the ledger the sessions before.
    """
    calendar = calendar_of(settings)
    config = prediction_config(settings, read_overrides(warehouse, settings, sessions[-1]))
    history = history_sessions(settings)
    reach = history + settings.models.horizon_sessions + WINDOW_SESSIONS + 1
    issued: list[pl.DataFrame] = []
    verdicts: list[pl.DataFrame] = []
    before = calendar.shift(sessions[0], -1)
    record = AdjustmentRecord(config.scenario_id, calendar, settings.ingestion.cutoff_delay_minutes)
    for first, last, as_of in segments(warehouse, settings, sessions, reach):
        begin = calendar.shift(first, -history)
        with watch.measure("read"):
            stored = warehouse.read(
                "predictions_between", scenario_id=settings.scenario_id, first=begin, last=before
            )
            earlier = pl.concat([stored, *(part.select(stored.columns) for part in issued)])
            names = security_names(warehouse, last)
            earlier = names.follow(earlier, "session_date")
            inputs = PredictionInputs.read(warehouse, settings, begin, last, as_of)
        with watch.measure("models"):
            deployments = warehouse.read("deployments", last=last)
            load = model_loader(deployments, model_store)
            models = live_models_by_session(deployments, calendar.between(begin, last), load)
            trials = warehouse.read("trial_sessions")["cutoff_session"].to_list()
            own = ticker_models(settings, deployments, names, inputs.store, load)
            service = service_of(settings, deployments, models, trials, config, own)
        with watch.measure("predict"):
            inside = [day for day in sessions if first <= day <= last]
            frame = inputs.predict(earlier, inside, models, calendar, config, service, record)
            verdicts.append(service.verdict_frame())
            issued.append(frame.with_columns(*issue_stamps(frame, calendar, now)))
    judged = pl.concat(verdicts).unique(["cutoff_session", "model_id"], keep="last", maintain_order=True)
    return Issued(pl.concat(issued), judged, record.frame())
