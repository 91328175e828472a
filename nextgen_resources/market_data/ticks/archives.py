"""Opening a file of ticks, packed or not, without trusting it.

An archive is refused whole before anything is read when it has too many members, names that climb out
(absolute, ``..``, a drive, a link), encrypted or nested members, or claims to unpack to more than is
allowed. What a claim hides is caught while reading: bytes are counted as they come.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from nextgen_resources.errors import ProviderDataError

PACKED = (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".lzma", ".bi5")
_RATIO_APPLIES_FROM_BYTES = 8 * 1024 * 1024
"""A small text may shrink a lot without being a bomb."""


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may unpack to.

    Attributes
    ----------
    members : int
        Most members of one archive.
    bytes : int
        Most bytes that one archive unpacks to, all members together.
    ratio : float
        Most bytes unpacked for one byte packed.
    """

    members: int
    bytes: int
    ratio: float


class _Counted:
    """A stream that refuses to go on beyond what its archive may unpack to."""

    def __init__(self, raw: IO[bytes], packed: int, limits: ArchiveLimits, label: str) -> None:
        self._raw, self._label, self._limits = raw, label, limits
        self._most = min(limits.bytes, max(_RATIO_APPLIES_FROM_BYTES, int(packed * limits.ratio)))
        self._seen = 0

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._raw.read(size)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
            raise ProviderDataError(
                f"{self._label} is damaged or cut short after {self._seen:,} unpacked bytes ({error}); "
                "fetch it again"
            ) from error
        self._seen += len(data)
        if self._seen > self._most:
            raise ProviderDataError(
                f"{self._label} unpacks to more than {self._most:,} bytes (limits: {self._limits.bytes:,} "
                f"bytes, {self._limits.ratio:g} for each packed byte); it is refused as an archive bomb. "
                "If it is sound, raise intraday.max_unpacked_bytes or intraday.max_unpacking_ratio"
            )
        return data


def sha256_of(path: Path) -> str:
    """Hash of the bytes of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def member_names(path: Path, limits: ArchiveLimits) -> list[str]:
    """Members of a zip archive in the order of their names; ``['']`` for any other file.

    Raises
    ------
    ProviderDataError
        The archive breaks a limit or has a member that may not be opened.
    """
    if not path.name.lower().endswith(".zip"):
        return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ProviderDataError(f"{path.name} is no zip archive ({error}); fetch it again") from error
    if len(found) > limits.members or not found:
        raise ProviderDataError(
            f"{path.name} has {len(found)} members, expected 1 to {limits.members}; "
            "unpack it yourself, or raise intraday.max_members"
        )
    for info in found:
        _refuse_strange(path, info)
    total, packed = sum(info.file_size for info in found), path.stat().st_size
    allowed = min(limits.bytes, max(_RATIO_APPLIES_FROM_BYTES, int(packed * limits.ratio)))
    if total > allowed:
        raise ProviderDataError(
            f"{path.name} ({packed:,} bytes) would unpack to {total:,} bytes, allowed are {allowed:,}; it is "
            "refused as an archive bomb. If it is sound, raise intraday.max_unpacked_bytes or "
            "intraday.max_unpacking_ratio"
        )
    return sorted(info.filename for info in found)


def _refuse_strange(path: Path, info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename)
    climbs = name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    reason = (
        "its name leads out of the archive"
        if climbs
        else "it is a link"
        if is_link
        else "it is encrypted"
        if info.flag_bits & 0x1
        else "it is an archive itself"
        if info.filename.lower().endswith(PACKED)
        else None
    )
    if reason:
        raise ProviderDataError(
            f"{path.name}: the member {info.filename[:80]!r} is refused, {reason}; repack the plain files"
        )


@contextmanager
def opened(path: Path, member: str, limits: ArchiveLimits) -> Iterator[BinaryIO]:
    """The unpacked content of a file, or of one member of a zip archive.

    Raises
    ------
    ProviderDataError
        On reading: the content is damaged, or larger than the limits allow.
    """
    label = f"{path.name}/{member}" if member else path.name
    packed, lower = path.stat().st_size, path.name.lower()
    if lower.endswith(".zip"):
        with zipfile.ZipFile(path) as archive, archive.open(member) as inner:
            yield cast(BinaryIO, _Counted(inner, packed, limits, label))
    elif lower.endswith(".gz"):
        with gzip.open(path) as inner:
            yield cast(BinaryIO, _Counted(cast(IO[bytes], inner), packed, limits, label))
    elif lower.endswith(".bi5") and packed:
        with lzma.open(path) as inner:
            yield cast(BinaryIO, _Counted(inner, packed, limits, label))
    else:
        with path.open("rb") as plain:
            yield plain
