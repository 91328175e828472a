"""Predictions as they are issued: calibrated, bounded, identified, or abstained from with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.adjustment import Adjustment, AdjustmentConfig, MaturedHistory
from nextgen_assets.domain.calibration import apply_calibration
from nextgen_assets.domain.dated_adjustments import AdjustmentRecord
from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.members import unpacked
from nextgen_assets.domain.service import Service
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.windows import LookAheadError

CALIBRATION_HISTORY_TOO_SHORT = "calibration_history_too_short"
_MOMENT = pl.Datetime("us", "UTC")
Floats = npt.NDArray[np.float64]

LEDGER_SCHEMA: dict[str, pl.DataType] = {
    "prediction_id": pl.String(),
    "scenario_id": pl.String(),
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "horizon_sessions": pl.Int32(),
    "target_session_date": pl.Date(),
    "model_id": pl.String(),
    "window_id": pl.String(),
    "direction": pl.String(),
    "probability_up": pl.Float64(),
    "raw_probability_up": pl.Float64(),
    "expected_log_return": pl.Float64(),
    "lower_log_return": pl.Float64(),
    "upper_log_return": pl.Float64(),
    "volatility": pl.Float64(),
    "bound_scale": pl.Float64(),
    "dissimilarity": pl.Float64(),
    "interval_coverage": pl.Float64(),
    "ensemble": pl.String(),
    "adjustments": pl.String(),
    "abstained": pl.Boolean(),
    "abstain_reason": pl.String(),
    "as_of": _MOMENT,
    "inputs_known_until": _MOMENT,
}


@dataclass(frozen=True)
class PredictionConfig:
    """What is issued under which name.

    Parameters
    ----------
    scenario_id : str
        Which set of settings this is; never empty.
    horizon_sessions : int
        Sessions from the close that is known to the close that is predicted.
    ensemble : EnsembleConfig
        Weights and champion.
    adjustment : AdjustmentConfig
        Calibration, bounds and the knowledge cut-off.
    """

    scenario_id: str = "baseline"
    horizon_sessions: int = 5
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    adjustment: AdjustmentConfig = field(default_factory=AdjustmentConfig)

    def __post_init__(self) -> None:
        if not self.scenario_id or self.horizon_sessions < 1:
            raise ValueError(
                f"scenario_id={self.scenario_id!r}, horizon_sessions={self.horizon_sessions}: expected a "
                "name and at least 1"
            )


def history_from_ledger(predictions: pl.DataFrame) -> pl.DataFrame:
    """What calibration reads of earlier predictions.

    Parameters
    ----------
    predictions : DataFrame
        Rows of ``predictions_latest`` of one scenario and horizon.

    Returns
    -------
    DataFrame
        ``ticker, session_date, raw_probability_up, expected_raw, volatility`` and ``ensemble``, if it is
        there; rows that lack one are left out. ``expected_raw`` is the issued expectation: calibration
        never moves it.
    """
    columns = ("ticker", "session_date", "raw_probability_up", "volatility", "ensemble")
    renamed = predictions.select(
        *(name for name in columns if name in predictions.columns),
        pl.col("expected_log_return").alias("expected_raw"),
    )
    return renamed.drop_nulls().sort("session_date", "ticker")


def calibrated_predictions(
    raw: pl.DataFrame,
    outcomes: pl.DataFrame,
    window_rows: pl.DataFrame,
    sessions: Sequence[date],
    calendar: SessionCalendar,
    config: PredictionConfig,
    service: Service | None = None,
    record: AdjustmentRecord | None = None,
) -> pl.DataFrame:
    """Rows of ``predictions`` for ``sessions``, each learning from what had matured by then.

    Parameters
    ----------
    raw : DataFrame
        From ``raw_predictions``; rows of earlier sessions are the history and need the columns of
        :func:`history_from_ledger` only.
    outcomes, window_rows, calendar, config
        As for ``issue_predictions``.
    sessions : sequence of date
        Sessions to issue.
    service : Service, optional
        Decides who is served at each session; without it the weights of ``raw`` stay.
    record : AdjustmentRecord, optional
        Receives the dated adjustments that are applied.

    Returns
    -------
    DataFrame
        ``LEDGER_SCHEMA`` (``predictions`` less issued_at, origin and run_id), sorted by session and ticker.
        A row without bounds abstains and says why; its raw probability, expectation and volatility
        stay where they are known, so that later sessions learn from it.

    Raises
    ------
    LookAheadError
        If a window was known only after the cut-off of its session.

    Notes
    -----
    As-of rule: see ``MaturedHistory.adjustment``, at the session before: what is learned at a session takes effect
    on later ones only. Each session is computed from its own trailing slice, so a session alone gives the bytes
    that it gives in a range.
    """
    history = MaturedHistory.build(raw, outcomes, calendar, service.recipe_of if service else None)
    issued = (
        raw.filter(pl.col("session_date").is_in(list(sessions)))
        .join(
            window_rows.select("ticker", "session_date", window_known="inputs_known_until"),
            on=["ticker", "session_date"],
            how="left",
            validate="1:1",
        )
        .sort("session_date", "ticker")
    )
    weights: Mapping[date, Mapping[str, float] | None] = {}
    if service is not None:
        issued, weights = service.serve(issued, history)
    delay = config.adjustment.cutoff_delay_minutes
    record = record or AdjustmentRecord(config.scenario_id, calendar, delay)
    frame = _ledger_rows(issued, history, calendar, config, weights, record)
    _refuse_look_ahead(frame)
    return frame


def _ledger_rows(
    issued: pl.DataFrame,
    history: MaturedHistory,
    calendar: SessionCalendar,
    config: PredictionConfig,
    weights: Mapping[date, Mapping[str, float] | None],
    record: AdjustmentRecord,
) -> pl.DataFrame:
    """Adjust session by session in arrays, then name the columns once."""
    days = issued["session_date"].unique().sort().to_list()
    before = [calendar.shift(day, -1) for day in days]
    adjustments = [
        history.adjustment(earlier, config.adjustment, weights.get(day))
        for earlier, day in zip(before, days, strict=True)
    ]
    applied = map(record.add, before, days, adjustments)
    moment_columns = {
        "target_session_date": [calendar.shift(day, config.horizon_sessions) for day in days],
        "as_of": [calendar.cutoff(day, config.adjustment.cutoff_delay_minutes) for day in days],
        "history_known": [adjustment.known_until for adjustment in adjustments],
    }
    by_session = pl.DataFrame(
        {
            "session_date": days,
            "adjustments": [found.text(ids) for found, ids in zip(adjustments, applied, strict=True)],
            **moment_columns,
        },
        schema={"session_date": pl.Date, "adjustments": pl.String}
        | {name: LEDGER_SCHEMA.get(name, _MOMENT) for name in moment_columns},
    )
    reasons = _reasons(issued, adjustments)
    probability, lower, upper, scale = _adjusted(issued, adjustments)
    ids = _prediction_ids(issued, reasons, config)
    return (
        issued.join(by_session, on="session_date", how="left", maintain_order="left")
        .with_columns(
            prediction_id=pl.Series(ids, dtype=pl.String),
            scenario_id=pl.lit(config.scenario_id),
            horizon_sessions=pl.lit(config.horizon_sessions, pl.Int32),
            probability_up=pl.Series(probability).fill_nan(None),
            direction=pl.Series([_direction(value) for value in probability.tolist()], dtype=pl.String),
            expected_log_return="expected_raw",
            lower_log_return=pl.Series(lower).fill_nan(None),
            upper_log_return=pl.Series(upper).fill_nan(None),
            bound_scale=pl.Series(scale).fill_nan(None),
            interval_coverage=pl.lit(config.adjustment.interval_coverage),
            abstained=pl.Series([reason is not None for reason in reasons], dtype=pl.Boolean),
            abstain_reason=pl.Series(reasons, dtype=pl.String),
            inputs_known_until=pl.max_horizontal("window_known", "history_known").fill_null(pl.col("as_of")),
        )
        .select(pl.col(name).cast(kind) for name, kind in LEDGER_SCHEMA.items())
    )


def _reasons(issued: pl.DataFrame, adjustments: Sequence[Adjustment]) -> list[str | None]:
    reasons: list[str | None] = issued["abstain_reason"].to_list()
    for adjustment, rows in zip(adjustments, _session_slices(issued), strict=True):
        if adjustment.bounds is None:
            reasons[rows] = [reason or CALIBRATION_HISTORY_TOO_SHORT for reason in reasons[rows]]
    return reasons


def _adjusted(
    issued: pl.DataFrame, adjustments: Sequence[Adjustment]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Calibrated probability, lower and upper bound and the yardstick of both; NaN where abstained."""
    probability, lower, upper, scale = (np.full(issued.height, np.nan) for _ in range(4))
    is_predicted = issued["abstain_reason"].is_null().to_numpy()
    raw, expected, volatility = (
        issued[name].to_numpy() for name in ("raw_probability_up", "expected_raw", "volatility")
    )
    tickers = issued["ticker"].to_list()
    for adjustment, rows in zip(adjustments, _session_slices(issued), strict=True):
        chosen = rows.start + np.flatnonzero(is_predicted[rows])
        if adjustment.bounds is None or not chosen.size:
            continue
        probability[chosen] = apply_calibration(raw[chosen], adjustment.calibration)
        scale[chosen] = volatility[chosen]
        if adjustment.scale is not None:
            scale[chosen] = adjustment.scale.of([tickers[row] for row in chosen], volatility[chosen])
        lower[chosen], upper[chosen] = adjustment.bounds.apply(expected[chosen], scale[chosen])
    return probability, lower, upper, scale


def _session_slices(issued: pl.DataFrame) -> list[slice]:
    """Rows of each session, for rows sorted by session."""
    ends = np.cumsum(issued["session_date"].rle().struct.field("len").to_numpy()).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _direction(probability_up: float) -> str | None:
    if np.isnan(probability_up):
        return None
    return "up" if probability_up >= 0.5 else "down"


def _prediction_ids(
    issued: pl.DataFrame, reasons: Sequence[str | None], config: PredictionConfig
) -> list[str]:
    """Hash of what was decided from what, by row."""
    spoke = unpacked(issued["ensemble"]).sort("row", "model_id").group_by("row", maintain_order=True)
    names = issued.select("ticker", "session_date", "window_id").with_row_index("row")
    names = names.join(
        spoke.agg(members=pl.col("model_id").str.join(",")), on="row", how="left", maintain_order="left"
    )
    parts = names.with_columns(reason=pl.Series(list(reasons), dtype=pl.String)).select(
        pl.concat_str(
            pl.lit(config.scenario_id),
            "ticker",
            pl.col("session_date").cast(pl.String),
            pl.lit(str(config.horizon_sessions)),
            pl.col("members").fill_null(""),
            pl.col("window_id").fill_null(""),
            "reason",
            separator="|",
            ignore_nulls=True,
        )
    )
    return [hashlib.sha256(text.encode()).hexdigest()[:32] for text in parts.to_series().to_list()]


def _refuse_look_ahead(frame: pl.DataFrame) -> None:
    late = frame.filter(pl.col("inputs_known_until") > pl.col("as_of"))
    if late.height:
        row = late.row(0, named=True)
        raise LookAheadError(
            f"predictions: {late.height} rows read inputs known after their cut-off, first {row['ticker']} "
            f"{row['session_date']} (known {row['inputs_known_until']}, cut-off {row['as_of']}); rebuild "
            "feature_windows of those sessions"
        )
