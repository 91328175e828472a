"""Several providers as one: each ticker comes from the first that has it, and every row says from which.

``ingestion.provider: chain`` with the options ``providers: [yahoo, files]`` and those of the members with
their name in front: ``files_path``, ``yahoo_tickers``. A member that is down, refuses a ticker or has no
bar of it in the span is passed over for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

import polars as pl

from nextgen_resources.errors import ProviderError, ProviderPartialError, SettingsError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import (
    ACTION_SCHEMA,
    REJECTED_SCHEMA,
    DividendBasis,
    MarketDataProvider,
    ReportsRejectedRows,
    load_provider,
)
from nextgen_resources.market_data.capabilities import INTRADAY_SCHEMA, QUOTE_SCHEMA
from nextgen_resources.market_data.chain_filling import filled
from nextgen_resources.market_data.delivery import whole_or_partial
from nextgen_resources.market_data.door import DELIVERED_SCHEMA, check_bars
from nextgen_resources.member_options import options_by_member


class Provider:
    """A chain of fallbacks.

    Parameters
    ----------
    providers : iterable of str
        Names of the members, the preferred one first.
    http : HttpPolicy, optional
        Handed to the members.
    **options : object
        Options of the members, each with the member's name and an underscore in front.

    Raises
    ------
    SettingsError
        Fewer than two members, an option of none of them, or members that tell of corporate actions in
        different ways.

    Notes
    -----
    Listings come from one member only, the first with the capability ``universe`` or else the first: ids of
    securities differ between providers, and a fallback would turn every security into another one.
    Actions of a ticker come from the member that gave its bars.
    """

    name = "chain"

    def __init__(self, providers: Iterable[str], http: HttpPolicy | None = None, **options: Any) -> None:
        names = [providers] if isinstance(providers, str) else list(providers)
        if len(set(names)) < 2 or len(set(names)) < len(names) or self.name in names:
            raise SettingsError(
                f"chain: providers is {names}, expected two or more different names, such as [yahoo, files]"
            )
        own = options_by_member(self.name, "provider", names, options)
        self.members: list[MarketDataProvider] = [load_provider(name, http, **own[name]) for name in names]
        self._givers: dict[tuple[str, date, date], str] = {}

    @property
    def capabilities(self) -> frozenset[str]:
        """What at least one member offers; of corporate actions, what all members with bars offer."""
        daily = [member.capabilities for member in self.members if "daily" in member.capabilities]
        shared = frozenset.intersection(*daily) & {"actions", "adjusted_close"} if daily else frozenset()
        any_of = frozenset().union(*(member.capabilities for member in self.members))
        if daily and not shared:
            raise SettingsError(
                f"chain: {', '.join(member.name for member in self.members)} tell of splits and dividends in different "
                "ways (a list, or an adjusted close); take members that share one"
            )
        return (any_of - {"actions", "adjusted_close", "vintages"}) | shared

    @property
    def delay_minutes(self) -> int:
        """The longest of the members."""
        return max(member.delay_minutes for member in self.members)

    @property
    def dividend_basis(self) -> DividendBasis:
        """That of the members, who must agree where actions are recovered from the adjusted close."""
        bases = {member.dividend_basis for member in self.members if "daily" in member.capabilities}
        if len(bases) > 1 and "actions" not in self.capabilities:
            raise SettingsError(
                "chain: the members fold dividends into their adjusted close in different ways"
            )
        return self.members[0].dividend_basis

    def listings(self) -> pl.DataFrame:
        """The listings of the first member that has a universe, or else of the first."""
        with_universe = [member for member in self.members if "universe" in member.capabilities]
        return (with_universe or self.members)[0].listings()

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars, each ticker from the first member that has one in the span; ``source`` names it.

        Raises
        ------
        ProviderPartialError
            No member delivered some of the tickers.
        """
        try:
            bars = filled(
                self._with("daily"),
                sorted(set(tickers)),
                lambda member, left: member.daily_bars(left, first, last),
                lambda member, rows: check_bars(rows, member.name),
                DELIVERED_SCHEMA,
                empty_is_an_answer=False,
            )
        except ProviderPartialError as partial:
            self._remember(partial.delivered, first, last)
            raise
        self._remember(bars, first, last)
        return bars

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame | None:
        """Actions of each ticker, from the member that gave its bars in the span; ``source`` names it.

        Raises
        ------
        ProviderPartialError
            No member delivered some of the tickers.
        """
        if "actions" not in self.capabilities:
            return None
        wanted = sorted(set(tickers))
        unknown = [ticker for ticker in wanted if (ticker, first, last) not in self._givers]
        if unknown:
            with suppress(ProviderError):  # who is refused here is refused below, and told there
                self.daily_bars(unknown, first, last)
        groups: dict[str | None, list[str]] = {}
        for ticker in wanted:
            groups.setdefault(self._givers.get((ticker, first, last)), []).append(ticker)
        schema = {**ACTION_SCHEMA, "source": pl.String()}
        parts = [pl.DataFrame(schema=schema)]
        refused: dict[str, ProviderError] = {}
        for giver, group in groups.items():
            rows, missing = self._actions(giver, group, first, last, schema)
            parts.append(rows)
            refused |= missing
        actions = pl.concat(parts).sort("ticker", "ex_date", "kind")
        delivered = dict.fromkeys(set(wanted) - set(refused))
        whole: pl.DataFrame = whole_or_partial(self.name, actions, delivered, refused)
        return whole

    def _actions(
        self, giver: str | None, tickers: list[str], first: date, last: date, schema: dict[str, Any]
    ) -> tuple[pl.DataFrame, Mapping[str, ProviderError]]:
        try:
            rows = filled(
                [member for member in self._with("daily") if giver in (None, member.name)],
                tickers,
                lambda member, left: member.corporate_actions(left, first, last),
                lambda member, rows: rows.with_columns(source=pl.lit(member.name)),
                schema,
                empty_is_an_answer=True,
            )
        except ProviderPartialError as partial:
            return partial.delivered, partial.refused
        except ProviderError as error:
            return pl.DataFrame(schema=schema), dict.fromkeys(tickers, error)
        return rows, {}

    def quotes(self, tickers: Iterable[str]) -> pl.DataFrame:
        """The newest quote of each ticker, from the first member that has one."""
        return filled(
            self._with("quotes"),
            sorted(set(tickers)),
            lambda member, left: member.quotes(left),
            lambda _, rows: rows,
            QUOTE_SCHEMA,
            empty_is_an_answer=False,
        )

    def intraday_bars(self, tickers: Iterable[str], interval: str, first: date, last: date) -> pl.DataFrame:
        """Bars within the day of each ticker, from the first member that has one in the span."""
        return filled(
            self._with("intraday"),
            sorted(set(tickers)),
            lambda member, left: member.intraday_bars(left, interval, first, last),
            lambda _, rows: rows,
            INTRADAY_SCHEMA,
            empty_is_an_answer=False,
        )

    def rejected_rows(self, first: date, last: date) -> pl.DataFrame:
        """What the members could not even read."""
        told = [m.rejected_rows(first, last) for m in self.members if isinstance(m, ReportsRejectedRows)]
        return pl.concat([pl.DataFrame(schema=dict(REJECTED_SCHEMA)), *told])

    def close(self) -> None:
        """Close the members that hold connections."""
        for member in self.members:
            getattr(member, "close", lambda: None)()

    def _with(self, capability: str) -> list[Any]:
        return [member for member in self.members if capability in member.capabilities]

    def _remember(self, bars: pl.DataFrame, first: date, last: date) -> None:
        for ticker, source in bars.select("ticker", "source").unique().iter_rows():
            self._givers[ticker, first, last] = source
