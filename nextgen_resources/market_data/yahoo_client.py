"""The real yfinance behind the Yahoo provider: what to call, and what its errors mean."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nextgen_resources.errors import (
    NextGenError,
    ProviderDataError,
    ProviderNotFoundError,
    ProviderRateLimitedError,
    ProviderStatedError,
    ProviderUnavailableError,
)
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data.yahoo_session import polite_session

_QUOTE_URL = "https://query1.finance.yahoo.com/v7/finance/quote"
_NEW_YORK = ZoneInfo("America/New_York")
_CACHE_PLACE: dict[str, Path] = {}


class YahooClient:
    """yfinance with a session of ours.

    Parameters
    ----------
    http : HttpPolicy
        Shared policy.
    server, ca_file : str, optional
        As in `yahoo_session.polite_session`.
    cache_dir : Path, optional
        Folder of yfinance's own small caches (time zones, cookies), by default a temporary one; the first
        client of a process sets it.
    """

    def __init__(
        self,
        http: HttpPolicy,
        server: str | None = None,
        ca_file: str | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        self._http = http
        self._route = (server, ca_file)
        self._cache_dir = cache_dir
        self._session: Any = None

    def history(self, ticker: str, first: date, interval: str = "1d") -> Any:
        """Bars and actions of one ticker from ``first`` to the present, as yfinance frames them.

        Returns
        -------
        pandas.DataFrame or None
            None when Yahoo knows the ticker and states no bar since ``first``.

        Raises
        ------
        ProviderError
            A refusal, or an answer without prices and without a currency (a dead symbol).
        """
        yfinance = self._yfinance()
        tomorrow = self._http.clock.now().astimezone(_NEW_YORK).date() + timedelta(days=1)
        self._session.gateway.last = None
        try:
            answer: Any = yfinance.Ticker(ticker, session=self._session).history(
                start=first.isoformat(),
                end=max(tomorrow, first + timedelta(days=1)).isoformat(),
                interval=interval,
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=self._http.settings.timeout_seconds,
            )
            return answer
        except NextGenError:
            raise
        except yfinance.exceptions.YFRateLimitError as error:
            raise ProviderRateLimitedError(
                f"yahoo: rate limit reached at {ticker}; wait and retry"
            ) from error
        except yfinance.exceptions.YFTickerMissingError as error:
            return self._without_prices(ticker, first, error)
        except Exception as error:
            raise ProviderUnavailableError(
                f"yahoo: {ticker} from {first}: {type(error).__name__}: {error}; check the version of yfinance"
            ) from error

    def quotes(self, tickers: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The newest quote of each ticker that Yahoo knows, its fields as Yahoo names them.

        Raises
        ------
        ProviderError
            A refusal of the whole question.
        """
        yfinance = self._yfinance()
        data = yfinance.data.YfData(session=self._session)
        try:
            answer = data.get(_QUOTE_URL, params={"symbols": ",".join(sorted(set(tickers)))})
        except NextGenError:
            raise
        except Exception as error:
            raise ProviderUnavailableError(
                f"yahoo: quotes: {type(error).__name__}: {error}; check the version of yfinance"
            ) from error
        rows = json.loads(answer.text).get("quoteResponse", {}).get("result") or []
        return {row["symbol"]: row for row in rows if row.get("quoteType", "NONE") != "NONE"}

    def close(self) -> None:
        """Close the session; the next question opens another one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _without_prices(self, ticker: str, first: date, error: Exception) -> None:
        """Nothing to state since ``first`` for a ticker that is alive; an error for one that is not."""
        last = self._session.gateway.last
        chart = json.loads(last.body).get("chart", {}) if last is not None else {}
        results = chart.get("result") or []
        if chart.get("error") or not results:
            raise ProviderStatedError(f"yahoo: {ticker} from {first}: {error}; check the spelling") from error
        meta = results[0].get("meta", {})
        if meta.get("instrumentType") in (None, "NONE"):
            raise ProviderNotFoundError(f"yahoo: {ticker} is no instrument any more") from error
        if meta.get("currency") is None:
            raise ProviderDataError(
                f"yahoo: {ticker} from {first} has neither a price nor a currency; Yahoo keeps the name of a dead "
                "symbol only"
            ) from error

    def _yfinance(self) -> Any:
        try:
            import yfinance
            import yfinance.exceptions
        except ImportError as error:
            raise ProviderUnavailableError(
                "yahoo: the package yfinance is not installed; run: pip install 'nextgen[yahoo]'"
            ) from error
        if self._session is None:
            if not _CACHE_PLACE:
                _CACHE_PLACE["folder"] = self._cache_dir or Path(tempfile.mkdtemp(prefix="nextgen-yfinance-"))
                yfinance.set_tz_cache_location(str(_CACHE_PLACE["folder"]))
            self._session = polite_session(self._http, *self._route)
        yfinance.config.debug.hide_exceptions = False
        return yfinance
