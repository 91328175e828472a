"""A user's own files: CSV or Parquet bars, one file per ticker or many tickers in one file.

Column names are matched in any case with their common synonyms; prices are taken as traded. Where the
files have columns of dividends and split coefficients, those are the corporate actions. Files are read
once per instance, and only the wanted tickers, dates and columns of Parquet files are read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    LISTING_SCHEMA,
    TICKER_PATTERN,
    DividendBasis,
)
from nextgen_resources.market_data.file_bars import bar_files, refuse_unreadable, scan_bars

_ACTION_COLUMNS = ("dividend_amount", "split_coefficient")


class Provider:
    """Bars from files.

    Parameters
    ----------
    path : str or Path
        A file or a directory (its subdirectories are not read).
    tickers : iterable of str, optional
        Only these; all when None.
    max_tickers : int, optional
        Only the first so many tickers in alphabetical order.
    first, last : date or ISO text, optional
        Only bars from ``first`` to ``last`` inclusive exist for this instance.
    delay_minutes : int
        Stated delay of a bar after the official close.
    dividend_basis : {'ex_close', 'previous_close'}
        How the adjusted close of the files contains dividends, where there is one.
    exchange, currency, sector : str
        Said of every listing: the files do not tell.
    delisted_after_days : int
        A ticker whose last bar is older than the newest bar of all files by more calendar days than this
        counts as delisted.
    """

    name = "files"

    def __init__(
        self,
        path: str | Path,
        tickers: Iterable[str] | None = None,
        max_tickers: int | None = None,
        first: date | str | None = None,
        last: date | str | None = None,
        delay_minutes: int = 15,
        dividend_basis: DividendBasis = "ex_close",
        exchange: str = "XNYS",
        currency: str = "USD",
        sector: str = "Unclassified",
        delisted_after_days: int = 10,
    ) -> None:
        self.path = Path(path)
        self.delay_minutes = delay_minutes
        self.dividend_basis: DividendBasis = dividend_basis
        self._tickers = None if tickers is None else sorted({_allowed(ticker) for ticker in tickers})
        if max_tickers is not None and max_tickers < 1:
            raise SettingsError(f"files: max_tickers is {max_tickers}, expected 1 or more")
        self._max_tickers = max_tickers
        self._first, self._last = _day(first, date.min), _day(last, date.max)
        self._labels = {"exchange": exchange, "currency": currency, "sector": sector}
        self._delisted_after = timedelta(days=delisted_after_days)

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """``daily`` and ``universe``, with ``actions`` and ``adjusted_close`` where the columns exist."""
        names = {name for _, lazy in self._scans for name in lazy.collect_schema().names()}
        extra = {"actions"} if names.intersection(_ACTION_COLUMNS) else set()
        return frozenset({"daily", "universe"} | extra | ({"adjusted_close"} & names))

    def listings(self) -> pl.DataFrame:
        """One row per ticker; security_id is ``files:TICKER``, the name is the ticker."""
        spans = self._frame.group_by("ticker").agg(
            pl.col("session_date").min().alias("first_session"),
            pl.col("session_date").max().alias("last_bar"),
        )
        newest = pl.col("last_bar").max()
        return (
            spans.with_columns(
                pl.format("files:{}", "ticker").alias("security_id"),
                pl.col("ticker").alias("name"),
                pl.when(newest - pl.col("last_bar") > self._delisted_after)
                .then("last_bar")
                .alias("last_session"),
                *(pl.lit(text).alias(label) for label, text in self._labels.items()),
            )
            .select(pl.col(name).cast(dtype) for name, dtype in LISTING_SCHEMA.items())
            .sort("ticker")
        )

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars of ``tickers`` from ``first`` to ``last``, sorted by ticker and session.

        Raises
        ------
        ProviderDataError
            A ticker is not in the files.
        """
        return self._between(tickers, first, last).select(list(BAR_SCHEMA))

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame | None:
        """Splits and dividends of the files by ex-date; None when the files have no such columns.

        Raises
        ------
        ProviderDataError
            A dividend or a split coefficient is negative, or stated twice with different values.
        """
        if "actions" not in self.capabilities:
            return None
        rows = self._between(tickers, first, last)
        self._refuse_negative(rows)
        dividends = rows.filter(pl.col("dividend_amount") > 0).select(
            "ticker", pl.col("session_date").alias("ex_date"), "dividend_amount"
        )
        splits = rows.filter(~pl.col("split_coefficient").is_in([0.0, 1.0])).select(
            "ticker", pl.col("session_date").alias("ex_date"), "split_coefficient"
        )
        parts = (
            dividends.with_columns(pl.lit("dividend").alias("kind")).rename(
                {"dividend_amount": "cash_amount_usd"}
            ),
            splits.with_columns(pl.lit("split").alias("kind")).rename({"split_coefficient": "split_ratio"}),
        )
        empty = pl.DataFrame(schema=ACTION_SCHEMA)
        actions = pl.concat([empty, *parts], how="diagonal").unique()
        self._refuse_contradiction(actions)
        return actions.sort("ticker", "ex_date", "kind")

    def _refuse_contradiction(self, actions: pl.DataFrame) -> None:
        doubled = actions.filter(pl.len().over("ticker", "ex_date", "kind") > 1).sort("ticker", "ex_date")
        if doubled.height:
            ticker, day, kind = doubled.select("ticker", "ex_date", "kind").row(0)
            raise ProviderDataError(
                f"files: {self.path} states several values for the {kind} of {ticker} on {day}; keep one row."
            )

    def _refuse_negative(self, rows: pl.DataFrame) -> None:
        for name in _ACTION_COLUMNS:
            bad = rows.filter((pl.col(name) < 0) | pl.col(name).is_infinite())
            if bad.height:
                ticker, day, value = bad.select("ticker", "session_date", name).row(0)
                raise ProviderDataError(
                    f"files: {name} of {ticker} on {day} in {self.path} is {value}, expected zero or a "
                    "positive number; correct the file."
                )

    def _between(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        wanted = sorted({_allowed(ticker) for ticker in tickers})
        unknown = sorted(set(wanted) - self._known)
        if unknown:
            raise ProviderDataError(
                f"files: no bars of {', '.join(unknown[:10])} in {self.path} (as limited by the options "
                f"tickers, max_tickers, first, last); {len(self._known)} tickers are there. Add their files."
            )
        return self._frame.filter(
            pl.col("ticker").is_in(wanted) & pl.col("session_date").is_between(first, last)
        )

    @cached_property
    def _scans(self) -> list[tuple[Path, pl.LazyFrame]]:
        return [(file, scan_bars(file)) for file in bar_files(self.path)]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._frame["ticker"].unique().to_list())

    @cached_property
    def _frame(self) -> pl.DataFrame:
        """Everything that the options allow, read once, sorted by ticker and session."""
        allowed = self._allowed_tickers()
        parts = []
        for file, lazy in self._scans:
            in_span = pl.col("session_date").is_between(self._first, self._last)
            kept = lazy.filter(in_span | pl.col("session_date").is_null())
            if allowed is not None:
                kept = kept.filter(pl.col("ticker").is_in(allowed))
            try:
                parts.append(refuse_unreadable(file, kept.collect()))
            except pl.exceptions.PolarsError as error:
                raise ProviderDataError(f"files: {file} cannot be read: {error}") from error
        schema = {**BAR_SCHEMA, **dict.fromkeys(_ACTION_COLUMNS, pl.Float64())}
        frame = pl.concat([pl.DataFrame(schema=schema), *parts], how="diagonal").sort(
            "ticker", "session_date"
        )
        if frame.is_empty():
            raise ProviderDataError(
                f"files: no bar in {self.path} passes the options tickers={self._tickers}, "
                f"max_tickers={self._max_tickers}, first={self._first}, last={self._last}; widen them."
            )
        return frame

    def _allowed_tickers(self) -> list[str] | None:
        if self._max_tickers is None:
            return self._tickers
        if self._tickers is not None:
            return self._tickers[: self._max_tickers]
        found = pl.concat([lazy.select("ticker").unique().collect() for _, lazy in self._scans])
        return sorted(found["ticker"].drop_nulls().unique().to_list())[: self._max_tickers]


def _allowed(ticker: str) -> str:
    if not re.fullmatch(TICKER_PATTERN, ticker):
        raise SettingsError(f"files: {ticker!r} is not a ticker; expected {TICKER_PATTERN}")
    return ticker


def _day(value: date | str | None, default: date) -> date:
    if value is None:
        return default
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise SettingsError(f"files: first or last is {value!r}, expected a date (YYYY-MM-DD)") from error
