"""Which lines of a file of ticks are ticks: signs, sides, order and copies, judged in whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

Instants = npt.NDArray[np.int64]

REASONS = MappingProxyType(
    {
        "unreadable_value": "a field is not what it should be",
        "wrong_field_count": "the line has too few or too many fields",
        "no_such_time": "the clock of the file has no such time, or has it twice",
        "other_instrument": "the line is about another instrument",
        "flagged_by_source": "the source marks it as suspicious",
        "outside_time": "the time lies before 1970 or in the future",
        "not_positive": "a price is not positive, a size is negative, or a number is not finite",
        "one_sided": "a quote states one side only, which this format does not mean to",
        "crossed": "the ask is below the bid",
        "time_spike": "its time runs ahead of the lines around it",
        "out_of_order": "it is earlier than a line before it",
        "exact_copy": "it repeats a line of the same instant",
    }
)
"""Reason codes of rejected lines, and what they mean."""
_CODES = tuple(REASONS)
_FIRST_OWN = _CODES.index("outside_time") + 1
_NEIGHBOURS = 8
"""Lines after one that tell whether its time runs ahead of theirs."""
_FEWEST_NEIGHBOURS = 3
_PRICES, _SIZES = ("bid", "ask", "last"), ("size", "bid_size", "ask_size")


@dataclass(frozen=True)
class TickRules:
    """What the declared format means by a line.

    Attributes
    ----------
    copies_are_errors : bool
        Whether a line that repeats another one of its instant is one too many.
    sides_may_lack : bool
        Whether a quote may state one side only.
    """

    kind: Literal["quote", "trade"]
    copies_are_errors: bool
    sides_may_lack: bool


@dataclass(frozen=True)
class TickCarry:
    """What the judgement of later lines needs to know of earlier ones.

    Attributes
    ----------
    ts : int
        Latest accepted instant, microseconds since 1970; -1 before the first.
    count : int
        Ticks accepted at that instant.
    """

    ts: int = -1
    count: int = 0


@dataclass(frozen=True)
class JudgedTicks:
    """Lines of a stretch, told apart.

    Attributes
    ----------
    accepted : DataFrame
        Columns of the chunk but ``defect`` and ``identity``, with ``sequence``, in order of time.
    rejected : DataFrame
        ``source_line, reason_code, ts``, where ``ts`` is the latest accepted instant before the line (the
        first one after it, where none is before): what says when the line was learned.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    carry: TickCarry


def judge_ticks(
    lines: pl.DataFrame, rules: TickRules, carry: TickCarry, now: datetime, decided: int | None = None
) -> JudgedTicks:
    """Tell ticks from lines that are none.

    Parameters
    ----------
    lines : DataFrame
        ``source_line, ts`` (microseconds in UTC), prices and sizes, ``defect`` (the number of a reason in
        ``REASONS``, 0 for none) and perhaps ``identity``; in the order of the file.
    now : datetime
        No tick is later.
    decided : int, optional
        Judge the first so many lines; the others say what comes after them.

    Notes
    -----
    Nothing is repaired. A quote that states one side only stays so where the format means it: pairing it
    with the other side of an older line would invent a quote. Of two lines in the wrong order the later
    one is rejected, unless the first runs ahead of the lines that follow while those go on from what was
    before: one wild time would otherwise reject the rest of the file. Copies are looked for among the
    decided lines, so the caller cuts where the time changes.
    """
    codes = _row_codes(lines, rules, now)
    sound = np.flatnonzero(codes == 0)
    ts = lines["ts"].fill_null(-1).to_numpy()
    late, ahead = _misplaced(ts[sound], carry.ts)
    codes[sound[ahead]] = _CODES.index("time_spike") + 1
    codes[sound[late]] = _CODES.index("out_of_order") + 1
    if decided is not None:
        lines, codes, ts = lines.head(decided), codes[:decided], ts[:decided]
    if rules.copies_are_errors:
        kept = np.flatnonzero(codes == 0)
        codes[kept[_copies(lines, kept, ts[kept])]] = _CODES.index("exact_copy") + 1
    is_good = codes == 0
    good = lines if is_good.all() else lines.filter(pl.Series(is_good))
    good_ts = ts[is_good]
    sequence, after = _sequence(good_ts, carry)
    step = pl.Series("sequence", 2 * sequence + (rules.kind == "quote"), dtype=pl.Int32)
    accepted = good.drop("defect", "identity", strict=False).with_columns(step)
    is_bad = ~is_good
    learned = np.empty(0, np.int64)
    if is_bad.any():
        learned = np.maximum.accumulate(np.where(is_good, ts, carry.ts))[is_bad]
        learned = np.where(learned >= 0, learned, good_ts[0] if len(good_ts) else learned)
    rejected = pl.DataFrame(
        {
            "source_line": lines["source_line"].filter(pl.Series(is_bad)),
            "reason_code": pl.Series([*_CODES], dtype=pl.String).gather(codes[is_bad].astype(np.int64) - 1),
            "ts": pl.Series(learned, dtype=pl.Int64),
        }
    )
    return JudgedTicks(accepted, rejected, after)


def _row_codes(lines: pl.DataFrame, rules: TickRules, now: datetime) -> npt.NDArray[np.uint8]:
    """Number of the first reason against each line by itself; 0 for none."""
    names = lines.columns
    prices = [pl.col(name) for name in _PRICES if name in names]
    sizes = [pl.col(name) for name in _SIZES if name in names]
    last = int((now + timedelta(days=1)).timestamp() * 1_000_000)
    outside = ~pl.col("ts").is_between(0, last).fill_null(False)
    unsound = [~((price > 0) & price.is_finite()) for price in prices]
    unsound += [~((size >= 0) & size.is_finite()) for size in sizes]
    tests = [("outside_time", outside)]
    if {"bid", "ask"} <= set(names):
        absent = [pl.col(side).is_null() | (pl.col(side) == 0) for side in ("bid", "ask")]
        if not rules.sides_may_lack:
            tests.append(("one_sided", absent[0] != absent[1]))
        tests.append(("not_positive", pl.any_horizontal(unsound).fill_null(False)))
        tests.append(("crossed", (pl.col("ask") < pl.col("bid")).fill_null(False)))
    else:
        tests.append(("not_positive", pl.any_horizontal(unsound).fill_null(False)))
    tests.append(("not_positive", pl.all_horizontal(price.is_null() for price in prices)))
    chain: Any = pl.when(pl.col("defect") > 0).then(pl.col("defect"))
    for reason, test in tests:
        chain = chain.when(test).then(pl.lit(_CODES.index(reason) + 1, pl.UInt8))
    codes = lines.select(chain.otherwise(pl.lit(0, pl.UInt8)).cast(pl.UInt8)).to_series()
    numbers: npt.NDArray[np.uint8] = codes.to_numpy().copy()
    return numbers


def _misplaced(ts: Instants, before: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions that are out of order, and positions whose time runs ahead of the lines around them."""
    falls = np.flatnonzero(ts[1:] < ts[:-1])
    if not len(falls) and (len(ts) == 0 or ts[0] >= before):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    is_ahead = np.zeros(len(ts), np.bool_)
    for _ in range(_NEIGHBOURS):
        kept = np.flatnonzero(~is_ahead)
        found = kept[_running_ahead(ts[kept], before)]
        is_ahead[found] = True
        if not len(found):
            break
    highest = np.maximum.accumulate(np.where(is_ahead, before, np.maximum(ts, before)))
    return np.flatnonzero((ts < highest) & ~is_ahead), np.flatnonzero(is_ahead)


def _running_ahead(ts: Instants, before: int) -> npt.NDArray[np.int64]:
    """Positions later than the median of the next lines, where that median goes on from the lines before."""
    falls = np.flatnonzero(ts[1:] < ts[:-1])
    near = (falls[:, None] - np.arange(_NEIGHBOURS)).ravel()
    candidates = np.unique(near[(near >= 0) & (near < len(ts) - _FEWEST_NEIGHBOURS)])
    if not len(candidates):
        return candidates
    following = candidates[:, None] + 1 + np.arange(_NEIGHBOURS)
    values = np.where(following < len(ts), ts[np.minimum(following, len(ts) - 1)], np.nan)
    median = np.nanmedian(values, axis=1)
    suspects = candidates[ts[candidates] > median]
    sound = np.maximum(ts, before)
    sound[suspects] = before
    highest = np.concatenate([[before], np.maximum.accumulate(sound[:-1])])
    goes_on = median[ts[candidates] > median] >= highest[suspects]
    return np.asarray(suspects[goes_on], np.int64)


def _copies(lines: pl.DataFrame, kept: npt.NDArray[np.int64], ts: Instants) -> npt.NDArray[np.int64]:
    """Positions in ``kept`` of lines that repeat an earlier line of their instant."""
    repeats = ts[1:] == ts[:-1]
    if not repeats.any():
        return np.empty(0, np.int64)
    shared = np.flatnonzero(np.concatenate([repeats, [False]]) | np.concatenate([[False], repeats]))
    compared = [name for name in lines.columns if name not in {"source_line", "defect"}]
    group = lines[kept[shared]].select(compared)
    is_copy: npt.NDArray[np.bool_] = (
        ~group.select(pl.struct(compared).is_first_distinct()).to_series().to_numpy()
    )
    return np.asarray(shared[is_copy], np.int64)


def _sequence(ts: Instants, carry: TickCarry) -> tuple[npt.NDArray[np.int32], TickCarry]:
    """Order of each tick among those of its instant, from 0, and what to carry on."""
    if len(ts) == 0:
        return np.empty(0, np.int32), carry
    is_new = np.concatenate([[True], ts[1:] != ts[:-1]])
    sequence = np.zeros(len(ts), np.int32)
    if not is_new.all():
        place = np.arange(len(ts), dtype=np.int32)
        sequence = place - np.maximum.accumulate(np.where(is_new, place, 0))
    if ts[0] == carry.ts:
        continued = ts == carry.ts
        sequence[continued] += carry.count
    return sequence, TickCarry(int(ts[-1]), int(sequence[-1]) + 1)


def admitting_sessions(ts: pl.Series, calendar: SessionCalendar, delay_minutes: int) -> pl.Series:
    """The session whose cut-off first admits each instant (microseconds in UTC), as dates.

    Notes
    -----
    A quote of Saturday belongs to Monday, and one after the cut-off to the next session: what a session
    may know is what came by its cut-off.
    """
    if ts.is_empty():
        return pl.Series("session_date", [], dtype=pl.Date)
    first, last = (_day_of(int(bound)) for bound in (ts.min(), ts.max()))  # type: ignore[arg-type]
    sessions = calendar.between(
        calendar.on_or_before(first - timedelta(days=1)), calendar.shift(calendar.on_or_after(last), 2)
    )
    cutoffs = np.array(
        [int(calendar.cutoff(day, delay_minutes).timestamp()) * 1_000_000 for day in sessions], np.int64
    )
    ends = np.searchsorted(cutoffs, ts.to_numpy(), side="left")
    return pl.Series("session_date", sessions, dtype=pl.Date).gather(ends)


def cut_position(ts: pl.Series) -> int:
    """How many lines at the beginning can be judged without those that follow.

    Parameters
    ----------
    ts : Series
        Microseconds in the order of the file; null where there is none.

    Returns
    -------
    int
        The rest begins with an instant of its own, and holds the last lines that neighbours are judged by.
    """
    waiting = 2 * _NEIGHBOURS
    if len(ts) <= waiting:
        return 0
    values = ts.fill_null(-1).to_numpy()
    tail = values[-waiting:]
    bound = tail[tail >= 0].min(initial=np.iinfo(np.int64).max)
    if bound == np.iinfo(np.int64).max:
        return len(ts) - waiting
    below = np.flatnonzero(values[:-waiting] < bound)
    earlier = below[values[below] >= 0]
    return int(earlier[-1]) + 1 if len(earlier) else 0


def _day_of(microseconds: int) -> date:
    return (datetime(1970, 1, 1) + timedelta(microseconds=microseconds)).date()  # noqa: DTZ001
