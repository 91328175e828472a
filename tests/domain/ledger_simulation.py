"""Ledgers of judged predictions as markets make them, with a weakness planted or none: arrays, no loops over rows.

Returns share a market and a sector factor, their volatility comes in clusters, targets of five sessions overlap,
forecasts lean slowly and know nothing. Twelve tickers in three sectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.regimes import REGIMES
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.slices import MOODS
from nextgen_assets.domain.validation import log_loss

HORIZON = 5
TICKERS = tuple(f"T{number:02d}" for number in range(12))
SECTORS = ("Energy", "Health", "Technology")
PLANTED = (
    ("weakness", "ticker:T04"),
    ("weakness", "sector:Health"),
    ("weakness", "regime:falling turbulent"),
    ("weakness", "weekday:Monday"),
    ("weakness", "volatility:high"),
    ("weakness", "event:action"),
    ("weakness", "sentiment:negative"),
    ("weakness", "confidence:strong"),
    ("surprise", "ticker:T07"),
    ("gap", "sector:Energy"),
)
"""Kind and scope of each weakness that can be planted."""


@dataclass(frozen=True)
class Ledger:
    """Judged predictions with their circumstances, and all that were issued."""

    joined: pl.DataFrame
    issued: pl.DataFrame

    @property
    def month_ends(self) -> list[date]:
        """Sessions that are the last of their month and have targets."""
        days = self.joined["target_session_date"].unique().sort().to_list()
        return [day for day in days if xnys().shift(day, 1).month != day.month]


def simulated_ledger(
    seed: int,
    n_sessions: int = 290,
    planted: tuple[str, str] | None = None,
    ends_after: int | None = None,
) -> Ledger:
    """A ledger; ``planted`` (one of ``PLANTED``) is there in the first ``ends_after`` sessions, or in all."""
    rng = np.random.default_rng(seed)
    realised, volatility, daily_market = _returns(rng, n_sessions)
    rows = _circumstances(rng, n_sessions, daily_market, volatility)
    lean = _slow(rng, (n_sessions, len(TICKERS)), 0.9) * 0.02
    probability = np.clip(0.5 + lean, 0.05, 0.95)
    silent = np.zeros(probability.shape, dtype=np.bool_)
    if planted is not None:
        member = _members(rows, planted[1], volatility, probability)
        member[n_sessions if ends_after is None else ends_after :] = False
        if planted[0] == "surprise":
            realised = np.where(member, realised * 1.6, realised)
        elif planted[0] == "gap":
            silent = member & (rng.random(probability.shape) < 0.15)
        elif planted[1] == "confidence:strong":
            wrong = np.where(realised > 0, 0.44, 0.56)
            probability = np.where(rng.random(probability.shape) < 0.15, wrong, probability)
        else:
            probability = np.where(
                member, 0.5 + 0.3 * rng.choice([-1.0, 1.0], probability.shape), probability
            )
    return _ledger(rows, realised, volatility, probability, silent)


def _returns(rng: np.random.Generator, n_sessions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns over the horizon and their forecast volatility (n_sessions, n_tickers), daily market returns."""
    n_days, n_tickers = n_sessions + HORIZON, len(TICKERS)
    level = 0.009 * np.exp(0.4 * _slow(rng, (n_days, 1), 0.97))
    market = level[:, 0] * rng.standard_t(5, n_days) * np.sqrt(3 / 5)
    sector = 0.5 * level * rng.normal(size=(n_days, len(SECTORS)))
    own = 1.2 * level * rng.standard_t(5, (n_days, n_tickers)) * np.sqrt(3 / 5)
    daily = market[:, None] + np.repeat(sector, n_tickers // len(SECTORS), axis=1) + own
    sums = np.stack([daily[1 + k : 1 + k + n_sessions] for k in range(HORIZON)]).sum(axis=0)
    forecast = level[:n_sessions] * np.sqrt(HORIZON * (1 + 0.25 + 1.44)) * np.ones((1, n_tickers))
    return sums, forecast * np.exp(0.05 * rng.normal(size=(1, n_tickers))), market[:n_sessions]


def _slow(rng: np.random.Generator, shape: tuple[int, int], memory: float) -> np.ndarray:
    """Autoregressive noise of unit variance along the first axis."""
    noise = rng.normal(size=shape)
    for k in range(1, shape[0]):
        noise[k] = memory * noise[k - 1] + np.sqrt(1 - memory * memory) * noise[k]
    return noise


def _circumstances(
    rng: np.random.Generator, n_sessions: int, market: np.ndarray, volatility: np.ndarray
) -> dict[str, np.ndarray]:
    """Sector, regime, mood (-1: no news), action and weekday of every session and ticker, as codes."""
    shape = (n_sessions, len(TICKERS))
    trend = np.convolve(market, np.ones(40), mode="full")[:n_sessions]
    turbulent = volatility[:, 0] > np.median(volatility[:, 0])
    regime = 2 * (trend < np.median(trend)).astype(int) + turbulent.astype(int)
    news = _slow(rng, shape, 0.5) > 0.3
    feeling = np.digitize(_slow(rng, shape, 0.7), [-0.4, 0.4])
    every = (np.arange(n_sessions)[:, None] + 5 * np.arange(len(TICKERS))[None, :]) % 62 < HORIZON
    sector = np.repeat(np.arange(len(SECTORS)), len(TICKERS) // len(SECTORS))
    return {
        "sector": np.broadcast_to(sector, shape),
        "regime": np.broadcast_to(regime[:, None], shape),
        "mood": np.where(news, feeling, -1),
        "action": every.astype(int),
    }


def _members(
    rows: dict[str, np.ndarray], scope: str, volatility: np.ndarray, probability: np.ndarray
) -> np.ndarray:
    """Where a planted slice is, (n_sessions, n_tickers)."""
    kind, name = scope.split(":")
    shape = probability.shape
    days = np.array([day.weekday() for day in _days(shape[0])])
    match kind:
        case "ticker":
            found = np.broadcast_to(np.array(TICKERS) == name, shape)
        case "sector":
            found = rows["sector"] == SECTORS.index(name)
        case "regime":
            found = rows["regime"] == REGIMES.index(name)
        case "weekday":
            found = np.broadcast_to((days == 0)[:, None], shape)
        case "volatility":
            found = volatility > np.quantile(volatility, 2 / 3)
        case "event":
            found = rows["action"] == 1
        case "sentiment":
            found = rows["mood"] == MOODS.index(name)
        case _:
            found = np.zeros(shape, dtype=np.bool_)
    return np.array(found)


def _days(n_sessions: int, shift: int = 0) -> list[date]:
    first = xnys().index(date(2004, 1, 5)) + shift
    return list(xnys().sessions[first : first + n_sessions])


def _ledger(
    rows: dict[str, np.ndarray],
    realised: np.ndarray,
    volatility: np.ndarray,
    probability: np.ndarray,
    silent: np.ndarray,
) -> Ledger:
    n_sessions, n_tickers = probability.shape
    names = {"sector": SECTORS, "regime": REGIMES, "mood": MOODS}
    words = {
        name: pl.Series(rows[name].ravel()).replace_strict(
            dict(enumerate(known)), default=None, return_dtype=pl.String
        )
        for name, known in names.items()
    }
    frame = pl.DataFrame(
        {
            "ticker": list(TICKERS) * n_sessions,
            "session_date": np.repeat(np.array(_days(n_sessions), dtype="datetime64[D]"), n_tickers),
            "target_session_date": np.repeat(
                np.array(_days(n_sessions, HORIZON), dtype="datetime64[D]"), n_tickers
            ),
            "probability_up": probability.ravel(),
            "realised_log_return": realised.ravel(),
            "volatility": volatility.ravel(),
            **words,
            "has_action": rows["action"].ravel() == 1,
            "abstained": silent.ravel(),
        }
    ).with_columns(
        has_news=pl.col("mood").is_not_null(),
        abstain_reason=pl.when("abstained").then(pl.lit("window_incomplete")),
        horizon_sessions=HORIZON,
        interval_coverage=0.9,
        lower_log_return=-1.645 * pl.col("volatility"),
        upper_log_return=1.645 * pl.col("volatility"),
        expected_log_return=0.0,
        model_id=pl.lit("model"),
        prediction_id=pl.format("{}|{}", "ticker", "session_date"),
    )
    is_up = pl.col("realised_log_return") > 0
    judged = frame.filter(~pl.col("abstained")).with_columns(
        is_correct=(pl.col("probability_up") >= 0.5) == is_up,
        brier_score=(pl.col("probability_up") - is_up.cast(pl.Float64)) ** 2,
        log_loss=log_loss(pl.col("probability_up"), is_up),
        is_inside_interval=pl.col("realised_log_return").abs() <= pl.col("upper_log_return"),
        surprise_z=pl.col("realised_log_return") / pl.col("volatility"),
    )
    issued = frame.drop("realised_log_return", "target_session_date", "has_action")
    return Ledger(judged, issued)
