"""The volume half of Alpha158, compiled: each value is added up afresh over its own window.

Laid out as :mod:`nextgen_assets.domain.features._price_kernel`: groups of ``LANES`` tickers, the newest session
first, sums over differences from today's value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nextgen_assets.domain.compilation import compiled, inner

N_FEATURES = 40
_LANES = 32
_INDEX = np.uint64  # what cannot be negative needs no check for it; only then are loops vectorised
LANES = _INDEX(_LANES)
_HISTORY = _INDEX(61)
_WINDOWS = (_INDEX(5), _INDEX(10), _INDEX(20), _INDEX(30), _INDEX(60))
_ZERO, _FIVE = _INDEX(0), _INDEX(5)
_C, _V, _Y, _R, _W, _Z, _N_FIELDS = (_INDEX(number) for number in range(7))
(_E, _EE, _S, _SS, _ES, _G, _GG, _Q, _QQ, _GQ, _U, _UU, _RISE, _MOVE, _A, _AA, _N_SUMS) = (
    _INDEX(number * _LANES) for number in range(17)
)
(_CORR, _CORD, _VMA, _VSTD, _WVMA, _VSUMP, _VSUMN, _VSUMD) = (
    _INDEX(number * 5 * _LANES) for number in range(8)
)  # fmt: skip
_SMALLEST_VARIANCE = 1e-24
_GUARD = 1e-12


@compiled
def volume_rows(bars: Any, price_factor: Any, split_ratio: Any, first_row: int, start: int, lanes: Any,
                chosen: Any, columns: Any, out: Any) -> None:  # fmt: skip
    """Fill ``out`` for ``lanes`` tickers from ``start``, at most ``LANES``.

    Parameters
    ----------
    bars : ndarray (5, n_sessions, n_tickers), float64
        Open, high, low, close and volume as traded; NaN without a bar.
    price_factor, split_ratio : ndarray (n_sessions, n_tickers)
        What earlier prices and earlier volumes are multiplied by on a session.
    first_row : int
        Rows before it are history only.
    chosen, columns : ndarray (n_chosen,), uint64
        Number of each feature asked for, in the order of the constants above, and its place in ``out``.
    out : ndarray (n_sessions - first_row, n_tickers, n_columns)
        NaN where the window is not whole.
    """
    n_sessions = bars.shape[1]
    size = (_HISTORY + _INDEX(n_sessions)) * LANES
    day, sums = np.ones(_N_FIELDS * size), np.empty(_N_SUMS)
    tile = np.zeros(N_FEATURES * _LANES)
    runs = np.zeros(2 * _LANES, np.int64)
    for t in range(n_sessions):
        row = _INDEX(n_sessions - 1 - t) * LANES
        for i in range(lanes):
            _enter(bars, price_factor, split_ratio, t, start + np.int64(i), i, row, size, day, runs)
        if t < first_row:
            continue
        sums[:] = 0.0
        done, place = _ZERO, _ZERO
        for span in _WINDOWS:
            _add_levels(lanes, day, size, row, done, span, sums)
            _add_changes(lanes, day, size, row, done, span, sums)
            _correlations_out(lanes, day, row, span, sums, place, tile)
            _volumes_out(lanes, day, size, row, span, sums, place, tile)
            done, place = span, place + LANES
        _emit(lanes, tile, runs, chosen, columns, start, out[t - first_row])


@inner
def _emit(lanes: Any, tile: Any, runs: Any, chosen: Any, columns: Any, start: int, out: Any) -> None:
    for i in range(lanes):
        line = out[start + np.int64(i)]
        for number in range(chosen.shape[0]):
            feature = chosen[number]
            family, needed = feature // _FIVE, np.int64(_WINDOWS[feature % _FIVE])
            run = runs[LANES + i] if family == _INDEX(1) else runs[i]
            known = run >= needed + (1 if family >= _INDEX(4) else 0)
            line[columns[number]] = tile[feature * LANES + i] if known else np.nan


@inner
def _enter(bars: Any, price_factor: Any, split_ratio: Any, t: int, ticker: Any, i: Any, row: Any, size: Any,
           day: Any, runs: Any) -> None:  # fmt: skip
    """Put today's bar in, and earlier bars into today's units where a split or dividend takes effect."""
    close, volume, at = bars[3, t, ticker], bars[4, t, ticker], row + i
    for field in (_C, _V, _Y, _R, _W, _Z):
        day[field * size + at] = 1.0
    if math.isnan(close):
        runs[i] = runs[LANES + i] = 0
        return
    factor, split = price_factor[t, ticker], split_ratio[t, ticker]
    if runs[i] > 0 and (factor != 1.0 or split != 1.0):
        for k in range(_INDEX(1), _HISTORY):
            back = at + k * LANES
            day[back] *= factor
            day[_V * size + back] *= split
            day[_Z * size + back] *= split
            day[_Y * size + back] = math.log(day[_V * size + back] + 1.0)
    day[at] = close
    day[_V * size + at] = volume
    day[_Y * size + at] = math.log(volume + 1.0)
    if runs[i] > 0:
        ratio, before = close / day[at + LANES], day[_V * size + at + LANES]
        day[_R * size + at] = ratio
        day[_Z * size + at] = abs(ratio - 1.0) * volume
        if before > 0.0:
            day[_W * size + at] = math.log(volume / before + 1.0)
            runs[LANES + i] = min(runs[LANES + i] + 1, 60)
        else:
            runs[LANES + i] = 0
    runs[i] = min(runs[i] + 1, 61)


@inner
def _add_levels(lanes: Any, day: Any, size: Any, row: Any, first: Any, stop: Any, sums: Any) -> None:
    """Sums over the sessions ``first`` to ``stop`` before today of closes with log volumes, and of volumes."""
    for k in range(first, stop, _FIVE):
        newest = row + k * LANES
        for i in range(lanes):
            close, level = day[row + i], day[_Y * size + row + i]
            e, ee, s, ss, es = sums[_E + i], sums[_EE + i], sums[_S + i], sums[_SS + i], sums[_ES + i]
            for step in range(_FIVE):
                at = newest + step * LANES + i
                apart, apart_volume = day[at] - close, day[_Y * size + at] - level
                e += apart
                ee += apart * apart
                s += apart_volume
                ss += apart_volume * apart_volume
                es += apart * apart_volume
            sums[_E + i], sums[_EE + i], sums[_S + i], sums[_SS + i], sums[_ES + i] = e, ee, s, ss, es
        for i in range(lanes):
            volume, u, uu = day[_V * size + row + i], sums[_U + i], sums[_UU + i]
            rise, moved = sums[_RISE + i], sums[_MOVE + i]
            for step in range(_FIVE):
                at = _V * size + newest + step * LANES + i
                apart, move = day[at] - volume, day[at] - day[at + LANES]
                u += apart
                uu += apart * apart
                rise += move if move > 0.0 else 0.0
                moved += abs(move)
            sums[_U + i], sums[_UU + i], sums[_RISE + i], sums[_MOVE + i] = u, uu, rise, moved


@inner
def _add_changes(lanes: Any, day: Any, size: Any, row: Any, first: Any, stop: Any, sums: Any) -> None:
    """The same of price ratios with volume ratios, and of moves weighted by volume."""
    for k in range(first, stop, _FIVE):
        newest = row + k * LANES
        for i in range(lanes):
            ratio, change = day[_R * size + row + i], day[_W * size + row + i]
            g, gg, q, qq, gq = sums[_G + i], sums[_GG + i], sums[_Q + i], sums[_QQ + i], sums[_GQ + i]
            for step in range(_FIVE):
                at = newest + step * LANES + i
                apart, apart_volume = day[_R * size + at] - ratio, day[_W * size + at] - change
                g += apart
                gg += apart * apart
                q += apart_volume
                qq += apart_volume * apart_volume
                gq += apart * apart_volume
            sums[_G + i], sums[_GG + i], sums[_Q + i], sums[_QQ + i], sums[_GQ + i] = g, gg, q, qq, gq
        for i in range(lanes):
            weighted, a, aa = day[_Z * size + row + i], sums[_A + i], sums[_AA + i]
            for step in range(_FIVE):
                apart = day[_Z * size + newest + step * LANES + i] - weighted
                a += apart
                aa += apart * apart
            sums[_A + i], sums[_AA + i] = a, aa


@inner
def _correlations_out(lanes: Any, day: Any, row: Any, span: Any, sums: Any, place: Any, tile: Any) -> None:
    n = float(span)
    least = n * _SMALLEST_VARIANCE
    for i in range(lanes):
        at, close = place + i, day[row + i]
        first, second = (
            sums[_EE + i] - sums[_E + i] * sums[_E + i] / n,
            sums[_SS + i] - sums[_S + i] * sums[_S + i] / n,
        )
        both = sums[_ES + i] - sums[_E + i] * sums[_S + i] / n
        moved = first > least * close * close and second > least
        tile[_CORR + at] = both / math.sqrt(first * second) if moved else 0.0
    for i in range(lanes):
        at = place + i
        first, second = (
            sums[_GG + i] - sums[_G + i] * sums[_G + i] / n,
            sums[_QQ + i] - sums[_Q + i] * sums[_Q + i] / n,
        )
        both = sums[_GQ + i] - sums[_G + i] * sums[_Q + i] / n
        moved = first > least and second > least
        tile[_CORD + at] = both / math.sqrt(first * second) if moved else 0.0


@inner
def _volumes_out(lanes: Any, day: Any, size: Any, row: Any, span: Any, sums: Any, place: Any,
                 tile: Any) -> None:  # fmt: skip
    n = float(span)
    for i in range(lanes):
        at, volume, total = place + i, day[_V * size + row + i], sums[_U + i]
        spread = math.sqrt(max(sums[_UU + i] - total * total / n, 0.0) / (n - 1.0))
        tile[_VMA + at] = (volume + total / n) / volume if volume > 0.0 else np.nan
        tile[_VSTD + at] = spread / volume if volume > 0.0 else np.nan
        weighted, total = day[_Z * size + row + i], sums[_A + i]
        spread = math.sqrt(max(sums[_AA + i] - total * total / n, 0.0) / (n - 1.0))
        tile[_WVMA + at] = spread / (weighted + total / n + _GUARD)
    for i in range(lanes):
        at, rise, move = place + i, sums[_RISE + i], sums[_MOVE + i]
        share = 1.0 / (move + _GUARD)
        tile[_VSUMP + at], tile[_VSUMN + at] = rise * share, (move - rise) * share
        tile[_VSUMD + at] = (2.0 * rise - move) * share
