"""How fast and how long: the time that waiting runs on, the even spacing of requests, the circuit breaker.

Small on purpose and our own: pyrate-limiter, pybreaker and purgatory read the machine's clock themselves,
so that a test of ten minutes of patience would take ten minutes.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """The time of waiting and the chance in it; tests bring their own.

    Attributes
    ----------
    monotonic : callable
        Seconds on a clock that never goes back.
    sleep : callable
        Waits so many seconds.
    draw : callable
        A number evenly drawn from [0, 1).
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = field(default_factory=lambda: random.Random().random)  # noqa: S311


class Spacing:
    """Requests evenly spaced: each takes the next free moment and waits for it.

    Parameters
    ----------
    per_minute : float
        Requests a minute, above zero.
    """

    def __init__(self, per_minute: float, pace: Pace) -> None:
        self._interval = 60.0 / per_minute
        self._pace = pace
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Wait for the next free moment; returns the seconds waited."""
        with self._lock:
            now = self._pace.monotonic()
            moment = max(now, self._next)
            self._next = moment + self._interval
        if moment > now:
            self._pace.sleep(moment - now)
        return moment - now

    def hold(self, seconds: float) -> None:
        """Let no request go out for so many seconds: what a Retry-After asks of all of them."""
        with self._lock:
            self._next = max(self._next, self._pace.monotonic() + seconds)


class Breaker:
    """Leaves a provider alone after failures in a row, and lets one request test it after a while.

    Closed: requests pass. Open: none does. Half-open, once the cool-down is over: one passes; if it
    succeeds the breaker closes, if it fails the cool-down begins anew.

    References
    ----------
    .. [1] M. T. Nygard, Release It!, 2nd ed., 2018, chapter 5, Circuit Breaker.
    """

    def __init__(self, failures: int, cooldown_seconds: float, pace: Pace) -> None:
        self._limit = failures
        self._cooldown = cooldown_seconds
        self._pace = pace
        self._failures = 0
        self._opened_at: float | None = None
        self._is_testing = False
        self._lock = threading.Lock()

    def admit(self) -> float | None:
        """None when a request may go out, else the seconds until one may."""
        with self._lock:
            if self._opened_at is None:
                return None
            left = self._opened_at + self._cooldown - self._pace.monotonic()
            if left > 0:
                return left
            if self._is_testing:
                return self._cooldown
            self._is_testing = True
            return None

    def succeed(self) -> None:
        """The provider answered, if only with a refusal about one ticker: it is alive."""
        with self._lock:
            self._failures, self._opened_at, self._is_testing = 0, None, False

    def fail(self) -> None:
        """The provider did not answer usefully."""
        with self._lock:
            self._failures += 1
            if self._is_testing or self._failures >= self._limit:
                self._opened_at, self._is_testing = self._pace.monotonic(), False
