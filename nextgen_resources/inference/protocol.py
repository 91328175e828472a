"""Frames and messages: a length of four bytes, then one MessagePack map. Documented in docs/inference.md.

::

    frame   := length (unsigned, 4 bytes, big-endian) payload (length bytes, a MessagePack map)
    hello   := {"hello": "nextgen", "versions": [1]}                     client, first frame
    welcome := {"welcome": "nextgen", "version": 1, "methods": [...]}    server, or an error and a closed connection
    request := {"id": int, "method": str, "params": map}
    reply   := {"id": int, "result": any} | {"id": int, "error": {"type": str, "message": str, "is_retryable": bool}}
"""

from __future__ import annotations

import gc
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import msgpack

from nextgen_resources.errors import InferenceError

NAME = "nextgen"
VERSIONS = (1,)
"""What this code speaks, newest last."""
LARGEST_FRAME = 16 * 1024 * 1024
LENGTH = struct.Struct(">I")
_MOST_ENTRIES = 100_000
_LARGE = 32 * 1024
"""Bytes from which reading a payload makes thousands of objects."""


class FrameError(InferenceError):
    """Bytes that are no frame of the protocol; the connection cannot go on."""


def pack(message: dict[str, Any]) -> bytes:
    """One message as a frame.

    Raises
    ------
    FrameError
        It is larger than a frame may be: ask for less at once.
    """
    payload: bytes = msgpack.packb(message, use_bin_type=True)
    if len(payload) > LARGEST_FRAME:
        raise FrameError(
            f"a message of {len(payload):,} bytes, at most {LARGEST_FRAME:,} fit a frame; ask for less"
        )
    return LENGTH.pack(len(payload)) + payload


class Packed(bytes):
    """The bytes of a value that is MessagePack already."""

    @classmethod
    def value(cls, value: Any) -> Packed:
        """One value, packed for later."""
        return cls(msgpack.packb(value, use_bin_type=True))

    @classmethod
    def array(cls, items: Sequence[Packed]) -> Packed:
        """A list of packed values, without packing them again."""
        return cls(msgpack.Packer().pack_array_header(len(items)) + b"".join(items))


def pack_reply(number: int, result: Any) -> bytes:
    """The frame of a reply; a ``Packed`` result is put in as it is.

    Raises
    ------
    FrameError
        As of :func:`pack`.
    """
    if not isinstance(result, Packed):
        return pack({"id": number, "result": result})
    payload = b"\x82" + Packed.value("id") + Packed.value(number) + Packed.value("result") + result
    if len(payload) > LARGEST_FRAME:
        raise FrameError(
            f"a message of {len(payload):,} bytes, at most {LARGEST_FRAME:,} fit a frame; ask for less"
        )
    return LENGTH.pack(len(payload)) + payload


@contextmanager
def _no_collection() -> Iterator[None]:
    """No collection of garbage in this block.

    Notes
    -----
    Thousands of new objects make Python look for garbage among all that the process holds, in the middle of a reply and
    in vain; msgpack's own notes advise against it.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()


def length_of(header: bytes) -> int:
    """How long the payload after this header is.

    Raises
    ------
    FrameError
        Longer than a frame may be, or empty: the other side speaks another protocol.
    """
    (length,) = LENGTH.unpack(header)
    if not 0 < length <= LARGEST_FRAME:
        raise FrameError(f"a frame of {length:,} bytes is announced, expected 1 to {LARGEST_FRAME:,}")
    return int(length)


def unpack(payload: bytes) -> dict[str, Any]:
    """The message in a payload.

    Raises
    ------
    FrameError
        It is not one MessagePack map with text keys.
    """
    try:
        with _no_collection() if len(payload) > _LARGE else nullcontext():
            message = msgpack.unpackb(
                payload,
                raw=False,
                strict_map_key=True,
                max_array_len=_MOST_ENTRIES,
                max_map_len=1_000,
                max_ext_len=0,
            )
    except Exception as error:  # msgpack raises ValueError, its own kinds, UnicodeDecodeError, RecursionError
        raise FrameError(f"the payload is no MessagePack ({type(error).__name__})") from error
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise FrameError(f"expected a map with text keys, found {type(message).__name__}")
    return message
