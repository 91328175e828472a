"""Settings of what is done with predictions: trading rules and the daily schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nextgen_resources.settings.field_types import (
    Budgets,
    Fraction,
    Names,
    PositiveFraction,
    RealNumber,
    Section,
    UsDollars,
    WholeNumber,
)


class TradingSettings(Section):
    """Cash, sizing, costs and limits of the paper portfolio."""

    initial_cash_usd: UsDollars = Field(ge=1_000, le=10**12, description="cash deposited at the start, USD")
    kelly_fraction: Fraction = Field(description="fraction of the Kelly weight that is taken")
    max_weight: PositiveFraction = Field(description="largest weight of one ticker, a fraction of net assets")
    max_gross: RealNumber = Field(
        gt=0, le=4, description="largest sum of absolute weights, a fraction of net assets"
    )
    max_sector: PositiveFraction = Field(
        description="largest weight of one sector, a fraction of net assets; 1: no cap"
    )
    slippage_bps: RealNumber = Field(
        ge=0,
        le=500,
        description="basis points by which a fill is worse than the quoted price, or the least of them",
    )
    spread_model: Literal["fixed", "high_low", "volatility"] = Field(
        description="slippage: fixed, half of the spread that highs and lows show, or a share of the volatility"
    )
    spread_volatility_share: Fraction = Field(
        description="slippage as a share of the daily volatility, where spread_model is volatility"
    )
    commission_per_share_usd: UsDollars = Field(ge=0, le=10, description="commission per share, USD")
    commission_minimum_usd: UsDollars = Field(ge=0, le=1_000, description="least commission per order, USD")
    order_kind: Literal["market", "limit"] = Field(
        description="market, or limit: filled only at the reference price less limit_bps or better"
    )
    limit_bps: RealNumber = Field(
        ge=0, le=5_000, description="basis points by which a limit is better than the reference price"
    )
    fill_price: Literal["open", "typical"] = Field(
        description="price of a market order before slippage: the open, or the mean of high, low and close"
    )
    shares: Literal["whole", "fractional"] = Field(
        description="whole shares, or fractional: quantities in millionths of a share"
    )
    shorting: bool = Field(description="whether shares may be sold short, from a margin account")
    borrow_rate: Fraction = Field(
        description="what borrowed shares, and cash owed, cost a year, a fraction of their value"
    )
    initial_margin: PositiveFraction = Field(
        ge=0.05,
        description="cash beyond the value of shares sold short, a fraction of it, to add to a position",
    )
    maintenance_margin: PositiveFraction = Field(
        ge=0.01, description="the same at each close; below it shares are bought in at the next open"
    )
    minimum_hold_sessions: WholeNumber = Field(
        ge=0, le=250, description="sessions a position is held before it may be reduced"
    )
    drawdown_brake: PositiveFraction = Field(
        description="fall from the peak of net assets, a fraction, from which weights are halved"
    )
    drawdown_stop: PositiveFraction = Field(
        description="fall from the peak of net assets, a fraction, from which nothing is bought"
    )
    minimum_trade_weight: Fraction = Field(
        description="change of weight below which no order is placed, a fraction of net assets"
    )
    principles: Names = Field(
        description="trading principles to apply, in this order; an empty list: all discovered"
    )
    tear_sheet_page: bool = Field(
        description="whether each run of tear_sheet also writes its page and pictures; changes no row"
    )

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        pairs = (
            ("drawdown_brake", "drawdown_stop"),
            ("minimum_trade_weight", "max_weight"),
            ("maintenance_margin", "initial_margin"),
        )
        broken = [
            f"trading.{lower} {getattr(self, lower)} must be below trading.{upper} {getattr(self, upper)}"
            for lower, upper in pairs
            if getattr(self, lower) >= getattr(self, upper)
        ]
        if self.max_weight > self.max_gross:
            broken.append(
                f"trading.max_weight {self.max_weight} must not exceed trading.max_gross {self.max_gross}"
            )
        if broken:
            raise ValueError("; ".join(broken))
        return self


FEEDS = (
    "security_listings",
    "ticker_universe",
    "corporate_actions",
    "news_articles",
    "market_prices",
    "intraday_prices",
    "market_ticks",
)
"""Every raw asset, whose freshness can have a budget of its own."""


def _known_feeds(budgets: Mapping[str, int]) -> Mapping[str, int]:
    if strangers := sorted(set(budgets) - set(FEEDS)):
        raise ValueError(f"expected feeds among {', '.join(FEEDS)}, found {', '.join(strangers)}")
    return budgets


class SchedulerSettings(Section):
    """When the day's sessions run by themselves. Changes no row."""

    stale_after_minutes: WholeNumber = Field(
        ge=1,
        le=10_080,
        description="minutes after the cut-off of a session from which a feed without it is stale",
    )
    feed_budgets_minutes: Annotated[Budgets, AfterValidator(_known_feeds)] = Field(
        description="the same for single feeds by name, such as news_articles: 900; files within the day "
        "(intraday_prices, market_ticks) are watched only if named here"
    )
    revisited_sessions: WholeNumber = Field(
        ge=0, le=60, description="past sessions whose raw rows are asked for again every morning; 0: none"
    )
    max_catch_up_sessions: WholeNumber = Field(
        ge=1, le=250, description="missed sessions that one run makes up for"
    )
    retries: WholeNumber = Field(ge=0, le=10, description="times a failed step is tried again")
