"""What arrived and what did not: a delivery in which some tickers were refused stays honest.

A provider that gets some tickers and not others raises `ProviderPartialError` with both halves, so that
nobody can take the one for the whole. Here the halves are taken apart: whoever writes them says which
tickers are missing and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import polars as pl

from nextgen_resources.errors import (
    ProviderCircuitError,
    ProviderConsentError,
    ProviderError,
    ProviderPartialError,
    ProviderRateLimitedError,
    ProviderUnauthorizedError,
)
from nextgen_resources.market_data import MarketDataProvider
from nextgen_resources.market_data.door import check_bars

Part = TypeVar("Part")
_NAMED = 5


@dataclass(frozen=True)
class Delivery:
    """Rows that came, and why the tickers that are missing did not.

    Attributes
    ----------
    rows : polars.DataFrame
        Bars behind the door (``door.DELIVERED_SCHEMA``), or actions (``ACTION_SCHEMA`` and ``source``).
    refused : mapping of str to ProviderError
        By ticker.
    """

    rows: pl.DataFrame
    refused: Mapping[str, ProviderError] = field(default_factory=dict)


def deliver_bars(
    provider: MarketDataProvider, tickers: Iterable[str], first: date, last: date, *, is_last_try: bool = True
) -> Delivery:
    """Bars through the door, and the tickers that were refused.

    Parameters
    ----------
    is_last_try : bool
        Otherwise a refusal that may pass is raised, to be tried again: what came is kept for then.

    Raises
    ------
    ProviderError
        Nothing came, or the provider as a whole stopped answering, or another try is worth it.
    """
    return _taken_apart(
        lambda: provider.daily_bars(tickers, first, last),
        lambda rows: check_bars(rows, provider.name),
        is_last_try=is_last_try,
    )


def deliver_actions(
    provider: MarketDataProvider, tickers: Iterable[str], first: date, last: date, *, is_last_try: bool = True
) -> Delivery | None:
    """Actions that the provider lists, each with its source, and the tickers that were refused.

    Returns
    -------
    Delivery or None
        None when the provider has no list: recover the actions from its adjusted close.

    Raises
    ------
    ProviderError
        As for :func:`deliver_bars`.
    """
    if "actions" not in provider.capabilities:
        return None

    def with_source(rows: pl.DataFrame) -> pl.DataFrame:
        return rows if "source" in rows.columns else rows.with_columns(source=pl.lit(provider.name))

    return _taken_apart(
        lambda: provider.corporate_actions(tickers, first, last), with_source, is_last_try=is_last_try
    )


def _taken_apart(
    ask: Callable[[], Any], check: Callable[[Any], pl.DataFrame], *, is_last_try: bool
) -> Delivery:
    try:
        return Delivery(check(ask()))
    except ProviderPartialError as partial:
        for error in partial.refused.values():
            if stops_the_provider(error) or (error.is_retryable and not is_last_try):
                raise error from partial
        return Delivery(check(partial.delivered), partial.refused)


def stops_the_provider(error: ProviderError) -> bool:
    """Whether a refusal makes it pointless to ask the same provider for the next ticker."""
    return isinstance(
        error,
        ProviderCircuitError | ProviderRateLimitedError | ProviderUnauthorizedError | ProviderConsentError,
    )


def each_ticker(
    tickers: Iterable[str], fetch: Callable[[str], Part]
) -> tuple[dict[str, Part], dict[str, ProviderError]]:
    """``fetch(ticker)`` for every ticker, ascending; refusals kept beside.

    Notes
    -----
    Once a refusal stops the provider, the tickers after it are refused for the same reason, unasked.
    """
    parts: dict[str, Part] = {}
    refused: dict[str, ProviderError] = {}
    wanted = sorted(set(tickers))
    for place, ticker in enumerate(wanted):
        try:
            parts[ticker] = fetch(ticker)
        except ProviderError as error:
            refused[ticker] = error
            if stops_the_provider(error):
                refused |= dict.fromkeys(wanted[place + 1 :], error)
                break
    return parts, refused


def whole_or_partial(
    name: str, delivered: Any, parts: Mapping[str, Any], refused: Mapping[str, ProviderError]
) -> Any:
    """``delivered`` when nothing was refused; an error otherwise.

    Raises
    ------
    ProviderPartialError
        Some tickers came.
    ProviderError
        None came: the reason of the first one, or the one that stopped the provider.
    """
    if not refused:
        return delivered
    stopped = next((error for error in refused.values() if stops_the_provider(error)), None)
    if not parts:
        raise stopped or next(iter(refused.values()))
    raise ProviderPartialError(
        f"{name}: {len(parts)} tickers came and {len(refused)} were refused: {reasons(refused)}",
        delivered=delivered,
        refused=refused,
    )


def reasons(refused: Mapping[str, ProviderError]) -> str:
    """The refused tickers by kind of refusal, a few of each by name.

    Examples
    --------
    >>> from nextgen_resources.errors import ProviderNotFoundError
    >>> reasons({"GONE": ProviderNotFoundError("gone"), "LOST": ProviderNotFoundError("lost")})
    'not_found: GONE, LOST'
    """
    kinds: dict[str, list[str]] = {}
    for ticker, error in refused.items():
        kinds.setdefault(error.outcome, []).append(ticker)
    return "; ".join(
        f"{kind}: {', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''}"
        for kind, names in kinds.items()
    )
