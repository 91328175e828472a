"""What happens at the open: renames, splits, dividends, delistings, fills; sells before buys, in ticker order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.fills import Fill, Order, fill_order
from nextgen_assets.domain.trading.journal import Journal, exact_ratio
from nextgen_assets.domain.trading.margin import borrow_fee_micros, free_cash_micros
from nextgen_assets.domain.trading.market import MarketData, MarketDataError
from nextgen_assets.domain.trading.money import content_id, money_series, to_micros
from nextgen_assets.domain.trading.pricing import SessionBar
from nextgen_assets.domain.trading.quantities import Quantity, in_lots, quantity_series, worth_micros
from nextgen_assets.domain.trading.rules import TradingRules
from nextgen_assets.domain.trading.spreads import fill_slippage


@dataclass
class TradingFloor:
    """Where fills happen: the journal, and the trades made so far.

    Of a pending plan a split changes the quantity and the price that a limit rests on.
    """

    market: MarketData
    rules: TradingRules
    calendar: SessionCalendar
    journal: Journal
    fills: list[tuple[date, Fill, int]] = field(default_factory=list)

    def open(self, session: date, pending: list[Order]) -> None:
        """Everything that happens at the open of ``session``, in its fixed order."""
        row = self.market.row(session)
        if self.journal.book.inception_date is None:
            self.journal.deposit(session, self.rules.initial_cash_micros)
        for new_ticker, old_ticker in sorted(self.market.renames.get(session, {}).items()):
            if self.journal.book.quantity(new_ticker):
                self.journal.rename(session, old_ticker, new_ticker)
        self._borrow(session)
        ratios = self._corporate_actions(session, row)
        self._delist(session, row)
        orders = [_after_split(order, ratios, self.rules.lots_per_share) for order in pending]
        for order in sorted(orders, key=lambda o: (o.side != "sell", o.ticker)):
            self._fill(session, row, order)

    def _borrow(self, session: date) -> None:
        """Pay for shares that were borrowed, and cash that was owed, since the close before."""
        book = self.journal.book
        short = {ticker: held.quantity for ticker, held in book.positions.items() if held.quantity < 0}
        owed = max(0, -book.cash_micros)
        if not short and not owed:
            return
        before = self.calendar.shift(session, -1)
        days, marks = (session - before).days, self.market.marks[self.market.row(before)]
        for ticker, quantity in sorted(short.items()):
            value = worth_micros(-quantity, to_micros(float(marks[self.market.column(ticker)])))
            self.journal.borrow(session, ticker, borrow_fee_micros(value, days, self.rules))
        self.journal.borrow(session, None, borrow_fee_micros(owed, days, self.rules))

    def _free_cash(self, row: int) -> int:
        """Cash that shares sold short do not tie up, these at the open or, without a bar, the last known close."""
        if not self.rules.shorting:
            return self.journal.book.cash_micros
        return free_cash_micros(
            self.journal.book,
            lambda ticker: self._price_at_open(row, self.market.column(ticker)),
            self.rules,
        )

    def _corporate_actions(self, session: date, row: int) -> dict[str, Fraction]:
        """Post splits, then dividends on the shares held before the open; the ratios by ticker."""
        market, book = self.market, self.journal.book
        before = {ticker: position.quantity for ticker, position in sorted(book.positions.items())}
        ratios = {
            market.tickers[column]: exact_ratio(float(market.split_ratios[row, column]))
            for column in (market.split_ratios[row] != 1.0).nonzero()[0].tolist()
        }
        for ticker in before:
            if ticker in ratios:
                price = self._price_at_open(row, market.column(ticker))
                self.journal.split(session, ticker, ratios[ticker], price, self.rules.lots_per_share)
        for ticker, quantity in before.items():
            per_share = to_micros(float(market.dividends_usd[row, market.column(ticker)]))
            self.journal.dividend(session, ticker, worth_micros(quantity, per_share))
        return ratios

    def _delist(self, session: date, row: int) -> None:
        """Pay out what stopped trading: what is stated, else the last known close."""
        for ticker, paid_usd in sorted(self.market.delistings.get(session, {}).items()):
            if not self.journal.book.quantity(ticker):
                continue
            column = self.market.column(ticker)
            price = paid_usd
            if price is None and row > 0:
                price = float(self.market.marks[row - 1, column] / self.market.split_ratios[row, column])
            if price is None or not price > 0.0:
                raise MarketDataError(
                    f"{ticker} is delisted on {session} with nothing stated and no earlier close; build the market "
                    "panels from an earlier session"
                )
            self.journal.delist(session, ticker, to_micros(price))

    def _price_at_open(self, row: int, column: int) -> int:
        """Price of a share after any split: the open, or the last known close over the ratio without a bar."""
        price = float(self.market.opens[row, column])
        if not price > 0.0 and row > 0:
            price = float(self.market.marks[row - 1, column] / self.market.split_ratios[row, column])
        if not price > 0.0:
            raise MarketDataError(
                f"{self.market.tickers[column]} needs a price on {self.market.sessions[row]} without an open or an "
                "earlier close; build the market panels from an earlier session"
            )
        return to_micros(price)

    @cached_property
    def _slippage(self) -> NDArray[np.int64]:
        return fill_slippage(self.market, self.rules)

    def _bar(self, row: int, column: int) -> SessionBar | None:
        market = self.market
        if market.highs is None or market.lows is None:
            return None
        high, low = float(market.highs[row, column]), float(market.lows[row, column])
        return SessionBar(high, low, float(market.closes[row, column]))

    def _fill(self, session: date, row: int, order: Order) -> None:
        book, column = self.journal.book, self.market.column(order.ticker)
        fill = fill_order(
            order,
            float(self.market.opens[row, column]),
            float(self.market.volumes[row, column]),
            self._free_cash(row),
            book.quantity(order.ticker),
            self.rules,
            self._bar(row, column),
            int(self._slippage[row, column]),
        )
        gain = self._post(session, fill, book.quantity(order.ticker)) if fill.quantity else 0
        self.journal.fee(session, order.ticker, fill.commission_micros)
        self.fills.append((session, fill, gain))

    def _post(self, session: date, fill: Fill, held: Quantity) -> int:
        """Book a fill; the realised gain before commission."""
        done = (session, fill.order.ticker, fill.quantity, fill.gross_micros)
        if fill.order.side == "buy":
            if held < 0:
                return self.journal.cover(*done)
            self.journal.buy(*done)
        elif held > 0:
            return self.journal.sell(*done)
        else:
            self.journal.short(*done)
        return 0

    def trades(self) -> pl.DataFrame:
        """The fills as rows of ``trades``."""
        sessions = [session for session, _, _ in self.fills]
        fills = [fill for _, fill, _ in self.fills]
        scenario_id = self.journal.book.scenario_id
        ids = [
            content_id(
                "trade",
                f.order.plan_id,
                session,
                f.order.side,
                f.quantity,
                f.price_micros,
                f.status,
                f.reason,
            )
            for session, f in zip(sessions, fills, strict=True)
        ]
        opened = [
            self.calendar.open_at(s) if f.quantity else None for s, f in zip(sessions, fills, strict=True)
        ]
        return pl.DataFrame(
            [
                pl.Series("trade_id", ids, dtype=pl.String),
                pl.Series("plan_id", [f.order.plan_id for f in fills], dtype=pl.String),
                pl.Series("scenario_id", [scenario_id] * len(fills), dtype=pl.String),
                pl.Series("ticker", [f.order.ticker for f in fills], dtype=pl.String),
                pl.Series("session_date", sessions, dtype=pl.Date),
                pl.Series("plan_session_date", [f.order.plan_session_date for f in fills], dtype=pl.Date),
                pl.Series("side", [f.order.side for f in fills], dtype=pl.String),
                quantity_series("quantity", [f.quantity for f in fills]),
                money_series("price", [f.price_micros for f in fills]),
                money_series("gross_usd", [f.gross_micros for f in fills]),
                money_series("commission_usd", [f.commission_micros for f in fills]),
                money_series("slippage_usd", [f.slippage_micros for f in fills]),
                pl.Series("filled_at", opened, dtype=pl.Datetime("us", "UTC")),
                pl.Series("status", [f.status for f in fills], dtype=pl.String),
                pl.Series("reject_reason", [f.reason for f in fills], dtype=pl.String),
                money_series("realized_pnl_usd", [gain for _, _, gain in self.fills]),
            ]
        )


def _after_split(order: Order, ratios: dict[str, Fraction], lots_per_share: int) -> Order:
    ratio = ratios.get(order.ticker)
    if ratio is None:
        return order
    shares = in_lots(order.quantity * ratio, lots_per_share)  # rounded down
    reference = order.reference_micros * ratio.denominator // ratio.numerator
    return replace(order, quantity=shares, reference_micros=reference)
