"""What trading reads: the ledger up to a session, the market since its inception, the rules."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import polars as pl

from nextgen_assets.domain.sectors import sector_spans
from nextgen_assets.domain.security_names import SecurityNames
from nextgen_assets.domain.trading.ledger import state_from_ledger
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.market_frames import market_from_frames
from nextgen_assets.domain.trading.portfolio import PortfolioState
from nextgen_assets.domain.trading.principles import discover
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.market_view import security_names, segments
from nextgen_assets.partitions import calendar_of
from nextgen_resources.errors import LedgerConflictError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

INCEPTION = "SELECT min(session_date) FROM ledger_entries WHERE scenario_id = $scenario_id"


@dataclass(frozen=True)
class Books:
    """The ledger before a range: its entries, values and the state they add up to."""

    entries: pl.DataFrame
    values: pl.DataFrame
    state: PortfolioState


def trading_rules(settings: Settings) -> TradingRules:
    """Limits, costs and principles, as the settings say; no names mean every principle discovered."""
    trading = settings.trading
    return TradingRules(
        initial_cash_usd=float(trading.initial_cash_usd),
        principles=tuple(trading.principles)
        or tuple(name for name, it in discover().items() if not it.is_for_shorts),
        kelly_fraction=trading.kelly_fraction,
        max_weight=trading.max_weight,
        max_gross_exposure=trading.max_gross,
        max_sector_weight=trading.max_sector,
        slippage_bps=trading.slippage_bps,
        spread_model=trading.spread_model,
        spread_volatility_share=trading.spread_volatility_share,
        commission_per_share_usd=float(trading.commission_per_share_usd),
        commission_minimum_usd=float(trading.commission_minimum_usd),
        order_kind=trading.order_kind,
        limit_bps=trading.limit_bps,
        fill_price=trading.fill_price,
        shares=trading.shares,
        shorting=trading.shorting,
        borrow_rate=trading.borrow_rate,
        initial_margin=trading.initial_margin,
        maintenance_margin=trading.maintenance_margin,
        min_hold_sessions=trading.minimum_hold_sessions,
        thesis_sessions=settings.models.horizon_sessions,
        min_weight_change=trading.minimum_trade_weight,
        drawdown_scale_from=trading.drawdown_brake,
        drawdown_veto_from=trading.drawdown_stop,
    )


def read_books(warehouse: Warehouse, settings: Settings, first: date) -> Books:
    """The ledger up to the session before ``first``.

    Raises
    ------
    LedgerConflictError
        If the ledger begins before ``first`` but has not been valued up to the session before it.
    """
    calendar, scenario = calendar_of(settings), settings.scenario_id
    before = calendar.shift(first, -1)
    with warehouse.snapshot():
        entries = warehouse.read("ledger", scenario_id=scenario, last=before)
        values = warehouse.read("portfolio_until", scenario_id=scenario, last=before)
    if entries.height and (values.is_empty() or values["session_date"][-1] != before):
        newest = values["session_date"][-1] if values.height else None
        start = calendar.shift(newest, 1) if newest else entries["session_date"][0]
        raise LedgerConflictError(
            f"the portfolio of {scenario} is valued up to {newest}, but {first} continues from {before}; "
            f"materialise trade_plans, trades and portfolio_holdings from {start} first, in one range"
        )
    state = state_from_ledger(
        named_ledger(entries, security_names(warehouse, first)),
        scenario,
        before,
        values if entries.height else None,
        trading_rules(settings),
    )
    return Books(entries, values, state)


def markets(
    warehouse: Warehouse, settings: Settings, sessions: list[date], inception: date
) -> Iterator[tuple[list[date], MarketData, SecurityNames]]:
    """Parts of ``sessions`` with the market since ``inception`` and the names of securities, as known in them."""
    calendar = calendar_of(settings)
    history = calendar.index(sessions[0]) - calendar.index(inception)
    for first, last, as_of in segments(warehouse, settings, sessions, history):
        names = security_names(warehouse, last)
        yield (
            [day for day in sessions if first <= day <= last],
            read_market_data(warehouse, settings, inception, last, as_of, names, first),
            names,
        )


def read_market_data(
    warehouse: Warehouse,
    settings: Settings,
    first: date,
    last: date,
    as_of: datetime,
    names: SecurityNames,
    begin: date,
) -> MarketData:
    """Prices and actions from ``first`` to ``last`` as known at ``as_of``, for a pass that begins on ``begin``."""
    span = {"first": first, "last": last, "as_of": as_of}
    with warehouse.snapshot():
        bars, actions = warehouse.read("bars", **span), warehouse.read("actions", **span)
        stays = warehouse.read("members", first=date.min, last=last).select("ticker", "valid_from")
        listings = warehouse.read("listings")
    renamed = names.renamed_on(begin)
    ever = names.follow(stays, "valid_from", "alias")["ticker"].unique()
    bars = names.follow(bars, "session_date", "alias")
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    known = listings.filter(pl.col("valid_from") <= last, pl.col("known_at") <= as_of)
    return market_from_frames(
        bars.filter(pl.col("ticker").is_in(ever.implode())),
        names.follow(actions, "ex_date", "alias"),
        calendar,
        last,
        renames={begin: renamed} if renamed else None,
        sectors=sector_spans(names.follow(known, "valid_from", "alias"), calendar, delay),
    )


def named_ledger(entries: pl.DataFrame, names: SecurityNames) -> pl.DataFrame:
    """Ledger entries under the names of now; the events of renames, which then move nothing, are left out."""
    if not names.tenures:
        return entries
    return names.follow(entries.filter(pl.col("event_kind") != "rename"), "session_date", "alias")


def named_state(state: PortfolioState, names: SecurityNames, day: date) -> PortfolioState:
    """The state at the close of ``day`` under the names of now."""
    positions = {names.name_of(ticker, day): held for ticker, held in state.positions.items()}
    return replace(state, positions=MappingProxyType(dict(sorted(positions.items()))))


def inception_of(warehouse: Warehouse, settings: Settings, first: date) -> date:
    """The session of the first ledger entry, or ``first`` where the ledger begins there or later."""
    begun = warehouse.scalar(INCEPTION, scenario_id=settings.scenario_id)
    return min(begun, first) if begun else first
