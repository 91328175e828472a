"""Requests to retrain, where feedback says that the predictions are worse than they should be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date

import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.scope_scores import OVERALL
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


def retrain_signals(
    feedback: pl.DataFrame,
    earlier_signals: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    rules: RetrainRules | None = None,
    drift: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Requests to retrain that the feedback of ``sessions`` gives rise to.

    Parameters
    ----------
    feedback : frame
        ``feedback.feedback_metrics`` of the sessions.
    earlier_signals : frame
        [session_date, ticker, reason] of the table retrain_signals; rows in ``sessions`` or after are
        passed over, so that a re-run finds what it found before.
    drift : frame, optional
        [session_date, kind, q_value, window_start]: what drifted at the sessions, one row per kind ('input', 'output').

    Returns
    -------
    frame
        Columns of retrain_signals less run_id, sorted by (session_date, ticker, reason), status open;
        ticker null for the universe. Reasons: brier_score_above_base_rate, coverage_below_stated,
        coverage_above_stated, input_drift, output_drift.

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
    for session, ticker, reason, confidence, start in _faults(
        feedback, drift, sorted(wanted), calendar, rules
    ):
        given = last_signal.setdefault((ticker, reason), [])
        before = [day for day in given if day < session]
        if before and calendar.index(session) - calendar.index(max(before)) < rules.cool_down_sessions:
            continue
        given.append(session)
        identity = f"retrain|{session}|{ticker or '*'}|{reason}"
        signal_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
        records.append((signal_id, session, ticker, reason, confidence, start, session, "open", None))
    cutoffs = cutoff_frame(sorted(wanted), calendar, delay_minutes, "session_date")
    frame = pl.DataFrame(records, schema=SIGNAL_SCHEMA, orient="row")
    return frame.join(cutoffs, on="session_date").sort("session_date", "ticker", "reason")


def _faults(
    feedback: pl.DataFrame,
    drift: pl.DataFrame | None,
    sessions: list[date],
    calendar: SessionCalendar,
    rules: RetrainRules,
) -> list[tuple[date, str | None, str, float, date]]:
    """Session, ticker, reason, confidence and start of the evidence of every fault that is sure enough, by session."""
    found: list[tuple[date, str | None, str, float, date]] = []
    for row in _faulty(feedback, sessions).iter_rows(named=True):
        confidence, reason = _confidence(row), _reason(row, rules)
        if reason is not None and confidence >= rules.minimum_confidence:
            ticker = None if row["scope"] == OVERALL else row["scope"].removeprefix("ticker:")
            start = calendar.shift(row["session_date"], 1 - rules.window_sessions)
            found.append((row["session_date"], ticker, reason, confidence, start))
    if drift is not None:
        at_hand = drift.filter(pl.col("session_date").is_in(sessions))
        for row in at_hand.iter_rows(named=True):
            confidence, reason = 1.0 - row["q_value"], f"{row['kind']}_drift"
            found.append((row["session_date"], None, reason, confidence, row["window_start"]))
    return sorted(found, key=lambda fault: fault[0])


def _faulty(feedback: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Rows of feedback that call the universe or a ticker worse than it should be, in order of time."""
    is_fault = (pl.col("status") == "worse") & pl.col("metric").is_in(["brier_score", "coverage"])
    can_be_trained = (pl.col("scope") == OVERALL) | pl.col("scope").str.starts_with("ticker:")
    return feedback.filter(is_fault & can_be_trained & pl.col("session_date").is_in(sessions)).sort(
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
