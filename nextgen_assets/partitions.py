"""Partitions: one per exchange session, one per training month, and what a run was asked for."""

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from nextgen_assets.domain.sessions import SessionCalendar, xnys
from nextgen_resources.errors import PartitionKeyError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.io_manager import validated_key

_CALENDARS = {"XNYS": xnys}


def calendar_of(settings: Settings) -> SessionCalendar:
    """The exchange calendar that the settings name."""
    return _CALENDARS[settings.ingestion.calendar]()


@dataclass(frozen=True)
class PartitionGaps:
    """Whether a span of time holds the start of a session partition, by the calendar alone.

    Parameters
    ----------
    holidays : frozenset of date
        Weekdays without a session.
    """

    holidays: frozenset[date]

    def __call__(self, window: dg.TimeWindow) -> bool:
        """As ``has_any_partitions_in_window`` of the partitions themselves."""
        start, end = (moment.astimezone(UTC).replace(tzinfo=None) for moment in window)
        day = start.date() if start == _midnight(start.date()) else start.date() + timedelta(days=1)
        while _midnight(day) < end:
            if day.weekday() < 5 and day not in self.holidays:
                return True
            day += timedelta(days=1)
        return False


def session_partitions(settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """One partition per session; Friday's is there on Friday evening in New York, holidays have none.

    Notes
    -----
    A partition is there when its day has ended. Days are those of UTC: each holds its session whole and
    ends at seven or eight in the evening in New York, after the cut-off, and no day is longer than
    another. A weekday cron would keep Friday's partition back until Monday; every midnight with
    the weekends and holidays excluded does not.
    """
    calendar = xnys()
    first = settings.ingestion.first_session
    last = settings.ingestion.last_session
    end = last or calendar.sessions[-1]
    trading = set(calendar.between(first, end))
    days = (first + timedelta(days=offset) for offset in range((end - first).days + 1))
    holidays = [day for day in days if day.weekday() < 5 and day not in trading]
    partitions = dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 * * *",
        start=_midnight(first),
        end=_midnight(last + timedelta(days=1)) if last else None,
        fmt="%Y-%m-%d",
        timezone="UTC",
        exclusions=["0 0 * * 6", "0 0 * * 0", *map(_midnight, holidays)],
    )
    # For every input of every step Dagster asks of each pair of neighbouring partitions whether one lies
    # between them, and walks cron schedule and exclusions for the answer: 0.25 s per input over ten years.
    object.__setattr__(partitions, "has_any_partitions_in_window", PartitionGaps(frozenset(holidays)))
    return partitions


def cutoff_partitions(settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """One partition per month, named by its first day; its models are cut off at its last session.

    The models of a month serve the sessions of the next one.
    """
    first, last = settings.ingestion.first_session, settings.ingestion.last_session
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 1 * *",
        start=_midnight(first.replace(day=1)),
        end=_midnight((xnys().on_or_after(last + timedelta(days=1))).replace(day=1)) if last else None,
        fmt="%Y-%m-%d",
        timezone="UTC",
    )


warnings.filterwarnings("ignore", category=dg.BetaWarning)

SERVING_MONTH = dg.TimeWindowPartitionMapping(
    start_offset=-23, end_offset=-15, allow_nonexistent_upstream_partitions=True
)
"""A session is served by the models of the month before.

Dagster counts these offsets in sessions, and a month has 15 to 23 of them: 23 to 15 sessions back always
touches the month before. At either end of a month it touches a neighbour too, which costs a backfill some
waiting; a mapping that is exact is none that the daemon knows.
"""

WITHIN_MONTH = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
"""The sessions of a month; earlier ones are read from the warehouse."""


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (the partitions definition adds the zone)


def _next_month(first_of_month: date) -> date:
    return (first_of_month + timedelta(days=32)).replace(day=1)


def requested_sessions(context: dg.AssetExecutionContext) -> list[date]:
    """The sessions this run was asked for, ascending.

    Raises
    ------
    PartitionKeyError
        If a bound of the request is no session: Dagster would silently run another day.
    """
    calendar = xnys()
    bounds = [
        validated_key(key) for key in (context.partition_key_range.start, context.partition_key_range.end)
    ]
    for day in bounds:
        if not calendar.is_session(day):
            raise PartitionKeyError(
                f"{day} is not a session of the exchange (weekend or holiday); the nearest are "
                f"{calendar.on_or_before(day)} and {calendar.on_or_after(day)}"
            )
    if bounds[0] > bounds[1]:
        raise PartitionKeyError(f"the range {bounds[0]}..{bounds[1]} runs backwards; swap its ends")
    return calendar.between(*bounds)


def requested_months(context: dg.AssetExecutionContext) -> list[date]:
    """The first days of the months this run was asked for, ascending."""
    first = validated_key(context.partition_key_range.start)
    last = validated_key(context.partition_key_range.end)
    if first.day != 1 or last.day != 1 or first > last:
        raise PartitionKeyError(
            f"{first}..{last} are not months in order; a cut-off is named by the first of its month"
        )
    months = [first]
    while months[-1] < last:
        months.append(_next_month(months[-1]))
    return months


def month_sessions(month: date) -> list[date]:
    """The sessions of the month that begins on ``month``."""
    return xnys().between(month, _next_month(month) - timedelta(days=1))


def requested_bounds(context: dg.AssetCheckExecutionContext) -> tuple[date, date]:
    """First and last day that the run of a check covers; everything when it has no partition."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return date.min, date.max
    window = context.partition_time_window
    return window.start.date(), (window.end - timedelta(hours=12)).date()


_settings = load_settings()
SESSIONS = session_partitions(_settings)
"""The partitions of every asset but the models."""

CUTOFFS = cutoff_partitions(_settings)
"""The partitions of the models."""

RAW_SESSIONS_PER_RUN = _settings.execution.raw_sessions_per_run
"""Sessions in one run of a backfill of raw rows; None: all of them."""
