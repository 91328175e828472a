"""How good the matured predictions were, session by session, beside forecasters that know nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.base_rates import with_base_rate
from nextgen_assets.domain.member_scores import member_metrics
from nextgen_assets.domain.scope_scores import (
    FEEDBACK_SCHEMA,
    MONTHLY,
    OVERALL,
    FeedbackSettings,
    ends_of,
    scope_rows,
    scopes,
    slice_scopes,
)
from nextgen_assets.domain.scorecard import target_positions
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.silence import Silence, abstention_metrics
from nextgen_assets.domain.validation import cutoff_frame

_CALIBRATION_SCHEMA = {
    "session_date": pl.Date,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
    "brier_score": pl.Float64,
    "base_rate_brier_score": pl.Float64,
    "brier_excess": pl.Float64,
    "standard_error": pl.Float64,
}


def feedback_metrics(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    settings: FeedbackSettings | None = None,
    members: pl.DataFrame | None = None,
    silence: Silence | None = None,
    early: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Score the trailing window of every session, overall and per ticker, and by slice at month ends.

    Parameters
    ----------
    joined : frame
        ``validation.join_outcomes``: one scenario, one horizon, one row per ticker and session, with
        targets in at least ``settings.history_sessions(horizon)`` sessions before each session. With sector and
        regime (``slices.dimensions``) these are scored too.
    sessions : list of date
        Sessions to score.
    members : frame, optional
        As for ``member_scores.member_metrics``: what each member had said.
    silence : Silence, optional
        What was abstained from, and what that would have scored.
    early : frame, optional
        Of ``early_estimates.estimated_performance``: stands beside the others.

    Returns
    -------
    frame
        Columns of feedback_metrics less run_id, sorted by (session_date, scope, metric). A scope with
        fewer than minimum_sessions sessions, and a correlation of something constant, have no row.

    Notes
    -----
    Session S uses rows whose target session is within the window_sessions sessions up to S. status
    compares with the baseline by the interval of the paired difference; coverage is 'worse' on
    either side of what was stated and never 'better'. hit_rate's baseline is the share of ups in the
    same window. Slices by sector, regime of the market, confidence band, member and reason of abstention are
    scored at the last session of each month, tickers at the settings' cadence. Intervals are value plus and
    minus Student's quantile times the standard error of a block bootstrap, cut at the bounds of the metric.
    A session alone gives the bytes it gives in a range.
    """
    settings = settings or FeedbackSettings()
    parts = [pl.DataFrame(schema=FEEDBACK_SCHEMA) if early is None else early]
    if sessions and joined.height:
        rows = with_base_rate(joined, calendar, settings.climatology_sessions)
        days, month_ends = sorted(sessions), ends_of(sessions, calendar, MONTHLY)
        of_tickers = ends_of(sessions, calendar, settings.ticker_cadence)
        for scope, part in scopes(rows):
            parts.append(
                scope_rows(scope, part, days if scope == OVERALL else of_tickers, calendar, settings)
            )
        for scope, part in slice_scopes(rows, settings.confidence_edges) if month_ends else ():
            parts.append(scope_rows(scope, part, month_ends, calendar, settings))
        if members is not None:
            parts.append(member_metrics(rows, members, month_ends, calendar, settings))
    if silence is not None:
        month_ends = ends_of(sessions, calendar, MONTHLY)
        parts.append(abstention_metrics(silence, joined, month_ends, calendar, settings))
    cutoffs = cutoff_frame(sorted(sessions), calendar, delay_minutes, "session_date")
    frame = pl.concat(parts)
    return frame.join(cutoffs, on="session_date").sort("session_date", "scope", "metric")


def recent_calibration(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    *,
    window_sessions: int = 60,
    climatology_sessions: int = 1000,
) -> pl.DataFrame:
    """Trailing Brier score of the predictions beside that of the base rate, for the humility of trading.

    Parameters
    ----------
    joined : frame
        As for ``feedback_metrics``.

    Returns
    -------
    frame
        [session_date, n, n_sessions, brier_score, base_rate_brier_score, brier_excess, standard_error],
        one row per session of ``sessions`` with a matured prediction on two sessions or more of its
        window; brier_excess = brier_score - base_rate_brier_score, positive where the base rate was
        better; standard_error clusters it by blocks of five sessions, null with fewer than two.
    """
    records = []
    rows = with_base_rate(joined, calendar, climatology_sessions)
    positions = target_positions(rows, calendar)
    model, base = rows["brier_score"].to_numpy(), rows["base_brier_score"].to_numpy()
    for session in sorted(sessions):
        now = calendar.index(session)
        start, stop = np.searchsorted(positions, [now - window_sessions + 1, now + 1]).tolist()
        n_sessions = np.unique(positions[start:stop]).size
        if n_sessions < 2:
            continue
        blocks = (now - positions[start:stop]) // 5
        difference = model[start:stop] - base[start:stop]
        error = (
            clustering.clustered_mean(difference, blocks).standard_error
            if np.unique(blocks).size > 1
            else None
        )
        n = stop - start
        scores = float(model[start:stop].sum() / n), float(base[start:stop].sum() / n)
        records.append((session, n, n_sessions, *scores, scores[0] - scores[1], error))
    return pl.DataFrame(records, schema=_CALIBRATION_SCHEMA, orient="row")
