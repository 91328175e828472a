"""Which security every ticker stands for, session by session."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.liquidity import LIQUIDITY_SESSIONS, most_liquid
from nextgen_assets.domain.universe import universe_stays
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.provider_calls import recorded_calls
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.door import check_bars
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.slices import BasedOn
from nextgen_resources.warehouse.warehouse import Warehouse

NO_BARS = pl.DataFrame(
    schema={"ticker": pl.String, "session_date": pl.Date, "close": pl.Float64, "volume": pl.Int64}
)


@session_asset(group="ingestion", kinds={"duckdb", "polars"})
def security_listings(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
    http: dg.ResourceParam[HttpPolicy],
) -> BasedOn:
    """One row per span in which a ticker stands for a security: the candidates of the universe.

    Key: ticker, valid_from. Source: the listings of the market data provider. Cadence: each session.
    Bars are fetched for these, so that the universe can be ranked by what the warehouse knew. A rename is a
    span that ends and one of the same security_id that begins; a reused ticker has spans of different ones.
    A run has authority over entries and exits dated in its own sessions: a re-run changes nothing, and an
    exit that a later session found stays.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    with watch.measure("read"):
        existing = warehouse.read("listings")
        covered_until = warehouse.scalar("SELECT max(session_date) FROM market_prices")
    with watch.measure("provider"), recorded_calls(context, warehouse, http) as calls:
        listings = wanted_listings(market_data, settings)
    with watch.measure("compute"):
        stays = universe_stays(
            listings,
            NO_BARS,
            existing,
            sessions[0],
            sessions[-1],
            calendar_of(settings),
            market_data.name,
            covered_until=covered_until,
        )
    record(context, watch, stays, None, figures={"listed": stays.filter(pl.col("valid_to").is_null()).height})
    return BasedOn(stays, existing, {"provider_calls": calls.rows()})


def wanted_listings(market_data: MarketDataProvider, settings: Settings) -> pl.DataFrame:
    """The listings of the provider that the settings keep: by name, and the most liquid where a number is set."""
    listings = market_data.listings()
    if settings.ingestion.tickers is not None:
        listings = listings.filter(pl.col("ticker").is_in(list(settings.ingestion.tickers)))
    is_curated = settings.universe.review != "none" or settings.universe.membership_path is not None
    if settings.ingestion.max_tickers is None or is_curated:
        return listings
    bars = bars_before_first(market_data, listings, settings)
    return most_liquid(listings, bars, settings.ingestion.max_tickers)


def bars_before_first(
    market_data: MarketDataProvider, listings: pl.DataFrame, settings: Settings
) -> pl.DataFrame:
    """A quarter of bars before the first partition, which no run changes: whatever range runs, it ranks alike."""
    calendar, first = calendar_of(settings), settings.ingestion.first_session
    end = calendar.shift(calendar.on_or_after(first), -1)
    tickers = listings["ticker"].unique().sort().to_list()
    bars = market_data.daily_bars(tickers, calendar.shift(end, 1 - LIQUIDITY_SESSIONS), end)
    return check_bars(bars, market_data.name)
