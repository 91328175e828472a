"""Whether a finding holds on data that it was not found on: confirmed, undecided, retired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.curiosity_measures import Measure
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.slice_comparison import SliceTests, compare_slices
from nextgen_assets.domain.slices import Dimension, dimensions

CONFIRMED, UNDECIDED, RETIRED = "confirmed", "undecided", "retired"
RETEST_SCHEMA: dict[str, type[pl.DataType]] = {
    "insight_id": pl.String,
    "session_date": pl.Date,
    "effect": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "n": pl.Int32,
    "verdict": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True)
class RetestRules:
    """When a finding is looked at again, and when it falls.

    Parameters
    ----------
    retest_sessions : int
        Sessions after the finding, or after the last look, before the next one.
    window_sessions, block_sessions, minimum_rows, minimum_blocks : int
        As of the search; a re-test never looks further back than the window.
    maximum_q_value : float
        Of the re-tests of one session, for a confirmation.
    confidence : float
        Of the interval of the effect.
    shrunk_to : float
        Share of the effect that was found; a finding whose interval excludes even that is retired.
    longest_doubt : int
        Undecided re-tests in a row that retire it.
    """

    retest_sessions: int = 120
    window_sessions: int = 250
    block_sessions: int = 10
    minimum_rows: int = 20
    minimum_blocks: int = 4
    maximum_q_value: float = 0.1
    confidence: float = 0.95
    shrunk_to: float = 0.5
    longest_doubt: int = 2


@dataclass
class Standing:
    """A finding that has not been retired."""

    insight_id: str
    kind: str
    scope: str
    effect: float
    looked_at: date
    doubts: int = 0


@dataclass(frozen=True)
class _Look:
    """One standing finding with its comparison on later rows; None where its slice is too small."""

    finding: Standing
    tests: SliceTests | None
    place: int


def standing_findings(earlier: pl.DataFrame | None, before: date) -> dict[tuple[str, str], Standing]:
    """Findings that stand before a session, by kind and scope.

    Parameters
    ----------
    earlier : frame or None
        [insight_id, session_date, kind, scope, effect, tested_on, verdict]: each finding with its re-tests in order
        of time, the last two null without any. Rows of ``before`` or later are passed over, so that a re-run
        finds what it found.
    """
    standing: dict[tuple[str, str], Standing] = {}
    if earlier is None:
        return standing
    for row in earlier.filter(pl.col("session_date") < before).iter_rows(named=True):
        key = (row["kind"], row["scope"])
        if key not in standing or standing[key].insight_id != row["insight_id"]:
            standing[key] = Standing(
                row["insight_id"], row["kind"], row["scope"], row["effect"], row["session_date"]
            )
        if row["tested_on"] is not None and row["tested_on"] < before:
            note(standing, standing[key], row["tested_on"], row["verdict"])
    return standing


def continued(earlier: pl.DataFrame, insights: pl.DataFrame, retests: pl.DataFrame) -> pl.DataFrame:
    """What the next sessions read as earlier findings: those of before, with what was found and looked at since.

    Parameters
    ----------
    earlier : frame
        As for :func:`standing_findings`.
    insights, retests : frame
        Columns of learning_insights and insight_retests of the sessions after it.
    """
    about = ("insight_id", "session_date", "kind", "scope", "effect")
    known = pl.concat([earlier.select(about).unique("insight_id", keep="first"), insights.select(about)])
    looked = retests.select("insight_id", "verdict", tested_on="session_date").join(known, on="insight_id")
    found = insights.select(*about, tested_on=pl.lit(None, pl.Date), verdict=pl.lit(None, pl.String))
    since = pl.concat([looked.select(earlier.columns), found.select(earlier.columns)])
    return pl.concat([earlier, since.sort(pl.coalesce("tested_on", "session_date"), maintain_order=True)])


def note(standing: dict[tuple[str, str], Standing], finding: Standing, session: date, verdict: str) -> None:
    """Remember a verdict; a retired finding stands no more."""
    finding.looked_at = session
    finding.doubts = finding.doubts + 1 if verdict == UNDECIDED else 0
    if verdict == RETIRED:
        standing.pop((finding.kind, finding.scope), None)


def retest(
    session: date,
    standing: dict[tuple[str, str], Standing],
    measured: Iterable[Measure],
    calendar: SessionCalendar,
    rules: RetestRules,
    confidence_edges: tuple[float, float],
) -> list[dict[str, object]]:
    """Records of the re-tests that are due at ``session``; verdicts are noted in ``standing``.

    Notes
    -----
    Uses only predictions made after the finding and after its last look, so that no row decides twice; p-values of
    one session are corrected together. Confirmed: the effect is there again. Retired: it is gone, or has
    shrunk for certain below half of what was found, or was in doubt too often. Else undecided.
    """
    by_kind = {measure.kind: measure for measure in measured}
    due = [
        finding
        for _, finding in sorted(standing.items())
        if calendar.index(session) - calendar.index(finding.looked_at) >= rules.retest_sessions
    ]
    looks = [
        _look(finding, by_kind.get(finding.kind), calendar.index(session), calendar, rules, confidence_edges)
        for finding in due
    ]
    p_values = np.array([look.tests.p_values()[look.place] if look.tests else 1.0 for look in looks])
    q_values = clustering.benjamini_hochberg(p_values) if looks else p_values
    records = []
    for look, p_value, q_value in zip(looks, p_values.tolist(), q_values.tolist(), strict=True):
        record = _judged(look, session, p_value, q_value, rules)
        note(standing, look.finding, session, str(record["verdict"]))
        records.append(record)
    return records


def _look(
    finding: Standing,
    measure: Measure | None,
    now: int,
    calendar: SessionCalendar,
    rules: RetestRules,
    confidence_edges: tuple[float, float],
) -> _Look:
    if measure is None:
        return _Look(finding, None, 0)
    inside = measure.span(now - rules.window_sessions, now, calendar.index(finding.looked_at))
    rows = measure.rows.filter(inside)
    found = _dimension(finding.scope, rows, confidence_edges if measure.has_confidence else None)
    if found is None:
        return _Look(finding, None, 0)
    dimension, place = found
    blocks = (now - measure.positions[inside]) // rules.block_sessions
    tests = compare_slices(
        measure.values[inside],
        blocks,
        dimension,
        rules.minimum_rows,
        rules.minimum_blocks,
        is_share=measure.is_share,
    )
    return _Look(finding, tests if tests.is_testable[place] else None, place)


def _dimension(
    scope: str, rows: pl.DataFrame, edges: tuple[float, float] | None
) -> tuple[Dimension, int] | None:
    if rows.is_empty():
        return None
    for dimension in dimensions(rows, edges):
        for place in range(len(dimension.names)):
            if dimension.scope(place) == scope:
                return dimension, place
    return None


def _judged(
    look: _Look, session: date, p_value: float, q_value: float, rules: RetestRules
) -> dict[str, object]:
    record: dict[str, object] = {
        "insight_id": look.finding.insight_id, "session_date": session, "effect": None, "lower": None, "upper": None,
        "p_value": None, "q_value": None, "n": 0,
    }  # fmt: skip
    verdict, reason = UNDECIDED, "too few predictions of the slice since"
    if look.tests is not None:
        effect, reach = (
            float(look.tests.effect[look.place]),
            look.tests.half_width(look.place, rules.confidence),
        )
        record |= {"effect": effect, "lower": effect - reach, "upper": effect + reach}
        record |= {"p_value": p_value, "q_value": q_value, "n": int(look.tests.n[look.place])}
        if q_value <= rules.maximum_q_value:
            verdict, reason = CONFIRMED, "the effect is there on later predictions too"
        elif effect <= 0:
            verdict, reason = RETIRED, "the effect is gone on later predictions"
        elif effect + reach < rules.shrunk_to * look.finding.effect:
            verdict, reason = RETIRED, "the effect has shrunk to less than half of what was found"
        else:
            reason = "the effect cannot be told from chance on later predictions"
    if verdict == UNDECIDED and look.finding.doubts + 1 >= rules.longest_doubt:
        verdict, reason = RETIRED, f"{reason}, {rules.longest_doubt} times in a row"
    return record | {"verdict": verdict, "reason": reason}
