"""Where are the predictions wrong? Month by month, slices of the matured past, tested together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.clustering import IntArray
from nextgen_assets.domain.curiosity_measures import Measure, measures
from nextgen_assets.domain.insight_retests import (
    RETEST_SCHEMA,
    RetestRules,
    Standing,
    retest,
    standing_findings,
)
from nextgen_assets.domain.lesson_measure import lesson_measure
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.slice_comparison import SliceTests, compare_slices
from nextgen_assets.domain.slices import Dimension, dimensions
from nextgen_assets.domain.suggestions import suggested_action
from nextgen_assets.domain.validation import cutoff_frame

INSIGHT_SCHEMA = {
    "insight_id": pl.String,
    "session_date": pl.Date,
    "kind": pl.String,
    "scope": pl.String,
    "hypothesis": pl.String,
    "evidence": pl.String,
    "effect": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "n": pl.Int32,
    "suggested_action": pl.String,
}


@dataclass(frozen=True)
class CuriositySettings:
    """What counts as a finding.

    Parameters
    ----------
    window_sessions : int
        Sessions of the calendar looked back upon.
    block_sessions : int
        Sessions that count as one observation; twice the horizon.
    minimum_rows, minimum_blocks : int
        Of a slice, and of the rest, for it to be tested at all.
    maximum_q_value : float
        False discovery rate among the findings of one session.
    confidence : float
        Of the interval of an effect.
    confidence_edges : tuple of float
        Distances of the probability from one half that part weak, moderate and strong.
    retests : RetestRules
        When a finding is looked at again.
    """

    window_sessions: int = 250
    block_sessions: int = 10
    minimum_rows: int = 40
    minimum_blocks: int = 5
    maximum_q_value: float = 0.05
    confidence: float = 0.95
    climatology_sessions: int = 1000
    confidence_edges: tuple[float, float] = (0.02, 0.05)
    retests: RetestRules = field(default_factory=RetestRules)


@dataclass(frozen=True)
class Findings:
    """Columns of learning_insights, and of insight_retests, less run_id."""

    insights: pl.DataFrame
    retests: pl.DataFrame


@dataclass(frozen=True)
class _Tested:
    """One slice of one measure, tested."""

    measure: Measure
    dimension: Dimension
    tests: SliceTests
    place: int
    rows: pl.DataFrame

    @property
    def scope(self) -> str:
        return self.dimension.scope(self.place)


def find_insights(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    settings: CuriositySettings | None = None,
    issued: pl.DataFrame | None = None,
    earlier: pl.DataFrame | None = None,
    closed: pl.DataFrame | None = None,
) -> Findings:
    """Findings at each month-end session of ``sessions``, and re-tests of those that stand.

    Parameters
    ----------
    joined, issued : frame
        As for ``curiosity_measures.measures``; one scenario, one horizon. The history it needs is that of
        ``feedback.FeedbackSettings.history_sessions``.
    sessions : list of date
        Only those that are the last of their month in the calendar are looked at.
    earlier : frame, optional
        As for ``insight_retests.standing_findings``.

    closed : frame, optional
        As for ``lesson_measure``: positions closed within the window.

    Returns
    -------
    Findings
        Insights sorted by (session_date, q_value, kind, scope); scope is dimension:slice; effect is the measure in
        the slice less that in the rest, always positive; p_value one-sided. Re-tests sorted by (session_date,
        insight_id).

    Notes
    -----
    Uses rows known within the window up to S. Every slice of every dimension is tested for every measure by a
    clustered t-test and corrected together by Benjamini and Hochberg: every slice looked at counts, found or
    not. What stands is not found again; it is re-tested on predictions made since. A session alone, given the
    findings before it, gives what it gives in a range.
    """
    settings = settings or CuriositySettings()
    month_ends = [day for day in sorted(sessions) if calendar.shift(day, 1).month != day.month]
    records: list[dict[str, object]] = []
    looks: list[dict[str, object]] = []
    measured = list(measures(joined, issued, calendar, settings.climatology_sessions)) if month_ends else []
    if measured and closed is not None and closed.height:
        measured.append(lesson_measure(closed, calendar))
    standing = standing_findings(earlier, month_ends[0]) if month_ends else {}
    for session in month_ends:
        known = set(standing)
        looks += retest(session, standing, measured, calendar, settings.retests, settings.confidence_edges)
        for record in _session_records(session, measured, calendar, settings):
            key = (str(record["kind"]), str(record["scope"]))
            if key not in known:
                records.append(record)
                effect = float(str(record["effect"]))
                standing[key] = Standing(str(record["insight_id"]), *key, effect, session)
    cutoffs = cutoff_frame(month_ends, calendar, delay_minutes, "session_date")
    insights = pl.DataFrame(records, schema=INSIGHT_SCHEMA, orient="row").join(cutoffs, on="session_date")
    retests = pl.DataFrame(looks, schema=RETEST_SCHEMA, orient="row").join(cutoffs, on="session_date")
    return Findings(
        insights.sort("session_date", "q_value", "kind", "scope"), retests.sort("session_date", "insight_id")
    )


def _session_records(
    session: date, measured: list[Measure], calendar: SessionCalendar, settings: CuriositySettings
) -> Iterator[dict[str, object]]:
    """Findings of one session."""
    now = calendar.index(session)
    tested = [found for measure in measured for found in _tested(measure, now, settings)]
    if not tested:
        return
    p_by_tests = {id(found.tests): found.tests.p_values() for found in tested}
    p_values = np.array([p_by_tests[id(found.tests)][found.place] for found in tested])
    q_values = clustering.benjamini_hochberg(p_values)
    for found, p_value, q_value in zip(tested, p_values.tolist(), q_values.tolist(), strict=True):
        if q_value <= settings.maximum_q_value and found.tests.effect[found.place] > 0:
            yield _record(session, found, p_value, q_value, len(tested), settings)


def _tested(measure: Measure, now: int, settings: CuriositySettings) -> Iterator[_Tested]:
    """Every slice of the window that is large enough, with the rest of it, to be tested."""
    inside = measure.span(now - settings.window_sessions, now)
    rows = measure.rows.filter(inside)
    if rows.is_empty():
        return
    blocks: IntArray = (now - measure.positions[inside]) // settings.block_sessions
    for dimension in dimensions(rows, settings.confidence_edges if measure.has_confidence else None):
        tests = compare_slices(
            measure.values[inside],
            blocks,
            dimension,
            settings.minimum_rows,
            settings.minimum_blocks,
            is_share=measure.is_share,
        )
        for place in np.flatnonzero(tests.is_testable).tolist():
            yield _Tested(measure, dimension, tests, place, rows)


def _record(
    session: date, found: _Tested, p_value: float, q_value: float, n_tested: int, settings: CuriositySettings
) -> dict[str, object]:
    tests, place, measure = found.tests, found.place, found.measure
    effect, reach = float(tests.effect[place]), tests.half_width(place, settings.confidence)
    inside = found.rows.filter(found.dimension.codes == place)
    day = "target_session_date" if "target_session_date" in inside.columns else "session_date"
    evidence: dict[str, object] = {
        f"first_{day}": str(found.rows[day].min()),
        f"last_{day}": str(found.rows[day].max()),
        f"{measure.name}_slice": float(tests.inside[place]),
        f"{measure.name}_rest": float(tests.outside[place]),
        "standard_error": float(tests.standard_error[place]),
        "degrees_of_freedom": int(tests.degrees_of_freedom[place]),
        "n_rest": found.rows.height - inside.height,
        "slices_tested": n_tested,
    }
    identity = f"insight|{session}|{measure.kind}|{found.scope}"
    return {
        "insight_id": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "session_date": session,
        "kind": measure.kind,
        "scope": found.scope,
        "hypothesis": measure.hypothesis.format(found.dimension.words[place]),
        "evidence": json.dumps(evidence | measure.describe(inside), allow_nan=False, sort_keys=True),
        "effect": effect,
        "lower": effect - reach,
        "upper": effect + reach,
        "p_value": p_value,
        "q_value": q_value,
        "n": int(tests.n[place]),
        "suggested_action": suggested_action(measure.kind, found.dimension.kind),
    }
