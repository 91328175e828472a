"""Which securities can be predicted and traded on each session."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.universe_reviews import (
    Curator,
    ReviewRules,
    measured,
    membership_changes,
    review_sessions,
    reviewed,
    with_eligibility,
)
from nextgen_assets.market_view import security_names
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.door import check_bars
from nextgen_resources.market_data.membership import read_membership
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.slices import BasedOn
from nextgen_resources.warehouse.warehouse import Warehouse

BEGUN = "SELECT min(session_date) FROM market_prices"
BAR_COLUMNS = ("ticker", "session_date", "close", "volume")


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["security_listings", "market_prices"])
def ticker_universe(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    market_data: dg.ResourceParam[MarketDataProvider],
) -> BasedOn:
    """One row per stay of a security in the universe.

    Key: ticker, valid_from. Source: security_listings and, where the settings ask for reviews, the bars that
    the warehouse knew before each review. Cadence: each session. Bars are fetched of every listed security, so
    that each can be ranked by what we knew of it; the universe only decides who is predicted and traded.
    Without reviews every listed security is in. A run or a re-run decides its sessions, and those after it
    that are stored, anew from the stays before it: a range, single sessions and a rebuild agree.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    with watch.measure("read"), warehouse.snapshot():
        existing, listings = warehouse.read("stays"), warehouse.read("listings")
        begun = warehouse.scalar(BEGUN)
    with watch.measure("review"):
        stays = listings
        if settings.universe.review != "none" or settings.universe.membership_path is not None:
            stays = curated(warehouse, settings, market_data, existing, listings, sessions, begun)
    members = stays.filter(pl.col("valid_to").is_null()).height
    record(context, watch, stays, None, figures={"members": members})
    return BasedOn(stays, existing)


def curated(
    warehouse: Warehouse,
    settings: Settings,
    market_data: MarketDataProvider,
    existing: pl.DataFrame,
    listings: pl.DataFrame,
    sessions: list[date],
    begun: date | None,
) -> pl.DataFrame:
    """The stays after the reviews of the run; ``begun`` is the first session with bars, reviewed too."""
    calendar, rules, every = calendar_of(settings), review_rules(settings), settings.universe.review
    path = settings.universe.membership_path
    membership = None if path is None else read_membership(Path(path))
    first = sessions[0]
    events = [day for name in ("valid_from", "valid_to") for day in existing[name].drop_nulls().to_list()]
    last = max(sessions[-1], *events) if events else sessions[-1]
    reviews = set() if every == "none" else set(review_sessions(first, last, every, calendar))
    reviews |= set(membership_changes(membership, first, last, calendar)) if membership is not None else set()
    if begun is not None and first <= begun <= last:
        reviews.add(begun)
    curator = Curator(listings, existing, calendar)
    decide = decisions(warehouse, settings, market_data, rules, membership, calendar)
    curator.run(first, last, sorted(reviews), decide)
    return curator.table()


def decisions(
    warehouse: Warehouse,
    settings: Settings,
    market_data: MarketDataProvider,
    rules: ReviewRules,
    membership: pl.DataFrame | None,
    calendar: SessionCalendar,
) -> Callable[[date, pl.DataFrame, frozenset[str]], pl.DataFrame]:
    """What a review says: by the bars known at the cut-off of the session before it.

    Notes
    -----
    Before the first session of the warehouse there are no bars in it; the provider's, of as many sessions
    before, stand in for them.
    """
    delay = settings.ingestion.cutoff_delay_minutes

    def decide(session: date, listed: pl.DataFrame, members: frozenset[str]) -> pl.DataFrame:
        end = calendar.shift(session, -1)
        begin = calendar.shift(end, 1 - rules.reach_sessions)
        bars = warehouse.read("bars", first=begin, last=end, as_of=calendar.cutoff(end, delay))
        if bars.is_empty() and rules.needs_bars:
            tickers = listed["ticker"].unique().sort().to_list()
            bars = check_bars(market_data.daily_bars(tickers, begin, end), market_data.name)
        known = security_names(warehouse, session).follow(bars.select(BAR_COLUMNS), "session_date")
        candidates = listed if membership is None else with_eligibility(listed, membership, session)
        return reviewed(candidates, measured(known, rules), members, rules)

    return decide


def review_rules(settings: Settings) -> ReviewRules:
    """Filters, ranks and hysteresis, as the settings say."""
    universe = settings.universe
    return ReviewRules(
        max_tickers=settings.ingestion.max_tickers,
        minimum_price_usd=universe.minimum_price_usd,
        minimum_dollar_volume_usd=universe.minimum_dollar_volume_usd,
        minimum_history_sessions=universe.minimum_history_sessions,
        exchanges=tuple(universe.exchanges),
        slack=universe.slack,
        liquidity_sessions=universe.liquidity_sessions,
    )
