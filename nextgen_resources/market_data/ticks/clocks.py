"""From the clock of a file to microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from nextgen_resources.errors import SettingsError

EpochUnit = Literal["s", "ms", "us", "ns"]
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
FIXED = {"UTC": timedelta(0), "EST": timedelta(hours=-5)}
"""Clocks that never change; EST here is New York's winter time all year, as HistData writes it."""
_DAY_US = 86_400_000_000


def checked_zone(zone: str, format_name: str) -> str:
    """``zone``, if it is UTC, EST or the name of an IANA time zone.

    Raises
    ------
    SettingsError
        It is none of these.
    """
    if zone not in FIXED:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as error:
            raise SettingsError(
                f"tick format {format_name!r}: zone {zone!r} is unknown; expected UTC, EST (winter time of New "
                "York all year) or an IANA name such as America/New_York"
            ) from error
    return zone


def wall_to_utc(wall: pl.Expr, zone: str) -> pl.Expr:
    """Microseconds in UTC of naive Datetime('us') wall times; null for those that do not exist or exist twice."""
    if zone in FIXED:
        return wall.dt.epoch("us") - FIXED[zone] // timedelta(microseconds=1)
    return wall.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.epoch("us")


def since_midnight_to_utc(since_us: pl.Expr, day: date, zone: str) -> pl.Expr:
    """Microseconds in UTC of microseconds since the midnight of ``day`` in ``zone``; null outside the day.

    Notes
    -----
    On a day without a change of the clocks, which is nearly every day, this is one addition.
    """
    inside = pl.when(since_us.is_between(0, _DAY_US - 1)).then(since_us)
    midnight = datetime.combine(day, time())
    if zone in FIXED:
        start = midnight.replace(tzinfo=UTC) - FIXED[zone]
    else:
        start = midnight.replace(tzinfo=ZoneInfo(zone))
        tomorrow = (midnight + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
        if start.utcoffset() != tomorrow.utcoffset():
            naive = (pl.lit(_epoch_us(midnight.replace(tzinfo=UTC))) + inside).cast(pl.Datetime("us"))
            return wall_to_utc(naive, zone)
    return pl.lit(_epoch_us(start)) + inside


def epoch_to_utc(value: pl.Expr, unit: EpochUnit) -> pl.Expr:
    """Microseconds of whole numbers counted in ``unit`` since 1970; nanoseconds are cut."""
    per_second = _PER_SECOND[unit]
    if per_second <= 1_000_000:
        return value * (1_000_000 // per_second)
    return value // (per_second // 1_000_000)


def _epoch_us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
