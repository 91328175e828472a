"""Classic indicators that remember all their past, compiled over a window of 100 sessions.

A recursion that began with the history would differ with where the history begins. Each value therefore starts
afresh, ``WINDOW`` sessions back, exactly as TA-Lib does when it is given these sessions and no others; what an
older session would add has decayed to less than 0.2 %. From a fixed start an exponential average, and an average
of averages, is one sum with fixed weights: those are worked out once, from the recursions themselves. What a
session adds to the sums (gain, loss, range, movements, accumulation) is worked out when it enters. Only the
directional index divides on the way and keeps its recursion. Groups of ``LANES`` tickers lie side by side, the
oldest session first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.compilation import compiled, inner

N_FEATURES = 16
WINDOW = 100
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_WINDOW, _FIVE = _INDEX(WINDOW), _INDEX(5)
_C, _H, _L, _V, _GAIN, _LOSS, _RANGE, _UP, _DOWN, _FLOW, _N_FIELDS = (_INDEX(number) for number in range(11))
(_EMA_12, _EMA_26, _DEMA, _TEMA, _TRIX, _MACD, _SIGNAL, _HISTOGRAM, _RSI, _CMO, _ADX, _PLUS, _MINUS, _DX, _NATR,
 _ADOSC) = (_INDEX(number * _LANES) for number in range(N_FEATURES))  # fmt: skip
(_FAST, _SLOW, _DOUBLE, _TRIPLE, _NOW, _BEFORE, _LINE, _TRIGGER, _GAINS, _LOSSES, _RANGES, _APART, _VOLUME,
 _UPS, _DOWNS, _TRUE, _SMOOTHED, _INDEX_BEFORE, _N_SUMS) = (_INDEX(number * _LANES) for number in range(19))  # fmt: skip
_ZERO = 1e-14
"""TA-Lib takes less than this for nothing."""


def _averages(rows: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Exponential averages of a series from its ``period``-th value on, which is a plain mean; each row is one value."""
    share, made = 2.0 / (period + 1.0), [rows[:period].mean(axis=0)]
    for row in rows[period:]:
        made.append(made[-1] + (row - made[-1]) * share)
    return np.array(made)


def _average_weights() -> NDArray[np.float64]:
    """What each close of the window counts in each average, oldest first, (WINDOW, 8).

    Averages of 12 and 26; double and triple of 20; triple of 15 today and a session before; convergence of 12
    and 26, which both begin with session 26, and its average of 9.
    """
    closes = np.eye(WINDOW)
    once = _averages(closes, 20)
    twice = _averages(once, 20)
    thrice = _averages(_averages(_averages(closes, 15), 15), 15)
    slow = _averages(closes, 26)
    line = _averages(closes[14:], 12) - slow
    double = 2.0 * once[-1] - twice[-1]
    triple = 3.0 * once[-1] - 3.0 * twice[-1] + _averages(twice, 20)[-1]
    ends = (_averages(closes, 12)[-1], slow[-1], double, triple, thrice[-1], thrice[-2], line[-1])
    return np.ascontiguousarray(np.stack([*ends, _averages(line, 9)[-1]], axis=1))


def _sum_weights() -> NDArray[np.float64]:
    """What each session of the window adds to Wilder's averages of 14, and to the accumulation of 3 over 10, (WINDOW, 2).

    Wilder's average is a plain mean of the first 14 moves, then 13 parts old and 1 new. The accumulation line and
    its two averages begin with the first session.
    """
    ages = np.arange(WINDOW - 1, -1, -1.0)
    wilder = (13.0 / 14.0) ** np.minimum(ages, WINDOW - 15.0) / 14.0
    wilder[0] = 0.0

    def of_line(share: float) -> NDArray[np.float64]:
        weights = share * (1.0 - share) ** ages
        weights[0] = (1.0 - share) ** (WINDOW - 1)
        return np.asarray(weights[::-1].cumsum()[::-1])

    return np.ascontiguousarray(np.stack([wilder, of_line(0.5) - of_line(2.0 / 11.0)], axis=1))


_OF_CLOSES, _OF_SUMS = _average_weights(), _sum_weights()


@compiled
def recursive_rows(bars: Any, price_factor: Any, split_ratio: Any, first_row: int, start: int, lanes: Any,
                   chosen: Any, columns: Any, out: Any) -> None:  # fmt: skip
    """Fill ``out`` for ``lanes`` tickers from ``start``; parameters as in ``volume_rows``."""
    n_sessions = bars.shape[1]
    size = (_WINDOW + _INDEX(n_sessions)) * LANES
    day, sums = np.ones(_N_FIELDS * size), np.empty(_N_SUMS)
    tile, runs = np.zeros(N_FEATURES * _LANES), np.zeros(_LANES, np.int64)
    for t in range(n_sessions):
        row = (_WINDOW + _INDEX(t)) * LANES
        _enter(lanes, bars, t, start, row, size, day, runs)
        for i in range(lanes):
            ticker = start + np.int64(i)
            if runs[i] > 1 and (price_factor[t, ticker] != 1.0 or split_ratio[t, ticker] != 1.0):
                _rescale(price_factor[t, ticker], split_ratio[t, ticker], row + i, size, day)
        _derive(lanes, day, size, row)
        if t < first_row:
            continue
        first = row - (_WINDOW - _INDEX(1)) * LANES
        sums[:] = 0.0
        _weigh_closes(lanes, day, first, row, sums)
        _weigh_sums(lanes, day, size, first, sums)
        _directional(lanes, day, size, first, sums)
        _averages_out(lanes, day, row, sums, tile)
        _sums_out(lanes, day, row, sums, tile)
        for i in range(lanes):
            line = out[t - first_row, start + np.int64(i)]
            for number in range(chosen.shape[0]):
                line[columns[number]] = tile[chosen[number] * LANES + i] if runs[i] >= WINDOW else np.nan


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
        runs[i] = min(runs[i] + 1, WINDOW) if closes[i] == closes[i] else 0


@inner
def _rescale(factor: Any, split: Any, at: Any, size: Any, day: Any) -> None:
    """Put what came before today into today's units: a split or dividend takes effect."""
    for k in range(_INDEX(1), _WINDOW):
        for field in (_C, _H, _L, _GAIN, _LOSS, _RANGE, _UP, _DOWN):
            day[field * size + at - k * LANES] *= factor
        for field in (_V, _FLOW):
            day[field * size + at - k * LANES] *= split


@inner
def _derive(lanes: Any, day: Any, size: Any, row: Any) -> None:
    """What today adds: gain, loss, true range, directional movements, and volume by the place of the close."""
    for i in range(lanes):
        at = row + i
        before, high, low = day[at - LANES], day[_H * size + at], day[_L * size + at]
        move = day[at] - before
        day[_GAIN * size + at] = move if move > 0.0 else 0.0
        day[_LOSS * size + at] = -move if move < 0.0 else 0.0
        day[_RANGE * size + at] = (high if high > before else before) - (low if low < before else before)
    for i in range(lanes):
        at = row + i
        up = day[_H * size + at] - day[_H * size + at - LANES]
        down = day[_L * size + at - LANES] - day[_L * size + at]
        most_up, most_down = up if up > 0.0 else 0.0, down if down > 0.0 else 0.0
        day[_UP * size + at] = up if up > most_down else 0.0
        day[_DOWN * size + at] = down if down > most_up else 0.0
    for i in range(lanes):
        at = row + i
        close, high, low = day[at], day[_H * size + at], day[_L * size + at]
        share = ((close - low) - (high - close)) / (high - low) if high > low else 0.0
        day[_FLOW * size + at] = share * day[_V * size + at]


@inner
def _weigh_closes(lanes: Any, day: Any, first: Any, row: Any, sums: Any) -> None:
    """Weighted sums of the differences from today's close, five sessions at once."""
    for k in range(_INDEX(0), _WINDOW, _FIVE):
        for i in range(lanes):
            today, fast, slow, double, triple = (
                day[row + i], sums[_FAST + i], sums[_SLOW + i], sums[_DOUBLE + i], sums[_TRIPLE + i]
            )  # fmt: skip
            for step in range(_FIVE):
                apart = day[first + (k + step) * LANES + i] - today
                fast += _OF_CLOSES[k + step, 0] * apart
                slow += _OF_CLOSES[k + step, 1] * apart
                double += _OF_CLOSES[k + step, 2] * apart
                triple += _OF_CLOSES[k + step, 3] * apart
            sums[_FAST + i], sums[_SLOW + i], sums[_DOUBLE + i], sums[_TRIPLE + i] = (
                fast,
                slow,
                double,
                triple,
            )
        for i in range(lanes):
            today, now, before, line, trigger = (
                day[row + i], sums[_NOW + i], sums[_BEFORE + i], sums[_LINE + i], sums[_TRIGGER + i]
            )  # fmt: skip
            for step in range(_FIVE):
                apart = day[first + (k + step) * LANES + i] - today
                now += _OF_CLOSES[k + step, 4] * apart
                before += _OF_CLOSES[k + step, 5] * apart
                line += _OF_CLOSES[k + step, 6] * apart
                trigger += _OF_CLOSES[k + step, 7] * apart
            sums[_NOW + i], sums[_BEFORE + i], sums[_LINE + i], sums[_TRIGGER + i] = (
                now,
                before,
                line,
                trigger,
            )


@inner
def _weigh_sums(lanes: Any, day: Any, size: Any, first: Any, sums: Any) -> None:
    """Wilder's averages, the accumulation of 3 over 10, and the volume."""
    for k in range(_INDEX(0), _WINDOW, _FIVE):
        for i in range(lanes):
            gains, losses, ranges = sums[_GAINS + i], sums[_LOSSES + i], sums[_RANGES + i]
            for step in range(_FIVE):
                at, weight = first + (k + step) * LANES + i, _OF_SUMS[k + step, 0]
                gains += weight * day[_GAIN * size + at]
                losses += weight * day[_LOSS * size + at]
                ranges += weight * day[_RANGE * size + at]
            sums[_GAINS + i], sums[_LOSSES + i], sums[_RANGES + i] = gains, losses, ranges
        for i in range(lanes):
            apart, volume = sums[_APART + i], sums[_VOLUME + i]
            for step in range(_FIVE):
                at = first + (k + step) * LANES + i
                apart += _OF_SUMS[k + step, 1] * day[_FLOW * size + at]
                volume += day[_V * size + at]
            sums[_APART + i], sums[_VOLUME + i] = apart, volume


@inner
def _directional(lanes: Any, day: Any, size: Any, first: Any, sums: Any) -> None:
    """Directional movements of 14 and true range, as sums of which a fourteenth is lost each session."""
    for k in range(_INDEX(1), _INDEX(14)):
        at = first + k * LANES
        for i in range(lanes):
            sums[_UPS + i] += day[_UP * size + at + i]
            sums[_DOWNS + i] += day[_DOWN * size + at + i]
            sums[_TRUE + i] += day[_RANGE * size + at + i]
    old = 13.0 / 14.0
    for k in range(_INDEX(14), _WINDOW):
        at, kept = first + k * LANES, 1.0 if k < _INDEX(28) else old
        for i in range(lanes):
            up = sums[_UPS + i] * old + day[_UP * size + at + i]
            down = sums[_DOWNS + i] * old + day[_DOWN * size + at + i]
            span = sums[_TRUE + i] * old + day[_RANGE * size + at + i]
            sums[_UPS + i], sums[_DOWNS + i], sums[_TRUE + i] = up, down, span
            last, before, least = sums[_INDEX_BEFORE + i], sums[_SMOOTHED + i], _ZERO * 0.01 * span
            total = up + down if span > _ZERO else 0.0
            fresh = 100.0 * abs(up - down) / (up + down)
            index = fresh if total > least else last
            smoothed = before * kept + index / 14.0
            sums[_SMOOTHED + i] = smoothed if total > least else before
            sums[_INDEX_BEFORE + i] = index


@inner
def _averages_out(lanes: Any, day: Any, row: Any, sums: Any, tile: Any) -> None:
    for i in range(lanes):
        close = day[row + i]
        tile[_EMA_12 + i], tile[_EMA_26 + i] = sums[_FAST + i] / close, sums[_SLOW + i] / close
        tile[_DEMA + i], tile[_TEMA + i] = sums[_DOUBLE + i] / close, sums[_TRIPLE + i] / close
        now, before = sums[_NOW + i], sums[_BEFORE + i]
        tile[_TRIX + i] = 100.0 * (now - before) / (close + before)
        line, trigger = sums[_LINE + i], sums[_TRIGGER + i]
        tile[_MACD + i], tile[_SIGNAL + i] = line / close, trigger / close
        tile[_HISTOGRAM + i] = (line - trigger) / close


@inner
def _sums_out(lanes: Any, day: Any, row: Any, sums: Any, tile: Any) -> None:
    for i in range(lanes):
        gain, loss, close = sums[_GAINS + i], sums[_LOSSES + i], day[row + i]
        moved = gain + loss > _ZERO
        tile[_RSI + i] = 100.0 * gain / (gain + loss) if moved else 0.0
        tile[_CMO + i] = 100.0 * (gain - loss) / (gain + loss) if moved else 0.0
        tile[_NATR + i], span = 100.0 * sums[_RANGES + i] / close, sums[_TRUE + i]
        tile[_PLUS + i] = 100.0 * sums[_UPS + i] / span if span > _ZERO else 0.0
        tile[_MINUS + i] = 100.0 * sums[_DOWNS + i] / span if span > _ZERO else 0.0
        tile[_ADX + i], tile[_DX + i] = sums[_SMOOTHED + i], sums[_INDEX_BEFORE + i]
        volume = sums[_VOLUME + i] / float(WINDOW)
        tile[_ADOSC + i] = sums[_APART + i] / volume if volume > 0.0 else 0.0
