"""A vendor that is lived through day by day: a clock that stands where it is set, answers that change."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl

from nextgen_assets.definitions import build_definitions
from nextgen_assets.domain.sessions import NEW_YORK
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from tests.graph.altered_world import AlteredMarket, AlteredNews, Hole
from tests.graph.futures import HOLES
from tests.graph.harness import Built

RAW = ("security_listings", "ticker_universe", "market_prices", "market_price_revisions", "corporate_actions",
       "corporate_action_revisions", "corporate_action_coverage", "news_articles", "news_article_copies",
       "news_article_tickers", "news_article_scores", "news_sentiment", "quarantine")  # fmt: skip
"""Tables of what was told: the recorded inputs."""

TRADES_DAILY = {
    "trading.principles": ["evidence", "diversify", "liquidity", "preserve_capital", "cut_losses", "budget"],
    "trading.minimum_trade_weight": 0.001,
    "trading.minimum_hold_sessions": 1,
}
"""Whatever is predicted is held, in equal parts that are kept equal. Forecasts of so short a history promise less than a
trade costs: with conviction and patience nothing would be bought."""


@dataclass
class Now:
    """A clock that a test sets."""

    instant: datetime = datetime(2004, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        self.instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@dataclass
class Vendor(AlteredMarket):
    """A market whose answers change: bars that it withholds for now, closes that it corrects."""

    withheld: set[Hole] = field(default_factory=set)
    closes: dict[Hole, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(HOLES)

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        bars = super().daily_bars(tickers, first, last)
        for (ticker, day), factor in self.closes.items():
            is_it = (pl.col("ticker") == ticker) & (pl.col("session_date") == day)
            changed = pl.col("low") + (pl.col("high") - pl.col("low")) * factor
            ratio = pl.col("adjusted_close") / pl.col("close")
            bars = bars.with_columns(
                close=pl.when(is_it).then(changed).otherwise("close"),
                adjusted_close=pl.when(is_it).then(changed * ratio).otherwise("adjusted_close"),
            )
        is_withheld = pl.struct("ticker", "session_date").map_elements(
            lambda key: (key["ticker"], key["session_date"]) in self.withheld, return_dtype=pl.Boolean
        )
        return bars.filter(~is_withheld) if self.withheld else bars


def with_jobs(scenario: Built, jobs: Collection[object], **resources: object) -> Built:
    """The scenario with jobs of a test and other resources."""
    definitions = build_definitions(scenario.settings, **resources)
    merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=list(jobs)))  # type: ignore[arg-type]
    return replace(scenario, definitions=merged)


def living(clock: Now, vendor: Vendor, scenario: Built) -> dict[str, object]:
    """The resources of a world that is lived in: what is written is known when the clock says."""
    keeper = WarehouseIOManager(scenario.warehouse, scenario.settings.scenario_id, clock)
    return {"market_data": vendor, "news_source": AlteredNews(), "clock": clock, "io_manager": keeper}
