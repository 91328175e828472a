"""When instruments trade, and where bars begin and end: days and weeks as instants, clock changes included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.sessions import NEW_YORK, SessionCalendar

Instants = npt.NDArray[np.int64]
Hours = Literal["exchange", "extended", "fx", "utc"]

_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_DAY_SECONDS = 86_400
MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Timeframe:
    """The length of a bar.

    Attributes
    ----------
    seconds : int
        Its order among timeframes; for a day or a week, which are as long as the market makes them, the
        nominal length.
    name : str
        ``30s``, ``5m``, ``4h``, ``1d`` or ``1w``.
    """

    seconds: int
    name: str

    @property
    def is_within_day(self) -> bool:
        """Whether the bar is counted from the beginning of its market day."""
        return self.name[-1] in _SECONDS


def parse_timeframe(name: str) -> Timeframe:
    """The timeframe called ``name``.

    Raises
    ------
    ValueError
        It is not a number of s, m or h below a day that divides one, nor ``1d`` or ``1w``.

    Examples
    --------
    >>> parse_timeframe("4h").seconds, parse_timeframe("1w").is_within_day
    (14400, False)
    """
    if name in ("1d", "1w"):
        return Timeframe(_DAY_SECONDS * (1 if name == "1d" else 7), name)
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smh])", name)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds < _DAY_SECONDS or _DAY_SECONDS % seconds:
        raise ValueError(
            f"timeframe {name!r} is none; expected 1d, 1w, or seconds (s), minutes (m) or hours (h) that divide "
            "a day, such as 30s, 5m or 4h"
        )
    return Timeframe(seconds, name)


def parse_timeframes(names: Iterable[str]) -> tuple[Timeframe, ...]:
    """Timeframes ascending, each once.

    Raises
    ------
    ValueError
        There is none, or the shortest does not divide the others of a day.
    """
    frames = tuple(sorted({parse_timeframe(name) for name in names}))
    odd = [one.name for one in frames if one.is_within_day and one.seconds % frames[0].seconds]
    if not frames or odd:
        raise ValueError(
            f"{frames[0].name if frames else 'no timeframe'} does not divide {', '.join(odd) or 'anything'}: all are "
            "rolled up from the shortest one; choose a shorter one that divides them"
        )
    return frames


@dataclass(frozen=True)
class MarketDays:
    """Consecutive market days, ascending; all arrays have one entry for each.

    Attributes
    ----------
    starts, ends : ndarray of int64
        Microseconds since 1970 in UTC; a day holds ``start <= instant < end``.
    week_starts, week_ends : ndarray of int64
        From the start of the first day of the ISO week to the end of its last.
    """

    starts: Instants
    ends: Instants
    week_starts: Instants
    week_ends: Instants


def market_days(hours: Hours, calendar: SessionCalendar, first: int, last: int) -> MarketDays:
    """The market days that touch the instants from ``first`` to ``last``, with whole weeks around them.

    Notes
    -----
    exchange: sessions, from the official open to the official close; what is printed after the close,
    the auction included, is outside. extended: 4:00 to 20:00 in New York on sessions. fx: days that end at
    17:00 in New York, every day of the week: a weekend without ticks leaves no bar. utc: days of UTC.
    """
    monday = _monday(_day(first) - timedelta(days=2))
    sunday = _monday(_day(last) + timedelta(days=2)) + timedelta(days=6)
    days = [monday + timedelta(days=n) for n in range((sunday - monday).days + 1)]
    if hours in ("exchange", "extended"):
        days = calendar.between(monday, sunday)
    spans = [_span(hours, calendar, day) for day in days]
    starts = np.array([_microseconds(start) for start, _ in spans], np.int64)
    ends = np.array([_microseconds(end) for _, end in spans], np.int64)
    weeks = np.array([(day - monday).days // 7 for day in days], np.int64)
    firsts = np.searchsorted(weeks, weeks, side="left")
    lasts = np.searchsorted(weeks, weeks, side="right") - 1
    return MarketDays(starts, ends, starts[firsts], ends[lasts])


def _span(hours: Hours, calendar: SessionCalendar, day: date) -> tuple[datetime, datetime]:
    if hours == "exchange":
        return calendar.open_at(day), calendar.close_at(day)
    if hours == "extended":
        return _in_new_york(day, 4), _in_new_york(day, 20)
    if hours == "fx":
        return _in_new_york(day - timedelta(days=1), 17), _in_new_york(day, 17)
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return midnight, midnight + timedelta(days=1)


def _in_new_york(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=NEW_YORK).astimezone(UTC)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _day(microseconds: int) -> date:
    return (_EPOCH + timedelta(microseconds=microseconds)).date()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
