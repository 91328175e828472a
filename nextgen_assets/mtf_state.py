"""How every timeframe stood at the cut-off of each session: the last ended bar, and apart from it the forming one."""

from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.metadata import record
from nextgen_assets.mtf_build import all_streams, bar_frame, mtf_build
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.clock import Clock
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

STATE = ("bar_start", "bar_end", "open", "high", "low", "close", "volume", "tick_count")
NEWEST = f"""
SELECT instrument, timeframe, session_date, {", ".join(STATE)} FROM (
    SELECT * FROM bars_mtf WHERE is_complete AND session_date BETWEEN $first AND $last
    UNION ALL
    SELECT * FROM bars_mtf WHERE is_complete AND session_date < $first
    QUALIFY row_number() OVER (PARTITION BY instrument, timeframe ORDER BY bar_start DESC) = 1
)
QUALIFY row_number() OVER (PARTITION BY instrument, timeframe, session_date ORDER BY bar_start DESC) = 1
ORDER BY session_date
"""
_KEYS = ("instrument", "timeframe", "session_date")


@session_asset(
    group="intraday", kinds={"duckdb", "polars"}, deps=["market_ticks", "intraday_prices", "bars_mtf"]
)
def mtf_state(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> pl.DataFrame:
    """One row per instrument, timeframe and session: the last ended bar at its cut-off, and the forming one apart.

    Key: instrument, timeframe, session_date. Source: bars_mtf for what had ended, market_ticks or intraday_prices up to the
    cut-off for what was forming. Cadence: after bars_mtf, by the job import_ticks. A re-run replaces its
    sessions. The columns of the forming bar have names of their own, so that nothing unfinished is taken
    for a bar by mistake.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    build = mtf_build(warehouse, settings, clock.now())
    forming = [no_forming(sessions[0])]
    with watch.measure("build"):
        for stream in all_streams(build, settings.intraday.folder):
            forming += [
                found.forming.with_columns(instrument=pl.lit(stream.instrument), session_date=found.session)
                for found in build.sessions(stream, sessions)
            ]
    with watch.measure("read"):
        newest = warehouse.read(NEWEST, first=sessions[0], last=sessions[-1])
    cutoffs = {day: min(calendar.cutoff(day, delay), build.now) for day in sessions}
    rows = state_rows(newest, pl.concat(forming), sessions).with_columns(
        as_of=pl.col("session_date").replace_strict(cutoffs, return_dtype=pl.Datetime("us", "UTC"))
    )
    record(context, watch, rows, "session_date")
    return rows


def no_forming(session: date) -> pl.DataFrame:
    """Forming bars, none of them."""
    return bar_frame({}).with_columns(instrument=pl.lit(""), session_date=session).clear()


def state_rows(newest: pl.DataFrame, forming: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Last ended and forming bars of each session side by side.

    Parameters
    ----------
    newest : DataFrame
        ``instrument, timeframe, session_date`` and the newest bar that ended in that session, ascending by
        session.
    forming : DataFrame
        The same of the bars that were forming.
    """
    pairs = pl.concat([newest.select("instrument", "timeframe"), forming.select("instrument", "timeframe")])
    grid = pairs.unique().join(pl.DataFrame({"session_date": sessions}), how="cross").sort("session_date")
    ended = grid.join_asof(
        newest.sort("session_date"), on="session_date", by=["instrument", "timeframe"], check_sortedness=False
    )
    begun = forming.select(
        *_KEYS, *(pl.col(name).alias(f"forming_{name.removeprefix('bar_')}") for name in STATE)
    )
    found = ended.join(begun, on=_KEYS, how="left")
    some = pl.col("bar_start").is_not_null() | pl.col("forming_start").is_not_null()
    return found.filter(some).sort(_KEYS)
