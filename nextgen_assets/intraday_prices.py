"""Bars within the day, from declared files and from the provider."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from nextgen_assets.domain.identity import content_id
from nextgen_assets.domain.intraday import dated_bars, interval_seconds, judge_intraday
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.provider_calls import recorded_calls, tell_of_refusals
from nextgen_resources.clock import Clock
from nextgen_resources.errors import ProviderPartialError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.bar_files import load_bar_format, read_bars
from nextgen_resources.market_data.capabilities import require
from nextgen_resources.market_data.ticks.archives import ArchiveLimits
from nextgen_resources.market_data.ticks.declaration import declared_files, read_declaration
from nextgen_resources.settings.data_sections import IntradaySettings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

_RAW = {
    "source_file": pl.String, "source_line": pl.Int64, "ts": pl.Int64, "open": pl.Float64, "high": pl.Float64,
    "low": pl.Float64, "close": pl.Float64, "volume": pl.Float64, "defect": pl.UInt8, "text": pl.String,
    "ticker": pl.String, "interval": pl.String, "hours": pl.String, "source": pl.String,
}  # fmt: skip
_PLACES = ("source_file", "source_line", "text")


@session_asset(group="intraday", kinds={"duckdb", "polars", "file"}, deps=["ticker_universe"])
def intraday_prices(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
    clock: dg.ResourceParam[Clock],
    http: dg.ResourceParam[HttpPolicy],
) -> dict[str, pl.DataFrame]:
    """One row per instrument, interval and bar within the day; session_date is the first that may use it.

    Key: ticker, interval, bar_start. Source: the files that intraday.yaml declares as bars, and, where
    intraday.provider_interval is set, the market data provider. Cadence: by the job import_ticks. A re-run
    reads and asks again and replaces its sessions; where both have a bar, the file's stands. Bars that break
    a rule go to quarantine, whole, with the reason.
    """
    watch, sessions, now = Stopwatch(), requested_sessions(context), clock.now()
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    with watch.measure("files"):
        parts = bars_of_files(settings.intraday, sessions[0], sessions[-1])
    calls: list[pl.DataFrame] = []
    interval = settings.intraday.provider_interval
    if interval is not None:
        require(market_data, "intraday", "intraday_prices")
        tickers = warehouse.read("members", first=sessions[0], last=sessions[-1])["ticker"].unique().sort()
        with watch.measure("provider"), recorded_calls(context, warehouse, http) as asked:
            parts.append(_delivered(context, market_data, tickers.to_list(), interval, sessions, now))
        calls.append(asked.rows())
    with watch.measure("compute"):
        accepted, bad = judge_intraday(pl.concat([pl.DataFrame(schema=_RAW), *parts]))
        dated = [
            dated_bars(bars, interval_seconds(str(length)), calendar, delay, now)
            for (length,), bars in accepted.partition_by("interval", as_dict=True).items()
        ] or [dated_bars(accepted, 60, calendar, delay, now)]
        rows = pl.concat(dated).filter(pl.col("session_date").is_between(sessions[0], sessions[-1]))
        rows = rows.sort("source_line", nulls_last=True).unique(
            ["ticker", "interval", "bar_start"], keep="first"
        )
    refused = rejected_rows(bad, sessions[-1], now)
    figures = {"quarantined": refused.height, "not_complete": int((~rows["is_complete"]).sum())}
    figures["from_files"] = rows["source_line"].count()
    record(context, watch, rows, "session_date", figures=figures)
    frames = {"intraday_prices": rows.drop("text"), "quarantine": refused}
    return frames | ({"provider_calls": calls[0]} if calls else {})


def bars_of_files(settings: IntradaySettings, first: date, last: date) -> list[pl.DataFrame]:
    """Lines of the declared files that may hold bars of the sessions; nothing without a folder."""
    folder: Path | None = settings.folder
    if folder is None:
        return []
    limits = ArchiveLimits(settings.max_members, settings.max_unpacked_bytes, settings.max_unpacking_ratio)
    parts = []
    for source in read_declaration(folder).bars:
        bar_format = load_bar_format(source)
        for file in declared_files(folder, source, bar_format.name_pattern):
            is_near = file.day is None or first - timedelta(days=7) <= file.day <= last + timedelta(days=2)
            if is_near:
                labels = {"interval": source.interval, "hours": source.hours, "source": source.format}
                rows = read_bars(file, bar_format, limits).with_columns(ticker=pl.lit(file.instrument))
                parts.append(
                    rows.with_columns(pl.lit(text).alias(name) for name, text in labels.items()).select(*_RAW)
                )
    return parts


def _delivered(
    context: dg.AssetExecutionContext,
    provider: object,
    tickers: list[str],
    interval: str,
    sessions: Sequence[date],
    now: datetime,
) -> pl.DataFrame:
    """Bars of the provider that had begun by now, as lines without a place."""
    try:
        bars: pl.DataFrame = provider.intraday_bars(tickers, interval, sessions[0], sessions[-1])  # type: ignore[attr-defined]
    except ProviderPartialError as error:
        tell_of_refusals(context, error.refused)
        bars = error.delivered
    return bars.filter(pl.col("bar_start") <= now).select(
        pl.lit(None, pl.String).alias("source_file"),
        pl.lit(None, pl.Int64).alias("source_line"),
        pl.col("bar_start").dt.epoch("us").alias("ts"),
        "open", "high", "low", "close", "volume",
        pl.lit(0, pl.UInt8).alias("defect"),
        pl.lit("").alias("text"),
        "ticker", "interval",
        pl.lit("extended").alias("hours"),
        "source",
    ).select(*_RAW)  # fmt: skip


def rejected_rows(bad: pl.DataFrame, session: date, now: datetime) -> pl.DataFrame:
    """Rejected bars as rows of ``quarantine``."""
    place = ["ticker", "interval", "ts", "open", "high", "low", "close", "volume", *_PLACES]
    rows = bad.with_columns(payload=pl.struct(place).struct.json_encode())
    names = [
        content_id("quarantine", source, code, payload)
        for source, code, payload in rows.select("source", "reason_code", "payload").rows()
    ]
    return rows.select(
        pl.Series("quarantine_id", names, dtype=pl.String),
        pl.lit("intraday_prices").alias("asset"),
        pl.lit(str(session)).alias("partition_key"),
        "source",
        "reason_code",
        "reason",
        "payload",
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("seen_at"),
    ).unique("quarantine_id", keep="first")
