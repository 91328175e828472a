"""How far training came, on disk: one file per name, whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_resources.errors import ModelStoreError

_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")
_HASH_BYTES = hashlib.sha256().digest_size


class CheckpointKeyError(ModelStoreError):
    """A name that is no plain file name: letters, digits, dashes and underscores."""


@dataclass(frozen=True)
class TrainingCheckpoints:
    """A directory of arrays by name, shared by the processes that train.

    Parameters
    ----------
    root : Path
        Directory; created by the first :meth:`save`.

    Notes
    -----
    A file is the hash of its content and a safetensors block, renamed into place: a kill leaves the file
    before or the file after. It is not synced, so a power cut may leave half of one; its hash then tells, and
    what it held is trained again. Never pickle.
    """

    root: Path

    def load(self, key: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays saved last under ``key``; None where there are none, or their hash is not theirs."""
        from safetensors.numpy import load

        path = self._path(key)
        if not path.is_file():
            return None
        content = path.read_bytes()
        block = content[_HASH_BYTES:]
        if hashlib.sha256(block).digest() != content[:_HASH_BYTES]:
            return None
        return dict(load(block))

    def save(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace what stands under ``key``."""
        from safetensors.numpy import save

        path = self._path(key)
        self.root.mkdir(parents=True, exist_ok=True)
        block = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        descriptor, scratch = tempfile.mkstemp(prefix=".writing-", dir=self.root)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(block).digest() + block)
            os.replace(scratch, path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise

    def clear(self) -> None:
        """Forget everything: what was trained stands in the store of models."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise CheckpointKeyError(
                f"training checkpoints: the name {key!r}, expected letters, digits, dashes and underscores only"
            )
        return self.root / f"{key}.checkpoint"
