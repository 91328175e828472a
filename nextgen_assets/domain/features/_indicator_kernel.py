"""Classic indicators of a finite window, compiled: each value is added up afresh over its own window.

Groups of ``LANES`` tickers lie side by side, the oldest session first; prices and volumes stand in the units of
today. What a session adds (typical price, ranges, flows, its place in the range of five) is worked out when it
enters. Where TA-Lib states what a window without movement gives, the same is given here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nextgen_assets.domain.compilation import compiled, inner

N_FEATURES = 26
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_HISTORY, _FIVE, _SIX, _SEVEN = _INDEX(30), _INDEX(5), _INDEX(6), _INDEX(7)
_LONGEST = 29
_NEEDED = np.array(
    [20, 20, 20, 20, 20, 20, 14, 14, 14, 14, 15, 15, 15, 11, 7, 9, 14, 20, 29, 26, 26, 1, 15, 2, 21, 20]
)
(_C, _H, _L, _V, _TYPICAL, _PRESSURE, _SPAN, _SIGNED, _PLACED, _RISE, _FALL, _RAW, _N_FIELDS) = (
    _INDEX(number) for number in range(13)
)
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
        _enter(lanes, bars, t, start, row, size, day, runs)
        for i in range(lanes):
            ticker = start + np.int64(i)
            if runs[i] > 1 and (price_factor[t, ticker] != 1.0 or split_ratio[t, ticker] != 1.0):
                _rescale(price_factor[t, ticker], split_ratio[t, ticker], row + i, size, day)
        _derive(lanes, day, size, row)
        if t < first_row:
            continue
        _averages(lanes, day, row, sums, tile)
        _typical_deviation(lanes, day, size, row, sums, tile)
        _extremes(lanes, day, size, row, sums, tile)
        _stochastic(lanes, day, size, row, tile)
        _ultimate(lanes, day, size, row, sums, tile)
        _flows(lanes, day, size, row, sums, tile)
        _of_today(lanes, bars, t, start, day, row, tile)
        for i in range(lanes):
            line = out[t - first_row, start + np.int64(i)]
            for number in range(chosen.shape[0]):
                known = runs[i] >= _NEEDED[chosen[number]]
                line[columns[number]] = tile[chosen[number] * LANES + i] if known else np.nan


@inner
def _enter(lanes: Any, bars: Any, t: int, start: int, row: Any, size: Any, day: Any, runs: Any) -> None:
    """Put today's bars in; a ticker without one begins anew."""
    highs, lows, closes, volumes = (
        bars[1, t, start:],
        bars[2, t, start:],
        bars[3, t, start:],
        bars[4, t, start:],
    )
    for i in range(lanes):
        close, high = closes[i], highs[i]
        day[row + i] = close if close == close else 1.0
        day[_H * size + row + i] = high if high == high else 1.0
    for i in range(lanes):
        low, volume = lows[i], volumes[i]
        day[_L * size + row + i] = low if low == low else 1.0
        day[_V * size + row + i] = volume if volume == volume else 1.0
    for i in range(lanes):
        runs[i] = min(runs[i] + 1, _LONGEST) if closes[i] == closes[i] else 0


@inner
def _rescale(factor: Any, split: Any, at: Any, size: Any, day: Any) -> None:
    """Put what came before today into today's units: a split or dividend takes effect."""
    for k in range(_INDEX(1), _HISTORY):
        for field in (_C, _H, _L, _TYPICAL, _PRESSURE, _SPAN):
            day[field * size + at - k * LANES] *= factor
        for field in (_V, _SIGNED, _PLACED):
            day[field * size + at - k * LANES] *= split
        for field in (_RISE, _FALL):
            day[field * size + at - k * LANES] *= factor * split


@inner
def _derive(lanes: Any, day: Any, size: Any, row: Any) -> None:
    """What today adds to the sums of the windows that it is in."""
    for i in range(lanes):
        at = row + i
        close, high, low, before = day[at], day[_H * size + at], day[_L * size + at], day[at - LANES]
        top, bottom = (high if high > before else before), (low if low < before else before)
        day[_PRESSURE * size + at], day[_SPAN * size + at] = close - bottom, top - bottom
        day[_TYPICAL * size + at] = (high + low + close) / 3.0
    for i in range(lanes):
        at = row + i
        close, before, volume = day[at], day[at - LANES], day[_V * size + at]
        sign = 1.0 if close > before else 0.0
        sign -= 1.0 if close < before else 0.0
        day[_SIGNED * size + at] = sign * volume
    for i in range(lanes):
        at = row + i
        close, high, low = day[at], day[_H * size + at], day[_L * size + at]
        share = ((close - low) - (high - close)) / (high - low) if high > low else 0.0
        day[_PLACED * size + at] = share * day[_V * size + at]
    for i in range(lanes):
        at = row + i
        typical, before = day[_TYPICAL * size + at], day[_TYPICAL * size + at - LANES]
        money = typical * day[_V * size + at]
        day[_RISE * size + at] = money if typical > before else 0.0
        day[_FALL * size + at] = money if typical < before else 0.0
    for i in range(lanes):
        at = row + i
        top, bottom = day[_H * size + at], day[_L * size + at]
        for back in range(_INDEX(1), _INDEX(5)):
            top = max(top, day[_H * size + at - back * LANES])
            bottom = min(bottom, day[_L * size + at - back * LANES])
        day[_RAW * size + at] = 100.0 * (day[at] - bottom) / (top - bottom) if top > bottom else 0.0


@inner
def _averages(lanes: Any, day: Any, row: Any, sums: Any, tile: Any) -> None:
    """Moving averages and Bollinger bands over 20 sessions, the line over 14, the averages of 12 and 26."""
    sums[:] = 0.0
    for k in range(_INDEX(0), _INDEX(20), _FIVE):
        at = row - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            today, total, squares = day[row + i], sums[_S + i], sums[_SS + i]
            aged, pointed = sums[_W + i], sums[_T + i]
            for step in range(_FIVE):
                apart = day[at + step * LANES + i] - today
                age = float(k + step) + 1.0
                total += apart
                squares += apart * apart
                aged += age * apart
                pointed += min(age, 21.0 - age) / 110.0 * apart
            sums[_S + i], sums[_SS + i], sums[_W + i], sums[_T + i] = total, squares, aged, pointed
    for i in range(lanes):
        close, mean = day[row + i], sums[_S + i] / 20.0
        spread = math.sqrt(max(sums[_SS + i] / 20.0 - mean * mean, 0.0))
        tile[_SMA + i], tile[_WMA + i] = mean / close, sums[_W + i] / 210.0 / close
        tile[_TRIMA + i], tile[_STDDEV + i] = sums[_T + i] / close, spread / close
        tile[_WIDTH + i] = 4.0 * spread / (close + mean)
        tile[_POSITION + i] = 0.5 - mean / (4.0 * spread) if spread > 1e-12 * close else 0.5
    sums[:] = 0.0
    for k in range(_INDEX(0), _INDEX(14)):
        at = row - (_INDEX(13) - k) * LANES
        place = float(k) - 6.5
        for i in range(lanes):
            apart = day[at + i] - day[row + i]
            sums[_W + i] += apart
            sums[_T + i] += place * apart
        if k == _INDEX(1):
            for i in range(lanes):
                sums[_SS + i] = sums[_W + i]
    for k in range(_INDEX(0), _INDEX(12), _SIX):
        at = row - (_INDEX(25) - k) * LANES
        for i in range(lanes):
            today, total = day[row + i], sums[_S + i]
            for step in range(_SIX):
                total += day[at + step * LANES + i] - today
            sums[_S + i] = total
    for i in range(lanes):
        sums[_S + i] += sums[_W + i]
        sums[_SS + i] = sums[_W + i] - sums[_SS + i]
    for i in range(lanes):
        close, fast, slow = day[row + i], sums[_SS + i] / 12.0, sums[_S + i] / 26.0
        tile[_APO + i], tile[_PPO + i] = (fast - slow) / close, 100.0 * (fast - slow) / (close + slow)
        slope = sums[_T + i] / 227.5
        tile[_SLOPE + i], tile[_TSF + i] = slope / close, (sums[_W + i] / 14.0 + 7.5 * slope) / close
        tile[_ROC + i] = 100.0 * (close / day[row - _INDEX(10) * LANES + i] - 1.0)


@inner
def _typical_deviation(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    sums[:] = 0.0
    newest = _TYPICAL * size + row
    for k in range(_INDEX(0), _INDEX(20), _FIVE):
        at = newest - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            total = sums[_S + i]
            for step in range(_FIVE):
                total += day[at + step * LANES + i]
            sums[_S + i] = total
    for k in range(_INDEX(0), _INDEX(20), _FIVE):
        at = newest - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            mean, apart = sums[_S + i] / 20.0, sums[_SS + i]
            for step in range(_FIVE):
                apart += abs(day[at + step * LANES + i] - mean)
            sums[_SS + i] = apart
    for i in range(lanes):
        apart, spread = day[newest + i] - sums[_S + i] / 20.0, sums[_SS + i] / 20.0
        tile[_CCI + i] = apart / (0.015 * spread) if spread > 1e-12 * day[row + i] else 0.0


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
def _stochastic(lanes: Any, day: Any, size: Any, row: Any, tile: Any) -> None:
    """%K of 5 sessions, averaged over 3 (slow %K), and that over 3 again (slow %D)."""
    newest = _RAW * size + row
    for i in range(lanes):
        today, one, two = day[newest + i], day[newest - LANES + i], day[newest - _INDEX(2) * LANES + i]
        three, four = day[newest - _INDEX(3) * LANES + i], day[newest - _INDEX(4) * LANES + i]
        tile[_SLOW_K + i] = (two + one + today) / 3.0
        tile[_SLOW_D + i] = (four + 2.0 * three + 3.0 * two + 2.0 * one + today) / 9.0


@inner
def _ultimate(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """Buying pressure over true range of 7, 14 and 28 sessions, weighted 4, 2 and 1."""
    sums[:] = 0.0
    for k in range(_INDEX(0), _INDEX(28), _SEVEN):
        at = row - (k + _SIX) * LANES
        for i in range(lanes):
            pressure, span = sums[_S + i], sums[_SS + i]
            for step in range(_SEVEN):
                pressure += day[_PRESSURE * size + at + step * LANES + i]
                span += day[_SPAN * size + at + step * LANES + i]
            sums[_S + i], sums[_SS + i] = pressure, span
        if k == _INDEX(21) or k == _SEVEN or k == _INDEX(0):
            weight = 4.0 if k == _INDEX(0) else 2.0 if k == _SEVEN else 1.0
            for i in range(lanes):
                part = weight * sums[_S + i] / sums[_SS + i] if sums[_SS + i] > _ZERO else 0.0
                sums[_W + i] += part
    for i in range(lanes):
        tile[_ULTOSC + i] = 100.0 * sums[_W + i] / 7.0


@inner
def _flows(lanes: Any, day: Any, size: Any, row: Any, sums: Any, tile: Any) -> None:
    """Volume with the sign of the move and of the place of the close in its day; money flow of 14 sessions."""
    sums[:] = 0.0
    for k in range(_INDEX(0), _INDEX(20), _FIVE):
        at = row - (_INDEX(19) - k) * LANES
        for i in range(lanes):
            volume, signed, placed = sums[_S + i], sums[_SS + i], sums[_W + i]
            for step in range(_FIVE):
                here = at + step * LANES + i
                volume += day[_V * size + here]
                signed += day[_SIGNED * size + here]
                placed += day[_PLACED * size + here]
            sums[_S + i], sums[_SS + i], sums[_W + i] = volume, signed, placed
    for k in range(_INDEX(0), _INDEX(14), _SEVEN):
        at = row - (_INDEX(13) - k) * LANES
        for i in range(lanes):
            rise, fall = sums[_X + i], sums[_Y + i]
            for step in range(_SEVEN):
                here = at + step * LANES + i
                rise += day[_RISE * size + here]
                fall += day[_FALL * size + here]
            sums[_X + i], sums[_Y + i] = rise, fall
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
