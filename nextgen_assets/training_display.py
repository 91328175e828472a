"""What people see of training while it runs: lines in the log of the run, and a bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from nextgen_assets.domain.training_progress import PassDone, heard_by

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_host: ContextVar[Callable[[str], None] | None] = ContextVar("host of training display", default=None)


@contextmanager
def hosted_by(show: Callable[[str], None]) -> Iterator[None]:
    """Let training inside show its state through ``show``, in a display that is up already, instead of its own bar."""
    token = _host.set(show)
    try:
        yield
    finally:
        _host.reset(token)


class TrainingDisplay:
    """Counts the cut-offs of one run as they are trained.

    Parameters
    ----------
    total : int
        Cut-offs that will be trained.
    log : callable
        Gets one line per cut-off, with how many are done and how long the rest may take; where there is one
        cut-off alone, also a line per pass.
    clock : callable
        Seconds that only grow.

    Notes
    -----
    With several cut-offs and workers the networks are trained in other processes, and only whole cut-offs are
    heard of.
    """

    def __init__(
        self, total: int, log: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.log, self.clock = total, log, clock
        self.done, self.began = 0, clock()
        self._show: Callable[[str], None] = _nothing

    @contextmanager
    def shown(self, console: Console | None = None) -> Iterator[None]:
        """Inside, passes and cut-offs are shown: by the host if there is one, else by a bar on a terminal."""
        host = _host.get()
        with heard_by(self.passed):
            if host is not None:
                self._show = host
                yield
                return
            bar = _bar(console)
            if bar is None:
                yield
                return
            with bar:
                task = bar.add_task("training", total=self.total, now="")
                self._show = lambda text: bar.update(task, completed=self.done, now=text)
                yield

    def cutoff_done(self, line: str) -> None:
        """Take note of one more cut-off; ``line`` says what was trained."""
        self.done += 1
        left = (self.clock() - self.began) / self.done * (self.total - self.done)
        rest = f"; about {_spoken(left)} left" if self.done < self.total else ""
        self.log(f"{self.done} of {self.total}: {line}{rest}")
        self._show(f"{self.done} of {self.total} cut-offs{rest}")

    def passed(self, done: PassDone) -> None:
        """Take note of one more pass."""
        if self.total == 1:
            self.log(str(done))
        self._show(str(done))


def _bar(console: Console | None) -> Progress | None:
    """A bar on the terminal of this process; None where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = console or Console(stderr=True)
    if not console.is_terminal:
        return None
    now = TextColumn("[dim]{task.fields[now]}[/dim]")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        now,
    )
    return Progress(*columns, console=console, transient=True)


def _nothing(_: str) -> None:
    """Show nothing."""


def _spoken(seconds: float) -> str:
    """A length of time as people say it.

    Examples
    --------
    >>> _spoken(8.4), _spoken(95), _spoken(5000)
    ('8 s', '2 min', '1.4 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
