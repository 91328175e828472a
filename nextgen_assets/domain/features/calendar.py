"""What the calendar of the exchange says ahead of every session: no data, so nothing to leak."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.sessions import SessionCalendar

_FAR = 10
"""Sessions beyond which a holiday or the turn of a month is just far."""

_WEEK = "French (1980), Stock Returns and the Weekend Effect, JFE 8(1)."
_MONTH = "Lakonishok and Smidt (1988), Are Seasonal Anomalies Real? RFS 1(4)."
_HOLIDAY = "Ariel (1990), High Stock Returns before Holidays, J. Finance 45(5)."
_EXPIRY = "Stoll and Whaley (1987), Program Trading and Expiration-Day Effects, FAJ 43(2)."


def _is_weekday_off(first: date, second: date) -> bool:
    """Whether the exchange keeps a holiday between two neighbouring sessions."""
    between = (first + timedelta(days=ahead) for ahead in range(1, (second - first).days))
    return any(day.weekday() < 5 for day in between)


def _sessions_until(
    calendar: SessionCalendar, session: date, step: int, is_there: Callable[[date, date], bool]
) -> float:
    """Sessions from ``session`` in the direction of ``step`` to the first pair of neighbours that qualifies."""
    here = session
    for distance in range(_FAR):
        beyond = calendar.shift(here, step)
        if is_there(min(here, beyond), max(here, beyond)):
            return float(distance)
        here = beyond
    return float(_FAR)


def _to_holiday(calendar: SessionCalendar, session: date) -> float:
    return _sessions_until(calendar, session, 1, _is_weekday_off)


def _since_holiday(calendar: SessionCalendar, session: date) -> float:
    return _sessions_until(calendar, session, -1, _is_weekday_off)


def _to_month_end(calendar: SessionCalendar, session: date) -> float:
    return _sessions_until(calendar, session, 1, lambda one, two: one.month != two.month)


def _since_month_start(calendar: SessionCalendar, session: date) -> float:
    return _sessions_until(calendar, session, -1, lambda one, two: one.month != two.month)


def _days_to_next(calendar: SessionCalendar, session: date) -> float:
    return float((calendar.shift(session, 1) - session).days)


def _is_expiry_week(_: SessionCalendar, session: date) -> float:
    friday = session + timedelta(days=4 - session.weekday())
    return float(15 <= friday.day <= 21)


def _year_angle(session: date) -> float:
    return 2.0 * math.pi * (session.timetuple().tm_yday - 1) / 365.25


def _feature(
    name: str, description: str, reference: str, of_session: Callable[[SessionCalendar, date], float]
) -> Feature:
    def compute(panel: Panel) -> Values:
        column = np.array([of_session(panel.calendar, session) for session in panel.sessions])
        return np.repeat(column[:, np.newaxis], len(panel.tickers), axis=1)

    return Feature(
        name=name,
        inputs=(),
        lookback_sessions=0,
        null_policy="never_null",
        description=description,
        reference=reference,
        compute=compute,
        family="calendar",
    )


def _weekday(_: SessionCalendar, session: date) -> float:
    return float(session.weekday())


def _season_sine(_: SessionCalendar, session: date) -> float:
    return math.sin(_year_angle(session))


def _season_cosine(_: SessionCalendar, session: date) -> float:
    return math.cos(_year_angle(session))


def _is_early_close(calendar: SessionCalendar, session: date) -> float:
    return float(session in calendar.early_closes)


FEATURES = (
    _feature("weekday", "Day of the week, 0 Monday to 4 Friday.", _WEEK, _weekday),
    _feature("days_to_next_session", "Calendar days to the next session, 3 over a weekend.", _WEEK, _days_to_next),
    _feature("sessions_to_month_end", "Sessions left in the month, 0 on its last, at most 10.", _MONTH, _to_month_end),
    _feature("sessions_since_month_start", "0 on the first session of a month, at most 10.", _MONTH, _since_month_start),
    _feature("season_sine", "Sine of the day of the year.", _MONTH, _season_sine),
    _feature("season_cosine", "Cosine of the day of the year.", _MONTH, _season_cosine),
    _feature("sessions_to_holiday", "Sessions left to a holiday, 0 on its eve, at most 10.", _HOLIDAY, _to_holiday),
    _feature("sessions_since_holiday", "Sessions since a holiday, 0 on the first, at most 10.", _HOLIDAY, _since_holiday),
    _feature("is_early_close", "1 when the exchange closes early, else 0.", _HOLIDAY, _is_early_close),
    _feature("is_expiry_week", "1 in the week of the third Friday (monthly options), else 0.", _EXPIRY, _is_expiry_week),
)  # fmt: skip
