"""What to make up for after a pause: the oldest stretch first, no longer than a cap, models before sessions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class Stretch:
    """One run to start: the partitions from ``first`` to ``last`` of the sessions or of the models."""

    what: Literal["sessions", "models"]
    first: date
    last: date


def next_stretch(
    sessions: Sequence[date],
    done: Collection[date],
    months_done: Collection[date],
    cap: int,
) -> Stretch | None:
    """The run that brings the warehouse nearer to the present; None when nothing is missing.

    Parameters
    ----------
    sessions : sequence of date
        Every session whose day has ended, ascending.
    done : collection of date
        Sessions that have run. Those before the first of them are not missing: history begins there.
    months_done : collection of date
        First days of the months whose models are trained; a month serves the sessions of the next.
    cap : int
        Sessions of one run at most.

    Returns
    -------
    Stretch or None
        Neighbouring sessions, the oldest missing ones. They end with a month whose models are still
        missing, and if those of their own month are missing, these come first.

    Examples
    --------
    >>> days = [date(2024, 5, day) for day in (1, 2, 3, 6, 7)]
    >>> next_stretch(days, {days[0], days[3]}, [], cap=10)
    Stretch(what='sessions', first=datetime.date(2024, 5, 2), last=datetime.date(2024, 5, 3))
    """
    if not done:
        return None
    begin = min(done)
    missing = [day for day in sessions if day > begin and day not in done]
    if not missing:
        return None
    first = missing[0]
    start = sessions.index(first)
    if _lacks_models(first, months_done):
        month = _month_before(first)
        return Stretch("models", month, month)
    last = first
    for day in sessions[start + 1 : start + cap]:
        if day in done or _lacks_models(day, months_done):
            break
        last = day
    return Stretch("sessions", first, last)


def _lacks_models(session: date, months_done: Collection[date]) -> bool:
    """Whether models were being trained by then and those that serve ``session`` were not."""
    month = _month_before(session)
    return bool(months_done) and month > min(months_done) and month not in months_done


def _month_before(day: date) -> date:
    first = day.replace(day=1)
    return first.replace(month=first.month - 1) if first.month > 1 else date(first.year - 1, 12, 1)
