"""The only source of "now": nothing else in the project asks the machine for the time.

Wall-clock values (``issued_at``, ``validated_at``, ``first_seen_at``) come from a `Clock`; knowledge values
(``as_of``, ``inputs_known_until``) never do, they are data time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """Something that knows the present instant."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC, with microseconds."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class FrozenClock:
    """A clock that always shows one instant, for tests, recordings and replays.

    Parameters
    ----------
    instant : datetime
        Aware; kept in UTC.

    Raises
    ------
    ValueError
        If ``instant`` has no timezone; give one, ``datetime(..., tzinfo=UTC)``.

    Examples
    --------
    >>> FrozenClock(datetime(2013, 3, 1, 21, 30, tzinfo=UTC)).now().isoformat()
    '2013-03-01T21:30:00+00:00'
    """

    instant: datetime

    def __post_init__(self) -> None:
        if self.instant.utcoffset() is None:
            raise ValueError(
                f"FrozenClock needs an aware instant, found {self.instant.isoformat()} without a timezone; "
                "add tzinfo=datetime.UTC"
            )
        object.__setattr__(self, "instant", self.instant.astimezone(UTC))

    def now(self) -> datetime:
        """The frozen instant, in UTC."""
        return self.instant
