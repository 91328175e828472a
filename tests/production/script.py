"""What goes wrong on which session: drawn from a seed before anything runs, every kind at least once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from nextgen_assets.domain.sessions import xnys
from tests.production.vendor import FAULTS, Bar, Vendor

TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")
KILLS = ("run", "code server", "daemon", "everything")
MORNING = time(9, 50)
"""UTC; ten minutes before the raw rows of the last sessions are asked for again."""


@dataclass
class Trouble:
    """What goes wrong on one session.

    Attributes
    ----------
    spoiled : tuple of str
        How the vendor spoils the first requests of the evening.
    is_away : bool
        The vendor answers nothing until long after midnight in New York.
    kill : str or None
        Of `KILLS`, ``kill_after`` seconds after the run has begun.
    outage_sessions : int
        Everything is off from here over so many sessions.
    """

    spoiled: tuple[str, ...] = ()
    is_away: bool = False
    kill: str | None = None
    kill_after: float = 0.0
    outage_sessions: int = 0
    late: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    corrected: dict[str, date] = field(default_factory=dict)
    refusing: int = 0

    def __str__(self) -> str:
        parts = [
            f"vendor: {', '.join(self.spoiled)}" if self.spoiled else "",
            "vendor away" if self.is_away else "",
            f"kill of {self.kill} after {self.kill_after:.1f} s" if self.kill else "",
            f"outage over {self.outage_sessions} sessions" if self.outage_sessions else "",
            f"late {self.late}" if self.late else "",
            f"broken {self.broken}" if self.broken else "",
            "".join(f"corrected {ticker} of {day}" for ticker, day in self.corrected.items()),
            f"receiver refuses {self.refusing}" if self.refusing else "",
        ]
        return "; ".join(part for part in parts if part) or "calm"


def script_of(sessions: Sequence[date], seed: int) -> dict[date, Trouble]:
    """The troubles of each session; the first and the last are calm.

    Notes
    -----
    Kinds are dealt from shuffled decks, so that none is left out; what they hit, and when, is drawn.
    """
    dice = random.Random(seed)
    faults, kills = _deck(dice, list(FAULTS)), _deck(dice, list(KILLS))
    troubles = {session: Trouble() for session in sessions}
    middle = list(sessions[1:-1])
    outages = dict(zip(_apart(dice, middle), (3, 1), strict=False))
    off = {
        day for start, length in outages.items() for day in xnys().between(start, xnys().shift(start, length))
    }
    away = set(dice.sample([day for day in middle if day not in off], k=min(2, max(1, len(middle) // 8))))
    data = _deck(dice, ["late", "broken", "corrected"])
    for session in middle:
        trouble = troubles[session]
        trouble.outage_sessions = outages.get(session, 0)
        if dice.random() < 0.5:
            trouble.spoiled = tuple(next(faults) for _ in range(dice.randint(1, 7)))
        trouble.is_away = session in away
        if session not in off and session not in away and dice.random() < 0.7:
            trouble.kill, trouble.kill_after = next(kills), dice.uniform(0.2, 14.0)
        if dice.random() < 0.6:
            _wrong_data(dice, trouble, next(data), session, sessions)
        if dice.random() < 0.3:
            trouble.refusing = dice.randint(1, 4)
    return troubles


def tell(vendor: Vendor, session: date, trouble: Trouble) -> None:
    """Prepare the vendor for the evening of ``session``."""
    morning = datetime.combine(session + timedelta(days=1), MORNING, tzinfo=UTC)
    vendor.faults.clear()
    vendor.faults.extend(trouble.spoiled)
    if trouble.is_away:
        vendor.away.append((morning.replace(hour=0, minute=0), morning.replace(hour=5)))
    vendor.late |= {(ticker, session): morning for ticker in trouble.late}
    vendor.broken |= {(ticker, session): morning for ticker in trouble.broken}
    for ticker, day in trouble.corrected.items():
        vendor.corrected[ticker, day] = (morning, 0.25 if ticker < "I" else 0.75)


def touched(vendor: Vendor) -> set[Bar]:
    """Bars that were late, broken or corrected at some time."""
    return {*vendor.late, *vendor.broken, *vendor.corrected}


def _wrong_data(
    dice: random.Random, trouble: Trouble, kind: str, session: date, sessions: Sequence[date]
) -> None:
    ticker = dice.choice(TICKERS)
    if kind == "late":
        trouble.late = [ticker]
    elif kind == "broken":
        trouble.broken = [ticker]
    else:
        recent = [day for day in sessions if day <= session][-3:]
        trouble.corrected = {ticker: dice.choice(recent)}


def _deck(dice: random.Random, cards: list[str]):
    while True:
        yield from dice.sample(cards, k=len(cards))


def _apart(dice: random.Random, days: list[date]) -> list[date]:
    """Two days with a week between them, and room for the outage after each; none where there is no room."""
    if len(days) < 4:
        return []
    if len(days) < 14:
        return [days[len(days) // 2]]
    first = dice.randrange(2, len(days) - 11)
    return [days[first], days[dice.randrange(first + 6, len(days) - 3)]]
