"""Alpha158 again, slowly, from the days of one ticker, with nothing but the standard library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from tests.contracts.feature_oracles import Bar, Day, last_bars

Oracle = Callable[[list[Day]], float | None]
WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


@dataclass(frozen=True)
class Window:
    """The last sessions, oldest first, in units of today: prices over today's close, volumes in today's shares."""

    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


def in_units_of_today(days: list[Day], count: int) -> Window | None:
    bars = last_bars(days, count)
    if bars is None:
        return None
    today, high, low, close, volume = bars[-1].close, [], [], [], []
    price_factor, share_factor = 1.0, 1.0
    for day, bar in zip(reversed(days[-count:]), reversed(bars), strict=True):
        scale = price_factor / today
        high.append(bar.high * scale)
        low.append(bar.low * scale)
        close.append(bar.close * scale)
        volume.append(bar.volume * share_factor)
        price_factor *= bar.close / (day.split_ratio * (bar.close + day.cash))
        share_factor *= day.split_ratio
    return Window(high[::-1], low[::-1], close[::-1], volume[::-1])


def slope(values: list[float]) -> float:
    return statistics.linear_regression(range(len(values)), values).slope


def line_residual(values: list[float]) -> float:
    line = statistics.linear_regression(range(len(values)), values)
    return values[-1] - line.intercept - line.slope * (len(values) - 1)


def moves(values: list[float]) -> bool:
    return statistics.variance(values) > TINY**2


def correlation(first: list[float], second: list[float]) -> float:
    return statistics.correlation(first, second) if moves(first) and moves(second) else 0.0


def quantile(values: list[float], share: float) -> float:
    position = share * (len(values) - 1)
    ordered, below = sorted(values), math.floor(position)
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (position - below)


def rank(values: list[float]) -> float:
    today = values[-1]
    less, same = sum(value < today for value in values), sum(value == today for value in values)
    return (less + (same + 1) / 2) / len(values)


def share_of_rises(values: list[float]) -> float:
    changes = [after - before for before, after in pairwise(values)]
    return math.fsum(max(change, 0) for change in changes) / (math.fsum(map(abs, changes)) + TINY)


def share_of_falls(values: list[float]) -> float:
    return share_of_rises([-value for value in values])


def first_of_highest(values: list[float]) -> int:
    return values.index(max(values)) + 1


def first_of_lowest(values: list[float]) -> int:
    return values.index(min(values)) + 1


def weighted_moves(window: Window) -> list[float]:
    pairs = zip(pairwise(window.close), window.volume[1:], strict=True)
    return [abs(after / before - 1) * volume for (before, after), volume in pairs]


def cord(window: Window) -> float | None:
    if not all(window.volume[:-1]):
        return None
    prices = [after / before for before, after in pairwise(window.close)]
    return correlation(prices, [math.log(after / before + 1) for before, after in pairwise(window.volume)])


def over_today(statistic: Callable[[list[float]], float]) -> Callable[[Window], float | None]:
    return lambda window: statistic(window.volume) / window.volume[-1] if window.volume[-1] else None


def weighted(window: Window) -> float:
    values = weighted_moves(window)
    return statistics.stdev(values) / (statistics.fmean(values) + TINY)


WITHIN: dict[str, Callable[[Window], float | None]] = {
    "ma": lambda w: statistics.fmean(w.close),
    "std": lambda w: statistics.stdev(w.close),
    "beta": lambda w: slope(w.close),
    "rsqr": lambda w: correlation(w.close, [float(at) for at in range(len(w.close))]) ** 2,
    "resi": lambda w: line_residual(w.close),
    "max": lambda w: max(w.high),
    "min": lambda w: min(w.low),
    "qtlu": lambda w: quantile(w.close, 0.8),
    "qtld": lambda w: quantile(w.close, 0.2),
    "rank": lambda w: rank(w.close),
    "rsv": lambda w: (1 - min(w.low)) / (max(w.high) - min(w.low) + TINY),
    "imax": lambda w: first_of_highest(w.high) / len(w.high),
    "imin": lambda w: first_of_lowest(w.low) / len(w.low),
    "imxd": lambda w: (first_of_highest(w.high) - first_of_lowest(w.low)) / len(w.low),
    "corr": lambda w: correlation(w.close, [math.log(volume + 1) for volume in w.volume]),
    "vma": over_today(statistics.fmean),
    "vstd": over_today(statistics.stdev),
}
FROM_BEFORE: dict[str, Callable[[Window], float | None]] = {
    "roc": lambda w: w.close[0],
    "cord": cord,
    "cntp": lambda w: sum(after > before for before, after in pairwise(w.close)) / (len(w.close) - 1),
    "cntn": lambda w: sum(after < before for before, after in pairwise(w.close)) / (len(w.close) - 1),
    "cntd": lambda w: FROM_BEFORE["cntp"](w) - FROM_BEFORE["cntn"](w),
    "sump": lambda w: share_of_rises(w.close),
    "sumn": lambda w: share_of_falls(w.close),
    "sumd": lambda w: share_of_rises(w.close) - share_of_falls(w.close),
    "wvma": weighted,
    "vsump": lambda w: share_of_rises(w.volume),
    "vsumn": lambda w: share_of_falls(w.volume),
    "vsumd": lambda w: share_of_rises(w.volume) - share_of_falls(w.volume),
}
TODAY: dict[str, Callable[[Bar], float]] = {
    "kmid": lambda b: b.close / b.open - 1,
    "klen": lambda b: (b.high - b.low) / b.open,
    "kmid2": lambda b: (b.close - b.open) / (b.high - b.low + TINY),
    "kup": lambda b: (b.high - max(b.open, b.close)) / b.open,
    "kup2": lambda b: (b.high - max(b.open, b.close)) / (b.high - b.low + TINY),
    "klow": lambda b: (min(b.open, b.close) - b.low) / b.open,
    "klow2": lambda b: (min(b.open, b.close) - b.low) / (b.high - b.low + TINY),
    "ksft": lambda b: (2 * b.close - b.high - b.low) / b.open,
    "ksft2": lambda b: (2 * b.close - b.high - b.low) / (b.high - b.low + TINY),
    "open0": lambda b: b.open / b.close,
    "high0": lambda b: b.high / b.close,
    "low0": lambda b: b.low / b.close,
    "vwap0": lambda b: (b.high / b.close + b.low / b.close + 1) / 3,
}


def of_today(formula: Callable[[Bar], float]) -> Oracle:
    def oracle(days: list[Day]) -> float | None:
        return None if days[-1].bar is None else formula(days[-1].bar)

    return oracle


def of_window(formula: Callable[[Window], float | None], count: int) -> Oracle:
    def oracle(days: list[Day]) -> float | None:
        window = in_units_of_today(days, count)
        return None if window is None else formula(window)

    return oracle


ALPHA158: dict[str, Oracle] = {
    **{f"alpha_{stem}": of_today(formula) for stem, formula in TODAY.items()},
    **{f"alpha_{stem}{n}": of_window(formula, n) for stem, formula in WITHIN.items() for n in WINDOWS},
    **{
        f"alpha_{stem}{n}": of_window(formula, n + 1)
        for stem, formula in FROM_BEFORE.items()
        for n in WINDOWS
    },
}
