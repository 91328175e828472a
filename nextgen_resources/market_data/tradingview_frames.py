"""TradingView's framing: ``~m~length~m~text``, several to a message, heartbeats ``~h~number`` among them.

The length counts UTF-16 units, as JavaScript does. A heartbeat is sent back as it came.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

from nextgen_resources.errors import ProviderDataError

_HEAD = re.compile(r"~m~([0-9]{1,9})~m~")
_HEARTBEAT = re.compile(r"~h~[0-9]{1,12}")
_LETTERS = string.ascii_letters + string.digits


def pack(text: str) -> str:
    """One frame around ``text``.

    Examples
    --------
    >>> pack("~h~1")
    '~m~4~m~~h~1'
    """
    return f"~m~{len(text.encode('utf-16-le')) // 2}~m~{text}"


def command(method: str, parameters: list[Any]) -> str:
    """The frame of one command.

    Examples
    --------
    >>> command("chart_create_session", ["cs_xkd21F2c6xIU", ""])
    '~m~55~m~{"m":"chart_create_session","p":["cs_xkd21F2c6xIU",""]}'
    """
    return pack(json.dumps({"m": method, "p": parameters}, separators=(",", ":")))


def unpack(message: str) -> list[str]:
    """The texts of the frames of one message, in order.

    Raises
    ------
    ProviderDataError
        The message is not a row of whole frames.

    Examples
    --------
    >>> unpack('~m~4~m~~h~1~m~2~m~{}')
    ['~h~1', '{}']
    """
    texts, rest = [], message
    while rest:
        head = _HEAD.match(rest)
        if head is None:
            raise ProviderDataError(
                f"tradingview: a message without a frame: {rest[:80]!r}; the protocol changed"
            )
        units = rest[head.end() :].encode("utf-16-le")
        size = 2 * int(head.group(1))
        if len(units) < size:
            raise ProviderDataError(
                f"tradingview: a frame of {len(units) // 2} units that states {size // 2}: {rest[:80]!r}"
            )
        texts.append(units[:size].decode("utf-16-le"))
        rest = units[size:].decode("utf-16-le")
    return texts


def is_heartbeat(text: str) -> bool:
    """Whether a frame only asks whether we are there."""
    return _HEARTBEAT.fullmatch(text) is not None


def document_of(text: str) -> Mapping[str, Any]:
    """The JSON object of a frame.

    Raises
    ------
    ProviderDataError
        The frame is no JSON object.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ProviderDataError(f"tradingview: a frame that is no JSON: {text[:80]!r} ({error})") from error
    if not isinstance(document, dict):
        raise ProviderDataError(f"tradingview: a frame that is no object: {text[:80]!r}")
    return document


def session_id(prefix: str) -> str:
    """A new name for a session, such as ``cs_…``."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(12))}"


def bars_of(update: Mapping[str, Any], series: str) -> dict[int, tuple[float, ...]]:
    """Bars of a ``timescale_update`` or ``du``: start in seconds since 1970 to open, high, low, close, volume.

    Raises
    ------
    ProviderDataError
        A bar is not six numbers, or the numbering of the bars has a gap.
    """
    parameters = update.get("p", [])
    told = parameters[1].get(series, {}) if len(parameters) > 1 and isinstance(parameters[1], dict) else {}
    bars: dict[int, tuple[float, ...]] = {}
    numbers = [entry.get("i") for entry in told.get("s", [])]
    if (
        update.get("m") == "timescale_update"
        and numbers
        and numbers != list(range(numbers[0], numbers[0] + len(numbers)))
    ):
        raise ProviderDataError("tradingview: the numbering of the bars has a gap; ask again")
    for entry in told.get("s", []):
        values = entry.get("v", [])
        is_whole = len(values) in (5, 6) and all(isinstance(value, int | float) for value in values)
        if not is_whole:
            raise ProviderDataError(f"tradingview: a bar that is not six numbers: {str(entry)[:120]}")
        bars[int(values[0])] = tuple(float(value) for value in [*values[1:], 0.0][:5])
    return bars
