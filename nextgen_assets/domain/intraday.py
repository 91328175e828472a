"""Bars within the day: which ones are bars, which session may use them, and whether they had ended."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from nextgen_assets.domain.declared_rules import Rule, first_broken
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.ticks import REASONS, admitting_sessions

_INSTANT = pl.Datetime("us", "UTC")
_PRICES = ("open", "high", "low", "close")
_DEFECTS = dict(enumerate(REASONS, start=1))
BAR_REASONS = dict(REASONS) | {
    "not_positive": "a price is not a positive number, or the volume is negative",
    "prices_out_of_order": "the high is not the highest, or the low not the lowest price",
    "doubled_bar": "another bar of the same start says something else",
}
"""Reason codes of rejected bars, and what they mean."""


def intraday_rules() -> list[Rule]:
    """The rules that judge one bar by itself, in the order in which the first broken one gives the reason."""
    prices = [pl.col(name) for name in _PRICES]
    sound = pl.all_horizontal((price > 0) & price.is_finite() for price in prices).fill_null(False)
    sound &= ((pl.col("volume") >= 0) & pl.col("volume").is_finite()).fill_null(True)
    ordered = (pl.col("high") == pl.max_horizontal(prices)) & (pl.col("low") == pl.min_horizontal(prices))
    conditions = {code: pl.col("defect") == number for number, code in _DEFECTS.items()}
    own = {"not_positive": ~sound, "prices_out_of_order": ~ordered}
    first = [Rule(code, condition, BAR_REASONS[code]) for code, condition in conditions.items()]
    return first + [Rule(code, condition, BAR_REASONS[code]) for code, condition in own.items()]


def judge_intraday(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars that can be used, and the others with ``reason_code`` and ``reason``.

    Parameters
    ----------
    bars : DataFrame
        ``ticker, interval, ts`` (microseconds), prices and ``volume``, and ``defect`` (a number of ``REASONS``).

    Notes
    -----
    Of bars that agree in every value one is kept; of bars that contradict each other none is.
    """
    key, values = ["ticker", "interval", "ts"], [*_PRICES, "volume"]
    rules = intraday_rules()
    broken = first_broken(bars, rules).with_columns(
        pl.col("rule").replace_strict(
            dict(enumerate(rule.reason_code for rule in rules)), return_dtype=pl.String
        )
    )
    code = broken.select(pl.col("row").cast(pl.UInt32).alias("_row"), reason_code="rule")
    told = bars.with_row_index("_row").join(code, on="_row", how="left", maintain_order="left").drop("_row")
    good = told.filter(pl.col("reason_code").is_null()).unique(
        [*key, *values], keep="first", maintain_order=True
    )
    doubled = pl.when(pl.len().over(key) > 1).then(pl.lit("doubled_bar"))
    good = good.with_columns(reason_code=doubled)
    bad = pl.concat(
        [told.filter(pl.col("reason_code").is_not_null()), good.filter(pl.col("reason_code").is_not_null())]
    )
    reason = pl.col("reason_code").replace_strict(BAR_REASONS, return_dtype=pl.String)
    accepted = good.filter(pl.col("reason_code").is_null()).drop("reason_code", "defect").sort(key)
    return accepted, bad.with_columns(reason=reason)


def dated_bars(
    bars: pl.DataFrame, seconds: int, calendar: SessionCalendar, delay_minutes: int, now: datetime
) -> pl.DataFrame:
    """Bars with ``bar_start, bar_end, session_date, is_complete, known_at`` and ``known_at_is_assumed``.

    Notes
    -----
    ``session_date`` is the session whose cut-off first admits the end of the bar. A bar that had ended
    before the session's next open is history: it is assumed to have been known at its end.
    """
    if bars.is_empty():
        sessions = pl.Series("session_date", [], dtype=pl.Date)
    else:
        sessions = admitting_sessions(bars["ts"] + seconds * 1_000_000, calendar, delay_minutes).alias(
            "session_date"
        )
    dated = bars.with_columns(
        sessions,
        bar_start=pl.col("ts").cast(_INSTANT),
        bar_end=(pl.col("ts") + seconds * 1_000_000).cast(_INSTANT),
    )
    days = sessions.unique().to_list()
    is_history = {date.min: True} | {day: now >= calendar.open_at(calendar.shift(day, 1)) for day in days}
    present = pl.lit(now).cast(_INSTANT)
    assumed = pl.col("session_date").replace_strict(is_history, return_dtype=pl.Boolean)
    return dated.with_columns(
        is_complete=pl.col("bar_end") <= present,
        known_at_is_assumed=assumed,
        known_at=pl.when(assumed).then("bar_end").otherwise(present),
    ).drop("ts")


def interval_seconds(interval: str) -> int:
    """Length of an interval such as ``30s``, ``5m`` or ``1h``.

    Examples
    --------
    >>> interval_seconds("5m")
    300
    """
    unit = {"s": "seconds", "m": "minutes", "h": "hours"}[interval[-1]]
    return int(timedelta(**{unit: int(interval[:-1])}).total_seconds())
