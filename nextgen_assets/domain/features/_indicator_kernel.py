"""Classic indicators of a finite window, compiled: each value is added up afresh over its own window.

Groups of ``LANES`` tickers lie side by side, the oldest session first; prices and volumes stand in the units of
today. Where TA-Lib states what a window without movement gives, the same is given here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nextgen_assets.domain.features._compiled import compiled, inner

N_FEATURES = 26
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_HISTORY = _INDEX(30)
_LONGEST = 29
_NEEDED = np.array(
    [20, 20, 20, 20, 20, 20, 14, 14, 14, 14, 15, 15, 15, 11, 7, 9, 14, 20, 29, 26, 26, 1, 15, 2, 21, 20]
)
_C, _H, _L, _V, _N_FIELDS = (_INDEX(number) for number in range(5))
(_SMA, _WMA, _TRIMA, _POSITION, _WIDTH, _STDDEV, _MIDPOINT, _MIDPRICE, _SLOPE, _TSF, _UP, _DOWN, _AROON, _ROC,
 _SLOW_K, _SLOW_D, _WILLR, _CCI, _ULTOSC, _PPO, _APO, _BOP, _MFI, _TRANGE, _OBV, _AD) = (
    _INDEX(number * _LANES) for number in range(N_FEATURES)
)  # fmt: skip
_S, _SS, _W, _T, _TOP, _LOW, _X, _Y, _TOP_AT, _LOW_AT, _N_SUMS = (
    _INDEX(number * _LANES) for number in range(11)
)
_ZERO = 1e-14
"""TA-Lib takes less than this for nothing."""


@compiled
def indicator_rows(bars: Any, price_factor: Any, split_ratio: Any, first_row: int, start: int, lanes: Any,
                   chosen: Any, columns: Any, out: Any) -> None:  # fmt: skip
    """Fill ``out`` for ``lanes`` tickers from ``start``; parameters as in ``volume_rows``."""
    n_sessions = bars.shape[1]
    size = (_HISTORY + _INDEX(n_sessions)) * LANES
    day, sums, tile = np.ones(_N_FIELDS * size), np.empty(_N_SUMS), np.zeros(N_FEATURES * _LANES)
    runs = np.zeros(_LANES, np.int64)
    for t in range(n_sessions):
        row = (_HISTORY + _INDEX(t)) * LANES
        for i in range(lanes):
            _enter(bars, price_factor, split_ratio, t, start + np.int64(i), i, row, size, day, runs)
        if t < first_row:
            continue
        _averages(lanes, day, row, sums, tile)
        _typical_deviation(lanes, day, size, row, sums, tile)
        _extremes(lanes, day, size, row, sums, tile)
        _stochastic(lanes, day, size, row, sums, tile)
        _ultimate(lanes, day, size, row, sums, tile)
        _flows(lanes, day, size, row, sums, tile)
        _of_today(lanes, bars, t, start, day, row, tile)
        for i in range(lanes):
            line = out[t - first_row, start + np.int64(i)]
            for number in range(chosen.shape[0]):
                known = runs[i] >= _NEEDED[chosen[number]]
                line[columns[number]] = tile[chosen[number] * LANES + i] if known else np.nan


@inner
def _enter(bars: Any, price_factor: Any, split_ratio: Any, t: int, ticker: Any, i: Any, row: Any, size: Any,
           day: Any, runs: Any) -> None:  # fmt: skip
    """Put today's bar in, and earlier bars into today's units where a split or dividend takes effect."""
    at = row + i
    if math.isnan(bars[3, t, ticker]):
        for field in (_C, _H, _L, _V):
            day[field * size + at] = 1.0
        runs[i] = 0
        return
    factor, split = price_factor[t, ticker], split_ratio[t, ticker]
    if runs[i] > 0 and (factor != 1.0 or split != 1.0):
        for k in range(_INDEX(1), _HISTORY):
            for field in (_C, _H, _L):
                day[field * size + at - k * LANES] *= factor
            day[_V * size + at - k * LANES] *= split
    day[at] = bars[3, t, ticker]
    day[_H * size + at] = bars[1, t, ticker]
    day[_L * size + at] = bars[2, t, ticker]
    day[_V * size + at] = bars[4, t, ticker]
    runs[i] = min(runs[i] + 1, _LONGEST)


@inner
def _averages(lanes: Any, day: Any, row: Any, sums: Any, tile: Any) -> None:
    """Moving averages and Bollinger bands over 20 sessions, the line over 14, the averages of 12 and 26."""
    sums[:] = 0.0
    for k in range(_INDEX(20)):
        at, age = row - (_INDEX(19) - k) * LANES, float(k) + 1.0
        triangle = min(age, 21.0 - age) / 110.0
        for i in range(lanes):
            apart = day[at + i] - day[row + i]
            sums[_S + i] += apart
            sums[_SS + i] += apart * apart
            sums[_W + i] += age * apart
            sums[_T + i] += triangle * apart
    for i in range(lanes):
        close, mean = day[row + i], sums[_S + i] / 20.0
        spread = math.sqrt(max(sums[_SS + i] / 20.0 - mean * mean, 0.0))
        tile[_SMA + i], tile[_WMA + i] = mean / close, sums[_W + i] / 210.0 / close
        tile[_TRIMA + i], tile[_STDDEV + i] = sums[_T + i] / close, spread / close
        tile[_WIDTH + i] = 4.0 * spread / (close + mean)
        tile[_POSITION + i] = 0.5 - mean / (4.0 * spread) if spread > 1e-12 * close else 0.5
    sums[:] = 0.0
    for k in range(_INDEX(26)):
        at = row - (_INDEX(25) - k) * LANES
        of_twelve, of_line = (1.0 if k >= _INDEX(14) else 0.0), (1.0 if k >= _INDEX(12) else 0.0)
        place = (float(k) - 18.5) * of_line
        for i in range(lanes):
            apart = day[at + i] - day[row + i]
            sums[_S + i] += apart
            sums[_SS + i] += of_twelve * apart
            sums[_W + i] += of_line * apart
            sums[_T + i] += place * apart
    for i in range(lanes):
        close, fast, slow = day[row + i], sums[_SS + i] / 12.0, sums[_S + i] / 26.0
        tile[_APO + i], tile[_PPO + i] = (fast - slow) / close, 100.0 * (fast - slow) / (close + slow)
        slope = sums[_T + i] / 227.5
        tile[_SLOPE + i], tile[_TSF + i] = slope / close, (sums[_W + i] / 14.0 + 7.5 * slope) / close
        tile[_ROC + i] = 100.0 * (close / day[row - _INDEX(10) * LANES + i] - 1.0)


@inner
def _typical_deviation(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    sums[:] = 0.0
    for k in range(_INDEX(20)):
        at = row - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            sums[_S + i] += (day[_H * size + at + i] + day[_L * size + at + i] + day[at + i]) / 3.0
    for k in range(_INDEX(20)):
        at = row - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            typical = (day[_H * size + at + i] + day[_L * size + at + i] + day[at + i]) / 3.0
            sums[_SS + i] += abs(typical - sums[_S + i] / 20.0)
    for i in range(lanes):
        apart = (day[_H * size + row + i] + day[_L * size + row + i] + day[row + i]) / 3.0 - sums[
            _S + i
        ] / 20.0
        spread, least = sums[_SS + i] / 20.0, 1e-12 * day[row + i]
        tile[_CCI + i] = apart / (0.015 * spread) if spread > least else 0.0


@inner
def _extremes(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """Highest and lowest of 14 sessions, and how long ago of 15; the newest of equals counts."""
    sums[:] = 0.0
    for i in range(lanes):
        first = row - _INDEX(14) * LANES + i
        sums[_X + i], sums[_Y + i] = day[_H * size + first], day[_L * size + first]
        sums[_TOP + i], sums[_LOW + i] = day[_H * size + first + LANES], day[_L * size + first + LANES]
        sums[_S + i] = sums[_SS + i] = day[first + LANES]
    for k in range(_INDEX(1), _INDEX(15)):
        at, place = row - (_INDEX(14) - k) * LANES, float(k)
        for i in range(lanes):
            close = day[at + i]
            sums[_S + i], sums[_SS + i] = max(sums[_S + i], close), min(sums[_SS + i], close)
        for i in range(lanes):
            high, best = day[_H * size + at + i], sums[_X + i]
            sums[_TOP_AT + i] = place if high >= best else sums[_TOP_AT + i]
            sums[_X + i] = max(best, high)
            sums[_TOP + i] = max(sums[_TOP + i], high)
        for i in range(lanes):
            low, best = day[_L * size + at + i], sums[_Y + i]
            sums[_LOW_AT + i] = place if low <= best else sums[_LOW_AT + i]
            sums[_Y + i] = min(best, low)
            sums[_LOW + i] = min(sums[_LOW + i], low)
    for i in range(lanes):
        close, top, bottom = day[row + i], sums[_TOP + i], sums[_LOW + i]
        tile[_MIDPOINT + i] = (sums[_S + i] + sums[_SS + i]) / (2.0 * close) - 1.0
        tile[_MIDPRICE + i] = (top + bottom) / (2.0 * close) - 1.0
        tile[_WILLR + i] = -100.0 * (top - close) / (top - bottom) if top > bottom else 0.0
        up, down = sums[_TOP_AT + i] * 100.0 / 14.0, sums[_LOW_AT + i] * 100.0 / 14.0
        tile[_UP + i], tile[_DOWN + i], tile[_AROON + i] = up, down, up - down


@inner
def _stochastic(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """%K of 5 sessions, averaged over 3 (slow %K), and that over 3 again (slow %D)."""
    sums[:] = 0.0
    for k in range(_INDEX(5)):
        at = row - (_INDEX(4) - k) * LANES
        in_slow, weight = (1.0 if k >= _INDEX(2) else 0.0), (1.0 + min(float(k), 4.0 - float(k))) / 9.0
        for i in range(lanes):
            close, top, bottom = day[at + i], day[_H * size + at + i], day[_L * size + at + i]
            for back in range(_INDEX(1), _INDEX(5)):
                top = max(top, day[_H * size + at - back * LANES + i])
                bottom = min(bottom, day[_L * size + at - back * LANES + i])
            raw = 100.0 * (close - bottom) / (top - bottom) if top > bottom else 0.0
            sums[_S + i] += in_slow * raw
            sums[_SS + i] += weight * raw
    for i in range(lanes):
        tile[_SLOW_K + i], tile[_SLOW_D + i] = sums[_S + i] / 3.0, sums[_SS + i]


@inner
def _ultimate(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """Buying pressure over true range of 7, 14 and 28 sessions, weighted 4, 2 and 1."""
    sums[:] = 0.0
    for k in range(_INDEX(28)):
        at = row - (_INDEX(27) - k) * LANES
        in_seven, in_fourteen = (1.0 if k >= _INDEX(21) else 0.0), (1.0 if k >= _INDEX(14) else 0.0)
        for i in range(lanes):
            before, close = day[at - LANES + i], day[at + i]
            low, high = min(day[_L * size + at + i], before), max(day[_H * size + at + i], before)
            sums[_S + i] += close - low
            sums[_SS + i] += high - low
            sums[_W + i] += in_fourteen * (close - low)
            sums[_T + i] += in_fourteen * (high - low)
            sums[_TOP + i] += in_seven * (close - low)
            sums[_LOW + i] += in_seven * (high - low)
    for i in range(lanes):
        value = 4.0 * sums[_TOP + i] / sums[_LOW + i] if sums[_LOW + i] > _ZERO else 0.0
        value += 2.0 * sums[_W + i] / sums[_T + i] if sums[_T + i] > _ZERO else 0.0
        value += sums[_S + i] / sums[_SS + i] if sums[_SS + i] > _ZERO else 0.0
        tile[_ULTOSC + i] = 100.0 * value / 7.0


@inner
def _flows(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """Volume with the sign of the move and of the place of the close in its day; money flow of 14 sessions."""
    sums[:] = 0.0
    for k in range(_INDEX(20)):
        at, in_money = row - (_INDEX(19) - k) * LANES, (1.0 if k >= _INDEX(6) else 0.0)
        for i in range(lanes):
            close, before, volume = day[at + i], day[at - LANES + i], day[_V * size + at + i]
            sign = 1.0 if close > before else 0.0
            sign -= 1.0 if close < before else 0.0
            sums[_S + i] += volume
            sums[_SS + i] += sign * volume
        for i in range(lanes):
            close, high, low = day[at + i], day[_H * size + at + i], day[_L * size + at + i]
            share = ((close - low) - (high - close)) / (high - low) if high > low else 0.0
            sums[_W + i] += share * day[_V * size + at + i]
        for i in range(lanes):
            back = at - LANES
            typical = (day[_H * size + at + i] + day[_L * size + at + i] + day[at + i]) / 3.0
            before = (day[_H * size + back + i] + day[_L * size + back + i] + day[back + i]) / 3.0
            money = in_money * typical * day[_V * size + at + i]
            sums[_X + i] += money if typical > before else 0.0
            sums[_Y + i] += money if typical < before else 0.0
    for i in range(lanes):
        total, money = sums[_S + i], sums[_X + i] + sums[_Y + i]
        tile[_OBV + i] = sums[_SS + i] / total if total > 0.0 else 0.0
        tile[_AD + i] = sums[_W + i] / total if total > 0.0 else 0.0
        tile[_MFI + i] = 100.0 * sums[_X + i] / money if money >= 1.0 else 0.0


@inner
def _of_today(lanes: Any, bars: Any, t: int, start: int, day: Any, row: Any, tile: Any) -> None:
    openings, highs, lows = bars[0, t, start:], bars[1, t, start:], bars[2, t, start:]
    for i in range(lanes):
        close, before, high, low = day[row + i], day[row - LANES + i], highs[i], lows[i]
        tile[_BOP + i] = (close - openings[i]) / (high - low) if high - low >= _ZERO else 0.0
        tile[_TRANGE + i] = (max(high, before) - min(low, before)) / close
