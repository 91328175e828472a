"""Biases of the predictions that have not gone away: which, how large, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.scope_scores import scopes
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

FLAG_SCHEMA = {
    "session_date": pl.Date,
    "scope": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "since": pl.Date,
}
_KINDS = (("upward", "downward"), ("overconfident", "underconfident"))


@dataclass(frozen=True)
class BiasRules:
    """When a bias counts as standing.

    Parameters
    ----------
    window_sessions, block_sessions : int
        As in feedback: the blocks fill the window.
    minimum_sessions : int
        Sessions with a matured prediction below which nothing is said.
    tolerance : float
        Mean difference of probability that is borne whatever the noise.
    confidence : float
        The threshold is not below the half-width of the clustered interval of this confidence; strict,
        because every scope is looked at on every session.
    longest_memory_sessions : int
        How far back ``since`` is traced.
    """

    window_sessions: int = 250
    block_sessions: int = 10
    minimum_sessions: int = 60
    tolerance: float = 0.03
    confidence: float = 0.99
    longest_memory_sessions: int = 250

    def __post_init__(self) -> None:
        clustering.require_whole_blocks(self.window_sessions, self.block_sessions, self.minimum_sessions)


def bias_flags(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    rules: BiasRules | None = None,
) -> pl.DataFrame:
    """Standing biases of the probabilities over the trailing window, overall and per ticker.

    Parameters
    ----------
    joined : frame
        ``validation.join_outcomes`` with targets in the window_sessions + longest_memory_sessions
        sessions up to each session.

    Returns
    -------
    frame
        Columns of bias_flags less run_id, sorted by (session_date, scope, kind). kind is upward or
        downward (mean probability of up less the share of ups), overconfident or underconfident (mean
        probability of the side taken less the hit rate); value carries its sign, threshold is
        positive. since is the first session of the unbroken stretch of flags, traced back at most
        longest_memory_sessions.

    Notes
    -----
    Uses rows whose target session is within the window up to S. The threshold is the tolerance or the
    half-width of the clustered interval, whichever is larger: small windows are not accused.
    """
    rules = rules or BiasRules()
    parts = [pl.DataFrame(schema=FLAG_SCHEMA)]
    if sessions and joined.height:
        for scope, rows in scopes(joined.sort("target_session_date", "ticker")):
            parts.append(_scope_flags(scope, rows, sorted(sessions), calendar, rules))
    cutoffs = cutoff_frame(sorted(sessions), calendar, delay_minutes, "session_date")
    return pl.concat(parts).join(cutoffs, on="session_date").sort("session_date", "scope", "kind")


def _scope_flags(
    scope: str, rows: pl.DataFrame, sessions: list[date], calendar: SessionCalendar, rules: BiasRules
) -> pl.DataFrame:
    """Flags of one scope."""
    first, last = calendar.index(sessions[0]), calendar.index(sessions[-1])
    ends = np.arange(max(first - rules.longest_memory_sessions, rules.window_sessions - 1), last + 1)
    probability, is_up = rows["probability_up"].to_numpy(), (rows["realised_log_return"] > 0).to_numpy()
    taken = np.maximum(probability, 1.0 - probability)
    differences = np.column_stack([probability - is_up, taken - rows["is_correct"].to_numpy()])
    columns = np.column_stack([np.ones(rows.height), differences])
    positions = scorecard.target_positions(rows, calendar)
    n_sessions, blocks = clustering.trailing_blocks(
        positions, columns, ends, rules.window_sessions, rules.block_sessions
    )
    is_heard = n_sessions >= rules.minimum_sessions
    wanted = np.isin(ends, [calendar.index(session) for session in sessions])
    parts = []
    for number, kinds in enumerate(_KINDS, start=1):
        value, threshold = _biases(blocks[:, :, 0], blocks[:, :, number], is_heard, rules)
        side = np.where(np.abs(value) > threshold, np.sign(value), 0.0)  # NaN compares as no bias
        since = np.maximum(_stretch_starts(side), np.arange(len(ends)) - rules.longest_memory_sessions)
        chosen = np.flatnonzero(wanted & (side != 0.0))
        parts.append(
            pl.DataFrame(
                {
                    "session_date": [calendar.sessions[end] for end in ends[chosen].tolist()],
                    "scope": [scope] * len(chosen),
                    "kind": [kinds[0] if sign > 0 else kinds[1] for sign in side[chosen].tolist()],
                    "value": value[chosen],
                    "threshold": threshold[chosen],
                    "since": [calendar.sessions[end] for end in ends[since[chosen]].tolist()],
                },
                schema=FLAG_SCHEMA,
            )
        )
    return pl.concat(parts)


def _biases(
    counts: FloatArray, sums: FloatArray, is_heard: npt.NDArray[np.bool_], rules: BiasRules
) -> tuple[FloatArray, FloatArray]:
    """Mean and threshold of each window from its blocks (n_windows, n_blocks); NaN where not heard."""
    value, threshold = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    if is_heard.any():
        counts, sums = (np.ascontiguousarray(array[is_heard]) for array in (counts, sums))
        n = counts.sum(axis=1)
        mean = sums.sum(axis=1) / n
        error, degrees = clustering.block_standard_error(counts, sums, mean, n)
        levels, place = np.unique(degrees, return_inverse=True)
        reach = [clustering.student_quantile(0.5 + rules.confidence / 2, level) for level in levels.tolist()]
        value[is_heard] = mean
        threshold[is_heard] = np.maximum(rules.tolerance, np.array(reach)[place] * error)
    return value, threshold


def _stretch_starts(side: FloatArray) -> IntArray:
    """Where the unbroken stretch of equal values that each element belongs to began."""
    begins = np.ones(len(side), dtype=np.bool_)
    begins[1:] = side[1:] != side[:-1]
    starts: IntArray = np.maximum.accumulate(np.where(begins, np.arange(len(side)), 0))
    return starts
