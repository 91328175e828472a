"""How the last completed week and month stood, and where today's close is beside them.

A week or month is complete from the close of its last session on, which the calendar of the exchange knows ahead.
Before that the one before it counts: the forming bar is never read. Bars are made of the days of the ticker, in
total-return units of their last close, so a split or dividend inside them changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._trailing import SMALLEST_MOVE, ratio_or
from nextgen_assets.domain.grid import Index, Values
from nextgen_assets.domain.prices import Panel

_INPUTS = ("log_return", "high_ratio", "low_ratio")
_ELDER = "Elder (1993), Trading for a Living: the triple screen reads the next larger timeframe."
_MOMENTUM = "Jegadeesh and Titman (1993), Returns to Buying Winners, J. Finance 48(1)."
_RANGE = (
    "George and Hwang (2004), The 52-Week High and Momentum Investing, J. Finance 59(5): nearness to a high."
)


@dataclass(frozen=True)
class Timeframe:
    """A calendar period of which bars are made.

    Parameters
    ----------
    name : str
        Begins the names of its features.
    key : callable
        What the days of one period have in common.
    most_sessions : int
        The most that one can have.
    several : int
        How many of them the longer return adds up.
    """

    name: str
    key: Callable[[date], tuple[int, int]]
    most_sessions: int
    several: int

    def lookback(self, n_bars: int) -> int:
        """Rows before today that the last ``n_bars`` completed bars can reach."""
        return (self.most_sessions - 1) + n_bars * self.most_sessions - 1


@dataclass(frozen=True, eq=False)
class CompletedBars:
    """Bars that are whole in a panel, in order.

    Parameters
    ----------
    number : ndarray (n_sessions,)
        The last one completed by each session, the session included; -1 where there is none.
    log_return, high, low : ndarray (n_bars, n_tickers)
        Total log return from the close before the bar; log of its high and low over its last close.
    since : ndarray (n_sessions, n_tickers)
        Total log return from the last close of that bar to the close of the session.
    """

    number: Index
    log_return: Values
    high: Values
    low: Values
    since: Values


def completed_bars(panel: Panel, timeframe: Timeframe) -> CompletedBars:
    """The completed bars of ``timeframe``; NaN where a ticker misses one of their sessions."""
    moves, high, low = (panel.fields[name] for name in _INPUTS)
    spans = _whole_periods(panel, timeframe)
    shape = (len(spans), len(panel.tickers))
    found = [np.zeros(shape) for _ in _INPUTS]
    for bar, (first, last) in enumerate(spans):
        total, back, top, bottom = moves[first].copy(), np.zeros(shape[1]), high[last], low[last]
        for row in range(first + 1, last + 1):
            total += moves[row]
        for row in range(last - 1, first - 1, -1):
            back = back - moves[row + 1]
            top, bottom = np.maximum(top, high[row] + back), np.minimum(bottom, low[row] + back)
        found[0][bar], found[1][bar], found[2][bar] = total, top, bottom
    number = np.full(len(panel.sessions), -1, dtype=np.int64)
    since = np.full(moves.shape, np.nan)
    ends = {last: bar for bar, (_, last) in enumerate(spans)}
    for row in range(len(number)):
        if row in ends:
            number[row], since[row] = ends[row], 0.0
        elif row:
            number[row], since[row] = number[row - 1], since[row - 1] + moves[row]
    return CompletedBars(number, found[0], found[1], found[2], since)


def _whole_periods(panel: Panel, timeframe: Timeframe) -> list[tuple[int, int]]:
    """First and last row of each period of which the panel has every session."""
    sessions, calendar = panel.sessions, panel.calendar
    days = (calendar.shift(sessions[0], -1), *sessions, calendar.shift(sessions[-1], 1))
    keys = [timeframe.key(day) for day in days]
    first, spans = -1, []
    for row in range(len(sessions)):
        if keys[row + 1] != keys[row]:
            first = row
        if keys[row + 1] != keys[row + 2] and first >= 0:
            spans.append((first, row))
    return spans


def _of_last(bars: CompletedBars, values: Values, back: int = 0) -> Values:
    """``values`` of the bar ``back`` before the last completed one, for every session; NaN where there is none."""
    wanted = bars.number - back
    found = np.full((len(wanted), values.shape[1]), np.nan)
    found[wanted >= 0] = values[wanted[wanted >= 0]]
    return found


def _return(n_bars: int) -> Callable[[CompletedBars], Values]:
    def compute(bars: CompletedBars) -> Values:
        total = _of_last(bars, bars.log_return)
        for back in range(1, n_bars):
            total += _of_last(bars, bars.log_return, back)
        return total

    return compute


def _range(bars: CompletedBars) -> Values:
    return _of_last(bars, bars.high - bars.low)


def _close_location(bars: CompletedBars) -> Values:
    return _of_last(bars, ratio_or(-bars.low, bars.high - bars.low, neutral=0.5, smallest=SMALLEST_MOVE))


def _high_distance(bars: CompletedBars) -> Values:
    return np.asarray(bars.since - _of_last(bars, bars.high))


def _low_distance(bars: CompletedBars) -> Values:
    return np.asarray(bars.since - _of_last(bars, bars.low))


def _is_unbroken(panel: Panel, n_rows: int) -> NDArray[np.bool_]:
    """Whether the last ``n_rows`` rows of the ticker all have their return."""
    known = ~np.isnan(panel.fields["log_return"])
    run, unbroken = np.zeros(known.shape[1], dtype=np.int64), np.zeros(known.shape, dtype=np.bool_)
    for row in range(len(known)):
        run = np.where(known[row], run + 1, 0)
        unbroken[row] = run >= n_rows
    return unbroken


def _feature(
    timeframe: Timeframe,
    stem: str,
    n_bars: int,
    description: str,
    reference: str,
    of_bars: Callable[[CompletedBars], Values],
) -> Feature:
    lookback = timeframe.lookback(n_bars)

    def compute(panel: Panel) -> Values:
        values = of_bars(completed_bars(panel, timeframe))
        return np.where(_is_unbroken(panel, lookback + 1), values, np.nan)

    return Feature(
        name=f"{timeframe.name}_{stem}",
        inputs=_INPUTS,
        lookback_sessions=lookback,
        null_policy="null_if_any_missing",
        description=description,
        reference=reference,
        compute=compute,
        family="timeframe",
    )


def _features(timeframe: Timeframe) -> tuple[Feature, ...]:
    it, n = f"the last completed {timeframe.name}", timeframe.several
    return (
        _feature(timeframe, "return", 1, f"Total log return of {it}.", _MOMENTUM, _return(1)),
        _feature(timeframe, f"return_{n}", n, f"Total log return of the {n} bars up to {it}.", _MOMENTUM, _return(n)),
        _feature(timeframe, "range", 1, f"Log of the high over the low of {it}.", _RANGE, _range),
        _feature(timeframe, "close_location", 1, f"Close within the log range of {it}: 0 low, 1 high; 0.5 without range.",
            _ELDER, _close_location),
        _feature(timeframe, "high_distance", 1, f"Log of today's close over the high of {it}.", _RANGE, _high_distance),
        _feature(timeframe, "low_distance", 1, f"Log of today's close over the low of {it}.", _RANGE, _low_distance),
    )  # fmt: skip


WEEK = Timeframe("week", lambda day: day.isocalendar()[:2], most_sessions=5, several=4)
MONTH = Timeframe("month", lambda day: (day.year, day.month), most_sessions=23, several=3)
FEATURES = (*_features(WEEK), *_features(MONTH))
