"""Drift: whether the newest quarter looks like the quarters before it, with a bound on false alarms.

Sessions are not independent: features overlap, volatility comes in clusters. So a stretch of sessions as long as the
newest one is a single observation, and the newest is compared with the spread of those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.clustering import FloatArray
from nextgen_assets.domain.sessions import SessionCalendar

INPUT, OUTPUT = "input", "output"
MEASURES = ("level", "spread")
DRIFT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "session_date": pl.Date,
    "kind": pl.String,
    "name": pl.String,
    "measure": pl.String,
    "value": pl.Float64,
    "reference_value": pl.Float64,
    "standard_error": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "is_drift": pl.Boolean,
    "n": pl.Int32,
    "n_blocks": pl.Int32,
    "window_start": pl.Date,
    "reference_start": pl.Date,
}
_TINY = 1e-12


@dataclass(frozen=True)
class DriftRules:
    """What is compared with what.

    Parameters
    ----------
    recent_sessions : int
        The newest stretch, and the length of every stretch before it.
    reference_blocks, minimum_blocks : int
        Most and fewest stretches before it.
    false_alarms : float
        Share of looks at which a stationary past may be called drifting: the level of Benjamini and Hochberg over all
        names and measures of a look.
    """

    recent_sessions: int = 60
    reference_blocks: int = 16
    minimum_blocks: int = 8
    false_alarms: float = 0.05

    def __post_init__(self) -> None:
        if not 3 <= self.minimum_blocks <= self.reference_blocks or self.recent_sessions < 2:
            raise ValueError(
                f"{self}: expected stretches of two sessions or more and at least three of them to compare with"
            )

    @property
    def history_sessions(self) -> int:
        """Sessions up to the session itself that a look reads."""
        return self.recent_sessions * (1 + self.reference_blocks)


@dataclass(frozen=True, eq=False)
class SessionMoments:
    """Counts, sums and sums of squares of each name on each session.

    Parameters
    ----------
    first : int
        Calendar position of the first session.
    names : tuple of str
        Features, or outputs.
    n, total, squares : ndarray (n_sessions, n_names)
        Zero where nothing was there.
    """

    first: int
    names: tuple[str, ...]
    n: FloatArray
    total: FloatArray
    squares: FloatArray


def session_moments(
    chunks: Iterable[tuple[pl.Series, FloatArray]],
    names: Sequence[str],
    first: date,
    last: date,
    calendar: SessionCalendar,
) -> SessionMoments:
    """Moments of the values of sessions ``first`` to ``last``.

    Parameters
    ----------
    chunks : iterable of (Series, ndarray)
        session_date of each row, sorted, and its values (n_rows, n_names), NaN where unknown; a session in one chunk.
    names : sequence of str
        Of the columns.
    """
    start = calendar.index(first)
    shape = (calendar.index(last) - start + 1, len(names))
    n, total, squares = (np.zeros(shape) for _ in range(3))
    for days, values in chunks:
        runs = days.rle()
        lengths = runs.struct.field("len").to_numpy()
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        places = [calendar.index(day) - start for day in runs.struct.field("value").to_list()]
        known = np.isfinite(values)
        kept = np.where(known, values, 0.0).astype(np.float64)
        n[places] = np.add.reduceat(known.astype(np.float64), starts, axis=0)
        total[places] = np.add.reduceat(kept, starts, axis=0)
        squares[places] = np.add.reduceat(kept * kept, starts, axis=0)
    return SessionMoments(start, tuple(names), n, total, squares)


def drift_metrics(
    moments: Mapping[str, SessionMoments],
    sessions: list[date],
    calendar: SessionCalendar,
    rules: DriftRules | None = None,
) -> pl.DataFrame:
    """Level and spread of every name over the newest stretch, beside the stretches before it.

    The level is the mean of all values of a stretch; the spread the logarithm of the root of their mean squared
    distance from the mean of all reference stretches. Either is compared by ``(x - mean) / (s sqrt(1 + 1/K))`` with
    Student's distribution of (K - 1) / 2 degrees of freedom, where s is the standard deviation over the K stretches: half
    of what independent normal stretches would have, for these are neither.

    Parameters
    ----------
    moments : mapping of str to SessionMoments
        By kind: 'input', 'output'. Each kind is corrected for its own looks.
    sessions : list of date
        Sessions to look at.

    Returns
    -------
    frame
        ``DRIFT_SCHEMA`` by session, kind, name and measure. What never varied, and a past of fewer than
        ``minimum_blocks`` filled stretches, have no row.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical
    Society B 57.

    Notes
    -----
    As-of rule: values of sessions up to S. A session alone gives the bytes that it gives in a range.
    """
    rules = rules or DriftRules()
    parts = [pl.DataFrame(schema=DRIFT_SCHEMA)]
    for session in sorted(sessions):
        parts += [_look(session, kind, moments[kind], calendar, rules) for kind in sorted(moments)]
    return pl.concat(parts)


def _look(
    session: date, kind: str, moments: SessionMoments, calendar: SessionCalendar, rules: DriftRules
) -> pl.DataFrame:
    now, length = calendar.index(session) - moments.first, rules.recent_sessions
    n_blocks = min(rules.reference_blocks, (now + 1) // length - 1)
    records: list[tuple[object, ...]] = []
    if n_blocks >= rules.minimum_blocks:
        spans = [slice(now + 1 - length * (k + 1), now + 1 - length * k) for k in range(n_blocks + 1)]
        n, total, squares = (
            np.stack([array[span].sum(axis=0) for span in spans])
            for array in (moments.n, moments.total, moments.squares)
        )
        for place, name in enumerate(moments.names):
            filled = n[:, place] > 0
            if filled[0] and filled[1:].sum() >= rules.minimum_blocks:
                compared = _compared(n[filled, place], total[filled, place], squares[filled, place])
                records += [
                    (session, kind, name, measure, *figures, int(n[0, place]), int(filled.sum()) - 1)
                    for measure, figures in zip(MEASURES, compared, strict=True)
                    if figures is not None
                ]
    columns = [
        name
        for name in DRIFT_SCHEMA
        if name not in ("q_value", "is_drift", "window_start", "reference_start")
    ]
    frame = pl.DataFrame(records, schema={name: DRIFT_SCHEMA[name] for name in columns}, orient="row")
    first = calendar.index(session) + 1 - length
    q_values = clustering.benjamini_hochberg(frame["p_value"].to_numpy()) if records else np.zeros(0)
    return frame.with_columns(
        q_value=pl.Series(q_values, dtype=pl.Float64),
        is_drift=pl.Series(q_values <= rules.false_alarms, dtype=pl.Boolean),
        window_start=pl.lit(calendar.sessions[first]),
        reference_start=pl.lit(calendar.sessions[max(first - length * max(n_blocks, 0), 0)]),
    ).select(list(DRIFT_SCHEMA))


def _compared(
    n: FloatArray, total: FloatArray, squares: FloatArray
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Value, reference, standard error and p-value of level and spread; the newest stretch is the first."""
    level = total / n
    centre = float(total[1:].sum() / n[1:].sum())
    size = (squares - 2.0 * centre * total + centre * centre * n) / n
    scale = max(float(np.abs(squares / n).max()), _TINY)
    spread = np.log(size) / 2.0 if (size > _TINY * scale).all() else None
    return _against(level, scale**0.5), None if spread is None else _against(spread, 1.0)


def _against(values: FloatArray, scale: float) -> tuple[float, ...] | None:
    """Student's prediction test of the first value against the others; None where those do not vary."""
    others = values[1:]
    mean = float(others.sum() / others.size)
    variance = float(((others - mean) ** 2).sum() / (others.size - 1))
    error = (variance * (1.0 + 1.0 / others.size)) ** 0.5
    if error <= 1e-9 * scale:
        return None
    degrees = (others.size - 1) // 2
    p_value = 2.0 * clustering.student_upper_tail(abs(float(values[0]) - mean), error, degrees)
    return float(values[0]), mean, error, min(1.0, p_value)
