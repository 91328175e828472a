"""The JSON form of Alpha Vantage's daily series, as the text that its CSV form would be."""

from __future__ import annotations

import json
import re
from typing import IO, Any

from nextgen_resources.errors import ProviderDataError

_SERIES = re.compile(r"Time Series \(Daily\)|Daily Time Series.*", re.IGNORECASE)
_MESSAGES = ("Error Message", "Information", "Note")
_MOST_BYTES = 1 << 28


def daily_series(label: str, stream: IO[bytes]) -> tuple[str | None, list[str], bytes]:
    """Ticker, field names and lines of one answer.

    Returns
    -------
    ticker : str or None
        The symbol of its meta data, upper case.
    header : list of str
        ``date`` and the names of the series, such as ``1. open``.
    lines : bytes
        One line per day, comma separated, UTF-8.

    Raises
    ------
    ProviderDataError
        It is no JSON, is a message of the server, or holds no daily series.
    """
    raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ProviderDataError(f"files: {label} is larger than {_MOST_BYTES:,} bytes; expected one ticker.")
    try:
        answer: Any = json.loads(raw)
    except ValueError as error:
        raise ProviderDataError(
            f"files: {label} cannot be read: it is no JSON ({error}); fetch it again."
        ) from error
    if not isinstance(answer, dict):
        raise ProviderDataError(f"files: {label} is a JSON {type(answer).__name__}, expected an object.")
    for name in _MESSAGES:
        if name in answer:
            raise ProviderDataError(
                f"files: {label} is a message of the server, not bars: {str(answer[name])[:200]!r}. Fetch it again."
            )
    series = next((value for key, value in answer.items() if _SERIES.fullmatch(key)), None)
    if (
        not isinstance(series, dict)
        or not series
        or not all(isinstance(row, dict) for row in series.values())
    ):
        raise ProviderDataError(
            f"files: {label} has no 'Time Series (Daily)' with days; found {', '.join(answer)[:200]}."
        )
    names = list(next(iter(series.values())))
    lines = [",".join((str(day), *(_field(row.get(name)) for name in names))) for day, row in series.items()]
    meta = answer.get("Meta Data")
    symbol = meta.get("2. Symbol") if isinstance(meta, dict) else None
    return (symbol.upper() if isinstance(symbol, str) else None), ["date", *names], "\n".join(lines).encode()


def _field(value: object) -> str:
    return "" if value is None else str(value).replace(",", " ").replace("\n", " ")
