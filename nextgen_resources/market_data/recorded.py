"""What a live provider said, kept in a folder and said again: for tests, demonstrations and disputes.

``ingestion.provider: recorded`` with ``path``; with ``record: yahoo`` the live provider is asked and every
answer and refusal is kept, without it only what was kept is answered. Options of the live provider have
its name in front (``yahoo_tickers``). A folder holds ``provider.json`` (whose answers, and what it offers),
``manifest.jsonl`` (one line per question, with the moment) and one Parquet file per answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import ProviderError, ProviderPartialError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import ACTION_SCHEMA, LISTING_SCHEMA, DividendBasis, load_provider
from nextgen_resources.market_data.capabilities import INTRADAY_SCHEMA, QUOTE_SCHEMA
from nextgen_resources.market_data.delivery import whole_or_partial
from nextgen_resources.market_data.door import DELIVERED_SCHEMA, check_bars
from nextgen_resources.market_data.recording import Question, Recording
from nextgen_resources.member_options import options_of_recorded


class Provider:
    """A recording, played or being made.

    Parameters
    ----------
    path : str or Path
        Folder of the recording.
    record : str
        Live provider to ask and record; empty: only replay.
    http : HttpPolicy, optional
        Handed to the live provider.
    **options : object
        Options of the live provider, each with its name and an underscore in front.

    Raises
    ------
    SettingsError
        An option without a live provider to take it.

    Notes
    -----
    A question is answered by the newest recording, ticker by ticker, whose span covers the asked one. What no
    recording covers is an error, never an empty answer. Rows keep the name of the provider that gave them.
    """

    name = "recorded"

    def __init__(
        self, path: str | Path, record: str = "", http: HttpPolicy | None = None, **options: Any
    ) -> None:
        own = options_of_recorded(record, options)
        self._live = load_provider(record, http, **own) if record else None
        self._recording = Recording(Path(path), http.clock if http else SystemClock())

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the recorded provider, but for dated deliveries."""
        told = self._live.capabilities if self._live else frozenset(self._about["capabilities"])
        return frozenset(told) - {"vintages"}

    @property
    def delay_minutes(self) -> int:
        """That of the recorded provider."""
        return int(self._live.delay_minutes if self._live else self._about["delay_minutes"])

    @property
    def dividend_basis(self) -> DividendBasis:
        """That of the recorded provider."""
        basis: DividendBasis = self._live.dividend_basis if self._live else self._about["dividend_basis"]
        return basis

    def listings(self) -> pl.DataFrame:
        """The newest recorded listings."""
        return self._answer(Question("listings"), lambda live: live.listings(), LISTING_SCHEMA)

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Recorded bars; ``source`` names who gave them."""
        return self._answer(
            Question.of("daily_bars", tickers, first, last),
            lambda live: live.daily_bars(sorted(set(tickers)), first, last),
            DELIVERED_SCHEMA,
        )

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame | None:
        """Recorded actions; None where the recorded provider has no list."""
        if "actions" not in self.capabilities:
            return None
        return self._answer(
            Question.of("corporate_actions", tickers, first, last),
            lambda live: live.corporate_actions(sorted(set(tickers)), first, last),
            {**ACTION_SCHEMA, "source": pl.String()},
        )

    def quotes(self, tickers: Iterable[str]) -> pl.DataFrame:
        """The newest recorded quote of each ticker."""
        return self._answer(
            Question.of("quotes", tickers), lambda live: live.quotes(sorted(set(tickers))), QUOTE_SCHEMA
        )

    def intraday_bars(self, tickers: Iterable[str], interval: str, first: date, last: date) -> pl.DataFrame:
        """Recorded bars within the day."""
        return self._answer(
            Question.of(f"intraday_bars {interval}", tickers, first, last),
            lambda live: live.intraday_bars(sorted(set(tickers)), interval, first, last),
            INTRADAY_SCHEMA,
        )

    def close(self) -> None:
        """Close the connections of the live provider."""
        getattr(self._live, "close", lambda: None)()

    @property
    def _about(self) -> Mapping[str, Any]:
        return self._recording.about

    def _answer(
        self, question: Question, ask: Callable[[Any], Any], schema: Mapping[str, Any]
    ) -> pl.DataFrame:
        if self._live is not None:
            return self._recorded(question, ask, schema)
        rows, refused = self._recording.replay(question, schema)
        delivered = dict.fromkeys(set(question.tickers) - set(refused)) or {"": None}
        if question.tickers and len(refused) == len(question.tickers):
            delivered = {}
        whole: pl.DataFrame = whole_or_partial(self.name, rows, delivered, refused)
        return whole

    def _recorded(
        self, question: Question, ask: Callable[[Any], Any], schema: Mapping[str, Any]
    ) -> pl.DataFrame:
        live: Any = self._live
        self._recording.describe(live)
        try:
            answer, failure = ask(live), None
        except ProviderPartialError as partial:
            answer, failure = partial.delivered, partial
        except ProviderError as error:
            self._recording.keep(question, pl.DataFrame(schema=dict(schema)), live.name, error)
            raise
        if question.kind == "daily_bars":
            answer = check_bars(answer, live.name)
        elif "source" in schema and "source" not in answer.columns:
            answer = answer.with_columns(source=pl.lit(live.name))
        rows: pl.DataFrame = answer.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        self._recording.keep(question, rows, live.name, failure)
        if failure is not None:
            raise failure
        return rows
