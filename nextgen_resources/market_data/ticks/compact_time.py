"""Times written as ``YYYYMMDD HHMMSSmmm``, read by whole-number arithmetic on eight digits at once.

Notes
-----
A general parser of patterns costs as much as reading the numbers of the file. Here eight digits are one word, taken
apart for many rows together, and a day is parsed once per change of the day. Whatever is not plainly such a time is
left to the parser of Polars, so the same texts are accepted and mean the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

_PATTERN = "%Y%m%d %H%M%S%3f"
_WIDTH, _BLANK, _CLOCK, _LAST = 18, 8, 9, 17
_ROWS = 32_768
"""Rows worked on at once: their words stay in the cache of the processor."""
_ZEROS = np.uint64(0x3030303030303030)
_TO_OVERFLOW = np.uint64(0x7676767676767676)
_HIGH_BITS = np.uint64(0x8080808080808080)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)


def compact_wall(text: pl.Expr) -> pl.Expr:
    """Naive Datetime('us') of ``YYYYMMDD HHMMSSmmm``; null where a text is no such time."""
    return text.map_batches(_wall_times, return_dtype=pl.Datetime("us"))


def _wall_times(text: pl.Series) -> pl.Series:
    is_whole = text.str.len_bytes().eq_missing(_WIDTH)
    whole = np.flatnonzero(is_whole.to_numpy())
    if len(whole) == len(text) > 0:
        times, is_read = _read(text)
    else:
        times, is_read = np.zeros(len(text), np.int64), np.zeros(len(text), np.bool_)
        if len(whole):
            times[whole], is_read[whole] = _read(text.filter(is_whole))
    found = pl.Series(text.name, times).cast(pl.Datetime("us"))
    if is_read.all():
        return found
    rest = np.flatnonzero(~is_read)
    return found.scatter(rest, text.gather(rest).str.to_datetime(_PATTERN, time_unit="us", strict=False))


def _read(text: pl.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 of texts of ``_WIDTH`` bytes, and which of them are plainly times."""
    array: Any = text.to_arrow()
    first, _ = np.frombuffer(array.buffers()[1], np.int64)[array.offset :][:2]
    data, count = array.buffers()[2], len(text)

    def column(dtype: str, place: int) -> npt.NDArray[Any]:
        return np.ndarray((count,), dtype, data, int(first) + place, (_WIDTH,))

    times, is_day = _midnights(column("<u8", 0))
    words, blanks, lasts = column("<u8", _CLOCK), column("u1", _BLANK), column("u1", _LAST)
    is_time = np.empty(count, np.bool_)
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        since, is_clock = _clock(words[rows], lasts[rows])
        times[rows] += since
        is_time[rows] = is_clock & (blanks[rows] == ord(" "))
    return times, is_time & is_day


def _clock(
    words: npt.NDArray[np.uint64], lasts: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since midnight of ``HHMMSSmm`` and its last digit, and whether they are that.

    Notes
    -----
    The first character is the lowest byte. Adding ten times a digit to the one above it leaves a number up to 99 in
    every other byte: hours, minutes, seconds, hundredths.
    """
    digits, last = words - _ZEROS, lasts - np.uint8(ord("0"))
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & _PAIRS
    hour, minute, second, hundredth = (
        ((pairs >> np.uint64(16 * place)) & np.uint64(0xFF)).astype(np.int64) for place in range(4)
    )
    since = ((hour * 60 + minute) * 60 + second) * 1_000_000 + hundredth * 10_000 + last * np.int64(1_000)
    is_digits = ((digits + _TO_OVERFLOW) | digits) & _HIGH_BITS == 0
    return since, is_digits & (last < 10) & (hour < 24) & (minute < 60) & (second < 60)


def _midnights(words: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 at the midnight of each ``YYYYMMDD``, and whether it is a day."""
    starts = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1]]))
    days, which = np.unique(words[starts], return_inverse=True)
    texts = [day.tobytes().decode("latin-1") + " 000000000" for day in days.astype("<u8")]
    midnights = pl.Series(texts).str.to_datetime(_PATTERN, time_unit="us", strict=False).dt.epoch("us")
    lengths = np.diff(starts, append=len(words))
    is_day = np.repeat(midnights.is_not_null().to_numpy()[which], lengths)
    return np.repeat(midnights.fill_null(0).to_numpy()[which], lengths), is_day
