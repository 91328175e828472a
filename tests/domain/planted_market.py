"""A made-up market whose first feature foretells the return, small enough to train in a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.splits import SplitConfig
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.walk_forward import train_cutoffs
from nextgen_assets.domain.window_store import WindowStore

CALENDAR = xnys()
TICKERS = ("AAPL", "IBM", "MSFT")
FIRST, N_SESSIONS, LOOKBACK, HORIZON = date(2004, 1, 2), 320, 4, 5
SESSIONS = tuple(CALENDAR.sessions[CALENDAR.index(FIRST) : CALENDAR.index(FIRST) + N_SESSIONS])
SPLIT = SplitConfig(
    horizon_sessions=HORIZON,
    train_sessions=120,
    embargo_sessions=1,
    validation_fraction=0.2,
    minimum_fit_sessions=40,
    minimum_validation_sessions=10,
)
SETTINGS = TrainingSettings(
    families={"base_rate": {}, "logistic": {}, "lstm": {"hidden_size": 4, "epochs": 2, "batch_size": 64}},
    split=SPLIT,
)
CUTOFFS = tuple(
    max(day for day in SESSIONS if (day.year, day.month) == month)
    for month in ((2004, 7), (2004, 8), (2004, 9))
)


@dataclass(frozen=True)
class Market:
    """Vectors, and what became of them, up to some session."""

    matrix: np.ndarray
    targets: pl.DataFrame
    sessions: tuple[date, ...]

    @property
    def store(self) -> WindowStore:
        finite = np.isfinite(self.matrix).all(axis=2)
        cells = np.array(
            [
                (session, ticker)
                for session in range(LOOKBACK - 1, len(self.sessions))
                for ticker in range(len(TICKERS))
                if finite[ticker, session - LOOKBACK + 1 : session + 1].all()
            ]
        )
        ids = [f"{TICKERS[ticker]}-{self.sessions[session]}" for session, ticker in cells.tolist()]
        return WindowStore(self.sessions, TICKERS, self.matrix, LOOKBACK, cells, np.array(ids, dtype=object))

    @property
    def volatility(self) -> pl.DataFrame:
        return self.targets.select("ticker", "session_date", "volatility")

    @property
    def universe(self) -> pl.DataFrame:
        return self.targets.select("ticker", "session_date")

    @property
    def window_rows(self) -> pl.DataFrame:
        known = [CALENDAR.close_at(day) for day in self.targets["session_date"]]
        return self.universe.with_columns(pl.Series("inputs_known_until", known, dtype=MOMENT))

    @property
    def outcomes(self) -> pl.DataFrame:
        """Returns that had ended, with the time when their price was known."""
        known = self.targets.filter(pl.col("forward_return").is_not_null())
        ends = [CALENDAR.shift(day, HORIZON) for day in known["session_date"]]
        return known.select("ticker", "session_date", realised_log_return="forward_return").with_columns(
            pl.Series("target_session_date", ends, dtype=pl.Date),
            pl.Series("price_known_at", [CALENDAR.close_at(day) for day in ends], dtype=MOMENT),
        )

    def through(self, session: date) -> Market:
        """The market as it was at the close of ``session``: nothing later exists."""
        stop = self.sessions.index(session) + 1
        ended = self.sessions[max(stop - 1 - HORIZON, 0)]
        known = pl.col("session_date") <= ended
        targets = self.targets.filter(pl.col("session_date") <= session).with_columns(
            forward_return=pl.when(known).then("forward_return")
        )
        return Market(self.matrix[:, :stop].copy(), targets, self.sessions[:stop])


MOMENT = pl.Datetime("us", "UTC")


@lru_cache(maxsize=1)
def planted_market() -> Market:
    rng = np.random.default_rng(42)
    matrix = rng.standard_normal((len(TICKERS), N_SESSIONS, 3)).astype(np.float32)
    daily = 0.012 * rng.standard_normal((len(TICKERS), N_SESSIONS))
    daily[:, 1:] += 0.012 * matrix[:, :-1, 0]
    matrix[1, 200, 1] = np.nan  # one vector of IBM is not known
    total = np.cumsum(daily, axis=1)
    rows = []
    for ticker, name in enumerate(TICKERS):
        for session, day in enumerate(SESSIONS):
            ended = session + HORIZON < N_SESSIONS
            forward = float(total[ticker, session + HORIZON] - total[ticker, session]) if ended else None
            rows.append((name, day, forward, 0.03 + 0.01 * ticker))
    schema = {
        "ticker": pl.String,
        "session_date": pl.Date,
        "forward_return": pl.Float64,
        "volatility": pl.Float64,
    }
    return Market(matrix, pl.DataFrame(rows, schema=schema, orient="row"), SESSIONS)


def training_data(market: Market, settings: TrainingSettings = SETTINGS) -> TrainingData:
    return TrainingData.build(market.store, market.targets, "features-1", CALENDAR, settings)


@lru_cache(maxsize=1)
def trained_models() -> tuple[TrainedModel, ...]:
    data = training_data(planted_market())
    return tuple(train_cutoffs([data.job(cutoff) for cutoff in CUTOFFS]))


def deployments(models: tuple[TrainedModel, ...]) -> pl.DataFrame:
    rows = [
        (
            model.model_id,
            model.family,
            CALENDAR.shift(model.cutoff_session, 1),
            None,
            datetime(2020, 1, 1, tzinfo=UTC),
        )
        for model in models
    ]
    schema = {
        "model_id": pl.String,
        "family": pl.String,
        "live_from": pl.Date,
        "live_to": pl.Date,
        "created_at": MOMENT,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
