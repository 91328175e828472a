"""Bars of several timeframes, built from ticks as they become known."""

import dagster as dg
import polars as pl

from nextgen_assets.metadata import record
from nextgen_assets.mtf_build import Stream, all_streams, bar_frame, mtf_build
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.clock import Clock
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="intraday", kinds={"duckdb", "numpy"}, deps=["market_ticks", "intraday_prices"])
def bars_mtf(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> pl.DataFrame:
    """One row per instrument, timeframe and bar with a tick; session_date is the first that may use it.

    Key: instrument, timeframe, bar_start. Source: market_ticks, at the price and hours that intraday.yaml
    declares; for an instrument without ticks, the shortest interval of intraday_prices.
    Cadence: after market_ticks, by the job import_ticks. A re-run reads the ticks of its sessions
    (and of the bars that were forming before them) and replaces its sessions. A bar stands in the session
    whose cut-off first admits its end; one that has not ended by then is in mtf_state only.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar = calendar_of(settings)
    build = mtf_build(warehouse, settings, clock.now())
    parts: list[pl.DataFrame] = []
    streams = all_streams(build, settings.intraday.folder)
    with watch.measure("build"):
        for stream in streams:
            for found in build.sessions(stream, sessions):
                cutoff = calendar.cutoff(found.session, build.delay_minutes)
                begun = found.forming.filter(pl.col("bar_end") <= cutoff)
                known = pl.concat([found.ended, begun])
                parts.append(
                    known.with_columns(**labels(stream), session_date=found.session, as_of=found.until)
                )
    empty = bar_frame({}).with_columns(
        **labels(Stream("X", "utc", "last")), session_date=sessions[0], as_of=clock.now()
    )
    rows = pl.concat([empty.clear(), *parts]).with_columns(
        pl.col("as_of").cast(pl.Datetime("us", "UTC")), is_complete=pl.col("bar_end") <= pl.col("as_of")
    )
    figures = {
        "instruments": len(streams),
        "timeframes": ", ".join(settings.intraday.timeframes),
        "not_complete": int((~rows["is_complete"]).sum()),
    }
    record(context, watch, rows, "session_date", figures=figures)
    return rows


def labels(stream: Stream) -> dict[str, pl.Expr]:
    """Whose bars they are, and of which price."""
    return {"instrument": pl.lit(stream.instrument), "price": pl.lit(stream.price)}
