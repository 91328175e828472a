"""Standing faults of the predictions: requests to retrain, and biases that have not gone away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.feedback import OVERALL, scopes
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

SIGNAL_SCHEMA = {
    "signal_id": pl.String,
    "session_date": pl.Date,
    "ticker": pl.String,
    "reason": pl.String,
    "confidence": pl.Float64,
    "window_start": pl.Date,
    "window_end": pl.Date,
    "status": pl.String,
    "answered_by_model_id": pl.String,
}
FLAG_SCHEMA = {
    "session_date": pl.Date,
    "scope": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "since": pl.Date,
}


@dataclass(frozen=True)
class RetrainRules:
    """When to ask for a new model.

    Parameters
    ----------
    minimum_confidence : float
        Two-sided confidence that the fault is no chance; stricter than the intervals of feedback,
        because every scope is looked at on every session.
    coverage_tolerance : float
        Distance from the stated coverage that is borne.
    cool_down_sessions : int
        Sessions after a signal in which the same ticker and reason are not repeated.
    window_sessions : int
        The window of the feedback that is read.
    """

    minimum_confidence: float = 0.99
    coverage_tolerance: float = 0.05
    cool_down_sessions: int = 60
    window_sessions: int = 250


@dataclass(frozen=True)
class BiasRules:
    """When a bias counts as standing.

    Parameters
    ----------
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


def retrain_signals(
    feedback: pl.DataFrame,
    earlier_signals: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    rules: RetrainRules | None = None,
) -> pl.DataFrame:
    """Requests to retrain that the feedback of ``sessions`` gives rise to.

    Parameters
    ----------
    feedback : frame
        ``feedback.feedback_metrics`` of the sessions.
    earlier_signals : frame
        [session_date, ticker, reason] of the table retrain_signals; rows in ``sessions`` or after are
        passed over, so that a re-run finds what it found before.

    Returns
    -------
    frame
        Columns of retrain_signals less run_id, sorted by (session_date, ticker, reason), status open;
        ticker null for the universe. Reasons: brier_score_above_base_rate, coverage_below_stated,
        coverage_above_stated.

    Notes
    -----
    Uses feedback of S for S. A session alone, given the signals before it, gives what it gives in a range.
    """
    rules = rules or RetrainRules()
    wanted = set(sessions)
    last_signal: dict[tuple[str | None, str], list[date]] = {}
    for row in earlier_signals.select("session_date", "ticker", "reason").iter_rows(named=True):
        if row["session_date"] not in wanted:
            last_signal.setdefault((row["ticker"], row["reason"]), []).append(row["session_date"])
    records = []
    for row in _faulty(feedback, sorted(wanted)).iter_rows(named=True):
        confidence, reason = _confidence(row), _reason(row, rules)
        if reason is None or confidence < rules.minimum_confidence:
            continue
        session = row["session_date"]
        ticker = None if row["scope"] == OVERALL else row["scope"].removeprefix("ticker:")
        given = last_signal.setdefault((ticker, reason), [])
        before = [day for day in given if day < session]
        if before and calendar.index(session) - calendar.index(max(before)) < rules.cool_down_sessions:
            continue
        given.append(session)
        start = calendar.shift(session, 1 - rules.window_sessions)
        identity = f"retrain|{session}|{ticker or '*'}|{reason}"
        signal_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
        records.append((signal_id, session, ticker, reason, confidence, start, session, "open", None))
    cutoffs = cutoff_frame(sorted(wanted), calendar, delay_minutes, "session_date")
    frame = pl.DataFrame(records, schema=SIGNAL_SCHEMA, orient="row")
    return frame.join(cutoffs, on="session_date").sort("session_date", "ticker", "reason")


def _faulty(feedback: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Rows of feedback that call something worse than it should be, in order of time."""
    is_fault = (pl.col("status") == "worse") & pl.col("metric").is_in(["brier_score", "coverage"])
    return feedback.filter(is_fault & pl.col("session_date").is_in(sessions)).sort(
        "session_date", "scope", "metric"
    )


def _confidence(row: dict[str, object]) -> float:
    """Two-sided confidence that the difference from the baseline is not zero."""
    details = json.loads(str(row["details"]))
    error, blocks = float(details["difference_standard_error"]), int(details["n_blocks"])
    return 1.0 - 2.0 * clustering.student_upper_tail(abs(float(details["difference"])), error, blocks - 1)


def _reason(row: dict[str, object], rules: RetrainRules) -> str | None:
    """The reason that a faulty row gives, or None where the fault is within tolerance."""
    if row["metric"] == "brier_score":
        return "brier_score_above_base_rate"
    gap = float(str(row["value"])) - float(str(row["baseline_value"]))
    if abs(gap) <= rules.coverage_tolerance:
        return None
    return "coverage_below_stated" if gap < 0 else "coverage_above_stated"


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
    records: list[tuple[object, ...]] = []
    if sessions and joined.height:
        for scope, rows in scopes(joined.sort("target_session_date", "ticker")):
            records.extend(_scope_flags(scope, rows, sorted(sessions), calendar, rules))
    cutoffs = cutoff_frame(sorted(sessions), calendar, delay_minutes, "session_date")
    frame = pl.DataFrame(records, schema=FLAG_SCHEMA, orient="row")
    return frame.join(cutoffs, on="session_date").sort("session_date", "scope", "kind")


def _scope_flags(
    scope: str, rows: pl.DataFrame, sessions: list[date], calendar: SessionCalendar, rules: BiasRules
) -> Iterator[tuple[object, ...]]:
    """Flags of one scope; each session's verdict is computed once, also for tracing back."""
    positions = scorecard.target_positions(rows, calendar)
    probability, is_up = rows["probability_up"].to_numpy(), (rows["realised_log_return"] > 0).to_numpy()
    taken = np.maximum(probability, 1.0 - probability)
    series = {("upward", "downward"): probability - is_up,
              ("overconfident", "underconfident"): taken - rows["is_correct"].to_numpy()}  # fmt: skip
    for kinds, differences in series.items():
        seen: dict[int, tuple[str, float, float] | None] = {}
        for session in sessions:
            now = calendar.index(session)
            found = _verdict_at(now, kinds, differences, positions, rules, seen)
            if found is None:
                continue
            since = now
            while now - since < rules.longest_memory_sessions:
                before = _verdict_at(since - 1, kinds, differences, positions, rules, seen)
                if before is None or before[0] != found[0]:
                    break
                since -= 1
            yield (session, scope, *found, calendar.sessions[since])


def _verdict_at(
    now: int,
    kinds: tuple[str, str],
    differences: FloatArray,
    positions: IntArray,
    rules: BiasRules,
    seen: dict[int, tuple[str, float, float] | None],
) -> tuple[str, float, float] | None:
    """(kind, value, threshold) at a position of the calendar, or None; remembered in ``seen``."""
    if now not in seen:
        start, stop = np.searchsorted(positions, [now - rules.window_sessions + 1, now + 1]).tolist()
        inside = positions[start:stop]
        seen[now] = None
        if np.unique(inside).size >= rules.minimum_sessions:
            blocks = (now - inside) // rules.block_sessions
            bias = clustering.clustered_mean(differences[start:stop], blocks)
            threshold = max(rules.tolerance, bias.half_width(rules.confidence))
            if abs(bias.value) > threshold:
                seen[now] = (kinds[0] if bias.value > 0 else kinds[1], bias.value, threshold)
    return seen[now]
