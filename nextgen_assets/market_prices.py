"""Daily bars as traded, each with the moment it was learned."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from nextgen_assets.domain.deliveries import delivery_instants, inspect_deliveries
from nextgen_assets.domain.quality import Inspected, inspect_bars
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.standing_repairs import bars_as_repaired
from nextgen_assets.lived_sessions import lived_sessions
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import is_last_try, session_asset
from nextgen_assets.provider_calls import recorded_calls, tell_of_refusals
from nextgen_assets.quarantine import quarantined
from nextgen_resources.clock import Clock
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import MarketDataProvider, ReportsRejectedRows
from nextgen_resources.market_data.capabilities import require
from nextgen_resources.market_data.dated import DatedProvider, check_dated_bars
from nextgen_resources.market_data.delivery import Delivery, deliver_actions, deliver_bars
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

CONTEXT_SESSIONS = 20
"""Sessions before the range that a change of unit is measured against."""


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["security_listings"], is_order_free=True)
def market_prices(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
    clock: dg.ResourceParam[Clock],
    http: dg.ResourceParam[HttpPolicy],
) -> dict[str, pl.DataFrame]:
    """One row per security and session: the current version of its daily bar, unadjusted.

    Key: ticker, session_date. Source: the market data provider of the settings. Cadence: each session.
    A re-run asks the provider again: an unchanged bar writes nothing, a changed one moves the old
    version to market_price_revisions, and one that was not there before is known from now on. What
    dated deliveries (crawls) said is known from their dates, in whatever order they come. Bars that break a
    rule go to quarantine, whole, with the reason. A ticker that the provider refuses has no row, and an
    event says so.
    """
    require(market_data, "daily", "market_prices")
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, now = calendar_of(settings), clock.now()
    first, last = sessions[0], sessions[-1]
    with watch.measure("read"), warehouse.snapshot():
        stays = warehouse.read("listed", first=first, last=last)
        earlier = warehouse.read(
            "bars", first=calendar.shift(first, -CONTEXT_SESSIONS), last=calendar.shift(first, -1), as_of=now
        )
        lived = lived_sessions(warehouse, first, last, calendar)
    tickers = stays["ticker"].unique().sort().to_list()
    with watch.measure("provider"), recorded_calls(context, warehouse, http) as calls:
        patience = {"is_last_try": is_last_try(context, settings)}
        delivery = delivered_bars(market_data, tickers, first, last, calendar, **patience)
        delivered = sorted(set(tickers) - set(delivery.refused))
        actions = deliver_actions(market_data, delivered, first, last, **patience)
    tell_of_refusals(context, delivery.refused)
    with watch.measure("compute"):
        known_actions = actions.rows if actions else None
        if isinstance(market_data, DatedProvider):
            said_before = warehouse.read("said_before", first=first, last=last)
            inspected = inspect_deliveries(delivery.rows, calendar, now, said_before, earlier, known_actions)
        else:
            inspected = inspect_bars(delivery.rows, calendar, earlier, known_actions)
        inspected = with_unread_rows(inspected, market_data, first, last)
        bars = of_members(inspected.accepted, stays)
        if settings.ingestion.repairs and not isinstance(market_data, DatedProvider):
            rules = list(settings.ingestion.repairs)
            standing = warehouse.read("standing_price_repairs", first=first, last=last, rules=rules)
            bars = bars_as_repaired(bars, standing)
        bars = stamped(bars, calendar, market_data.delay_minutes, now, lived.recorded | lived.decided)
    rejected = quarantined(inspected, "market_prices", market_data.name, now, rows_name_source=True)
    figures = {**counted(inspected), "refused_tickers": len(delivery.refused)}
    record(context, watch, bars, "session_date", figures=figures)
    return {"market_prices": bars, "quarantine": rejected, "provider_calls": calls.rows()}


def delivered_bars(
    market_data: MarketDataProvider,
    tickers: list[str],
    first: date,
    last: date,
    calendar: SessionCalendar,
    *,
    is_last_try: bool = True,
) -> Delivery:
    """What the provider says, through the door; dated deliveries with the instant of each."""
    if not isinstance(market_data, DatedProvider):
        delivery = deliver_bars(market_data, tickers, first, last, is_last_try=is_last_try)
        return replace(delivery, rows=delivery.rows.drop("adjusted_close"))
    said = check_dated_bars(market_data.dated_bars(tickers, first, last), market_data.name)
    days = said["delivered_on"].unique().to_list()
    instants = delivery_instants(days, calendar, market_data.delay_minutes)
    of_its_day = pl.col("delivered_on").replace_strict(instants, return_dtype=pl.Datetime("us", "UTC"))
    dated = said.with_columns(delivered_at=pl.coalesce("delivered_at", of_its_day))
    return Delivery(dated.drop("adjusted_close", "delivered_on"))


def with_unread_rows(
    inspected: Inspected, market_data: MarketDataProvider, first: date, last: date
) -> Inspected:
    """What was rejected, with the rows that the provider could not even read."""
    if not isinstance(market_data, ReportsRejectedRows):
        return inspected
    unread = market_data.rejected_rows(first, last)
    return replace(inspected, rejected=pl.concat([inspected.rejected, unread]))


def counted(inspected: Inspected) -> dict[str, int]:
    """Rows delivered, accepted, refused by reason, and exact copies: they add up."""
    reasons = inspected.rejected.group_by("reason_code").len().sort("reason_code").iter_rows()
    accepted, refused = inspected.accepted.height, inspected.rejected.height
    return {
        "delivered": accepted + refused + inspected.duplicate_count,
        "accepted": accepted,
        "quarantined": refused,
        "exact_copies": inspected.duplicate_count,
        **{f"quarantined: {reason}": count for reason, count in reasons},
    }


def of_members(bars: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Bars of securities on the sessions of their stay in the universe."""
    joined = bars.join(stays.select("ticker", "valid_from", "valid_to"), on="ticker")
    begun = pl.col("valid_from") <= pl.col("session_date")
    ended = (pl.col("valid_to") <= pl.col("session_date")).fill_null(False)
    return joined.filter(begun & ~ended).drop("valid_from", "valid_to").drop("raw_row", strict=False)


def stamped(
    bars: pl.DataFrame,
    calendar: SessionCalendar,
    delay_minutes: int,
    now: datetime,
    lived: frozenset[date],
) -> pl.DataFrame:
    """``known_at`` of bars: the stated time of publication; assumed unless fetched before the next open.

    Parameters
    ----------
    bars : DataFrame
        With ``session_date``, and ``delivered_at`` where the source dates its deliveries.
    delay_minutes : int
        From the close to the publication, as the provider states it.
    now : datetime
        When the bars were fetched.
    lived : frozenset of date
        Sessions that were recorded or decided as they happened.

    Notes
    -----
    A session whose first bars were fetched before the next open was recorded as it happened: a bar that
    joins it after those was not known before ``now``, whatever its source states, be it on the same evening;
    what was decided without it stays as it was. A session loaded as history knows no such order: its bars
    are assumed to have come in time. A bar that differs from a version we hold is no first version:
    the write stamps it with the clock. A dated delivery is taken at its word.
    """
    if "delivered_at" in bars.columns:
        return bars.with_columns(known_at="delivered_at", known_at_is_assumed=False)
    days = bars["session_date"].unique().to_list()
    published = {day: calendar.close_at(day) + timedelta(minutes=delay_minutes) for day in days}
    next_open = {day: calendar.open_at(calendar.shift(day, 1)) for day in days}
    known = {day: now if day in lived else published[day] for day in days}
    assumed = {day: now >= next_open[day] and day not in lived for day in days}
    day = pl.col("session_date")
    return bars.with_columns(
        known_at=day.replace_strict(known, return_dtype=pl.Datetime("us", "UTC")),
        known_at_is_assumed=day.replace_strict(assumed, return_dtype=pl.Boolean),
    )
