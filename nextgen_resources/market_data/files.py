"""A user's own files: bars in CSV, text, Parquet, zip or tar, in the layouts of their usual sources.

The layouts of Yahoo, Stooq, LEAN, Alpha Vantage and of plain tables are declared, or told from the first
line where that is certain (`bar_layouts`). Prices are as traded, or divided by later splits as Yahoo's download
page has them: then the list of splits brings them back (`split_adjustment`). Where the files
have columns of dividends and split coefficients, those are the corporate actions, with those of the list
``actions_path``. Files are read once per instance; of Parquet only the wanted rows and columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from nextgen_resources.archives import ArchiveLimits
from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    LISTING_SCHEMA,
    REJECTED_SCHEMA,
    TICKER_PATTERN,
    DividendBasis,
)
from nextgen_resources.market_data.bar_layouts import checked_layout
from nextgen_resources.market_data.file_bars import (
    FileOptions,
    TablePart,
    Wanted,
    bar_files,
    read_tables,
    tickers_in,
)
from nextgen_resources.market_data.file_listings import as_renamed, described
from nextgen_resources.market_data.file_sidecars import between, read_actions, read_listings
from nextgen_resources.market_data.lean_files import (
    NO_FACTORS,
    NO_NAMES,
    lean_actions,
    lean_listings,
    read_factors,
    read_names,
)
from nextgen_resources.market_data.split_adjustment import PricesAre, as_traded, checked_prices

_ACTION_COLUMNS = ("dividend_amount", "split_coefficient")


class Provider:
    """Bars from files.

    Parameters
    ----------
    path : str or Path
        A file, an archive or a directory.
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
        Said of every listing that ``listings_path`` does not describe.
    delisted_after_days : int
        A ticker whose last bar is older than the newest bar of all files by more calendar days than this
        counts as delisted.
    layout : str, optional
        yahoo, stooq, lean, alphavantage or generic; None: told from each file, refused where unsure.
    pattern : str
        Only files and members of archives whose name matches, such as ``prices.csv``.
    recursive : bool
        Whether subdirectories are read.
    date_format : str, optional
        How days are written where not in ISO, such as ``%d/%m/%Y``.
    unreadable : {'refuse', 'quarantine'}
        What a line or file that cannot be read does: fail the delivery, or go to quarantine, whole.
    actions_path, listings_path : str or Path, optional
        Lists of stated corporate actions and of securities (`file_sidecars`).
    factor_files, map_files : str or Path, optional
        LEAN's factor files (splits, dividends) and map files (names over time), see `lean_files`.
    prices : {'layout', 'traded', 'split_adjusted'}
        Whether prices are as traded or divided by later splits; 'layout': what the layout says of its source.
    max_archive_gigabytes, max_archive_ratio : float
        What one archive or gzip file may unfold to.
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
        layout: str | None = None,
        pattern: str = "*",
        recursive: bool = False,
        date_format: str | None = None,
        unreadable: Literal["refuse", "quarantine"] = "refuse",
        actions_path: str | Path | None = None,
        listings_path: str | Path | None = None,
        factor_files: str | Path | None = None,
        map_files: str | Path | None = None,
        prices: PricesAre = "layout",
        max_archive_gigabytes: float = 16.0,
        max_archive_ratio: float = 200.0,
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
        limits = ArchiveLimits(max_bytes=int(max_archive_gigabytes * 1024**3), max_ratio=max_archive_ratio)
        self._options = FileOptions(checked_layout(layout), pattern, recursive, date_format, limits)
        if unreadable not in ("refuse", "quarantine"):
            raise SettingsError(f"files: unreadable is {unreadable!r}, expected refuse or quarantine")
        self._is_tolerant = unreadable == "quarantine"
        self._actions_path = None if actions_path is None else Path(actions_path)
        self._listings_path = None if listings_path is None else Path(listings_path)
        self._factor_files = None if factor_files is None else Path(factor_files)
        self._map_files = None if map_files is None else Path(map_files)
        self._prices = checked_prices(prices)

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """``daily`` and ``universe``, with ``actions`` and ``adjusted_close`` where the files have them.

        A list of nothing but renames and delistings is no list of actions: the others follow from the
        adjusted close.
        """
        names = set(self._frame.columns)
        has_list = self._stated.filter(pl.col("kind").is_in(["split", "dividend", "spinoff"])).height > 0
        extra = {"actions"} if has_list or names.intersection(_ACTION_COLUMNS) else set()
        return frozenset({"daily", "universe"} | extra | ({"adjusted_close"} & names))

    def listings(self) -> pl.DataFrame:
        """One row per ticker, or as ``listings_path`` says; else security_id is ``files:TICKER``.

        A stated rename gives the new ticker the security_id of the old one from its ex-date on, and what
        the new ticker was before belongs to another security; a stated delisting ends a listing.
        """
        spans = self._frame.group_by("ticker").agg(
            pl.col("session_date").min().alias("first_session"),
            pl.col("session_date").max().alias("last_bar"),
        )
        newest = pl.col("last_bar").max()
        told = (
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
        if self._map_files is not None:
            told = described(told, lean_listings(self._names, self._frame, self._labels))
        if self._listings_path is not None:
            told = described(told, read_listings(self._listings_path))
        return as_renamed(told, self._stated, self._frame)

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars of ``tickers`` from ``first`` to ``last``, sorted by ticker and session.

        Raises
        ------
        ProviderDataError
            A ticker is not in the files.
        """
        rows = self._between(tickers, first, last)
        absent = [
            pl.lit(None, dtype).alias(name) for name, dtype in BAR_SCHEMA.items() if name not in rows.columns
        ]
        return rows.with_columns(absent).select(list(BAR_SCHEMA))

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame | None:
        """Actions by ex-date: of the columns of the files and of ``actions_path``; None without either.

        Raises
        ------
        ProviderDataError
            A dividend or a split coefficient is negative, or stated twice with different values.
        """
        if "actions" not in self.capabilities and self._stated.is_empty() and self._actions_path is None:
            return None
        wanted = sorted({_allowed(ticker) for ticker in tickers})
        rows = self._between(wanted, first, last)
        self._refuse_negative(rows)
        parts = [pl.DataFrame(schema=ACTION_SCHEMA)]
        if "dividend_amount" in rows.columns:
            paid = rows.filter(pl.col("dividend_amount") > 0)
            parts.append(_actions_of(paid, "dividend", "dividend_amount", "cash_amount_usd"))
        if "split_coefficient" in rows.columns:
            split = rows.filter(~pl.col("split_coefficient").is_in([0.0, 1.0]))
            parts.append(_actions_of(split, "split", "split_coefficient", "split_ratio"))
        if self._stated.height:
            parts.append(between(self._stated, wanted, first, last))
        actions = pl.concat(parts, how="diagonal").unique()
        self._refuse_contradiction(actions)
        return actions.sort("ticker", "ex_date", "kind")

    def rejected_rows(self, first: date, last: date) -> pl.DataFrame:
        """Lines and files that cannot be read, from ``first`` to ``last`` and those without a day.

        Returns
        -------
        polars.DataFrame
            Columns of ``REJECTED_SCHEMA``; empty unless the option ``unreadable`` is 'quarantine'.
        """
        day = pl.col("session_date")
        _ = self._frame
        return self._rejected.filter(day.is_null() | day.is_between(first, last))

    def _refuse_contradiction(self, actions: pl.DataFrame) -> None:
        doubled = actions.filter(pl.len().over("ticker", "ex_date", "kind") > 1).sort("ticker", "ex_date")
        if doubled.height:
            ticker, day, kind = doubled.select("ticker", "ex_date", "kind").row(0)
            raise ProviderDataError(
                f"files: {self.path} states several values for the {kind} of {ticker} on {day}; keep one row."
            )

    def _refuse_negative(self, rows: pl.DataFrame) -> None:
        for name in set(_ACTION_COLUMNS).intersection(rows.columns):
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
    def _listed_actions(self) -> pl.DataFrame:
        return read_actions(self._actions_path) if self._actions_path else pl.DataFrame(schema=ACTION_SCHEMA)

    @cached_property
    def _stated(self) -> pl.DataFrame:
        """What ``actions_path`` and LEAN's files state."""
        if self._factor_files is None and self._map_files is None:
            return self._listed_actions
        factors = NO_FACTORS if self._factor_files is None else read_factors(self._factor_files)
        return pl.concat([self._listed_actions, lean_actions(factors, self._names, self._frame)])

    @cached_property
    def _names(self) -> pl.DataFrame:
        return NO_NAMES if self._map_files is None else read_names(self._map_files)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._frame["ticker"].unique().to_list())

    @cached_property
    def _frame(self) -> pl.DataFrame:
        """Everything that the options allow, read once, sorted by ticker and session."""
        beside = (self._actions_path, self._listings_path, self._factor_files, self._map_files)
        sidecars = tuple(path for path in beside if path)
        files = bar_files(self.path, self._options, sidecars)
        tickers = self._allowed_tickers(files)
        wanted = Wanted(self._first, self._last, None if tickers is None else tuple(tickers))
        parts: list[pl.DataFrame] = []
        rejected = [pl.DataFrame(schema=REJECTED_SCHEMA)]
        for file in files:
            try:
                for part in read_tables(file, self._options, wanted):
                    parts.append(as_traded(part, self._prices, self._actions_path, self._listed_actions))
                    if part.unreadable.height:
                        rejected.append(self._turned_away(part))
            except ProviderDataError as error:
                if not self._is_tolerant:
                    raise
                rejected.append(_unreadable_file(file, str(error)))
        frame = pl.concat(parts, how="diagonal") if parts else pl.DataFrame(schema=BAR_SCHEMA)
        if frame.is_empty():
            raise ProviderDataError(
                f"files: no bar in {self.path} passes the options tickers={self._tickers}, "
                f"max_tickers={self._max_tickers}, first={self._first}, last={self._last}; widen them."
            )
        self._rejected = pl.concat(rejected)
        return frame.sort("ticker", "session_date", maintain_order=True)

    def _turned_away(self, part: TablePart) -> pl.DataFrame:
        """The unreadable lines as rejected rows, or the error of the first."""
        if not self._is_tolerant:
            row = part.unreadable.row(0, named=True)
            place = "" if row["line"] is None else f" line {row['line']}"
            raise ProviderDataError(
                f"files: {part.label}{place}: {row['column']} is {row['found']!r}, expected {row['expected']}; "
                f"{part.unreadable.height} row(s) in all. Correct the file, or set the option unreadable to "
                "quarantine."
            )
        return pl.DataFrame(
            [_rejected_line(part.label, row) for row in part.unreadable.iter_rows(named=True)],
            schema=REJECTED_SCHEMA,
            orient="row",
        )

    def _allowed_tickers(self, files: list[Path]) -> list[str] | None:
        if self._max_tickers is None:
            return self._tickers
        if self._tickers is not None:
            return self._tickers[: self._max_tickers]
        found: set[str] = set().union(*(tickers_in(file, self._options) for file in files))
        return sorted(found)[: self._max_tickers]


def _actions_of(rows: pl.DataFrame, kind: str, column: str, value: str) -> pl.DataFrame:
    return rows.select(
        "ticker",
        pl.col("session_date").alias("ex_date"),
        pl.lit(kind).alias("kind"),
        pl.col(column).alias(value),
    )


def _rejected_line(label: str, row: dict[str, object]) -> tuple[object, ...]:
    place = "" if row["line"] is None else f" line {row['line']}"
    reason = f"{label}{place}: {row['column']} is {row['found']!r}, expected {row['expected']}"
    payload = json.dumps({"file": label, "line": row["line"], "text": row["text"]}, sort_keys=True)
    return row["reason_code"], reason, payload, row["ticker"], row["session_date"]


def _unreadable_file(file: Path, reason: str) -> pl.DataFrame:
    payload = json.dumps({"file": str(file), "reason": reason}, sort_keys=True)
    row = ("unreadable_file", reason, payload, None, None)
    return pl.DataFrame([row], schema=REJECTED_SCHEMA, orient="row")


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
