"""Has what should have come by now come? One verdict per feed of raw rows, by the exchange calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nextgen_assets.domain.sessions import SessionCalendar


@dataclass(frozen=True)
class Feed:
    """What arrives of one raw table, and how long it may take.

    Attributes
    ----------
    newest : date or None
        The newest session that has arrived; None if none ever has.
    budget_minutes : int
        From the cut-off of a session to the moment from which its absence is a failure.
    """

    name: str
    newest: date | None
    budget_minutes: int


@dataclass(frozen=True)
class Freshness:
    """The verdict on a feed.

    Attributes
    ----------
    due : date
        The newest session that should have arrived by now.
    sessions_behind : int
        Sessions from ``newest`` to ``due`` that are missing; all that the feed lacks counts as one when it is empty.
    """

    feed: Feed
    due: date
    sessions_behind: int

    @property
    def is_fresh(self) -> bool:
        """Whether nothing that is due is missing."""
        return self.sessions_behind == 0

    def __str__(self) -> str:
        if self.feed.newest is None:
            return f"{self.feed.name} is empty; {self.due} should be there"
        if self.is_fresh:
            return f"{self.feed.name} reaches {self.feed.newest}"
        return f"{self.feed.name} ends on {self.feed.newest}; {self.due} should be there"


def freshness(
    feed: Feed, calendar: SessionCalendar, now: datetime, cutoff_delay_minutes: int, last: date | None = None
) -> Freshness:
    """Whether the feed has what is due at ``now``.

    Parameters
    ----------
    cutoff_delay_minutes : int
        From the official close of a session (early closes too) to its cut-off.
    last : date, optional
        No session after it is expected: the history that the settings name ends there.

    Examples
    --------
    >>> from datetime import UTC
    >>> from nextgen_assets.domain.sessions import xnys
    >>> friday = Feed("market_prices", date(2013, 1, 4), budget_minutes=360)
    >>> str(freshness(friday, xnys(), datetime(2013, 1, 8, 3, 29, tzinfo=UTC), 30))
    'market_prices reaches 2013-01-04'
    >>> str(freshness(friday, xnys(), datetime(2013, 1, 8, 3, 30, tzinfo=UTC), 30))
    'market_prices ends on 2013-01-04; 2013-01-07 should be there'
    """
    due = calendar.newest_due(now - timedelta(minutes=feed.budget_minutes), cutoff_delay_minutes)
    due = due if last is None else min(due, last)
    if feed.newest is None:
        return Freshness(feed, due, 1)
    behind = len(calendar.between(feed.newest, due)) - 1 if feed.newest < due else 0
    return Freshness(feed, due, behind)
