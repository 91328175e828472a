"""Dukascopy's binary quotes: one LZMA file per hour, ``EURUSD/2014/04/01/09h_ticks.bi5``, months from 00.

A record is twenty bytes, big-endian: milliseconds since the hour, ask and bid in points, ask and bid volume in
millions. An hour without quotes is a file without bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, Literal

import numpy as np
import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.ticks import Chunk, FileContext

_RECORD = np.dtype([("ms", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("ask_size", ">f4"), ("bid_size", ">f4")])
_HOUR_MS = 3_600_000
_OUTSIDE = 3  # no_such_time of ``DEFECTS``
_PLACE = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})h_ticks\.bi5$")


class Format:
    """Quotes of one instrument in one hour, which the path names.

    Parameters
    ----------
    points : int
        Points of one unit of the quote currency: 100000 for most pairs, 1000 where it is the yen.
    """

    kind: Literal["quote", "trade"] = "quote"
    copies_are_errors = True
    sides_may_lack = False
    name_pattern: str | None = (
        r"(?:.*/)?(?P<instrument>[A-Z0-9]+)/(?P<year>\d{4})/(?P<month0>\d{2})/(?P<dom>\d{2})/\d{2}h_ticks\.bi5"
    )

    def __init__(self, points: int = 100_000) -> None:
        if points not in {10**digits for digits in range(8)}:
            raise SettingsError(
                f"tick format 'dukascopy_bi5': points is {points}, expected a power of ten up to 10000000"
            )
        self._points = points

    def chunks(self, stream: BinaryIO, context: FileContext) -> Iterator[Chunk]:
        """The records of ``stream``; see `TickFormat.chunks`. A record counts as a line."""
        start = self._hour(context)
        size = _RECORD.itemsize
        first, rest = 1, b""
        while block := stream.read(max(size, context.chunk_bytes)):
            data = rest + block
            whole = len(data) - len(data) % size
            records, rest = np.frombuffer(data[:whole], _RECORD), data[whole:]
            last = first + len(records) - 1
            if len(records) and last > context.skip_lines:
                skipped = max(context.skip_lines + 1 - first, 0)
                yield self._chunk(records[skipped:], first + skipped, last, start)
            first = last + 1
        if rest:
            raise ProviderDataError(
                f"{context.label}: {len(rest)} bytes follow the last whole record of {size}, so it was cut short or "
                "is of another format; fetch it again"
            )

    def _hour(self, context: FileContext) -> int:
        """Microseconds in UTC at which the hour of the file begins."""
        place = _PLACE.search(context.label)
        try:
            year, month0, day, hour = (int(part) for part in place.groups())  # type: ignore[union-attr]
            return int(datetime(year, month0 + 1, day, hour, tzinfo=UTC).timestamp()) * 1_000_000
        except (AttributeError, ValueError) as error:
            raise ProviderDataError(
                f"{context.label}: its path does not tell the hour; expected …/2014/04/01/09h_ticks.bi5 with months "
                "from 00, as the vendor names them"
            ) from error

    def _chunk(self, records: np.ndarray, first: int, last: int, start: int) -> Chunk:
        ms = records["ms"].astype(np.int64)
        ticks = pl.DataFrame(
            {
                "source_line": np.arange(first, last + 1, dtype=np.int64),
                "ts": start + ms * 1_000,
                "bid": records["bid"].astype(np.float64) / self._points,
                "ask": records["ask"].astype(np.float64) / self._points,
                "bid_size": records["bid_size"].astype(np.float64),
                "ask_size": records["ask_size"].astype(np.float64),
                "defect": np.where(ms < _HOUR_MS, 0, _OUTSIDE).astype(np.uint8),
            }
        )

        def texts(lines: pl.Series) -> pl.Series:
            found = records[lines.to_numpy() - first]
            return pl.Series([",".join(map(str, record.tolist())) for record in found], dtype=pl.String)

        return Chunk(ticks, first, last, texts)
