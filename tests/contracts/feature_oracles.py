"""Every feature again, slowly, from the raw bars of one ticker, with nothing but the standard library.

An oracle takes the days of one ticker up to today (the last of the list) and gives the value of today, or
None where it cannot be known.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Bar:
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True)
class Day:
    """One session of one ticker; ``split_ratio`` and ``cash`` take effect on it."""

    session: date
    bar: Bar | None
    split_ratio: float = 1.0
    cash: float = 0.0
    sentiment: float | None = None
    article_count: int = 0
    sector: str | None = None


Oracle = Callable[[list[Day]], float | None]


def last_bars(days: list[Day], count: int) -> list[Bar] | None:
    bars = [day.bar for day in days[-count:]]
    if len(bars) < count or any(bar is None for bar in bars):
        return None
    return [bar for bar in bars if bar is not None]


def adjusted_closes(days: list[Day], count: int) -> list[float] | None:
    """The last ``count`` closes, in units of what a holder of the first of them owns later."""
    bars = last_bars(days, count)
    if bars is None:
        return None
    wealth = [bars[0].close]
    for day, before, bar in zip(days[-count + 1 :], bars, bars[1:], strict=False):
        wealth.append(wealth[-1] * (bar.close * day.split_ratio + day.cash) / before.close)
    return wealth


def simple_moves(days: list[Day], count: int) -> list[float] | None:
    closes = adjusted_closes(days, count + 1)
    if closes is None:
        return None
    return [math.log(after) - math.log(before) for before, after in itertools.pairwise(closes)]


def trailing_return(count: int) -> Oracle:
    def oracle(days: list[Day]) -> float | None:
        closes = adjusted_closes(days, count + 1)
        return None if closes is None else math.log(closes[-1] / closes[0])

    return oracle


def volatility_20(days: list[Day]) -> float | None:
    moves = simple_moves(days, 20)
    return None if moves is None else statistics.stdev(moves)


def volatility_ratio_5_20(days: list[Day]) -> float | None:
    moves = simple_moves(days, 20)
    if moves is None:
        return None
    whole = statistics.stdev(moves)
    return statistics.stdev(moves[-5:]) / whole if whole > 1e-12 else 1.0


def rsi_14(days: list[Day]) -> float | None:
    moves = simple_moves(days, 14)
    if moves is None:
        return None
    gains = math.fsum(move for move in moves if move > 0)
    losses = -math.fsum(move for move in moves if move < 0)
    if gains + losses <= 1e-12:
        return 50.0
    if losses == 0:
        return 100.0
    return 100.0 - 100.0 / (1.0 + gains / losses)


def parkinson_10(days: list[Day]) -> float | None:
    bars = last_bars(days, 10)
    if bars is None:
        return None
    mean_square = statistics.fmean(math.log(bar.high / bar.low) ** 2 for bar in bars)
    return math.sqrt(mean_square / (4 * math.log(2)))


def close_location(days: list[Day]) -> float | None:
    bars = last_bars(days, 1)
    if bars is None:
        return None
    (bar,) = bars
    if bar.high == bar.low:
        return 0.5
    return math.log(bar.close / bar.low) / math.log(bar.high / bar.low)


def overnight_gap(days: list[Day]) -> float | None:
    bars = last_bars(days, 2)
    if bars is None:
        return None
    return math.log((bars[1].open * days[-1].split_ratio + days[-1].cash) / bars[0].close)


def distance_high_20(days: list[Day]) -> float | None:
    bars, closes = last_bars(days, 20), adjusted_closes(days, 20)
    if bars is None or closes is None:
        return None
    highs = [close * bar.high / bar.close for bar, close in zip(bars, closes, strict=True)]
    return math.log(closes[-1] / max(highs))


def distance_mean_20(days: list[Day]) -> float | None:
    closes = adjusted_closes(days, 20)
    if closes is None:
        return None
    return math.log(closes[-1]) - statistics.fmean(math.log(close) for close in closes)


def dollar_volume_z_20(days: list[Day]) -> float | None:
    bars = last_bars(days, 20)
    if bars is None or any(bar.volume == 0 for bar in bars):
        return None
    turnover = [math.log(bar.close * bar.volume) for bar in bars]
    deviation = statistics.stdev(turnover)
    return (turnover[-1] - statistics.fmean(turnover)) / deviation if deviation > 1e-12 else 0.0


def downside_share_20(days: list[Day]) -> float | None:
    moves = simple_moves(days, 20)
    if moves is None:
        return None
    whole = math.fsum(move**2 for move in moves)
    return math.fsum(move**2 for move in moves if move < 0) / whole if whole > 1e-24 else 0.5


def sentiment(days: list[Day]) -> float | None:
    return days[-1].sentiment or 0.0


def news_count(days: list[Day]) -> float | None:
    return math.log(1 + days[-1].article_count)


ORACLES: dict[str, Oracle] = {
    "close_location": close_location,
    "distance_high_20": distance_high_20,
    "distance_mean_20": distance_mean_20,
    "dollar_volume_z_20": dollar_volume_z_20,
    "downside_share_20": downside_share_20,
    "news_count": news_count,
    "overnight_gap": overnight_gap,
    "parkinson_10": parkinson_10,
    "return_1": trailing_return(1),
    "return_20": trailing_return(20),
    "return_5": trailing_return(5),
    "rsi_14": rsi_14,
    "sentiment": sentiment,
    "volatility_20": volatility_20,
    "volatility_ratio_5_20": volatility_ratio_5_20,
}
