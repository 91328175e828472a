"""What a session may learn from its matured predictions: a calibration and bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.calibration import Calibration, CalibrationPrior, fit_calibration
from nextgen_assets.domain.conformal import (
    ConformalBounds,
    ErrorScale,
    ScaleConfig,
    fit_bounds,
    fit_scale,
)
from nextgen_assets.domain.members import Members
from nextgen_assets.domain.sessions import SessionCalendar

_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class AdjustmentConfig:
    """Which matured predictions count, and how much they move.

    Parameters
    ----------
    interval_coverage : float
        Share of returns that the bounds should hold.
    calibration_sessions : int
        What is learned at S rests on matured predictions of the trailing so many sessions before S.
    minimum_predictions, minimum_sessions : int
        With fewer matured predictions, or fewer sessions of them, S has no bounds and abstains.
    cutoff_delay_minutes : int
        After the official close: the knowledge cut-off.
    prior : CalibrationPrior
        Pull of the calibration towards the identity.
    scale : ScaleConfig or None
        How the bounds follow each ticker; None measures every error by the forecast volatility alone.
    """

    interval_coverage: float = 0.9
    calibration_sessions: int = 250
    minimum_predictions: int = 60
    minimum_sessions: int = 20
    cutoff_delay_minutes: int = 30
    prior: CalibrationPrior = field(default_factory=CalibrationPrior)
    scale: ScaleConfig | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.interval_coverage < 1.0:
            raise ValueError(f"interval_coverage={self.interval_coverage}, expected between 0 and 1")
        if self.calibration_sessions < self.minimum_sessions:
            raise ValueError(
                f"calibration_sessions={self.calibration_sessions} can never hold minimum_sessions="
                f"{self.minimum_sessions}; widen the first"
            )


@dataclass(frozen=True)
class Adjustment:
    """What one session learned from its matured predictions."""

    calibration: Calibration
    bounds: ConformalBounds | None
    scale: ErrorScale | None
    n_sessions: int
    n: int
    first_session: date | None
    last_session: date | None
    known_until: datetime | None

    def text(self, ids: Mapping[str, str]) -> str:
        """Canonical JSON of the ``adjustments`` column; ``ids`` are those of ``calibration_adjustments`` by kind."""
        bounds = self.bounds
        values = {
            "ids": dict(ids),
            "temperature": self.calibration.temperature,
            "bias": self.calibration.bias,
            "n": self.n,
            "n_sessions": self.n_sessions,
            "lower_quantile": None if bounds is None else bounds.lower_quantile,
            "upper_quantile": None if bounds is None else bounds.upper_quantile,
            "first_session": None if self.first_session is None else self.first_session.isoformat(),
            "last_session": None if self.last_session is None else self.last_session.isoformat(),
        }
        return json.dumps(values, sort_keys=True)


@dataclass(frozen=True, eq=False)
class MaturedHistory:
    """Raw predictions whose outcome is known, by session and ticker, with the calendar position of both ends.

    Build it with :meth:`build`; :meth:`adjustment` gives what a session may learn.
    """

    tickers: tuple[str, ...]
    ticker_code: npt.NDArray[np.int64]
    session_index: npt.NDArray[np.int64]
    target_index: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.datetime64]
    raw_probability_up: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64]
    volatility: npt.NDArray[np.float64]
    realised: npt.NDArray[np.float64]
    members: Members
    calendar: SessionCalendar
    _losses: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def build(
        cls,
        raw: pl.DataFrame,
        outcomes: pl.DataFrame,
        calendar: SessionCalendar,
        recipe_of: Mapping[str, str] | None = None,
    ) -> MaturedHistory:
        """Join raw predictions with outcomes; rows without either are left out.

        Parameters
        ----------
        raw : DataFrame
            ``ticker, session_date, raw_probability_up, expected_raw, volatility`` and, where weights are to
            be learned, ``ensemble``; unique per ticker and session, rows with a null left out.
        outcomes : DataFrame
            ``ticker, session_date, target_session_date, realised_log_return`` and, where known,
            ``price_known_at``; unique per ticker and session.
        calendar : SessionCalendar
            Numbers the sessions.
        recipe_of : mapping of str to str, optional
            Recipe of each model_id, by which members are told apart; None leaves members out.
        """
        if "ensemble" not in raw.columns:
            raw = raw.with_columns(ensemble=pl.lit(None, pl.String))
        usable = raw.filter(
            pl.all_horizontal(pl.col("raw_probability_up", "expected_raw", "volatility").is_not_null())
        ).select("ticker", "session_date", "raw_probability_up", "expected_raw", "volatility", "ensemble")
        if "price_known_at" not in outcomes.columns:
            outcomes = outcomes.with_columns(price_known_at=pl.lit(None, _MOMENT))
        columns = ("ticker", "session_date", "target_session_date", "realised_log_return", "price_known_at")
        rows = usable.join(
            outcomes.select(columns), on=["ticker", "session_date"], how="inner", validate="1:1"
        ).sort("session_date", "ticker")
        days = {day: calendar.index(day) for name in columns[1:3] for day in rows[name].unique().to_list()}
        names = rows["ticker"].unique().sort().to_list()
        texts = pl.Series([None] * rows.height, dtype=pl.String) if recipe_of is None else rows["ensemble"]
        return cls(
            tickers=tuple(names),
            ticker_code=rows["ticker"]
            .replace_strict(names, range(len(names)), return_dtype=pl.Int64)
            .to_numpy(),
            session_index=np.array([days[day] for day in rows["session_date"]], dtype=np.int64),
            target_index=np.array([days[day] for day in rows["target_session_date"]], dtype=np.int64),
            known_at=rows["price_known_at"].dt.replace_time_zone(None).to_numpy(),
            raw_probability_up=rows["raw_probability_up"].to_numpy(),
            expected=rows["expected_raw"].to_numpy(),
            volatility=rows["volatility"].to_numpy(),
            realised=rows["realised_log_return"].to_numpy(),
            members=Members.parse(texts, recipe_of or {}),
            calendar=calendar,
        )

    def matured(self, session: date, n_sessions: int, cutoff_delay_minutes: int) -> npt.NDArray[np.int64]:
        """Rows that a session may learn from: of the trailing ``n_sessions``, ended and known by its cut-off.

        Notes
        -----
        As-of rule: the target session is not after ``session`` and, where stated, its price was known by then.
        """
        position = self.calendar.index(session)
        as_of = self.calendar.cutoff(session, cutoff_delay_minutes)
        start, stop = np.searchsorted(self.session_index, [position - n_sessions, position])
        late = self.known_at[start:stop] > np.datetime64(as_of.replace(tzinfo=None), "us")
        rows: npt.NDArray[np.int64] = start + np.flatnonzero(
            (self.target_index[start:stop] <= position) & ~late
        )
        return rows

    def forecasts(
        self, rows: npt.NDArray[np.int64], weights: Mapping[str, float] | None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Probability of up and expected log return of these rows, as members of these weights foretold it.

        Without weights, or where none of their recipes had spoken, what was said then stands.
        """
        said, expected = self.raw_probability_up[rows], self.expected[rows]
        if weights is None:
            return said, expected
        probability, mean = self.members.joined(rows, weights)
        silent = np.isnan(probability)
        return np.where(silent, said, probability), np.where(silent, expected, mean * self.volatility[rows])

    def losses(self, recipe: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Log loss of what a recipe said in these rows, shape (n,); NaN where it was silent."""
        if recipe not in self._losses:
            log_odds = self.members.of(recipe, np.arange(self.realised.size))[0]
            self._losses[recipe] = np.logaddexp(0.0, np.where(self.realised > 0, -log_odds, log_odds))
        return self._losses[recipe][rows]

    def adjustment(
        self, session: date, config: AdjustmentConfig, weights: Mapping[str, float] | None = None
    ) -> Adjustment:
        """Calibration and bounds of ``session``, for the ensemble of these weights.

        Notes
        -----
        As-of rule: see :meth:`matured`, over ``calibration_sessions``. Targets of h sessions overlap h deep, so
        each counts 1 / h towards the calibration.
        """
        rows = self.matured(session, config.calibration_sessions, config.cutoff_delay_minutes)
        realised, volatility = self.realised[rows], self.volatility[rows]
        raw, expected = self.forecasts(rows, weights)
        places, moments = self.session_index[rows], self.known_at[rows]
        sessions = places[np.flatnonzero(np.diff(places, prepend=-1))]
        moments = moments[~np.isnat(moments)]
        bounds, scale = None, None
        if sessions.size >= config.minimum_sessions:
            if config.scale is not None:
                scale, volatility = fit_scale(
                    self.tickers,
                    self.ticker_code[rows],
                    realised - expected,
                    volatility,
                    config.scale,
                    config.interval_coverage,
                )
            bounds = fit_bounds(
                realised, expected, volatility, config.interval_coverage, config.minimum_predictions
            )
        went_up = (realised > 0).astype(np.float64)
        evidence = 1.0 / (self.target_index[rows] - self.session_index[rows])
        return Adjustment(
            calibration=Calibration()
            if bounds is None
            else fit_calibration(raw, went_up, config.prior, evidence),
            bounds=bounds,
            scale=scale,
            n_sessions=int(sessions.size),
            n=int(rows.size),
            first_session=self.calendar.sessions[int(sessions[0])] if sessions.size else None,
            last_session=self.calendar.sessions[int(sessions[-1])] if sessions.size else None,
            known_until=_aware(moments.max()) if moments.size else None,
        )


def _aware(moment: np.datetime64) -> datetime:
    plain: datetime = moment.astype("datetime64[us]").astype(object)
    return plain.replace(tzinfo=UTC)
