"""Model artifacts by content: safetensors beside a JSON manifest, never pickle, checked on every load."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_resources.errors import ModelStoreError

Arrays = Mapping[str, npt.NDArray[Any]]

ARRAYS_FILE, MANIFEST_FILE = "arrays.safetensors", "manifest.json"
_RELATIVE_PATH = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_.]{1,200}")
_KINDS = "fiub"


class ArtifactMissingError(ModelStoreError):
    """The store has no artifact at the registered path.

    Restore the models directory from its backup, or train the cut-off again.
    """


class ArtifactHashError(ModelStoreError):
    """The bytes of an artifact are not the ones that were registered.

    Never load it regardless: roll back to another deployment, and train the cut-off again.
    """


class ArtifactPathError(ModelStoreError):
    """A path does not have the form that the store gives out, or leads out of its root."""


class ArtifactContentError(ModelStoreError):
    """Arrays or a manifest that the store does not take, or files that do not belong in an artifact."""


@dataclass(frozen=True)
class ModelStore:
    """A directory of artifacts named by their hash.

    An artifact is a directory ``<first two digits>/<sha256>`` with two files. Its hash covers both, so
    that neither can be exchanged alone. Saving the same content twice is harmless.

    Parameters
    ----------
    root : Path
        Directory of the store; created by the first :meth:`save`.
    """

    root: Path

    def save(self, arrays: Arrays, manifest: Mapping[str, Any]) -> tuple[str, str]:
        """Write an artifact unless it is there.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Numeric or boolean arrays; names of letters, digits, dots and underscores.
        manifest : mapping
            JSON values; finite numbers only.

        Returns
        -------
        tuple of str
            Path relative to the root, for ``artifact_path``; hash, for ``artifact_sha256``. Both depend on
            the content alone.

        Raises
        ------
        ArtifactContentError
            If an array holds objects or has an odd name, or the manifest is not JSON.

        Notes
        -----
        Files are written and synced under a temporary name in the same directory, then renamed: a reader
        sees all of an artifact or nothing, also after a power cut.
        """
        files = {ARRAYS_FILE: _arrays_bytes(arrays), MANIFEST_FILE: _manifest_bytes(manifest)}
        sha256 = _artifact_sha256(files)
        relative = f"{sha256[:2]}/{sha256}"
        target = self.root / relative
        if target.is_dir():
            self.load(relative, sha256)
            return relative, sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=target.parent) as scratch:
            staged = Path(scratch) / sha256
            staged.mkdir()
            for name, content in files.items():
                _write_synced(staged / name, content)
            _sync_directory(staged)
            try:
                os.replace(staged, target)
            except OSError:
                if not target.is_dir():
                    raise
        _sync_directory(target.parent)
        return relative, sha256

    def load(self, path: str, sha256: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Read an artifact whose bytes are the registered ones.

        Parameters
        ----------
        path, sha256 : str
            As :meth:`save` returned them.

        Returns
        -------
        arrays : dict of str to ndarray
        manifest : dict

        Raises
        ------
        ArtifactPathError
            If the path does not have the form of the store, or a link leads out of its root.
        ArtifactMissingError
            If there is nothing at the path.
        ArtifactContentError
            If the directory holds other files than the two.
        ArtifactHashError
            If the bytes differ from ``sha256``.
        """
        directory = self._directory(path)
        found = sorted(entry.name for entry in directory.iterdir())
        if found != sorted((ARRAYS_FILE, MANIFEST_FILE)):
            raise ArtifactContentError(
                f"model store: {directory} holds {found}, expected {ARRAYS_FILE} and {MANIFEST_FILE} only; "
                "remove what does not belong there, or train the cut-off again"
            )
        files = {name: self._inside(directory / name).read_bytes() for name in (ARRAYS_FILE, MANIFEST_FILE)}
        actual = _artifact_sha256(files)
        if actual != sha256:
            raise ArtifactHashError(
                f"model store: {directory} has hash {actual}, registered is {sha256}; do not use it. "
                "Roll back to another deployment, or train the cut-off again"
            )
        from safetensors.numpy import load

        manifest: dict[str, Any] = json.loads(files[MANIFEST_FILE])
        return dict(load(files[ARRAYS_FILE])), manifest

    def _directory(self, path: str) -> Path:
        if not _RELATIVE_PATH.fullmatch(path):
            raise ArtifactPathError(
                f"model store: path {path!r}, expected two digits, a slash and the 64 of a sha256; artifacts "
                "are directories of this store, never other files such as pickles"
            )
        directory = self._inside(self.root / path)
        if not directory.is_dir():
            raise ArtifactMissingError(
                f"model store: nothing at {directory}; restore the directory {self.root} from a backup, or "
                "train the cut-off again"
            )
        return directory

    def _inside(self, path: Path) -> Path:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root.resolve()):
            raise ArtifactPathError(
                f"model store: {path} leads to {resolved}, outside {self.root}; remove the link"
            )
        return resolved


def _arrays_bytes(arrays: Arrays) -> bytes:
    from safetensors.numpy import save

    ordered: dict[str, npt.NDArray[Any]] = {}
    for name in sorted(arrays):
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _KINDS or not _NAME.fullmatch(name):
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise ArtifactContentError(
                f"model store: array {name!r} of type {kind}, expected numbers or booleans under a name of "
                "letters, digits, dots and underscores; objects would need pickle, which is never used"
            )
        ordered[name] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    if not ordered:
        raise ArtifactContentError("model store: no arrays to save, expected at least one")
    content: bytes = save(ordered)
    return content


def _manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(manifest, sort_keys=True, allow_nan=False, indent=1, ensure_ascii=False)
    except (TypeError, ValueError) as problem:
        raise ArtifactContentError(
            f"model store: the manifest is not JSON ({problem}); pass text, finite numbers, "
            "lists and mappings"
        ) from problem
    return f"{text}\n".encode()


def _artifact_sha256(files: Mapping[str, bytes]) -> str:
    """Hash over the hashes of the files, in the order of their names."""
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
