"""Compressed files and archives read as hostile input: in bounded memory, never unpacked to disk.

A gzip file, a zip or a tar archive may be a bomb (a little data that unfolds to a lot), may name paths that
climb out of a folder, or may be cut off. Here each is read as a stream whose length, ratio and number of
members are bounded; member names are labels only, and one that climbs refuses the whole archive.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nextgen_resources.errors import ProviderDataError

ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)
_SMALL_BYTES = 1_048_576
_CLIMBS = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|[\x00-\x1f]")


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may unfold to.

    Parameters
    ----------
    max_members : int
        Members of one archive.
    max_bytes : int
        Unfolded bytes of one file or archive, all members together.
    max_ratio : float
        Unfolded over stored bytes, looked at beyond the first megabyte; price files reach about 30.
    """

    max_members: int = 100_000
    max_bytes: int = 16 * 1024**3
    max_ratio: float = 200.0


class BoundedStream(io.RawIOBase):
    """A readable stream that refuses to give more than its limits allow.

    Parameters
    ----------
    source : binary stream
        What is read, unfolded.
    label : str
        Name for messages.
    stored_bytes : int
        Size of the compressed form.
    limits : ArchiveLimits
        Bounds.
    already : int
        Bytes that earlier members of the same archive gave.
    """

    def __init__(
        self, source: IO[bytes], label: str, stored_bytes: int, limits: ArchiveLimits, already: int = 0
    ) -> None:
        super().__init__()
        self._source, self._label, self._limits = source, label, limits
        self._most = max(_SMALL_BYTES, int(stored_bytes * limits.max_ratio))
        self.given, self._already = 0, already

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; a `ProviderDataError` beyond the limits or where the data is damaged."""
        try:
            block = self._source.read(len(buffer))
        except _DAMAGE as error:
            raise ProviderDataError(
                f"{self._label} is damaged or cut off ({type(error).__name__}: {error}); fetch it again."
            ) from error
        self.given += len(block)
        if self.given > self._most or self.given + self._already > self._limits.max_bytes:
            raise ProviderDataError(
                f"{self._label} unfolds to more than {min(self._most, self._limits.max_bytes):,} bytes "
                f"(limits: {self._limits.max_ratio:g} times its stored size, {self._limits.max_bytes:,} bytes "
                "in all); it was not read further. If it is genuine, unpack it and name the folder."
            )
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def opened(path: Path, limits: ArchiveLimits) -> Iterator[io.BufferedReader]:
    """A plain or gzip file as a bounded stream of its unfolded bytes.

    Raises
    ------
    ProviderDataError
        It cannot be opened, is damaged, or unfolds beyond the limits.
    """
    try:
        stored = path.stat().st_size
        source: Any = (
            gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # noqa: SIM115
        )
    except OSError as error:
        raise ProviderDataError(f"{path} cannot be read: {error}") from error
    with source:
        yield io.BufferedReader(BoundedStream(source, str(path), stored, limits), 1 << 20)


def archive_members(
    path: Path, limits: ArchiveLimits, wanted: tuple[str, ...]
) -> Iterator[tuple[str, io.BufferedReader]]:
    """Members of a zip or tar archive whose name ends in one of ``wanted``, each as a bounded stream.

    Parameters
    ----------
    path : Path
        ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz``.
    limits : ArchiveLimits
        Bounds.
    wanted : tuple of str
        Suffixes, lower case. Other members are passed over.

    Yields
    ------
    name, stream
        In the order of the archive; read a stream before asking for the next.

    Raises
    ------
    ProviderDataError
        A member climbs, is a link, is encrypted or is itself an archive; the archive is damaged or beyond
        the limits.
    """
    is_zip = path.name.lower().endswith(".zip")
    try:
        yield from (_zip_members if is_zip else _tar_members)(path, limits, wanted)
    except _DAMAGE as error:
        raise ProviderDataError(
            f"{path} is damaged, cut off or no archive ({type(error).__name__}: {error}); fetch it again."
        ) from error


def _zip_members(
    path: Path, limits: ArchiveLimits, wanted: tuple[str, ...]
) -> Iterator[tuple[str, io.BufferedReader]]:
    given = 0
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        _refuse_many(path, len(infos), limits)
        for info in infos:
            is_link = (info.external_attr >> 16) & 0o170000 == 0o120000
            _refuse_odd_member(path, info.filename, "a link" if is_link else "")
        for info in infos:
            if info.is_dir() or not _is_wanted(path, info.filename, wanted):
                continue
            if info.flag_bits & 0x1:
                raise ProviderDataError(
                    f"{path}!{info.filename} is encrypted; unpack it and name the folder."
                )
            with archive.open(info) as source:
                label = f"{path}!{info.filename}"
                bounded = BoundedStream(source, label, info.compress_size, limits, given)
                yield info.filename, io.BufferedReader(bounded, 1 << 20)
                given += bounded.given


def _tar_members(
    path: Path, limits: ArchiveLimits, wanted: tuple[str, ...]
) -> Iterator[tuple[str, io.BufferedReader]]:
    with opened(path, limits) as whole, tarfile.open(fileobj=whole, mode="r|") as archive:
        for count, member in enumerate(archive, start=1):
            _refuse_many(path, count, limits)
            kind = "" if member.isreg() or member.isdir() else "a link or a device"
            _refuse_odd_member(path, member.name, "a sparse file" if member.issparse() else kind)
            if not member.isreg() or not _is_wanted(path, member.name, wanted):
                continue
            source = archive.extractfile(member)
            if source is not None:
                yield member.name, io.BufferedReader(source, 1 << 20)  # type: ignore[arg-type]


def _is_wanted(path: Path, name: str, wanted: tuple[str, ...]) -> bool:
    if name.lower().endswith((*ARCHIVE_SUFFIXES, ".gz")):
        raise ProviderDataError(
            f"{path} holds another archive, {name}; unpack the outer one and name the folder."
        )
    return name.lower().endswith(wanted)


def _refuse_many(path: Path, count: int, limits: ArchiveLimits) -> None:
    if count > limits.max_members:
        raise ProviderDataError(
            f"{path} has more than {limits.max_members:,} members; unpack the wanted ones and name the folder."
        )


def _refuse_odd_member(path: Path, name: str, oddity: str) -> None:
    if _CLIMBS.search(name):
        oddity = "a path that leads out of the archive"
    if oddity:
        raise ProviderDataError(
            f"{path}: member {name[:200]!r} is {oddity}; nothing of the archive is read. Take it from a source "
            "that you trust."
        )
