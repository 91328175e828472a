"""TradingView's screener: which symbols a market has, and under which exchange a ticker is found."""

from __future__ import annotations

import json
from typing import Any

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.http.client import HttpClient

_COLUMNS = ["name", "description", "exchange", "sector", "currency"]


class Screener:
    """Questions to one market.

    Parameters
    ----------
    client : HttpClient
        Sends them.
    url : str
        ``https://scanner.tradingview.com/<market>/scan``.
    exchanges : list of str
        Where a ticker is looked for, the preferred exchange first.
    """

    def __init__(self, client: HttpClient, url: str, exchanges: list[str]) -> None:
        self._client = client
        self._url = url
        self._exchanges = exchanges
        self.symbols: dict[str, str] = {}

    def look_up(self, tickers: list[str]) -> None:
        """Find the symbols of ``tickers``, in one question for those that are new; ``symbols`` has what exists."""
        unknown = [ticker for ticker in tickers if ticker not in self.symbols]
        if unknown:
            self.rows(unknown, 0)

    def rows(self, tickers: list[str], top: int) -> list[dict[str, Any]]:
        """One row per ticker, from the most preferred exchange; with no tickers the ``top`` most traded.

        Returns
        -------
        list of dict
            symbol, name, description, exchange, sector, currency; ascending by name.

        Raises
        ------
        ProviderDataError
            The answer has another shape.
        """
        chosen = (
            {"left": "name", "operation": "in_range", "right": tickers}
            if tickers
            else {"left": "type", "operation": "equal", "right": "stock"}
        )
        question = {
            "filter": [{"left": "exchange", "operation": "in_range", "right": self._exchanges}, chosen],
            "columns": _COLUMNS,
            "sort": {"sortBy": "Value.Traded", "sortOrder": "desc"},
            "range": [0, len(tickers) * len(self._exchanges) if tickers else top],
        }
        document = json.loads(self._client.post(self._url, question).body)
        try:
            rows = [
                {"symbol": str(row["s"]), **dict(zip(_COLUMNS, row["d"], strict=True))}
                for row in document["data"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderDataError(
                f"tradingview: the screener answered in another shape ({type(error).__name__}: {error}): "
                f"{str(document)[:120]}"
            ) from error
        order = {exchange: place for place, exchange in enumerate(self._exchanges)}
        rows.sort(key=lambda row: order.get(row["exchange"], len(order)))
        best = {row["name"]: row for row in reversed(rows)}
        self.symbols |= {name: row["symbol"] for name, row in best.items()}
        return [best[name] for name in sorted(best)]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
