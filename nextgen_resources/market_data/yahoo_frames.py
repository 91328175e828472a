"""Yahoo's tables and quotes as ours: the split adjustment undone, the names of our columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nextgen_resources.errors import ProviderDataError, ProviderUnavailableError

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


def no_bars() -> Any:
    """The history of a ticker of which Yahoo states no bar."""
    import pandas as pd

    columns = ["ticker", "session_date", *_COLUMNS.values()]
    numbers = dict.fromkeys(_COLUMNS.values(), "float64")
    return pd.DataFrame(columns=columns).astype(
        {**numbers, "ticker": "object", "session_date": "datetime64[ns]"}
    )


def quote_row(ticker: str, row: dict[str, Any]) -> dict[str, Any]:
    moment = row.get("regularMarketTime")
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif moment is not None:
        moment = datetime.fromtimestamp(float(moment), UTC)
    return {
        "ticker": ticker,
        "quoted_at": moment,
        "last": row.get("regularMarketPrice"),
        "bid": row.get("bid"),
        "ask": row.get("ask"),
        "volume": row.get("regularMarketVolume"),
        "currency": row.get("currency"),
        "source": "yahoo",
    }


def as_traded(ticker: str, answer: Any) -> Any:
    """Undo the split adjustment of one ticker's answer; prices to the four decimals of a US quote."""
    import pandas as pd

    if answer.empty:
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
