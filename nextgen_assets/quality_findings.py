"""Faults of accepted bars and actions that only their neighbours, or later bars, betray."""

from datetime import date, datetime

import dagster as dg
import polars as pl

from nextgen_assets.domain.audit import CONTEXT_SESSIONS, audit
from nextgen_assets.market_view import segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import is_last_try, session_asset
from nextgen_assets.provider_calls import recorded_calls
from nextgen_assets.repair_step import RepairStep
from nextgen_resources.clock import Clock
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.delivery import deliver_bars
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

STEP_SESSIONS = 10
"""Sessions before the range in which the adjusted close before its first step is looked for."""

_KEY = ["ticker", "session_date"]


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["market_prices", "corporate_actions"])
def quality_findings(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
    http: dg.ResourceParam[HttpPolicy],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per fault that the audit sees, on the session whose bar completed the evidence.

    Key: ticker, session_date, fault_session_date, fault. Source: accepted bars and actions, and the adjusted
    close of the provider where it has one. Cadence: each session. A re-run replaces its sessions. Nothing
    is repaired unless ingestion.repairs names a rule: then a fault that determines its own correction
    becomes a new version with the source repair:<rule>, known from now on, and price_repairs or
    action_repairs says from what to what; the old version stays.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar = calendar_of(settings)
    context_sessions = min(CONTEXT_SESSIONS, calendar.index(sessions[0]))
    found = [no_findings()]
    repairs = RepairStep(warehouse, settings.ingestion.repairs, market_data.dividend_basis)
    for first, last, as_of in segments(warehouse, settings, sessions, context_sessions):
        start = calendar.shift(first, -min(CONTEXT_SESSIONS, calendar.index(first)))
        with watch.measure("read"):
            bars = warehouse.read("bars", first=start, last=last, as_of=as_of)
            bars = of_holders(bars, warehouse.read("listings"), last)
            actions = warehouse.read("actions", first=start, last=last, as_of=as_of)
        with watch.measure("provider"), recorded_calls(context, warehouse, http) as made:
            asked = max(start, calendar.shift(first, -STEP_SESSIONS))
            adjusted = adjusted_closes(market_data, bars, asked, last, is_last_try(context, settings))
            calls = made.rows()  # of all segments so far
        with watch.measure("compute"):
            seen = audited(bars, actions, adjusted)
            told = audit(seen, dividend_basis=market_data.dividend_basis)
            found.append(as_rows(told, first, last))
            repairs.add(seen, told.filter(pl.col("visible_from").is_between(first, last)), first, last)
    cutoffs = {day: calendar.cutoff(day, settings.ingestion.cutoff_delay_minutes) for day in sessions}
    rows = stamped(pl.concat(found), cutoffs, market_data.name)
    counts = dict(rows.group_by("fault").len().sort("fault").iter_rows())
    with watch.measure("repair"):
        repaired = repairs.write(context, clock.now())
    record(context, watch, rows, "session_date", figures={**counts, **repaired})
    return {"quality_findings": rows, "provider_calls": calls}


def of_holders(bars: pl.DataFrame, listings: pl.DataFrame, last: date) -> pl.DataFrame:
    """The bars of the security that each ticker stands for at ``last``: what another firm was worth is no move of it.

    Parameters
    ----------
    bars : DataFrame
        ticker, session_date and further columns, in which no ticker changes hands after the first session asked for.
    listings : DataFrame
        ticker, valid_from, security_id.
    """
    begun = listings.filter(pl.col("valid_from") <= last).sort("ticker", "valid_from")
    holders = begun.group_by("ticker", maintain_order=True).last().select("ticker", "security_id")
    since = begun.join(holders, on=["ticker", "security_id"]).group_by("ticker").agg(
        held_from=pl.col("valid_from").min()
    )  # fmt: skip
    held = bars.join(since, on="ticker", how="left", maintain_order="left")
    return held.filter((pl.col("session_date") >= pl.col("held_from")).fill_null(True)).drop("held_from")


def no_findings() -> pl.DataFrame:
    """An empty frame of findings by session."""
    schema = {"ticker": pl.String, "session_date": pl.Date, "fault_session_date": pl.Date,
              "fault": pl.String, "evidence": pl.String}  # fmt: skip
    return pl.DataFrame(schema=schema)


def adjusted_closes(
    market_data: MarketDataProvider, bars: pl.DataFrame, first: date, last: date, is_last_try: bool
) -> pl.DataFrame:
    """The factor of the provider, adjusted close over close; no rows without the capability.

    Notes
    -----
    It is what the provider says now: of the adjusted close no versions are kept.
    """
    nothing = bars.select(*_KEY, pl.lit(None, pl.Float64).alias("factor")).clear()
    is_asked = pl.col("session_date").is_between(first, last)
    tickers = bars.filter(is_asked)["ticker"].unique().sort().to_list()
    if "adjusted_close" not in market_data.capabilities or not tickers:
        return nothing
    delivered = deliver_bars(market_data, tickers, first, last, is_last_try=is_last_try).rows
    factor = pl.col("adjusted_close") / pl.col("close")
    return delivered.select(*_KEY, factor.alias("factor")).drop_nulls().unique(_KEY, keep="none")


def audited(bars: pl.DataFrame, actions: pl.DataFrame, adjusted: pl.DataFrame) -> pl.DataFrame:
    """Bars beside their actions and adjusted close, as `domain.audit.audit` takes them."""
    of_day = (
        actions.rename({"ex_date": "session_date"})
        .group_by(_KEY)
        .agg(pl.col("cash_amount_usd").sum().alias("dividend"), pl.col("split_ratio").product())
    )
    joined = bars.join(of_day, on=_KEY, how="left").join(adjusted, on=_KEY, how="left")
    return joined.with_columns(
        adjusted_close=pl.col("close") * pl.col("factor"), capital_gain=pl.lit(None, pl.Float64)
    )


def as_rows(told: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Findings that sessions from ``first`` to ``last`` completed, by that session."""
    mine = told.filter(pl.col("visible_from").is_between(first, last))
    return mine.select(
        "ticker",
        pl.col("visible_from").alias("session_date"),
        pl.col("session_date").alias("fault_session_date"),
        "fault",
        "evidence",
    )


def stamped(rows: pl.DataFrame, cutoffs: dict[date, datetime], source: str) -> pl.DataFrame:
    """Findings with the cut-off of their session and who was audited."""
    as_of = pl.col("session_date").replace_strict(cutoffs, return_dtype=pl.Datetime("us", "UTC"))
    return rows.with_columns(as_of=as_of, source=pl.lit(source)).sort("session_date", "ticker", "fault")
