"""Bars of several timeframes from ticks or smaller bars: one pass for the smallest, roll-ups for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.market_days import (
    MICROSECONDS,
    Hours,
    Instants,
    MarketDays,
    Timeframe,
    market_days,
)
from nextgen_assets.domain.sessions import SessionCalendar

Values = npt.NDArray[np.float64]
_ROWS_FOR_LOOK_UP = 8
"""Rows for each bar from which on looking up its boundary is faster than dividing every row."""

_ROWS_FOR_KERNEL = 200_000
"""Rows from which on the compiled pass is worth loading a compiler."""


@dataclass(frozen=True)
class Bars:
    """Bars, ascending by start; one entry for each in every array.

    Attributes
    ----------
    start, end : ndarray of int64
        Microseconds since 1970 in UTC: a bar holds ``start <= instant < end``.
    volume : ndarray of float64
        NaN where the sizes are not known.
    count : ndarray of int64
        Ticks in the bar.
    first, last : ndarray of int64
        Instants of its first and last tick.
    """

    start: Instants
    end: Instants
    open: Values
    high: Values
    low: Values
    close: Values
    volume: Values
    count: Instants
    first: Instants
    last: Instants

    def __len__(self) -> int:
        return len(self.start)

    def take(self, part: slice | npt.NDArray[np.bool_]) -> Bars:
        """The bars at some positions."""
        return Bars(**{field.name: getattr(self, field.name)[part] for field in fields(self)})

    @staticmethod
    def joined(parts: Sequence[Bars]) -> Bars:
        """The bars of several, in the order given."""
        return Bars(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(Bars)
            }
        )


def ticks_as_bars(ts: Instants, price: Values, size: Values) -> Bars:
    """Ticks, sorted by time, as bars of no length; ``size`` is NaN where it is not known."""
    ones = np.broadcast_to(np.int64(1), len(ts))
    return Bars(ts, ts, price, price, price, price, size, ones, ts, ts)


EMPTY = ticks_as_bars(np.empty(0, np.int64), np.empty(0), np.empty(0))


def _within_hours(starts: Instants, days: MarketDays) -> tuple[Instants, Instants]:
    """First row of each market day, and the row after its last."""
    return np.searchsorted(starts, days.starts), np.searchsorted(starts, days.ends)


def _in_day(starts: Instants, begin: int, end: int, length: int) -> tuple[Instants, Instants]:
    """First rows of the bars of one day, and where those bars start.

    Notes
    -----
    Where rows are many for each bar, every boundary is looked up among them; else every row is divided.
    """
    if -(-(end - begin) // length) * _ROWS_FOR_LOOK_UP < len(starts):
        edges = np.arange(begin, end, length, dtype=np.int64)
        at = np.searchsorted(starts, edges)
        is_filled = np.append(at[1:], len(starts)) > at
        return at[is_filled], edges[is_filled]
    place = (starts - begin) // length
    at = np.append(0, np.flatnonzero(place[1:] != place[:-1]) + 1)
    return at, begin + place[at] * length


def _partition(
    starts: Instants, days: MarketDays, timeframe: Timeframe
) -> tuple[Instants, Instants, Instants]:
    """First row, start and end of each bar of rows that all lie within the hours.

    Notes
    -----
    Bars within a day are counted from its beginning, and the last one ends with it: a day of 6.5 hours
    has a last hourly bar of half an hour, and a change of the clocks moves no boundary.
    """
    lower, upper = _within_hours(starts, days)
    touched = np.flatnonzero(upper > lower)
    if not timeframe.is_within_day:
        by_week = timeframe.name == "1w"
        begin = (days.week_starts if by_week else days.starts)[touched]
        end = (days.week_ends if by_week else days.ends)[touched]
        is_new = np.append(True, begin[1:] != begin[:-1])
        return lower[touched][is_new], begin[is_new], end[is_new]
    length = timeframe.seconds * MICROSECONDS
    firsts, begins, ends = [], [], []
    for day in touched:
        at, begin = _in_day(
            starts[lower[day] : upper[day]], int(days.starts[day]), int(days.ends[day]), length
        )
        firsts.append(at + lower[day])
        begins.append(begin)
        ends.append(np.minimum(begin + length, days.ends[day]))
    return np.concatenate(firsts), np.concatenate(begins), np.concatenate(ends)


def fold(rows: Bars, days: MarketDays, timeframe: Timeframe) -> Bars:
    """Bars of ``timeframe`` from ticks or smaller bars, ascending; those outside the hours are left out.

    Notes
    -----
    Volumes are added one by one in their order, so that a bar that is continued later comes to the same
    last bit as one that is built at once.
    """
    lower, upper = _within_hours(rows.start, days)
    if (upper - lower).sum() < len(rows):
        step = np.zeros(len(rows) + 1, np.int8)
        step[lower[upper > lower]] += 1
        step[upper[upper > lower]] -= 1
        rows = rows.take(np.cumsum(step[:-1], dtype=np.int8) > 0)
    if not len(rows):
        return EMPTY
    at, begin, end = _partition(rows.start, days, timeframe)
    until = np.append(at[1:], len(rows))
    high, low, volume, count = _sums(rows, at, until)
    return Bars(
        start=begin,
        end=end,
        open=rows.open[at],
        high=high,
        low=low,
        close=rows.close[until - 1],
        volume=volume,
        count=count,
        first=rows.first[at],
        last=rows.last[until - 1],
    )


def _sums(rows: Bars, at: Instants, until: Instants) -> tuple[Values, Values, Values, Instants]:
    """High, low, volume and count of each bar: compiled where rows are many, the same to the last bit."""
    if len(rows) < _ROWS_FOR_KERNEL:
        bar_of_row = np.repeat(np.arange(len(at)), until - at)
        added = np.bincount(bar_of_row, weights=rows.volume, minlength=len(at))
        return (
            np.maximum.reduceat(rows.high, at),
            np.minimum.reduceat(rows.low, at),
            added.astype(np.float64, copy=False),
            np.add.reduceat(rows.count, at),
        )
    from nextgen_assets.domain._bar_kernel import fold_rows

    high, low, volume = (np.empty(len(at)) for _ in range(3))
    count = np.empty(len(at), np.int64)
    fold_rows(at, until, rows.high, rows.low, rows.volume, rows.count, high, low, volume, count)
    return high, low, volume, count


def build_bars(
    rows: Bars, timeframes: Sequence[Timeframe], hours: Hours, calendar: SessionCalendar
) -> dict[str, Bars]:
    """Bars of every timeframe, by name, whether they have ended or not.

    Parameters
    ----------
    rows : Bars
        Ticks (`ticks_as_bars`) or bars that the shortest timeframe is a multiple of, ascending.
    timeframes : sequence of Timeframe
        Ascending; the shortest divides the others.
    """
    if not len(rows):
        return {timeframe.name: EMPTY for timeframe in timeframes}
    days = market_days(hours, calendar, int(rows.start[0]), int(rows.start[-1]))
    smallest = fold(rows, days, timeframes[0])
    larger = {timeframe.name: fold(smallest, days, timeframe) for timeframe in timeframes[1:]}
    return {timeframes[0].name: smallest, **larger}


class BarBuilder:
    """Bars of ticks that come bit by bit: however they are cut, the bars are those of one pass.

    Parameters
    ----------
    timeframes : sequence of Timeframe
        Ascending; the shortest divides the others.

    Notes
    -----
    What is kept is one bar for each timeframe: the forming one of the shortest, and of every other one
    the part that ended bars of the shortest make up.
    """

    def __init__(self, timeframes: Sequence[Timeframe], hours: Hours, calendar: SessionCalendar) -> None:
        self._timeframes, self._hours, self._calendar = tuple(timeframes), hours, calendar
        self._smallest = EMPTY
        self._parts: dict[str, Bars] = {timeframe.name: EMPTY for timeframe in timeframes[1:]}

    def add(self, rows: Bars, until: int) -> dict[str, Bars]:
        """Take in ticks or bars and return the bars that have ended, by timeframe.

        Parameters
        ----------
        rows : Bars
            Later than all before, ascending.
        until : int
            Instant up to which everything is known; not before the last row.

        Raises
        ------
        ValueError
            A row is earlier than one before it, or later than ``until``.
        """
        newest = int(self._smallest.last[-1]) if len(self._smallest) else -1
        if len(rows) and (rows.first[0] < newest or rows.last[-1] > until or (np.diff(rows.start) < 0).any()):
            raise ValueError(
                f"rows from {rows.first[0]} to {rows.last[-1]} must be ascending, not before {newest} and not "
                f"after {until}; sort them and give each once"
            )
        smallest = self._continued(self._smallest, rows, self._timeframes[0])
        has_ended = smallest.end <= until
        ended = {self._timeframes[0].name: smallest.take(has_ended)}
        self._smallest = smallest.take(~has_ended)
        for timeframe in self._timeframes[1:]:
            part = self._continued(self._parts[timeframe.name], ended[self._timeframes[0].name], timeframe)
            is_over = part.end <= until
            ended[timeframe.name] = part.take(is_over)
            self._parts[timeframe.name] = part.take(~is_over)
        return ended

    def forming(self) -> dict[str, Bars]:
        """The bar of each timeframe that has begun and not ended, by name; absent before its first tick."""
        found: Mapping[str, Bars] = {
            self._timeframes[0].name: self._smallest,
            **{
                timeframe.name: self._continued(self._parts[timeframe.name], self._smallest, timeframe)
                for timeframe in self._timeframes[1:]
            },
        }
        return {name: bars for name, bars in found.items() if len(bars)}

    def _continued(self, begun: Bars, rows: Bars, timeframe: Timeframe) -> Bars:
        together = rows if not len(begun) else Bars.joined([begun, rows])
        if not len(together):
            return EMPTY
        days = market_days(self._hours, self._calendar, int(together.start[0]), int(together.start[-1]))
        return fold(together, days, timeframe)
