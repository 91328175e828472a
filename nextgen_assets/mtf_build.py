"""Building bars of several timeframes from the warehouse, session by session, each up to its cut-off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from nextgen_assets.domain.bars import BarBuilder, Bars, ticks_as_bars
from nextgen_assets.domain.intraday import interval_seconds
from nextgen_assets.domain.market_days import Hours, Timeframe, market_days, parse_timeframes
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.partitions import calendar_of
from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.ticks.declaration import (
    FILE_NAME,
    PriceOf,
    TickSource,
    declared_files,
    read_declaration,
)
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_PRICES = {"last": "last", "mid": "(bid + ask) / 2", "bid": "bid", "ask": "ask"}
_INSTANT = pl.Datetime("us", "UTC")
_INSTANTS = {"start": "bar_start", "end": "bar_end", "first": "first_ts", "last": "last_ts"}
FRAME_COLUMNS = {field.name: _INSTANTS.get(field.name, field.name) for field in fields(Bars)} | {
    "count": "tick_count"
}
"""Arrays of `Bars` and the columns that hold them."""


@dataclass(frozen=True)
class Stream:
    """What the bars of one instrument are built of.

    Attributes
    ----------
    price : str
        Which price of its ticks; ``bars`` for intraday bars.
    interval : str or None
        Length of those bars.
    """

    instrument: str
    hours: Hours
    price: PriceOf | Literal["bars"]
    interval: str | None = None


def tick_streams(folder: Path | None) -> list[Stream]:
    """The instruments of the declared files of ticks, ascending; none without a folder.

    Raises
    ------
    SettingsError
        Two declarations say different things of one instrument.

    Notes
    -----
    An instrument with trades and quotes has bars of its trades unless a declaration names a price.
    """
    if folder is None:
        return []
    said: dict[str, list[tuple[TickSource, str]]] = {}
    for source in read_declaration(folder).ticks:
        tick_format = source.load_format()
        for file in declared_files(folder, source, tick_format.name_pattern):
            said.setdefault(file.instrument, []).append((source, tick_format.kind))
    return [_stream(instrument, said[instrument]) for instrument in sorted(said)]


def _stream(instrument: str, said: list[tuple[TickSource, str]]) -> Stream:
    hours = {source.hours for source, _ in said}
    prices = {source.price for source, _ in said if source.price is not None}
    if len(hours) > 1 or len(prices) > 1:
        raise SettingsError(
            f"{FILE_NAME}: {instrument} is declared with hours {sorted(hours)} and prices {sorted(prices)}; say the "
            "same of all its files"
        )
    usual: PriceOf = "last" if any(kind == "trade" for _, kind in said) else "mid"
    return Stream(instrument, hours.pop(), prices.pop() if prices else usual)


@dataclass(frozen=True)
class SessionBars:
    """What a session learned of one instrument.

    Attributes
    ----------
    until : datetime
        Its cut-off, or the present before it.
    ended, forming : DataFrame
        ``timeframe`` and the columns of the bars: those that ended since the cut-off before, and those that
        had begun and not ended.
    """

    session: date
    until: datetime
    ended: pl.DataFrame
    forming: pl.DataFrame


@dataclass(frozen=True)
class MtfBuild:
    """Reads ticks of the warehouse and builds the bars of the settings.

    Attributes
    ----------
    now : datetime
        Nothing later is known.
    """

    warehouse: Warehouse
    calendar: SessionCalendar
    delay_minutes: int
    timeframes: tuple[Timeframe, ...]
    now: datetime

    def sessions(self, stream: Stream, sessions: Sequence[date]) -> Iterator[SessionBars]:
        """Each of consecutive ``sessions`` in turn.

        Notes
        -----
        Reading begins with the oldest bar that is forming at the cut-off before, so that a session has the
        same bars alone and in a range; ticks are read a session at a time.
        """
        timeframes = self._timeframes_of(stream)
        if not timeframes:
            return
        builder = BarBuilder(timeframes, stream.hours, self.calendar)
        wanted = set(sessions)
        for session in self.calendar.between(self._first_read(stream, sessions[0]), sessions[-1]):
            until = min(self.calendar.cutoff(session, self.delay_minutes), self.now)
            ended = builder.add(self._rows(stream, session, until), _microseconds(until))
            if session in wanted:
                yield SessionBars(session, until, bar_frame(ended), bar_frame(builder.forming()))

    def _first_read(self, stream: Stream, session: date) -> date:
        before = self.calendar.cutoff(self.calendar.shift(session, -1), self.delay_minutes)
        instant = _microseconds(before)
        days = market_days(stream.hours, self.calendar, instant, instant)
        place = int(np.searchsorted(days.starts, instant, side="right")) - 1
        has_weeks = any(timeframe.name == "1w" for timeframe in self.timeframes)
        begin = (days.week_starts if has_weeks else days.starts)[place]
        start = datetime.fromtimestamp(int(begin) / 1_000_000, tz=UTC)
        return min(session, self.calendar.admitting(start, self.delay_minutes))

    def _timeframes_of(self, stream: Stream) -> tuple[Timeframe, ...]:
        """Those that bars of the stream's interval fit into; an hour of the exchange begins at half past."""
        if stream.interval is None:
            return self.timeframes
        seconds = interval_seconds(stream.interval)
        unit = 1_800 if stream.hours == "exchange" else 3_600
        return tuple(one for one in self.timeframes if one.seconds % seconds == 0 and unit % seconds == 0)

    def _rows(self, stream: Stream, session: date, until: datetime) -> Bars:
        return (
            self._ticks(stream, session, until)
            if stream.price != "bars"
            else self._bars(stream, session, until)
        )

    def _bars(self, stream: Stream, session: date, until: datetime) -> Bars:
        rows = self.warehouse.read(
            "SELECT epoch_us(bar_start) AS s, epoch_us(bar_end) AS e, open, high, low, close, "
            "coalesce(volume, 'nan'::DOUBLE) AS volume FROM intraday_prices WHERE ticker = $ticker "
            "AND interval = $interval AND session_date = $session AND is_complete AND bar_end <= $until "
            "ORDER BY bar_start",
            ticker=stream.instrument,
            interval=stream.interval,
            session=session,
            until=until,
        )
        start, end = rows["s"].to_numpy(), rows["e"].to_numpy()
        values = {name: rows[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
        return Bars(
            start=start, end=end, **values, count=np.ones(len(start), np.int64), first=start, last=end
        )

    def _ticks(self, stream: Stream, session: date, until: datetime) -> Bars:
        price = _PRICES[stream.price]
        size = "size" if stream.price == "last" else "NULL::DOUBLE"
        rows = self.warehouse.read(
            f"SELECT epoch_us(ts) AS ts, {price} AS price, coalesce({size}, 'nan'::DOUBLE) AS size FROM market_ticks "
            f"WHERE instrument = $instrument AND session_date = $session AND ts <= $until AND {price} IS NOT NULL "
            "ORDER BY market_ticks.ts, sequence",
            instrument=stream.instrument,
            session=session,
            until=until,
        )
        return ticks_as_bars(*(rows[name].to_numpy() for name in ("ts", "price", "size")))


def all_streams(build: MtfBuild, folder: Path | None) -> list[Stream]:
    """Instruments with ticks, then those with intraday bars only, by their shortest interval."""
    ticks = tick_streams(folder)
    known = {stream.instrument for stream in ticks}
    held = build.warehouse.read("SELECT DISTINCT ticker, interval, hours FROM intraday_prices ORDER BY ALL")
    rows = sorted(held.rows(), key=lambda row: (row[0], interval_seconds(row[1])))
    shortest = {ticker: Stream(ticker, hours, "bars", interval) for ticker, interval, hours in reversed(rows)}
    return ticks + [shortest[name] for name in sorted(shortest) if name not in known]


def mtf_build(warehouse: Warehouse, settings: Settings, now: datetime) -> MtfBuild:
    """The build that the settings describe.

    Raises
    ------
    SettingsError
        The timeframes do not go together.
    """
    try:
        timeframes = parse_timeframes(settings.intraday.timeframes)
    except ValueError as error:
        raise SettingsError(f"intraday.timeframes: {error}") from error
    delay = settings.ingestion.cutoff_delay_minutes
    return MtfBuild(warehouse, calendar_of(settings), delay, timeframes, now)


def bar_frame(bars: dict[str, Bars]) -> pl.DataFrame:
    """Bars by timeframe as one frame; a volume that is not known is null."""
    parts = [
        pl.DataFrame({column: getattr(some, name) for name, column in FRAME_COLUMNS.items()}).select(
            pl.lit(timeframe).alias("timeframe"), pl.all()
        )
        for timeframe, some in bars.items()
    ]
    schema = {"timeframe": pl.String} | {
        column: pl.Int64 if name in (*_INSTANTS, "count") else pl.Float64
        for name, column in FRAME_COLUMNS.items()
    }
    frame = pl.concat([pl.DataFrame(schema=schema), *parts])
    return frame.with_columns(
        *(pl.col(column).cast(_INSTANT) for column in _INSTANTS.values()), pl.col("volume").fill_nan(None)
    )


def _microseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond
