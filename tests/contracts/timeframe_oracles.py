"""Completed weeks and months again, slowly: day by day over the calendar, with nothing but the standard library."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from nextgen_assets.domain.sessions import xnys
from tests.contracts.feature_oracles import Day, Oracle

NAMES = ("return", "range", "close_location", "high_distance", "low_distance")
LOOKBACKS = {"week": 8, "week_return_4": 23, "month": 44, "month_return_3": 90}


@lru_cache(maxsize=4096)
def is_last_of(session: date, timeframe: str) -> bool:
    """Whether no session is left in the week (to Sunday) or month of ``session``."""
    day = session + timedelta(days=1)
    while (day.weekday() != 0) if timeframe == "week" else (day.month == session.month):
        if xnys().is_session(day):
            return False
        day += timedelta(days=1)
    return True


def newest_bars(days: list[Day], timeframe: str) -> list[list[int]]:
    """Positions of the days of each completed bar, the newest first; the oldest may be cut off."""
    bars: list[list[int]] = []
    for position in range(len(days) - 1, -1, -1):
        if is_last_of(days[position].session, timeframe):
            bars.append([])
        if bars:
            bars[-1].insert(0, position)
    return bars


def wealth_of(days: list[Day]) -> list[float]:
    """What a holder owns at each close; the first is his first close."""
    wealth = [days[0].bar.close]  # type: ignore[union-attr]
    for before, day in itertools.pairwise(days):
        growth = (day.bar.close * day.split_ratio + day.cash) / before.bar.close  # type: ignore[union-attr]
        wealth.append(wealth[-1] * growth)
    return wealth


def oracle_of(timeframe: str, stem: str) -> Oracle:
    name = f"{timeframe}_{stem}"
    lookback = LOOKBACKS.get(name, LOOKBACKS[timeframe])

    def oracle(days: list[Day]) -> float | None:
        recent = days[-lookback - 2 :]
        if len(recent) < lookback + 2 or any(day.bar is None for day in recent):
            return None
        bars, wealth = newest_bars(recent, timeframe), wealth_of(recent)
        bar = bars[0]
        if stem.startswith("return"):
            oldest = bars[int(stem.removeprefix("return").lstrip("_") or 1) - 1]
            return math.log(wealth[bar[-1]] / wealth[oldest[0] - 1])
        scale = {at: wealth[at] / recent[at].bar.close for at in bar}  # type: ignore[union-attr]
        high = max(scale[at] * recent[at].bar.high for at in bar)  # type: ignore[union-attr]
        low = min(scale[at] * recent[at].bar.low for at in bar)  # type: ignore[union-attr]
        close, spread = wealth[bar[-1]], math.log(high / low)
        values: dict[str, Callable[[], float]] = {
            "range": lambda: spread,
            "close_location": lambda: math.log(close / low) / spread if spread > 1e-12 else 0.5,
            "high_distance": lambda: math.log(wealth[-1] / high),
            "low_distance": lambda: math.log(wealth[-1] / low),
        }
        return values[stem]()

    return oracle


TIMEFRAME: dict[str, Oracle] = {
    f"{timeframe}_{stem}": oracle_of(timeframe, stem)
    for timeframe, several in (("week", "return_4"), ("month", "return_3"))
    for stem in (*NAMES, several)
}
