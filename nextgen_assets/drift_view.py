"""What drift is looked for in: the vectors that predictions were made of, and what was said."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.drift import INPUT, OUTPUT, DriftRules, SessionMoments, session_moments
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

OUTPUTS = ("probability_up", "raw_probability_up")
_SESSIONS_AT_ONCE = 250
Values = npt.NDArray[np.float64]


def drift_rules(settings: Settings) -> DriftRules:
    """The rules of the comparison, as the settings say."""
    return DriftRules(false_alarms=settings.feedback.drift_false_alarms)


def read_moments(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> dict[str, SessionMoments]:
    """Moments of inputs and outputs of the history of ``sessions``, read a year at a time; none without sessions."""
    if not sessions:
        return {}
    calendar = calendar_of(settings)
    history = drift_rules(settings).history_sessions
    first, last = calendar.sessions[max(calendar.index(sessions[0]) + 1 - history, 0)], sessions[-1]
    names = feature_set_of(settings).names
    return {
        INPUT: session_moments(_inputs(warehouse, settings, first, last), names, first, last, calendar),
        OUTPUT: session_moments(_outputs(warehouse, settings, first, last), OUTPUTS, first, last, calendar),
    }


def _inputs(
    warehouse: Warehouse, settings: Settings, first: date, last: date
) -> Iterator[tuple[pl.Series, Values]]:
    chosen = feature_set_of(settings)
    for begin, end in _years(settings, first, last):
        span = {"scenario_id": settings.scenario_id, "first": begin, "last": end}
        rows = warehouse.read("predicted_vectors", feature_set_id=chosen.feature_set_id, **span)
        if rows.height:
            flat = rows["values"].explode().cast(pl.Float64).fill_null(np.nan).to_numpy()
            yield rows["session_date"], flat.reshape(rows.height, len(chosen.names))


def _outputs(
    warehouse: Warehouse, settings: Settings, first: date, last: date
) -> Iterator[tuple[pl.Series, Values]]:
    for begin, end in _years(settings, first, last):
        span = {"scenario_id": settings.scenario_id, "first": begin, "last": end}
        rows = warehouse.read("probabilities_issued", **span)
        if rows.height:
            yield rows["session_date"], rows.select(OUTPUTS).to_numpy()


def _years(settings: Settings, first: date, last: date) -> Iterator[tuple[date, date]]:
    days = calendar_of(settings).between(first, last)
    for start in range(0, len(days), _SESSIONS_AT_ONCE):
        part = days[start : start + _SESSIONS_AT_ONCE]
        yield part[0], part[-1]
