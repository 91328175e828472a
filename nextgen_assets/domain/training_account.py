"""Where the time of training goes: stages within stages, each second counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

_NOTHING: AbstractContextManager[None] = nullcontext()


@dataclass(eq=False)
class TrainingAccount:
    """Seconds by stage.

    Parameters
    ----------
    clock : callable
        Seconds that only grow; of the processor or of the wall.

    Attributes
    ----------
    seconds : dict of tuple of str to float
        By path of stages, outermost first; what an inner stage took is not counted in the outer one too.

    Examples
    --------
    >>> ticks = iter([0.0, 1.0, 4.0, 6.0])
    >>> account = TrainingAccount(lambda: next(ticks))
    >>> with accounted_in(account), spent_on("lstm"), spent_on("forward"):
    ...     pass
    >>> account.seconds
    {('lstm',): 3.0, ('lstm', 'forward'): 3.0}
    """

    clock: Callable[[], float]
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    since: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what passes inside under ``name``, within the stage that is under way."""
        outer = self.path
        self._turn_to((*outer, name))
        try:
            yield
        finally:
            self._turn_to(outer)

    def _turn_to(self, path: tuple[str, ...]) -> None:
        now = self.clock()
        if self.path:
            self.seconds[self.path] = self.seconds.get(self.path, 0.0) + now - self.since
        self.path, self.since = path, now


_account: ContextVar[TrainingAccount | None] = ContextVar("training account", default=None)


@contextmanager
def accounted_in(account: TrainingAccount) -> Iterator[None]:
    """Let stages inside be counted in ``account``.

    Notes
    -----
    Of this thread alone: let a network that is measured train on one.
    """
    token = _account.set(account)
    try:
        yield
    finally:
        _account.reset(token)


def spent_on(stage: str) -> AbstractContextManager[None]:
    """Count what passes inside under ``stage``; nothing at all where nobody keeps an account."""
    account = _account.get()
    return _NOTHING if account is None else account.stage(stage)
