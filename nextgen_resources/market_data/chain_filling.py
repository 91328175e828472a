"""Filling a question from several providers, ticker by ticker: whom to ask next, and what is missing in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from nextgen_resources.errors import (
    NextGenError,
    ProviderDataError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPartialError,
    ProviderUnavailableError,
)
from nextgen_resources.market_data.delivery import each_ticker, whole_or_partial

Ask = Callable[[Any, list[str]], Any]
Check = Callable[[Any, Any], pl.DataFrame]


def filled(
    members: Iterable[Any],
    tickers: list[str],
    ask: Ask,
    check: Check,
    schema: Mapping[str, Any],
    *,
    empty_is_an_answer: bool,
) -> pl.DataFrame:
    """Rows of ``tickers``, each from the first of ``members`` that delivers it.

    Parameters
    ----------
    ask : callable
        ``ask(member, tickers)``: what the member says.
    check : callable
        ``check(member, said)``: that as rows of ``schema``.
    empty_is_an_answer : bool
        Whether no row of a ticker settles it; otherwise the next member is asked, and if none has a row
        the ticker has none.

    Raises
    ------
    ProviderPartialError
        Every member refused some of the tickers.
    ProviderError
        Every member refused all of them.
    """
    parts, left = [pl.DataFrame(schema=dict(schema))], tickers
    told: dict[str, dict[str, ProviderError]] = {}
    answered: set[str] = set()
    for member in members:
        if not left:
            break
        rows, refused = _asked(member, left, ask, check)
        if rows is not None and rows.height:
            parts.append(rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))
        for ticker, error in refused.items():
            told.setdefault(ticker, {})[member.name] = error
        there = set(rows["ticker"]) if rows is not None else set()
        answered |= set(left) - set(refused)
        left = [ticker for ticker in left if ticker in refused or not (empty_is_an_answer or ticker in there)]
    frame = pl.concat(parts)
    order = [
        name for name in ("ticker", "session_date", "ex_date", "kind", "bar_start") if name in frame.columns
    ]
    missing = {ticker: _all_reasons(ticker, told[ticker]) for ticker in left if ticker not in answered}
    whole: pl.DataFrame = whole_or_partial(
        "chain", frame.sort(order), dict.fromkeys(set(tickers) - set(missing)), missing
    )
    return whole


def _asked(
    member: Any, tickers: list[str], ask: Ask, check: Check
) -> tuple[pl.DataFrame | None, Mapping[str, ProviderError]]:
    """What one member delivers and refuses. One that refuses all for a fault of one is asked ticker by ticker."""
    try:
        return check(member, ask(member, tickers)), {}
    except ProviderPartialError as partial:
        return check(member, partial.delivered), partial.refused
    except ProviderDataError as error:
        if len(tickers) == 1:
            return None, {tickers[0]: error}
        parts, refused = each_ticker(tickers, lambda ticker: check(member, ask(member, [ticker])))
        return (pl.concat(parts.values()) if parts else None), refused
    except ProviderError as error:
        return None, dict.fromkeys(tickers, error)


def _all_reasons(ticker: str, told: Mapping[str, ProviderError]) -> ProviderError:
    """Why nobody delivered ``ticker``: retryable when one of the reasons may pass."""
    text = f"chain: nobody delivered {ticker}: " + "; ".join(
        f"{name}: {error}" for name, error in told.items()
    )
    errors: list[NextGenError] = list(told.values())
    if any(error.is_retryable for error in errors):
        return ProviderUnavailableError(text)
    if all(isinstance(error, ProviderNotFoundError) for error in errors):
        return ProviderNotFoundError(text)
    return ProviderDataError(text)
