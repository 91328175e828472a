"""Where training writes down how far it came, so that a run that was killed goes on instead of starting again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nextgen_assets.domain.models import Arrays
from nextgen_assets.domain.training_account import spent_on


class Checkpoints(Protocol):
    """Arrays by name, kept across processes; picklable."""

    def load(self, key: str) -> Arrays | None:
        """What was saved last under the key; None where nothing was, or it cannot be read."""
        ...

    def save(self, key: str, arrays: Arrays) -> None:
        """Keep the arrays under the key, all of them or none."""
        ...


@dataclass(frozen=True)
class NoCheckpoints:
    """Keeps nothing."""

    def load(self, key: str) -> Arrays | None:  # noqa: ARG002
        """Nothing."""
        return None

    def save(self, key: str, arrays: Arrays) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Checkpoint:
    """One name among the checkpoints."""

    checkpoints: Checkpoints
    key: str

    def load(self) -> Arrays | None:
        """What was saved last."""
        return self.checkpoints.load(self.key)

    def save(self, arrays: Arrays) -> None:
        """Keep the arrays."""
        with spent_on("checkpoint"):
            self.checkpoints.save(self.key, arrays)


_current: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


@contextmanager
def kept_at(checkpoint: Checkpoint) -> Iterator[None]:
    """Let a family that is fitted inside write down its passes there, and go on from what it finds."""
    token = _current.set(checkpoint)
    try:
        yield
    finally:
        _current.reset(token)


def current_checkpoint() -> Checkpoint:
    """Where the fit that is under way keeps its passes."""
    return _current.get() or Checkpoint(NoCheckpoints(), "")


def fingerprint(texts: tuple[str, ...], arrays: Arrays) -> str:
    """A name for what is to be learned: the texts and the arrays, with their names, types and shapes."""
    digest = hashlib.sha256("\n".join(texts).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name}|{array.dtype.str}|{array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
