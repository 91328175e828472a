"""Which tickers deserve attention on a session, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

PRIORITY_SCHEMA = {
    "ticker": pl.String,
    "session_date": pl.Date,
    "tier": pl.String,
    "score": pl.Float64,
    "rationale": pl.String,
    "factors": pl.String,
}
_KEYS = ["ticker", "session_date"]
_WORDS = {
    "liquidity": "liquidity",
    "volatility_opportunity": "volatility",
    "news_attention": "news",
    "prediction_skill": "past predictions",
}


@dataclass(frozen=True)
class PrioritySettings:
    """Weights of the factors and the scores at which the tiers begin.

    Parameters
    ----------
    *_weight : float
        Not negative; a factor that is unknown gives its weight to the others.
    half_attention_articles : float
        Articles of a session at which news attention is one half.
    full_skill : float
        Brier skill (1 - score / base rate's) at which prediction skill is 1; minus as much gives 0.
    """

    liquidity_weight: float = 0.35
    volatility_opportunity_weight: float = 0.2
    news_attention_weight: float = 0.15
    prediction_skill_weight: float = 0.3
    core_score: float = 0.6
    active_score: float = 0.4
    half_attention_articles: float = 2.0
    full_skill: float = 0.05

    def __post_init__(self) -> None:
        """Refuse weights that weigh nothing and tiers out of order."""
        if min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise ValueError(f"weights {self.weights} must not be negative nor all zero")
        if not 0 <= self.active_score <= self.core_score <= 1:
            raise ValueError(f"need 0 <= active {self.active_score} <= core {self.core_score} <= 1")

    @cached_property
    def weights(self) -> dict[str, float]:
        """Weight of each factor by its name."""
        return {name: getattr(self, f"{name}_weight") for name in _WORDS}


def strategic_priorities(
    members: pl.DataFrame,
    liquidity: pl.DataFrame,
    volatility: pl.DataFrame,
    news: pl.DataFrame,
    skill: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    settings: PrioritySettings | None = None,
) -> pl.DataFrame:
    """Score and tier of every member of the universe on every session.

    Parameters
    ----------
    members : frame
        [ticker, session_date]: the universe of each session.
    liquidity : frame
        [ticker, session_date, median_dollar_volume_usd], see ``trailing_liquidity``.
    volatility : frame
        [ticker, session_date, volatility]: of log returns, any horizon, the same for all.
    news : frame
        [ticker, session_date, article_count]; no row means no article.
    skill : frame
        [ticker, session_date, brier_skill], see ``prediction_skill``.

    Returns
    -------
    frame
        Columns of strategic_priorities less run_id, sorted by (ticker, session_date). factors is JSON
        with the weights, the factors in [0, 1] and the inputs; null means unknown.

    Raises
    ------
    ValueError
        If a frame has two rows for a ticker and a session.

    Notes
    -----
    A row of an input counts for its own session only and must have been known by that session's
    cut-off. liquidity and volatility_opportunity are the share of known members below, ties counting
    half, so they compare tickers within the session and never across time.
    """
    settings = settings or PrioritySettings()
    frame = members.select(_KEYS).filter(pl.col("session_date").is_in(sessions))
    inputs = {
        "median_dollar_volume_usd": liquidity,
        "volatility": volatility,
        "article_count": news,
        "brier_skill": skill,
    }
    _refuse_repeats({"members": frame} | inputs)
    for name, source in inputs.items():
        frame = frame.join(source.select(*_KEYS, name), on=_KEYS, how="left")
    articles = pl.col("article_count").fill_null(0).cast(pl.Float64)
    skill_factor = 0.5 + 0.5 * pl.col("brier_skill") / settings.full_skill
    frame = frame.with_columns(
        liquidity=_share_below("median_dollar_volume_usd"),
        volatility_opportunity=_share_below("volatility"),
        news_attention=articles / (articles + settings.half_attention_articles),
        prediction_skill=skill_factor.clip(0.0, 1.0),
    )
    records = [_record(row, settings) for row in frame.iter_rows(named=True)]
    cutoffs = cutoff_frame(sorted(set(sessions)), calendar, delay_minutes, "session_date")
    scored = pl.DataFrame(records, schema=PRIORITY_SCHEMA, orient="row")
    return scored.join(cutoffs, on="session_date").sort("ticker", "session_date")


def trailing_liquidity(bars: pl.DataFrame, window_sessions: int = 20) -> pl.DataFrame:
    """Median of close times volume over the last ``window_sessions`` bars of each ticker.

    Parameters
    ----------
    bars : frame
        [ticker, session_date, close, volume], as traded: splits leave close times volume unchanged.

    Returns
    -------
    frame
        [ticker, session_date, median_dollar_volume_usd], one row per bar, sorted by (ticker,
        session_date); null before ``window_sessions`` bars.
    """
    dollars = (pl.col("close") * pl.col("volume")).rolling_median(window_sessions).over("ticker")
    return bars.sort(_KEYS).select(*_KEYS, median_dollar_volume_usd=dollars)


def prediction_skill(feedback: pl.DataFrame) -> pl.DataFrame:
    """Brier skill per ticker from feedback_metrics: 1 - score / base rate's score.

    Returns
    -------
    frame
        [ticker, session_date, brier_skill]; session_date as in the feedback. Shift it where the
        feedback of a session is not yet known when its priorities are set.
    """
    is_wanted = (pl.col("metric") == "brier_score") & pl.col("scope").str.starts_with("ticker:")
    return (
        feedback.filter(is_wanted & (pl.col("baseline_value") > 0))
        .select(
            pl.col("scope").str.strip_prefix("ticker:").alias("ticker"),
            "session_date",
            brier_skill=1.0 - pl.col("value") / pl.col("baseline_value"),
        )
        .sort(_KEYS)
    )


def _share_below(column: str) -> pl.Expr:
    """Mid-rank of the value among the known ones of the session, in (0, 1); null stays null."""
    known = pl.col(column).count().over("session_date")
    return (pl.col(column).rank("average").over("session_date") - 0.5) / known


def _refuse_repeats(frames: dict[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        repeated = frame.filter(frame.select(_KEYS).is_duplicated())
        if repeated.height:
            ticker, session = repeated.select(_KEYS).row(0)
            raise ValueError(
                f"priorities: {name} has {repeated.height} rows that share a ticker and a session, first "
                f"{ticker} {session}; pass one row each (one scoring method, one feature set)"
            )


def _record(row: dict[str, Any], settings: PrioritySettings) -> dict[str, object]:
    """Score, tier and reasons of one ticker on one session."""
    factors: dict[str, float | None] = {name: row[name] for name in _WORDS}
    known = {name: value for name, value in factors.items() if value is not None}
    weights = settings.weights
    weight = sum(weights[name] for name in known)
    score = sum(weights[name] * value for name, value in known.items()) / weight if weight else 0.0
    score = min(1.0, max(0.0, score))
    tier = "core" if score >= settings.core_score else "active" if score >= settings.active_score else "watch"
    inputs = ("median_dollar_volume_usd", "volatility", "article_count", "brier_skill")
    stated = {"factors": factors, "inputs": {name: row[name] for name in inputs}, "weights": weights}
    return {
        "ticker": row["ticker"],
        "session_date": row["session_date"],
        "tier": tier,
        "score": score,
        "rationale": _rationale(tier, score, factors),
        "factors": json.dumps(stated, allow_nan=False, sort_keys=True),
    }


def _rationale(tier: str, score: float, factors: dict[str, float | None]) -> str:
    """A sentence: what lifts the ticker, what holds it back, what is unknown."""
    strong = [_WORDS[name] for name, value in factors.items() if value is not None and value >= 0.6]
    weak = [_WORDS[name] for name, value in factors.items() if value is not None and value <= 0.4]
    unknown = [_WORDS[name] for name, value in factors.items() if value is None]
    clauses = [
        f"{lead} {', '.join(names)}"
        for lead, names in (("high on", strong), ("low on", weak), ("nothing known of", unknown))
        if names
    ]
    return f"{tier} at {score:.2f}: {'; '.join(clauses) or 'middling on every factor'}."
