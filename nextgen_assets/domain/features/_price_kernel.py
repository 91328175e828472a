"""The price half of Alpha158, compiled: each value is added up afresh over its own window.

Imported only where it runs. Tickers lie side by side in groups of ``LANES``, so that one instruction works on
several of them, and the newest session lies first: the compiler vectorises only what it reads forwards. Sums
go newest first over differences from today's close: nothing from before the window can enter, and a constant
series has exactly no spread. Orders (maximum, rank, quantile) round nothing, so the sorted windows may be
carried from session to session.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nextgen_assets.domain.compilation import compiled, inner

N_FEATURES = 118
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_ZERO, _ONE, _TWO = _INDEX(0), _INDEX(LANES), _INDEX(2 * _LANES)
_HISTORY = _INDEX(61)
_WINDOWS = (_INDEX(5), _INDEX(10), _INDEX(20), _INDEX(30), _INDEX(60))
_ALL_WINDOWS, _FIVE = _INDEX(125), _INDEX(5)
_C, _H, _L, _R, _N_FIELDS = (_INDEX(number) for number in range(5))
(_E, _EE, _KE, _UP, _DOWN, _RISE, _MOVE, _LESS, _SAME, _TOP, _TOP_AT, _LOW, _LOW_AT, _N_SUMS) = (
    _INDEX(number * _LANES) for number in range(14)
)
(
    _KMID,
    _KLEN,
    _KMID2,
    _KUP,
    _KUP2,
    _KLOW,
    _KLOW2,
    _KSFT,
    _KSFT2,
    _OPEN0,
    _HIGH0,
    _LOW0,
    _VWAP0,
    _WINDOWED,
) = (_INDEX(number * _LANES) for number in range(14))
(_ROC, _MA, _STD, _BETA, _RSQR, _RESI, _MAX, _MIN, _QTLU, _QTLD, _RANK, _RSV, _IMAX, _IMIN, _IMXD,
 _CNTP, _CNTN, _CNTD, _SUMP, _SUMN, _SUMD) = (
    _INDEX((13 + number * 5) * _LANES) for number in range(21)
)  # fmt: skip
_SMALLEST_VARIANCE = 1e-24
_GUARD = 1e-12


@compiled
def price_rows(bars: Any, price_factor: Any, first_row: int, start: int, lanes: Any, chosen: Any,
               columns: Any, out: Any) -> None:  # fmt: skip
    """Fill ``out`` for ``lanes`` tickers from ``start``, at most ``LANES``.

    Parameters
    ----------
    bars : ndarray (5, n_sessions, n_tickers), float64
        Open, high, low, close and volume as traded; NaN without a bar.
    price_factor : ndarray (n_sessions, n_tickers)
        What earlier prices are multiplied by on a session.
    first_row : int
        Rows before it are history only.
    chosen, columns : ndarray (n_chosen,), uint64
        Number of each feature asked for, in the order of the constants above, and its place in ``out``.
    out : ndarray (n_sessions - first_row, n_tickers, n_columns)
        NaN where the window is not whole.
    """
    n_sessions = bars.shape[1]
    size = (_HISTORY + _INDEX(n_sessions)) * LANES
    day = np.ones(_N_FIELDS * size)
    ordered = np.ones(_ALL_WINDOWS * LANES)
    spare, sums = np.empty(3 * _LANES), np.empty(_N_SUMS)
    tile = np.zeros(N_FEATURES * _LANES)
    runs = np.zeros(_LANES, np.int64)
    needed = _sessions_needed()
    for t in range(n_sessions):
        row = _INDEX(n_sessions - 1 - t) * LANES
        for i in range(lanes):
            factor = price_factor[t, start + np.int64(i)]
            if runs[i] > 0 and factor != 1.0 and not math.isnan(factor):
                _rescale(factor, i, row, size, day, ordered)
        _enter(lanes, bars, t, start, row, size, day, runs)
        _slide(lanes, day, row, ordered, spare)
        if t < first_row:
            continue
        _bar_features(bars, t, start, lanes, tile)
        _start_sums(lanes, day, size, row, sums)
        done, base, place = _ZERO, _ZERO, _ZERO
        for span in _WINDOWS:
            _add_moments(lanes, day, size, row, done, span, sums)
            _add_orders(lanes, day, size, row, done, span, sums)
            _moments_out(lanes, day, row, span, sums, place, tile)
            _orders_out(lanes, day, row, span, sums, ordered, base, place, tile)
            done, base, place = span, base + span * LANES, place + LANES
        _emit(lanes, tile, runs, needed, chosen, columns, start, out[t - first_row])


@inner
def _sessions_needed() -> Any:
    needed = np.ones(N_FEATURES, np.int64)
    for feature in range(21):
        for window in range(5):
            before = 1 if feature == 0 or feature >= 15 else 0
            needed[13 + feature * 5 + window] = np.int64(_WINDOWS[window]) + before
    return needed


@inner
def _emit(lanes: Any, tile: Any, runs: Any, needed: Any, chosen: Any, columns: Any, start: int,
          out: Any) -> None:  # fmt: skip
    for i in range(lanes):
        line = out[start + np.int64(i)]
        for number in range(chosen.shape[0]):
            feature = chosen[number]
            known = runs[i] >= needed[feature]
            line[columns[number]] = tile[feature * LANES + i] if known else np.nan


@inner
def _rescale(factor: Any, i: Any, row: Any, size: Any, day: Any, ordered: Any) -> None:
    """Put earlier prices into today's units: a split or dividend takes effect."""
    for k in range(_INDEX(1), _HISTORY):
        for field in (_C, _H, _L):
            day[field * size + row + i + k * LANES] *= factor
    for j in range(_ALL_WINDOWS):
        ordered[j * LANES + i] *= factor


@inner
def _enter(lanes: Any, bars: Any, t: int, start: int, row: Any, size: Any, day: Any, runs: Any) -> None:
    """Put today's bars in; a ticker without one begins anew."""
    highs, lows, closes = bars[1, t, start:], bars[2, t, start:], bars[3, t, start:]
    for i in range(lanes):
        close, high, low = closes[i], highs[i], lows[i]
        day[row + i] = close if close == close else 1.0
        day[_H * size + row + i] = high if high == high else 1.0
        day[_L * size + row + i] = low if low == low else 1.0
    for i in range(lanes):
        ratio = closes[i] / day[row + LANES + i]
        day[_R * size + row + i] = ratio if ratio == ratio and runs[i] > 0 else 1.0
    for i in range(lanes):
        runs[i] = min(runs[i] + 1, 61) if closes[i] == closes[i] else 0


@inner
def _slide(lanes: Any, day: Any, row: Any, ordered: Any, spare: Any) -> None:
    """Take the close that leaves each window out of its sorted closes and put today's in."""
    base = _ZERO
    for span in _WINDOWS:
        for i in range(lanes):
            spare[i] = day[row + span * LANES + i]
            spare[_ONE + i] = day[row + i]
            spare[_TWO + i] = -math.inf
        last = base + (span - _INDEX(1)) * LANES
        for at in range(base, last, LANES):
            for i in range(lanes):
                here, after = ordered[at + i], ordered[at + LANES + i]
                kept = here if here < spare[i] else after
                below, today = spare[_TWO + i], spare[_ONE + i]
                most = below if below > today else today
                ordered[at + i] = kept if kept < most else most
                spare[_TWO + i] = kept
        for i in range(lanes):
            ordered[last + i] = max(spare[_TWO + i], spare[_ONE + i])
        base += span * LANES


@inner
def _bar_features(bars: Any, t: int, start: int, lanes: int, tile: Any) -> None:
    openings, highs, lows, closes = (
        bars[0, t, start:],
        bars[1, t, start:],
        bars[2, t, start:],
        bars[3, t, start:],
    )
    for i in range(lanes):
        opening, high, low, close = openings[i], highs[i], lows[i], closes[i]
        body, reach, shift = close - opening, high - low, 2.0 * close - high - low
        above, below = high - max(opening, close), min(opening, close) - low
        guarded = reach + _GUARD * close
        tile[_KMID + i], tile[_KLEN + i], tile[_KMID2 + i] = body / opening, reach / opening, body / guarded
        tile[_KUP + i], tile[_KUP2 + i] = above / opening, above / guarded
        tile[_KLOW + i], tile[_KLOW2 + i] = below / opening, below / guarded
        tile[_KSFT + i], tile[_KSFT2 + i] = shift / opening, shift / guarded
        tile[_OPEN0 + i], tile[_HIGH0 + i], tile[_LOW0 + i] = opening / close, high / close, low / close
        tile[_VWAP0 + i] = (high + low + close) / (3.0 * close)


@inner
def _start_sums(lanes: Any, day: Any, size: Any, row: Any, sums: Any) -> None:
    sums[:] = 0.0
    for i in range(lanes):
        sums[_TOP + i] = day[_H * size + row + i]
        sums[_LOW + i] = day[_L * size + row + i]


@inner
def _add_moments(lanes: Any, day: Any, size: Any, row: Any, first: Any, stop: Any, sums: Any) -> None:
    """Sums over the sessions ``first`` to ``stop`` before today of closes, moves and their signs, five at once."""
    for k in range(first, stop, _FIVE):
        newest = row + k * LANES
        for i in range(lanes):
            today, total, squares, aged = day[row + i], sums[_E + i], sums[_EE + i], sums[_KE + i]
            for step in range(_FIVE):
                apart = day[newest + step * LANES + i] - today
                total += apart
                squares += apart * apart
                aged += float(k + step) * apart
            sums[_E + i], sums[_EE + i], sums[_KE + i] = total, squares, aged
        for i in range(lanes):
            rise, moved = sums[_RISE + i], sums[_MOVE + i]
            for step in range(_FIVE):
                at = newest + step * LANES + i
                move = day[at] - day[at + LANES]
                rise += move if move > 0.0 else 0.0
                moved += abs(move)
            sums[_RISE + i], sums[_MOVE + i] = rise, moved
        for i in range(lanes):
            up, down = sums[_UP + i], sums[_DOWN + i]
            for step in range(_FIVE):
                ratio = day[_R * size + newest + step * LANES + i]
                up += 1.0 if ratio > 1.0 else 0.0
                down += 1.0 if ratio < 1.0 else 0.0
            sums[_UP + i], sums[_DOWN + i] = up, down


@inner
def _add_orders(lanes: Any, day: Any, size: Any, row: Any, first: Any, stop: Any, sums: Any) -> None:
    """Highest high and lowest low with the oldest session that shows them, and closes below today's."""
    for k in range(first, stop, _FIVE):
        newest = row + k * LANES
        for i in range(lanes):
            today, less, same = day[row + i], sums[_LESS + i], sums[_SAME + i]
            for step in range(_FIVE):
                close = day[newest + step * LANES + i]
                less += 1.0 if close < today else 0.0
                same += 1.0 if close == today else 0.0
            sums[_LESS + i], sums[_SAME + i] = less, same
        for i in range(lanes):
            top, top_at = sums[_TOP + i], sums[_TOP_AT + i]
            for step in range(_FIVE):
                high = day[_H * size + newest + step * LANES + i]
                top_at = float(k + step) if high >= top else top_at
                top = high if high >= top else top
            sums[_TOP + i], sums[_TOP_AT + i] = top, top_at
        for i in range(lanes):
            bottom, low_at = sums[_LOW + i], sums[_LOW_AT + i]
            for step in range(_FIVE):
                low = day[_L * size + newest + step * LANES + i]
                low_at = float(k + step) if low <= bottom else low_at
                bottom = low if low <= bottom else bottom
            sums[_LOW + i], sums[_LOW_AT + i] = bottom, low_at


@inner
def _moments_out(lanes: Any, day: Any, row: Any, span: Any, sums: Any, place: Any, tile: Any) -> None:
    n = float(span)
    middle, ages = (n - 1.0) / 2.0, n * (n * n - 1.0) / 12.0
    for i in range(lanes):
        close, total, at = day[row + i], sums[_E + i], place + i
        scale, variance = 1.0 / close, max(sums[_EE + i] - total * total / n, 0.0)
        slope_sum = middle * total - sums[_KE + i]
        moved = variance > n * _SMALLEST_VARIANCE * close * close
        tile[_ROC + at] = day[row + span * LANES + i] * scale
        tile[_MA + at] = 1.0 + total * scale / n
        tile[_STD + at] = math.sqrt(variance / (n - 1.0)) * scale
        tile[_BETA + at] = slope_sum / ages * scale
        tile[_RSQR + at] = slope_sum * slope_sum / ages / variance if moved else 0.0
        tile[_RESI + at] = -(total / n + slope_sum / ages * middle) * scale
    for i in range(lanes):
        at, up, down = place + i, sums[_UP + i] / n, sums[_DOWN + i] / n
        tile[_CNTP + at], tile[_CNTN + at], tile[_CNTD + at] = up, down, up - down
        rise, move = sums[_RISE + i], sums[_MOVE + i]
        share = 1.0 / (move + _GUARD * day[row + i])
        tile[_SUMP + at], tile[_SUMN + at] = rise * share, (move - rise) * share
        tile[_SUMD + at] = (2.0 * rise - move) * share


@inner
def _orders_out(lanes: Any, day: Any, row: Any, span: Any, sums: Any, ordered: Any, base: Any, place: Any,
                tile: Any) -> None:  # fmt: skip
    n = float(span)
    high_rank, low_rank = math.floor(0.8 * (n - 1.0)), math.floor(0.2 * (n - 1.0))
    high_part, low_part = 0.8 * (n - 1.0) - high_rank, 0.2 * (n - 1.0) - low_rank
    upper, lower = base + _INDEX(high_rank) * LANES, base + _INDEX(low_rank) * LANES
    for i in range(lanes):
        close, at = day[row + i], place + i
        scale, top, bottom = 1.0 / close, sums[_TOP + i], sums[_LOW + i]
        tile[_MAX + at], tile[_MIN + at] = top * scale, bottom * scale
        tile[_RSV + at] = (close - bottom) / (top - bottom + _GUARD * close)
        top_at, low_at = sums[_TOP_AT + i], sums[_LOW_AT + i]
        tile[_IMAX + at], tile[_IMIN + at] = (n - top_at) / n, (n - low_at) / n
        tile[_IMXD + at] = (low_at - top_at) / n
    for i in range(lanes):
        at, scale = place + i, 1.0 / day[row + i]
        first, second = ordered[upper + i], ordered[upper + LANES + i]
        tile[_QTLU + at] = (first + (second - first) * high_part) * scale
        first, second = ordered[lower + i], ordered[lower + LANES + i]
        tile[_QTLD + at] = (first + (second - first) * low_part) * scale
        tile[_RANK + at] = (sums[_LESS + i] + (sums[_SAME + i] + 1.0) / 2.0) / n
