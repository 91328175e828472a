"""Which sessions were recorded and decided as they happened: what comes for them afterwards comes late."""

from dataclasses import dataclass
from datetime import date

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_resources.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Lived:
    """Sessions that happened while we looked.

    Attributes
    ----------
    recorded : frozenset of date
        Their first bars were fetched before the open that followed.
    decided : frozenset of date
        Their windows were built on such bars, or a prediction was issued before the open that followed.
    """

    recorded: frozenset[date]
    decided: frozenset[date]


def lived_sessions(warehouse: Warehouse, first: date, last: date, calendar: SessionCalendar) -> Lived:
    """Those of the sessions from ``first`` to ``last``, as the warehouse tells now."""
    earliest = dict(warehouse.read("recorded_live", first=first, last=last).rows())
    decided = warehouse.read("decided_live", first=first, last=last)["session_date"]
    recorded = (
        day for day, known_at in earliest.items() if known_at < calendar.open_at(calendar.shift(day, 1))
    )
    return Lived(frozenset(recorded), frozenset(decided))
