"""Panels of daily returns and ratios: every raw row turned into numbers that are local to its session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.grid import Grid, Values, day_numbers
from nextgen_assets.domain.sectors import no_sectors, sector_codes
from nextgen_assets.domain.sessions import SessionCalendar, xnys

_BAR_COLUMNS = ("open", "high", "low", "close", "volume")
_ACTION_COLUMNS = ("ticker", "ex_date", "split_ratio", "cash_amount_usd")
_SENTIMENT_COLUMNS = ("decayed_sentiment", "article_count")


@dataclass(frozen=True, eq=False)
class Panel:
    """What features read: one array per field, one row per session, one column per ticker.

    Parameters
    ----------
    sessions : tuple of date
        Consecutive exchange sessions, ascending, none left out.
    tickers : tuple of str
        Columns, in the order of the caller.
    fields : mapping of str to ndarray, each (n_sessions, n_tickers), read-only float64
        ``log_return``: total log return from the close before; NaN on the first row and where either
        session has no bar, so a return never spans a hole. ``open_gap``: the same from the close before
        to the open. ``high_ratio``, ``low_ratio``, ``open_ratio``: log of the price over the close.
        ``log_dollar_volume``: log of close times volume, NaN for no volume. ``sentiment``: decayed
        sentiment, NaN without news. ``article_count``: 0 without news. ``open``, ``high``, ``low``,
        ``close``, ``volume``: as traded. ``price_factor``, ``split_ratio``: what earlier prices and earlier
        volumes are multiplied by, to stand in the units of this session; 1 on most. ``sector``: a number
        that tickers of one sector share on a session, NaN where none is stated.

    calendar : SessionCalendar
        Of the exchange: what is known ahead of every session.

    Notes
    -----
    A value of session S comes from the rows of S and, for ``log_return`` and ``open_gap``, the close of
    the session before: it does not depend on where the panel starts or ends, bit for bit.
    """

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]
    fields: Mapping[str, Values]
    calendar: SessionCalendar = field(default_factory=xnys)

    def __post_init__(self) -> None:
        if not self.sessions:
            raise ValueError("a panel has no sessions; pass the consecutive sessions of the pass")
        if any(later <= earlier for earlier, later in zip(self.sessions, self.sessions[1:], strict=False)):
            raise ValueError("the sessions of a panel must ascend without repeats; pass calendar.between(…)")
        if len(set(self.tickers)) != len(self.tickers):
            raise ValueError(f"the tickers of a panel repeat: {sorted(self.tickers)}; pass each once")
        shape = (len(self.sessions), len(self.tickers))
        for name, values in self.fields.items():
            if values.shape != shape:
                raise ValueError(f"panel field {name} has the shape {values.shape}, expected {shape}")
            values.setflags(write=False)
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    @property
    def has_bar(self) -> NDArray[np.bool_]:
        """Whether the ticker has a bar on the session, (n_sessions, n_tickers)."""
        return np.asarray(~np.isnan(self.fields["high_ratio"]))

    @property
    def grid(self) -> Grid:
        """The cells of the panel."""
        return Grid(self.sessions, self.tickers)

    def index(self, session: date) -> int:
        """Row of ``session``.

        Raises
        ------
        ValueError
            If the session is not in the panel: build the panel over a range that holds it.
        """
        row = int(np.searchsorted(day_numbers(self.sessions), day_numbers([session])[0]))
        if row == len(self.sessions) or self.sessions[row] != session:
            raise ValueError(f"{session} is not in the panel {self.sessions[0]}..{self.sessions[-1]}")
        return row


def total_log_returns(close: Values, split_ratio: Values, cash_usd: Values) -> Values:
    """Daily total log returns: ``log(split_ratio * (close + cash) / previous close)``.

    The holder of one share before the ex-date owns ``split_ratio`` shares after it, and each of those is
    paid ``cash``: where a split and a dividend share a day, the amount is per share after the split, as
    ``corporate_actions`` states it.

    Parameters
    ----------
    close : ndarray (n_sessions, n_tickers)
        Closes as traded, US dollars; NaN without a bar.
    split_ratio, cash_usd : ndarray (n_sessions, n_tickers)
        Shares for one share (1 without a split) and cash per share after it (0 without a dividend), on the
        session where they take effect.

    Returns
    -------
    ndarray (n_sessions, n_tickers)
        NaN on the first row and where this session or the one before has no bar.
    """
    return _log_growth(close, close, split_ratio, cash_usd)


def build_panel(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    sentiment: pl.DataFrame,
    sessions: Sequence[date],
    tickers: Sequence[str],
    calendar: SessionCalendar | None = None,
    sectors: pl.DataFrame | None = None,
) -> Panel:
    """Turn raw rows into a panel over ``sessions`` and ``tickers``.

    Parameters
    ----------
    bars : DataFrame
        ``ticker, session_date, open, high, low, close, volume``: as traded, one row per key.
    actions : DataFrame
        ``ticker, ex_date, split_ratio, cash_amount_usd``. An ex-date that is no session takes effect on
        the next one. A spin-off counts as a dividend of its value; renames and delistings change no return.
    sentiment : DataFrame
        ``ticker, session_date, decayed_sentiment, article_count`` of one scoring method.
    sessions : sequence of date
        Consecutive sessions. Rows outside them and of other tickers are left out.
    tickers : sequence of str
        Columns of the panel.
    calendar : SessionCalendar, optional
        Of the exchange; the New York Stock Exchange when None.
    sectors : DataFrame, optional
        From ``sector_spans``; no ticker has a sector when None.

    Raises
    ------
    ValueError
        If a column is missing, a key repeats, a bar lies on a day that is no session of the panel, or a
        price is not a positive number: repair or quarantine the row, then build again.

    Notes
    -----
    As-of rule: the panel holds whatever it is given; pass the row versions known at the cut-off.
    """
    grid = Grid(tuple(sessions), tuple(tickers))
    prices = grid.place(bars, _BAR_COLUMNS, "market_prices")
    _refuse_bad_prices(prices, grid)
    news = grid.place(sentiment, _SENTIMENT_COLUMNS, "news_sentiment")
    split_ratio, cash_usd = _effects(actions, grid)
    close = prices["close"]
    dollar_volume = close * prices["volume"]
    dollar_volume[dollar_volume == 0] = np.nan
    fields = {
        "log_return": total_log_returns(close, split_ratio, cash_usd),
        "open_gap": _log_growth(prices["open"], close, split_ratio, cash_usd),
        "high_ratio": np.log(prices["high"] / close),
        "low_ratio": np.log(prices["low"] / close),
        "open_ratio": np.log(prices["open"] / close),
        "log_dollar_volume": np.log(dollar_volume),
        "sentiment": news["decayed_sentiment"],
        "article_count": np.where(np.isnan(news["article_count"]), 0.0, news["article_count"]),
        **prices,
        "price_factor": close / (split_ratio * (close + cash_usd)),
        "split_ratio": split_ratio,
        "sector": sector_codes(no_sectors() if sectors is None else sectors, grid),
    }
    return Panel(grid.sessions, grid.tickers, fields, calendar or xnys())


def forward_total_return(panel: Panel, horizon_sessions: int) -> Values:
    """Total log return from the close of each session to the close ``horizon_sessions`` later.

    Parameters
    ----------
    panel : Panel
        Reads ``log_return``.
    horizon_sessions : int
        Sessions ahead, at least 1.

    Returns
    -------
    ndarray (n_sessions, n_tickers)
        The sum of the next daily returns, nearest first; NaN where one of them is missing, so always on
        the last ``horizon_sessions`` rows.

    Notes
    -----
    This is the future of a session: for labels and validation only, never a feature.
    """
    if horizon_sessions < 1:
        raise ValueError(f"the horizon is {horizon_sessions} sessions, expected at least 1")
    returns = panel.fields["log_return"]
    total = np.full(returns.shape, np.nan)
    n_rows = max(len(returns) - horizon_sessions, 0)
    total[:n_rows] = 0.0
    for ahead in range(1, horizon_sessions + 1):
        total[:n_rows] += returns[ahead : ahead + n_rows]
    return total


def adjusted_close(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    as_of_session: date,
    dividend_basis: Literal["ex_close", "previous_close"] = "ex_close",
) -> pl.DataFrame:
    """Closes adjusted backwards for splits and dividends, for charts and for comparison with other sources.

    The last close is as traded; an earlier one is multiplied by ``close / (split_ratio * (close + cash))``
    of every later ex-session, so that log differences are the total log returns; or, as other sources have
    it, by ``(1 - split_ratio * cash / previous close) / split_ratio``.

    Parameters
    ----------
    bars, actions : DataFrame
        As for :func:`build_panel`.
    as_of_session : date
        Bars and ex-dates after it are left out.
    dividend_basis : {'ex_close', 'previous_close'}
        Whether a dividend is reinvested at the close of its ex-session or deducted from the close before.

    Returns
    -------
    DataFrame
        ``ticker, session_date, close, adjusted_close``, sorted by ticker and session.

    Notes
    -----
    Adjusted levels of the past change with every later action, so no feature may read them.
    """
    past = bars.filter(pl.col("session_date") <= as_of_session).select("ticker", "session_date", "close")
    past = past.sort("ticker", "session_date")
    if "kind" in actions.columns:
        actions = actions.filter(~pl.col("kind").is_in(["rename", "delisting"]))
    effects = (
        actions.filter(pl.col("ex_date") <= as_of_session)
        .filter(pl.col("split_ratio").is_not_null() | pl.col("cash_amount_usd").is_not_null())
        .sort("ex_date", "ticker")
        .join_asof(
            past.sort("session_date", "ticker").select("ticker", "session_date"),
            left_on="ex_date",
            right_on="session_date",
            by="ticker",
            strategy="forward",
            check_sortedness=False,
        )
        .group_by("ticker", "session_date")
        .agg(pl.col("split_ratio").fill_null(1.0).product(), pl.col("cash_amount_usd").fill_null(0.0).sum())
    )
    ratio, cash = pl.col("split_ratio").fill_null(1.0), pl.col("cash_amount_usd").fill_null(0.0)
    before = pl.col("close").shift(1).over("ticker")
    factors = {
        "ex_close": pl.col("close") / (ratio * (pl.col("close") + cash)),
        "previous_close": (1.0 - ratio * cash / before).fill_null(1.0) / ratio,
    }
    later_factors = pl.col("factor").shift(-1, fill_value=1.0).cum_prod(reverse=True).over("ticker")
    return (
        past.join(effects, on=["ticker", "session_date"], how="left")
        .sort("ticker", "session_date")
        .with_columns(factor=factors[dividend_basis])
        .select("ticker", "session_date", "close", adjusted_close=pl.col("close") * later_factors)
    )


def _effects(actions: pl.DataFrame, grid: Grid) -> tuple[Values, Values]:
    if "kind" in actions.columns:
        actions = actions.filter(~pl.col("kind").is_in(["rename", "delisting"]))
    inside, session_index, ticker_index = grid.cells(actions, "ex_date", _ACTION_COLUMNS, "corporate_actions")
    split_ratio = np.ones((len(grid.sessions), len(grid.tickers)))
    cash_usd = np.zeros_like(split_ratio)
    order = np.lexsort((day_numbers(inside["ex_date"]), session_index, ticker_index))
    ratios, cash = inside["split_ratio"].to_list(), inside["cash_amount_usd"].to_list()
    for row in order.tolist():
        cell = session_index[row], ticker_index[row]
        split_ratio[cell] *= 1.0 if ratios[row] is None else ratios[row]
        cash_usd[cell] += 0.0 if cash[row] is None else cash[row]
    return split_ratio, cash_usd


def _log_growth(price: Values, close: Values, split_ratio: Values, cash_usd: Values) -> Values:
    growth = np.full(close.shape, np.nan)
    growth[1:] = split_ratio[1:] * (price[1:] + cash_usd[1:]) / close[:-1]
    return np.asarray(np.log(growth))


def _refuse_bad_prices(prices: Mapping[str, Values], grid: Grid) -> None:
    stated = ~np.isnan(np.stack([prices[name] for name in ("open", "high", "low", "close", "volume")]))
    bad = stated.any(axis=0) & ~stated.all(axis=0) | (prices["volume"] < 0)
    for name in ("open", "high", "low", "close"):
        bad |= (prices[name] <= 0) | np.isinf(prices[name])
    if bad.any():
        row, column = (int(index) for index in np.argwhere(bad)[0])
        values = {name: float(placed[row, column]) for name, placed in prices.items()}
        raise ValueError(
            f"market_prices: {int(bad.sum())} bars are not positive numbers, first {grid.tickers[column]} "
            f"{grid.sessions[row]} {values}; quarantine them, then build again"
        )
