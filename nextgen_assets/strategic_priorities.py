"""How much attention each security deserves on each session, and why."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.priorities import strategic_priorities as rank_members
from nextgen_assets.domain.priorities import trailing_liquidity
from nextgen_assets.domain.volatility import trailing_volatility
from nextgen_assets.market_view import members_only, read_market, segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

HISTORY_SESSIONS = 60
NO_SKILL = pl.DataFrame(schema={"ticker": pl.String, "session_date": pl.Date, "brier_skill": pl.Float64})


@session_asset(group="predictions", kinds={"duckdb", "polars"}, deps=["feature_windows", "ticker_universe"])
def strategic_priorities(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> pl.DataFrame:
    """One row per member of the universe and session: tier, score and the factors behind it.

    Key: ticker, session_date. Source: liquidity, volatility and news known by the cut-off. Cadence: each
    session. What predictions were worth does not enter here: a session's priorities must not depend on
    whether it runs alone or inside a range; feedback enters through calibration and the principles of
    trading. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    parts = []
    for first, last, as_of in segments(warehouse, settings, sessions, HISTORY_SESSIONS):
        with watch.measure("read"):
            market = read_market(warehouse, settings, calendar.shift(first, -HISTORY_SESSIONS), last, as_of)
            news = warehouse.read(
                "sentiment", first=first, last=last, as_of=as_of, method=settings.sentiment_method
            )
        with watch.measure("compute"):
            inside = pl.col("session_date").is_between(first, last)
            parts.append(
                rank_members(
                    members_only(
                        warehouse, market.bars.filter(inside).select("ticker", "session_date"), last
                    ),
                    trailing_liquidity(market.bars).filter(inside),
                    trailing_volatility(market.panel).filter(inside),
                    news.select("ticker", "session_date", "article_count"),
                    NO_SKILL,
                    [day for day in sessions if first <= day <= last],
                    calendar,
                    delay,
                )
            )
    rows = pl.concat(parts)
    record(context, watch, rows, "session_date")
    return rows
