"""Classic indicators that remember all their past, compiled over a window of 100 sessions.

A recursion that began with the history would differ with where the history begins. Each value therefore starts
afresh, ``WINDOW`` sessions back, exactly as TA-Lib does when it is given these sessions and no others; what an
older session would add has decayed to less than 0.2 %. Groups of ``LANES`` tickers lie side by side, the oldest
session first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nextgen_assets.domain.features._compiled import compiled, inner

N_FEATURES = 16
WINDOW = 100
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_WINDOW = _INDEX(WINDOW)
_C, _H, _L, _V, _N_FIELDS = (_INDEX(number) for number in range(5))
(_EMA_12, _EMA_26, _DEMA, _TEMA, _TRIX, _MACD, _SIGNAL, _HISTOGRAM, _RSI, _CMO, _ADX, _PLUS, _MINUS, _DX, _NATR,
 _ADOSC) = (_INDEX(number * _LANES) for number in range(N_FEATURES))  # fmt: skip
(
    _GAIN,
    _LOSS,
    _RANGE,
    _UP_MOVE,
    _DOWN_MOVE,
    _TRUE,
    _ADX_SUM,
    _LAST_DX,
    _LINE,
    _FAST,
    _SLOW,
    _VOLUME,
    _N_SUMS,
) = (_INDEX(number * _LANES) for number in range(13))
_FIRST, _SECOND, _THIRD, _FOURTH, _N_SERIES = (_INDEX(number * WINDOW * _LANES) for number in range(5))
_ZERO = 1e-14
"""TA-Lib takes less than this for nothing."""


@compiled
def recursive_rows(bars: Any, price_factor: Any, split_ratio: Any, first_row: int, start: int, lanes: Any,
                   chosen: Any, columns: Any, out: Any) -> None:  # fmt: skip
    """Fill ``out`` for ``lanes`` tickers from ``start``; parameters as in ``volume_rows``."""
    n_sessions = bars.shape[1]
    size = (_WINDOW + _INDEX(n_sessions)) * LANES
    day, series, sums = np.ones(_N_FIELDS * size), np.zeros(_N_SERIES), np.empty(_N_SUMS)
    tile, runs = np.zeros(N_FEATURES * _LANES), np.zeros(_LANES, np.int64)
    for t in range(n_sessions):
        row = (_WINDOW + _INDEX(t)) * LANES
        for i in range(lanes):
            _enter(bars, price_factor, split_ratio, t, start + np.int64(i), i, row, size, day, runs)
        if t < first_row:
            continue
        first = row - (_WINDOW - _INDEX(1)) * LANES
        _convergence(lanes, day, first, row, series, tile)
        _smoothed(lanes, day, first, row, series, tile)
        sums[:] = 0.0
        _wilder(lanes, day, size, first, sums)
        _directional(lanes, day, size, first, sums)
        _accumulation(lanes, day, size, first, sums)
        _sums_out(lanes, day, row, sums, tile)
        for i in range(lanes):
            line = out[t - first_row, start + np.int64(i)]
            for number in range(chosen.shape[0]):
                line[columns[number]] = tile[chosen[number] * LANES + i] if runs[i] >= WINDOW else np.nan


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
        for k in range(_INDEX(1), _WINDOW):
            for field in (_C, _H, _L):
                day[field * size + at - k * LANES] *= factor
            day[_V * size + at - k * LANES] *= split
    day[at] = bars[3, t, ticker]
    day[_H * size + at] = bars[1, t, ticker]
    day[_L * size + at] = bars[2, t, ticker]
    day[_V * size + at] = bars[4, t, ticker]
    runs[i] = min(runs[i] + 1, WINDOW)


@inner
def _average(lanes: Any, source: Any, begin: Any, count: Any, period: Any, series: Any, target: Any) -> None:
    """Exponential averages of ``count`` values: the first is the mean of ``period`` values, at their end."""
    share, seed = 2.0 / (float(period) + 1.0), target + (period - _INDEX(1)) * LANES
    for i in range(lanes):
        series[seed + i] = 0.0
    for k in range(period):
        for i in range(lanes):
            series[seed + i] += source[begin + k * LANES + i]
    for i in range(lanes):
        series[seed + i] /= float(period)
    for k in range(period, count):
        at, here = target + k * LANES, begin + k * LANES
        for i in range(lanes):
            before = series[at - LANES + i]
            series[at + i] = (source[here + i] - before) * share + before


@inner
def _convergence(lanes: Any, day: Any, first: Any, row: Any, series: Any, tile: Any) -> None:
    """Averages of 12 and 26, and their convergence: there both begin with session 26, signal over 9."""
    end = (_WINDOW - _INDEX(1)) * LANES
    _average(lanes, day, first, _WINDOW, _INDEX(12), series, _FIRST)
    for i in range(lanes):
        tile[_EMA_12 + i] = series[_FIRST + end + i] / day[row + i] - 1.0
    skipped = _INDEX(14) * LANES
    _average(lanes, day, first + skipped, _WINDOW - _INDEX(14), _INDEX(12), series, _FIRST + skipped)
    _average(lanes, day, first, _WINDOW, _INDEX(26), series, _SECOND)
    for k in range(_INDEX(25), _WINDOW):
        at = k * LANES
        for i in range(lanes):
            series[_THIRD + at + i] = series[_FIRST + at + i] - series[_SECOND + at + i]
    begin = _INDEX(25) * LANES
    _average(lanes, series, _THIRD + begin, _WINDOW - _INDEX(25), _INDEX(9), series, _FOURTH + begin)
    for i in range(lanes):
        close, line, signal = day[row + i], series[_THIRD + end + i], series[_FOURTH + end + i]
        tile[_EMA_26 + i] = series[_SECOND + end + i] / close - 1.0
        tile[_MACD + i], tile[_SIGNAL + i] = line / close, signal / close
        tile[_HISTOGRAM + i] = (line - signal) / close


@inner
def _smoothed(lanes: Any, day: Any, first: Any, row: Any, series: Any, tile: Any) -> None:
    """Averages of averages: double and triple of 20, and the change of the triple of 15."""
    end = (_WINDOW - _INDEX(1)) * LANES
    for period in (_INDEX(20), _INDEX(15)):
        begin = period - _INDEX(1)
        _average(lanes, day, first, _WINDOW, period, series, _FIRST)
        once = begin * LANES
        _average(lanes, series, _FIRST + once, _WINDOW - begin, period, series, _SECOND + once)
        twice = _INDEX(2) * once
        _average(lanes, series, _SECOND + twice, _WINDOW - _INDEX(2) * begin, period, series, _THIRD + twice)
        for i in range(lanes):
            single, double, triple = (
                series[_FIRST + end + i],
                series[_SECOND + end + i],
                series[_THIRD + end + i],
            )
            if period == _INDEX(20):
                tile[_DEMA + i] = (2.0 * single - double) / day[row + i] - 1.0
                tile[_TEMA + i] = (3.0 * single - 3.0 * double + triple) / day[row + i] - 1.0
            else:
                tile[_TRIX + i] = 100.0 * (triple / series[_THIRD + end - LANES + i] - 1.0)


@inner
def _wilder(lanes: Any, day: Any, size: Any, first: Any, sums: Any) -> None:
    """Wilder's averages of 14 gains, losses and true ranges: a plain mean first, then 13 parts old, 1 new."""
    for k in range(_INDEX(1), _WINDOW):
        at, kept = first + k * LANES, 1.0 if k <= _INDEX(14) else 13.0 / 14.0
        for i in range(lanes):
            move = day[at + i] - day[at - LANES + i]
            sums[_GAIN + i] = sums[_GAIN + i] * kept + max(move, 0.0) / 14.0
            sums[_LOSS + i] = sums[_LOSS + i] * kept + max(-move, 0.0) / 14.0
        for i in range(lanes):
            before, high, low = day[at - LANES + i], day[_H * size + at + i], day[_L * size + at + i]
            sums[_RANGE + i] = sums[_RANGE + i] * kept + (max(high, before) - min(low, before)) / 14.0


@inner
def _directional(lanes: Any, day: Any, size: Any, first: Any, sums: Any) -> None:
    """Directional movements of 14 and true range, as sums of which a fourteenth is lost each session."""
    for k in range(_INDEX(1), _WINDOW):
        at, kept = first + k * LANES, 1.0 if k < _INDEX(14) else 13.0 / 14.0
        for i in range(lanes):
            high, low, before = day[_H * size + at + i], day[_L * size + at + i], day[at - LANES + i]
            up = high - day[_H * size + at - LANES + i]
            down = day[_L * size + at - LANES + i] - low
            top, bottom = high if high > before else before, low if low < before else before
            most_up, most_down = up if up > 0.0 else 0.0, down if down > 0.0 else 0.0
            sums[_UP_MOVE + i] = sums[_UP_MOVE + i] * kept + (up if up > most_down else 0.0)
            sums[_DOWN_MOVE + i] = sums[_DOWN_MOVE + i] * kept + (down if down > most_up else 0.0)
            sums[_TRUE + i] = sums[_TRUE + i] * kept + (top - bottom)
        if k < _INDEX(14):
            continue
        kept = 1.0 if k < _INDEX(28) else 13.0 / 14.0
        for i in range(lanes):
            up, down, span = sums[_UP_MOVE + i], sums[_DOWN_MOVE + i], sums[_TRUE + i]
            last, before, least = sums[_LAST_DX + i], sums[_ADX_SUM + i], _ZERO * 0.01 * span
            total = up + down if span > _ZERO else 0.0
            fresh = 100.0 * abs(up - down) / (up + down)
            index = fresh if total > least else last
            smoothed = before * kept + index / 14.0
            sums[_ADX_SUM + i] = smoothed if total > least else before
            sums[_LAST_DX + i] = index


@inner
def _accumulation(lanes: Any, day: Any, size: Any, first: Any, sums: Any) -> None:
    """Averages over 3 and 10 of the accumulation line, which both begin with its first value."""
    for k in range(_WINDOW):
        at, fast, slow = first + k * LANES, 0.5, 2.0 / 11.0
        if k == _INDEX(0):
            fast = slow = 1.0
        for i in range(lanes):
            close, high, low = day[at + i], day[_H * size + at + i], day[_L * size + at + i]
            volume = day[_V * size + at + i]
            share = ((close - low) - (high - close)) / (high - low) if high > low else 0.0
            line = sums[_LINE + i] + share * volume
            sums[_FAST + i] += fast * (line - sums[_FAST + i])
            sums[_SLOW + i] += slow * (line - sums[_SLOW + i])
            sums[_LINE + i] = line
            sums[_VOLUME + i] += volume


@inner
def _sums_out(lanes: Any, day: Any, row: Any, sums: Any, tile: Any) -> None:
    for i in range(lanes):
        gain, loss, close = sums[_GAIN + i], sums[_LOSS + i], day[row + i]
        moved = gain + loss > _ZERO
        tile[_RSI + i] = 100.0 * gain / (gain + loss) if moved else 0.0
        tile[_CMO + i] = 100.0 * (gain - loss) / (gain + loss) if moved else 0.0
        tile[_NATR + i], span = 100.0 * sums[_RANGE + i] / close, sums[_TRUE + i]
        tile[_PLUS + i] = 100.0 * sums[_UP_MOVE + i] / span if span > _ZERO else 0.0
        tile[_MINUS + i] = 100.0 * sums[_DOWN_MOVE + i] / span if span > _ZERO else 0.0
        tile[_ADX + i], tile[_DX + i] = sums[_ADX_SUM + i], sums[_LAST_DX + i]
        apart, volume = sums[_FAST + i] - sums[_SLOW + i], sums[_VOLUME + i] / float(WINDOW)
        tile[_ADOSC + i] = apart / volume if volume > 0.0 else 0.0
