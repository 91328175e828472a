"""Yahoo Finance through the optional package yfinance (``pip install nextgen[yahoo]``).

Yahoo's open, high, low, close, volume and dividends are already divided by every later split; they are
multiplied back here, so that bars are as traded, which needs the splits up to today: each ticker is read
from the first wanted day to the present. The answer is kept in the instance for questions about days
before its newest bar, which may still be forming. Yahoo answers a refused request with an empty table;
that is an error here, never "no data".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from nextgen_resources.errors import ProviderDataError, ProviderRateLimitedError, ProviderUnavailableError
from nextgen_resources.market_data import ACTION_SCHEMA, LISTING_SCHEMA, DividendBasis

if TYPE_CHECKING:
    import pandas as pd

_FIRST_DAY = date(1962, 1, 2)
_COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adjusted_close",
    "Volume": "volume",
    "Dividends": "dividend_amount",
    "Stock Splits": "split_ratio",
}
_QUOTED_DECIMALS = 4


class Provider:
    """Daily bars, splits and dividends from Yahoo Finance.

    Parameters
    ----------
    tickers : iterable of str
        The symbols that ``listings`` describes, as Yahoo spells them (``BRK-B``).
    exchange, currency, sector : str
        Said of every listing.
    delay_minutes : int
        Stated delay of a bar after the official close.
    download : callable, optional
        ``download(ticker, first) -> pandas.DataFrame`` with Yahoo's columns, indexed by day, from
        ``first`` to the present; by default yfinance.

    Notes
    -----
    Yahoo lists only what trades now: without the capability ``universe``, a history of the universe
    built from it is survivorship-biased.
    """

    name = "yahoo"
    capabilities = frozenset({"daily", "actions", "adjusted_close"})
    dividend_basis: DividendBasis = "previous_close"

    def __init__(
        self,
        tickers: Iterable[str] = (),
        exchange: str = "XNYS",
        currency: str = "USD",
        sector: str = "Unclassified",
        delay_minutes: int = 15,
        download: Callable[[str, date], pd.DataFrame] | None = None,
    ) -> None:
        self.delay_minutes = delay_minutes
        self._tickers = sorted(set(tickers))
        self._labels = {"exchange": exchange, "currency": currency, "sector": sector}
        self._download = download or _download_with_yfinance
        self._kept: dict[str, tuple[date, Any]] = {}

    def listings(self) -> pl.DataFrame:
        """The tickers of the constructor, all still listed; one download of the whole history each."""
        rows = [
            {
                "ticker": ticker,
                "security_id": f"yahoo:{ticker}",
                "name": ticker,
                **self._labels,
                "first_session": self._history(ticker, _FIRST_DAY, _FIRST_DAY)["session_date"].iloc[0].date(),
                "last_session": None,
            }
            for ticker in self._tickers
        ]
        return pl.DataFrame(rows, schema=dict(LISTING_SCHEMA))

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pd.DataFrame:
        """Bars as traded, as a pandas frame, sorted by ticker and session.

        Raises
        ------
        ProviderUnavailableError, ProviderRateLimitedError
            Yahoo did not answer, refused, or answered with an empty table.
        ProviderDataError
            The answer lacks a column.
        """
        import pandas as pd

        columns = ["ticker", "session_date", "open", "high", "low", "close", "volume", "adjusted_close"]
        parts = [self._between(ticker, first, last)[columns] for ticker in sorted(set(tickers))]
        if not parts:
            raise ProviderDataError("yahoo: no tickers were asked for; name at least one")
        bars: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return bars

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Splits and dividends by ex-date; dividends per share as paid at that time.

        Raises
        ------
        ProviderUnavailableError, ProviderRateLimitedError, ProviderDataError
            As for ``daily_bars``.
        """
        rows: list[dict[str, Any]] = []
        for ticker in sorted(set(tickers)):
            for row in self._between(ticker, first, last).itertuples(index=False):
                keys = {"ticker": ticker, "ex_date": row.session_date.date()}
                if row.dividend_amount > 0:
                    rows.append({**keys, "kind": "dividend", "cash_amount_usd": float(row.dividend_amount)})
                if row.split_ratio not in (0.0, 1.0):
                    rows.append({**keys, "kind": "split", "split_ratio": float(row.split_ratio)})
        return pl.DataFrame(rows, schema=dict(ACTION_SCHEMA))

    def _between(self, ticker: str, first: date, last: date) -> Any:
        import pandas as pd

        history = self._history(ticker, first, last)
        return history[history["session_date"].between(pd.Timestamp(first), pd.Timestamp(last))]

    def _history(self, ticker: str, first: date, last: date) -> Any:
        """Bars and actions as traded from ``first`` or earlier to the present."""
        kept_first, history = self._kept.get(ticker, (date.max, None))
        if history is None or kept_first > first or history["session_date"].iloc[-1].date() <= last:
            history = _as_traded(ticker, self._download(ticker, first))
            self._kept[ticker] = (first, history)
        return history


def _as_traded(ticker: str, answer: Any) -> Any:
    """Undo the split adjustment of one ticker's answer; prices to the four decimals of a US quote."""
    import pandas as pd

    if answer is None or answer.empty:
        raise ProviderUnavailableError(
            f"yahoo: an empty answer for {ticker}; Yahoo sends one when it refuses (rate limit) or does not "
            "know the symbol. Check the spelling, or retry later."
        )
    missing = [name for name in _COLUMNS if name not in answer.columns]
    if missing:
        raise ProviderDataError(
            f"yahoo: the answer for {ticker} lacks {', '.join(missing)}; found "
            f"{', '.join(map(str, answer.columns))}. Check the version of yfinance."
        )
    history = answer.rename(columns=_COLUMNS)[list(_COLUMNS.values())].sort_index()
    days = pd.DatetimeIndex(history.index)
    days = (days.tz_localize(None) if days.tz is not None else days).normalize()
    ratios = history["split_ratio"].fillna(0.0).astype(float).replace(0.0, 1.0)
    later_splits = ratios[::-1].cumprod()[::-1].shift(-1, fill_value=1.0).to_numpy()
    for name in ("open", "high", "low", "close"):
        history[name] = (history[name].astype(float) * later_splits).round(_QUOTED_DECIMALS)
    history["dividend_amount"] = (history["dividend_amount"].fillna(0.0) * later_splits).round(6)
    history["volume"] = (history["volume"].astype(float) / later_splits).round(0)
    history["split_ratio"] = ratios
    history.insert(0, "ticker", ticker)
    history.insert(1, "session_date", days.to_numpy())
    return history.reset_index(drop=True)


def _download_with_yfinance(ticker: str, first: date) -> Any:
    """One ticker from ``first`` to the present; errors of yfinance become errors of this project."""
    try:
        import yfinance
        from yfinance.exceptions import YFRateLimitError
    except ImportError as error:
        raise ProviderUnavailableError(
            "yahoo: the package yfinance is not installed; run: pip install 'nextgen[yahoo]'"
        ) from error
    hides_errors = yfinance.config.debug.hide_exceptions
    yfinance.config.debug.hide_exceptions = False
    try:
        answer: Any = yfinance.Ticker(ticker).history(
            start=first.isoformat(), auto_adjust=False, actions=True, keepna=True
        )
    except YFRateLimitError as error:
        raise ProviderRateLimitedError(f"yahoo: rate limit reached at {ticker}; wait and retry") from error
    except Exception as error:
        raise ProviderUnavailableError(
            f"yahoo: {ticker} from {first}: {type(error).__name__}: {error}; check the network and retry"
        ) from error
    finally:
        yfinance.config.debug.hide_exceptions = hides_errors
    return answer
