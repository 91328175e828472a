"""How far the fit that is under way has come, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class PassDone:
    """A network went over its training windows once more.

    Parameters
    ----------
    family : str
        Of the network.
    epoch, epochs : int
        How many passes are done, and how many there may be; validation may end it earlier.
    training_loss, validation_loss : float
        What training minimises, mean over the windows.
    """

    family: str
    epoch: int
    epochs: int
    training_loss: float
    validation_loss: float

    def __str__(self) -> str:
        return (
            f"{self.family} pass {self.epoch} of at most {self.epochs}: "
            f"loss {self.training_loss:.4f}, validation {self.validation_loss:.4f}"
        )


Listener = Callable[[PassDone], None]
_listener: ContextVar[Listener | None] = ContextVar("listener of training", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let ``listener`` hear of every pass inside; what it hears is for people and changes nothing learned.

    Notes
    -----
    Networks that are trained in other processes are not heard.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(done: PassDone) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(done)
