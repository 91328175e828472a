"""Exchange sessions: which days trade, when they open and close, and what each may know."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from nextgen_assets.domain import xnys_holidays

NEW_YORK = ZoneInfo("America/New_York")
_OPEN, _CLOSE, _EARLY_CLOSE = time(9, 30), time(16, 0), time(13, 0)


class NotASessionError(ValueError):
    """The day is a weekend, a holiday or outside the calendar."""


@dataclass(frozen=True)
class SessionCalendar:
    """The sessions of one exchange, ascending, with their official hours.

    Parameters
    ----------
    sessions : tuple of date
        Every session, ascending.
    early_closes : frozenset of date
        Sessions that close at 13:00 New York time.
    """

    sessions: tuple[date, ...]
    early_closes: frozenset[date]

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on ``day``."""
        index = bisect_left(self.sessions, day)
        return index < len(self.sessions) and self.sessions[index] == day

    def index(self, session: date) -> int:
        """Position of ``session`` in the calendar.

        Raises
        ------
        NotASessionError
            If the exchange does not trade on that day.
        """
        position = bisect_left(self.sessions, session)
        if position == len(self.sessions) or self.sessions[position] != session:
            nearest = self.sessions[min(position, len(self.sessions) - 1)]
            raise NotASessionError(
                f"{session} is not a session of the exchange (weekend, holiday or outside "
                f"{self.sessions[0]}..{self.sessions[-1]}); the next session is {nearest}"
            )
        return position

    def shift(self, session: date, n_sessions: int) -> date:
        """The session ``n_sessions`` after (before, when negative) ``session``."""
        position = self.index(session) + n_sessions
        if not 0 <= position < len(self.sessions):
            raise NotASessionError(
                f"{session} shifted by {n_sessions} sessions leaves the calendar "
                f"{self.sessions[0]}..{self.sessions[-1]}"
            )
        return self.sessions[position]

    def between(self, first: date, last: date) -> list[date]:
        """Sessions from ``first`` to ``last``, both included where they trade."""
        return list(self.sessions[bisect_left(self.sessions, first) : bisect_right(self.sessions, last)])

    def on_or_before(self, day: date) -> date:
        """The last session not after ``day``."""
        return self.sessions[bisect_right(self.sessions, day) - 1]

    def on_or_after(self, day: date) -> date:
        """The first session not before ``day``."""
        return self.sessions[bisect_left(self.sessions, day)]

    def open_at(self, session: date) -> datetime:
        """Official opening instant, UTC."""
        return _instant(session, _OPEN)

    def close_at(self, session: date) -> datetime:
        """Official closing instant, UTC; 13:00 New York on early closes."""
        return _instant(session, _EARLY_CLOSE if session in self.early_closes else _CLOSE)

    def cutoff(self, session: date, delay_minutes: int) -> datetime:
        """Knowledge cut-off of ``session``: its official close plus ``delay_minutes``, UTC."""
        return self.close_at(session) + timedelta(minutes=delay_minutes)

    def newest_due(self, now: datetime, delay_minutes: int) -> date:
        """The newest session whose cut-off is not after ``now``."""
        day = self.on_or_before(now.astimezone(NEW_YORK).date())
        while self.cutoff(day, delay_minutes) > now:
            day = self.shift(day, -1)
        return day

    def admitting(self, published_at: datetime, delay_minutes: int) -> date:
        """The first session whose cut-off is not before ``published_at``.

        Notes
        -----
        News published after the cut-off of a session belongs to the next one, so that nothing a
        session uses was unknown when it was decided.
        """
        day = published_at.astimezone(NEW_YORK).date()
        session = self.on_or_after(day)
        return session if published_at <= self.cutoff(session, delay_minutes) else self.shift(session, 1)


def _instant(session: date, wall: time) -> datetime:
    return datetime.combine(session, wall, tzinfo=NEW_YORK).astimezone(UTC)


@lru_cache(maxsize=1)
def xnys() -> SessionCalendar:
    """The New York Stock Exchange, 1994 to 2035.

    Examples
    --------
    >>> xnys().shift(date(2001, 9, 10), 1)  # the exchange closed for the rest of that week
    datetime.date(2001, 9, 17)
    >>> xnys().close_at(date(2012, 11, 23)).isoformat()
    '2012-11-23T18:00:00+00:00'
    """
    first, last = date.fromisoformat(xnys_holidays.FIRST_DAY), date.fromisoformat(xnys_holidays.LAST_DAY)
    closed = {date.fromisoformat(text) for text in xnys_holidays.HOLIDAYS.split()}
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    sessions = tuple(day for day in days if day.weekday() < 5 and day not in closed)
    early = frozenset(date.fromisoformat(text) for text in xnys_holidays.EARLY_CLOSES.split())
    return SessionCalendar(sessions=sessions, early_closes=early)


def knowledge_segments(sessions: list[date], late_arrivals: list[date]) -> list[tuple[date, date]]:
    """Split ``sessions`` so that no late knowledge arrives inside a part.

    A vectorised pass over a part may read everything known at the cut-off of its last session:
    rows of earlier sessions looked the same at every cut-off of the part.

    Parameters
    ----------
    sessions : list of date
        Ascending sessions of one pass.
    late_arrivals : list of date
        Sessions at whose cut-off a row of an *earlier* session first became known.

    Returns
    -------
    list of (first, last)
        Consecutive parts, in order, which together cover ``sessions``.
    """
    if not sessions:
        return []
    starts = sorted({sessions[0], *(day for day in late_arrivals if sessions[0] < day <= sessions[-1])})
    parts = []
    for position, start in enumerate(starts):
        stop = starts[position + 1] if position + 1 < len(starts) else None
        inside = [day for day in sessions if day >= start and (stop is None or day < stop)]
        if inside:
            parts.append((inside[0], inside[-1]))
    return parts
