"""What the market looked like to a session: bars, actions and sentiment known by its cut-off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.prices import Panel, build_panel
from nextgen_assets.domain.provenance import RawVersions, row_digests, scored_articles
from nextgen_assets.domain.sectors import sector_spans
from nextgen_assets.domain.security_names import SecurityNames, changes
from nextgen_assets.domain.sessions import SessionCalendar, knowledge_segments
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class MarketView:
    """Raw rows of consecutive sessions as known at one moment, and the panel made of them."""

    bars: pl.DataFrame
    actions: pl.DataFrame
    articles: pl.DataFrame
    sectors: pl.DataFrame
    panel: Panel

    def versions(self, calendar: SessionCalendar, with_sectors: bool = False) -> RawVersions:
        """Digests of the raw row versions of the panel; with those of its listings where a feature reads the sector."""
        sectors = self.sectors if with_sectors else None
        return row_digests(self.bars, self.actions, self.articles, self.panel, calendar, sectors)


def read_market(
    warehouse: Warehouse, settings: Settings, first: date, last: date, as_of: datetime
) -> MarketView:
    """The market from session ``first`` to ``last`` as it was known at ``as_of``.

    Every row stands under the ticker that its security has at ``last``: the history of a renamed security
    goes on, and that of a firm whose ticker another one has by then is left out.
    """
    calendar = calendar_of(settings)
    span = {"first": first, "last": last, "as_of": as_of}
    with warehouse.snapshot():
        bars = warehouse.read("bars", **span)
        actions = warehouse.read("actions", **span)
        sentiment = warehouse.read("sentiment", **span, method=settings.sentiment_method)
        scores = warehouse.read("newest_scores", first=first, last=last, scorer=settings.sentiment_method)
        articles = scored_articles(warehouse.read("articles", **span), scores)
        listings = warehouse.read("listings")
    names = SecurityNames.as_of(listings, last)
    bars, actions = names.follow(bars, "session_date"), names.follow(actions, "ex_date")
    sentiment, articles = names.follow(sentiment, "session_date"), names.follow(articles, "session_date")
    if names.tenures:
        bars = bars.sort("ticker", "session_date")
    tickers = bars["ticker"].unique().sort().to_list()
    known = listings.filter(pl.col("valid_from") <= last, pl.col("known_at") <= as_of)
    known = names.follow(known, "valid_from")
    sectors = sector_spans(known, calendar, settings.ingestion.cutoff_delay_minutes)
    sessions = calendar.between(first, last)
    panel = build_panel(bars, actions, sentiment, sessions, tickers, calendar, sectors)
    return MarketView(bars, actions, articles, sectors, panel)


def security_names(warehouse: Warehouse, session: date) -> SecurityNames:
    """Which security each ticker stands for at ``session``."""
    return SecurityNames.as_of(warehouse.read("listings"), session)


def members_only(warehouse: Warehouse, rows: pl.DataFrame, last: date) -> pl.DataFrame:
    """Rows of securities on sessions of their stay in the universe; tickers as their securities are called at ``last``.

    Parameters
    ----------
    rows : DataFrame
        ticker, session_date and further columns, of sessions up to ``last``.
    """
    stays = warehouse.read("members", first=date.min, last=last).select("ticker", "valid_from", "valid_to")
    stays = security_names(warehouse, last).follow(stays, "valid_from")
    begun = pl.col("valid_from") <= pl.col("session_date")
    ended = (pl.col("valid_to") <= pl.col("session_date")).fill_null(False)
    inside = rows.select("ticker", "session_date").unique().join(stays, on="ticker").filter(begun & ~ended)
    return rows.join(inside, on=["ticker", "session_date"], how="semi", maintain_order="left")


def segments(
    warehouse: Warehouse, settings: Settings, sessions: list[date], history_sessions: int
) -> Iterator[tuple[date, date, datetime]]:
    """Parts of ``sessions`` in which nothing about earlier sessions came late, and no ticker changed hands.

    Yields
    ------
    first, last, as_of
        A vectorised pass over first..last may read everything known at ``as_of``, the cut-off of its
        last session: without late rows that is the whole range in one pass.
    """
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    start = calendar.shift(sessions[0], -history_sessions)
    moments = warehouse.read("knowledge_moments", first=start, last=sessions[-1])
    late = {
        calendar.admitting(known_at, delay)
        for day, known_at in moments.rows()
        if known_at > calendar.cutoff(calendar.on_or_after(day), delay)
    }
    renamed = changes(warehouse.read("listings"), calendar)
    for first, last in knowledge_segments(sessions, sorted({*late, *renamed})):
        yield first, last, calendar.cutoff(last, delay)
