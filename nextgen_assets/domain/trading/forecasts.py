"""Predictions, calibration and priorities as panels (n_sessions, n_tickers) for drafting plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Panel = NDArray[np.float64]

_NUMBERS: Final = (
    "probability_up",
    "expected_log_return",
    "lower_log_return",
    "upper_log_return",
    "volatility",
)


class ForecastError(ValueError):
    """Forecast rows that contradict each other."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What was forecast at each session for each ticker; NaN (empty text) where nothing was.

    Parameters
    ----------
    sessions, tickers : tuple
        Axes; tickers ascending and the same as those of the market panels.
    prediction_id : object array (n_sessions, n_tickers)
        Text, or None without a prediction.
    abstained : bool array (n_sessions, n_tickers)
        Whether the prediction abstained; False without one.
    numbers : dict of str to float array (n_sessions, n_tickers)
        probability_up, expected_log_return, lower_log_return, upper_log_return, volatility,
        priority_score, brier_score, baseline_brier_score.
    """

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]
    prediction_id: NDArray[np.object_]
    abstained: NDArray[np.bool_]
    numbers: dict[str, Panel]


def forecasts_from_frames(
    predictions: pl.DataFrame,
    sessions: list[date],
    tickers: tuple[str, ...],
    calibration: pl.DataFrame | None = None,
    priorities: pl.DataFrame | None = None,
) -> Forecasts:
    """Lay frames out as panels.

    Parameters
    ----------
    predictions : DataFrame
        prediction_id, ticker, session_date, probability_up, expected_log_return, lower_log_return,
        upper_log_return, volatility, abstained: one scenario, one row per ticker and session (as in
        ``predictions_latest`` for one horizon). Other sessions and tickers are ignored.
    sessions : list of date
        Sessions to draft plans for.
    tickers : tuple of str
        Tickers of the market panels.
    calibration : DataFrame, optional
        session_date, ticker (null for the universe), brier_score, baseline_brier_score of predictions
        matured by the cut-off of the session. A ticker's own row goes before that of the universe.
    priorities : DataFrame, optional
        session_date, ticker, score from 0 to 1.

    Raises
    ------
    ForecastError
        If a ticker has two predictions in one session; pass the latest of one horizon.
    """
    shape = (len(sessions), len(tickers))
    axes = _Axes(sessions, tickers)
    placed = axes.place(predictions)
    twice = placed.filter(pl.struct("session_date", "ticker").is_duplicated())
    if twice.height:
        row = twice.sort("session_date", "ticker").row(0, named=True)
        raise ForecastError(
            f"{row['ticker']} has several predictions on {row['session_date']}; expected one; "
            "pass predictions_latest of one scenario and horizon"
        )
    rows, columns = placed["_row"].to_numpy(), placed["_column"].to_numpy()
    prediction_id = np.full(shape, None, dtype=object)
    prediction_id[rows, columns] = placed["prediction_id"].to_list()
    abstained = np.zeros(shape, dtype=np.bool_)
    abstained[rows, columns] = placed["abstained"].to_numpy()
    numbers = {name: axes.panel(placed, name) for name in _NUMBERS}
    numbers["priority_score"] = (
        np.full(shape, np.nan) if priorities is None else axes.panel(axes.place(priorities), "score")
    )
    for name in ("brier_score", "baseline_brier_score"):
        numbers[name] = np.full(shape, np.nan) if calibration is None else axes.calibration(calibration, name)
    return Forecasts(tuple(sessions), tickers, prediction_id, abstained, numbers)


class _Axes:
    def __init__(self, sessions: list[date], tickers: tuple[str, ...]) -> None:
        self.shape = (len(sessions), len(tickers))
        self.rows = pl.DataFrame(
            {"session_date": sessions, "_row": range(len(sessions))},
            schema={"session_date": pl.Date, "_row": pl.Int64},
        )
        self.columns = pl.DataFrame(
            {"ticker": list(tickers), "_column": range(len(tickers))},
            schema={"ticker": pl.String, "_column": pl.Int64},
        )

    def place(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(self.rows, on="session_date").join(self.columns, on="ticker")

    def panel(self, placed: pl.DataFrame, name: str) -> Panel:
        panel = np.full(self.shape, np.nan)
        values = placed[name].cast(pl.Float64).to_numpy()  # null becomes NaN
        panel[placed["_row"].to_numpy(), placed["_column"].to_numpy()] = values
        return panel

    def calibration(self, frame: pl.DataFrame, name: str) -> Panel:
        panel = np.full(self.shape, np.nan)
        universe = frame.filter(pl.col("ticker").is_null()).join(self.rows, on="session_date")
        panel[universe["_row"].to_numpy(), :] = universe[name].cast(pl.Float64).to_numpy()[:, None]
        own = self.panel(self.place(frame.filter(pl.col("ticker").is_not_null())), name)
        return np.where(np.isfinite(own), own, panel)
