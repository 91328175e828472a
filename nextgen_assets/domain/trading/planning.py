"""The plans of one session: what the principles make of its forecasts and holdings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.forecasts import Forecasts
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.money import MICROS_PER_USD, to_micros
from nextgen_assets.domain.trading.plan_rows import PlanRows, append_plans, principles_json
from nextgen_assets.domain.trading.portfolio import Book, Position, check_worth
from nextgen_assets.domain.trading.principles import Judgement, Principle, Situation
from nextgen_assets.domain.trading.quantities import unsigned, worth_micros
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.sides import carry_rate, mirrored, on_short_side
from nextgen_assets.domain.trading.sizing import share_changes
from nextgen_assets.domain.trading.spreads import slippage_panel

RETURN_SESSIONS: Final = 60
"""Sessions over which it is judged whether tickers move together."""


@dataclass(frozen=True)
class Desk:
    """What stays the same while plans are drafted.

    Parameters
    ----------
    market, forecasts
        Panels over the same tickers.
    rules, principles
        Limits, and the principles they switch on, in the order of application.
    calendar, delay_minutes
        Sessions, and minutes from the close to the knowledge cut-off.
    is_recorded : bool
        Whether every plan is kept with what was said of it; without, only orders are, which is what a replay
        for its fills needs and takes half the time.
    """

    market: MarketData
    forecasts: Forecasts
    rules: TradingRules
    principles: tuple[Principle, ...]
    calendar: SessionCalendar
    delay_minutes: int
    is_recorded: bool = True

    @cached_property
    def slippage_rate(self) -> NDArray[np.float64]:
        """Slippage to expect of orders planned after each session, fractions of the price."""
        return slippage_panel(self.market, self.rules) / 1e6


def net_asset_value_micros(book: Book, market: MarketData, row: int) -> int:
    """Cash and positions at the last known closes, micro-dollars.

    Raises
    ------
    MarketDataError
        If a position has no known close.
    LedgerError
        If more is owed than owned.
    """
    marks = market.marks[row]
    total = book.cash_micros
    for ticker, position in book.positions.items():
        mark = float(marks[market.column(ticker)])
        if not mark > 0.0:
            raise MarketDataError(
                f"{ticker} is held on {market.sessions[row]} and has no known close; "
                "build the market panels from an earlier session"
            )
        total += worth_micros(position.quantity, to_micros(mark))
    check_worth(total, book.scenario_id, market.sessions[row])
    return total


def draft_session(
    desk: Desk, book: Book, session: date, forecast_row: int, recent_nav: tuple[int, ...], plans: PlanRows
) -> None:
    """Append the plans of one session, made from what is known at its cut-off.

    Parameters
    ----------
    desk : Desk
        Market, forecasts, rules.
    book : Book
        Balances at the close of ``session``.
    session : date
        Session S.
    forecast_row : int
        Row of S in the forecasts.
    recent_nav : tuple of int
        Net asset values of the brake's window up to and with S, micro-dollars.
    plans : PlanRows
        Receives one row per ticker with a bar on S or held, by ticker; orders alone where nothing is recorded.
    """
    market, row = desk.market, desk.market.row(session)
    held = np.zeros(len(market.tickers), dtype=np.int64)
    ages = np.zeros(len(market.tickers), dtype=np.int64)
    today, lots = desk.calendar.index(session), desk.rules.lots_per_share
    gains, falls = (np.full(len(market.tickers), np.nan) for _ in range(2))
    for ticker, position in book.positions.items():
        column = market.column(ticker)
        size = math.ceil(unsigned(position.quantity) * lots)
        held[column] = size if position.quantity > 0 else -size
        ages[column] = today - desk.calendar.index(position.opened_on) + 1
        gains[column], falls[column] = _standing(market, row, column, position)
    columns = np.flatnonzero(np.isfinite(market.closes[row]) | (held != 0))
    if not len(columns):
        return
    standing = (gains[columns], falls[columns])
    situation = _situation(
        desk, session, forecast_row, columns, held[columns], ages[columns], standing, recent_nav
    )
    weights, judgements = weigh(situation, desk.principles)
    changes = share_changes(
        weights,
        situation.current_weight,
        situation.quantity_held,
        situation.price_usd,
        situation.net_asset_value_usd,
        lots,
    )
    append_plans(
        plans,
        book,
        situation,
        weights,
        changes,
        principles_json(desk.principles, judgements) if desk.is_recorded else None,
        desk.forecasts.prediction_id[forecast_row, columns].tolist(),
        desk.calendar.cutoff(session, desk.delay_minutes),
    )


def _standing(market: MarketData, row: int, column: int, position: Position) -> tuple[float, float]:
    """Return on the average cost, and fraction below the highest close since the position was opened.

    Of shares sold short, what was gained on what they brought in, and the fraction above the lowest close.
    """
    closes = market.adjusted_marks[market.row(position.opened_on) : row + 1, column]
    cost = position.cost_micros / float(position.quantity) / MICROS_PER_USD
    gain = float(market.marks[row, column]) / cost - 1.0 if cost > 0.0 else math.nan
    if position.quantity < 0:
        return -gain, float(closes[-1]) / float(np.nanmin(closes)) - 1.0
    return gain, 1.0 - float(closes[-1]) / float(np.nanmax(closes))


def _situation(
    desk: Desk,
    session: date,
    forecast_row: int,
    columns: NDArray[np.intp],
    held: NDArray[np.int64],
    ages: NDArray[np.int64],
    standing: tuple[NDArray[np.float64], NDArray[np.float64]],
    recent_nav: tuple[int, ...],
) -> Situation:
    market, forecasts = desk.market, desk.forecasts
    row = market.row(session)
    price = market.marks[row, columns]
    seen = market.log_returns[max(row + 1 - RETURN_SESSIONS, 0) : row + 1]
    unknown = np.full((RETURN_SESSIONS - len(seen), len(columns)), np.nan)
    net_asset_value = recent_nav[-1] / MICROS_PER_USD
    numbers = {name: panel[forecast_row, columns] for name, panel in forecasts.numbers.items()}
    abstained = forecasts.abstained[forecast_row, columns]
    is_short = on_short_side(held, numbers, abstained, desk.rules)
    numbers, held, returns = mirrored(numbers, is_short), np.abs(held), seen[:, columns]
    return Situation(
        session_date=session,
        tickers=tuple(market.tickers[column] for column in columns.tolist()),
        proposed_weight=np.ones(len(columns)),
        ordered_out=np.zeros(len(columns), dtype=np.bool_),
        current_weight=held / desk.rules.lots_per_share * price / net_asset_value,
        quantity_held=held,
        sessions_held=ages,
        price_usd=price,
        unrealized_return=standing[0],
        below_high=standing[1],
        median_dollar_volume_usd=market.median_dollar_volumes[row, columns],
        recent_returns=np.concatenate([unknown, np.where(is_short, -returns, returns)]).T,
        has_prediction=forecasts.prediction_id[forecast_row, columns] != None,  # noqa: E711 elementwise
        abstained=abstained,
        net_asset_value_usd=net_asset_value,
        drawdown=1.0 - recent_nav[-1] / max(recent_nav),
        rules=desk.rules,
        slippage_rate=desk.slippage_rate[row, columns],
        sector=market.sectors_of(row, columns),
        is_short=is_short,
        carry_rate=carry_rate(is_short, desk.rules),
        **numbers,
    )


def weigh(
    situation: Situation, principles: Sequence[Principle]
) -> tuple[NDArray[np.float64], list[Judgement]]:
    """Target weights after every principle, and what each said.

    Parameters
    ----------
    situation : Situation
        With the opening proposal of 1 for every ticker.
    principles : sequence of Principle
        In the order of application.

    Returns
    -------
    (array (n_tickers,), list of Judgement)
    """
    judgements = []
    for principle in principles:
        said = principle.judge(situation)
        vetoed = said.verdict == "veto"
        proposed = np.where(vetoed, situation.current_weight, situation.proposed_weight) * said.factor
        ordered_out = situation.ordered_out | (vetoed & (said.factor == 0.0))
        situation = replace(situation, proposed_weight=proposed, ordered_out=ordered_out)
        judgements.append(said)
    return situation.proposed_weight, judgements
