"""Files beside the bars: a list of corporate actions and a list of the securities themselves.

What bars cannot tell stands here: renames, delistings, spin-offs, names, and that a ticker was taken over
by another firm. Both are CSV with a header of exactly the columns named below, dates in ISO.
"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import polars as pl

from nextgen_resources.archives import ArchiveLimits, opened
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import ACTION_SCHEMA, LISTING_SCHEMA, TICKER_PATTERN
from nextgen_resources.market_data.bar_text import decoded

ACTION_KINDS = ("split", "dividend", "spinoff", "rename", "delisting")
_MOST_BYTES = 1 << 28
_VALUE_OF = {
    "split": "split_ratio",
    "dividend": "cash_amount_usd",
    "spinoff": "cash_amount_usd",
    "rename": "new_ticker",
}


def read_actions(path: Path) -> pl.DataFrame:
    """Stated actions: columns of ``ACTION_SCHEMA``, sorted by ticker, ex_date, kind.

    ``ticker,ex_date,kind,split_ratio,cash_amount_usd,new_ticker``: a split has its ratio, a dividend its
    cash, a spin-off the value of what was handed out per share, a rename the new ticker (whose ex-date is
    its first session); a delisting may state the cash paid per share, its ex-date is the first session
    without trading.

    Raises
    ------
    ProviderDataError
        Names the line, what it says and what was expected.
    """
    frame = _typed(path, dict(ACTION_SCHEMA), ("ticker", "ex_date", "kind"))
    for row in frame.iter_rows(named=True):
        where = f"files: {path}: {row['kind']} of {row['ticker']} on {row['ex_date']}"
        if row["kind"] not in ACTION_KINDS:
            raise ProviderDataError(f"{where}: expected one of the kinds {', '.join(ACTION_KINDS)}.")
        needed = _VALUE_OF.get(row["kind"])
        for name in ("split_ratio", "cash_amount_usd", "new_ticker"):
            value, is_needed = row[name], name == needed
            may_have = is_needed or (row["kind"], name) == ("delisting", "cash_amount_usd")
            if (value is None and is_needed) or (value is not None and not may_have):
                raise ProviderDataError(
                    f"{where}: {name} is {value!r}, expected {'a value' if is_needed else 'none'} for this kind."
                )
            if isinstance(value, float) and not 0 < value < float("inf"):
                raise ProviderDataError(f"{where}: {name} is {value}, expected a positive number.")
    doubled = frame.filter(pl.struct("ticker", "ex_date", "kind").is_duplicated())
    if doubled.height:
        ticker, day, kind = doubled.select("ticker", "ex_date", "kind").row(0)
        raise ProviderDataError(
            f"files: {path} states several values for the {kind} of {ticker} on {day}; keep one row."
        )
    return frame.sort("ticker", "ex_date", "kind")


def read_listings(path: Path) -> pl.DataFrame:
    """Stated securities: columns of ``LISTING_SCHEMA``; all but ``first_session`` and ``last_session`` are needed.

    Raises
    ------
    ProviderDataError
        Names the line, what it says and what was expected.
    """
    needed = tuple(name for name in LISTING_SCHEMA if name not in ("first_session", "last_session"))
    frame = _typed(path, dict(LISTING_SCHEMA), needed)
    repeated = frame.filter(pl.col("security_id").is_duplicated() & pl.col("ticker").is_duplicated())
    if repeated.height:
        raise ProviderDataError(
            f"files: {path} lists {repeated['ticker'][0]} as {repeated['security_id'][0]} twice; keep one row."
        )
    return frame.sort("ticker", "first_session", nulls_last=False)


def _typed(path: Path, schema: dict[str, pl.DataType], needed: tuple[str, ...]) -> pl.DataFrame:
    with opened(path, ArchiveLimits(max_bytes=_MOST_BYTES)) as stream:
        text = decoded(str(path), stream.read(), 1)
    try:
        raw = pl.read_csv(io.StringIO(text), infer_schema=False, row_index_name="_line", row_index_offset=2)
    except pl.exceptions.PolarsError as error:
        raise ProviderDataError(f"files: {path} cannot be read: {error}") from error
    unknown = sorted(set(raw.columns) - set(schema) - {"_line"})
    missing = [name for name in needed if name not in raw.columns]
    if unknown or missing:
        raise ProviderDataError(
            f"files: {path} has the columns {', '.join(raw.columns[1:])}; expected {', '.join(schema)}, of which "
            f"{', '.join(needed)} are needed."
        )
    absent = [name for name in schema if name not in raw.columns]
    raw = raw.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in absent),
        *(pl.col(name).str.strip_chars().replace("", None) for name in raw.columns[1:]),
    )
    frame = raw.with_columns(_converted(name, dtype).alias(f"_{name}") for name, dtype in schema.items())
    for name in schema:
        is_lost = pl.col(f"_{name}").is_null() & (pl.col(name).is_not_null() | pl.lit(name in needed))
        lost = frame.filter(is_lost)
        if lost.height:
            kind = "an ISO date" if schema[name] == pl.Date else f"a {schema[name]}"
            what = f"a ticker ({TICKER_PATTERN})" if "ticker" in name else kind
            raise ProviderDataError(
                f"files: {path} line {lost['_line'][0]}: {name} is {lost[name][0]!r}, expected {what}."
            )
    return frame.select(pl.col(f"_{name}").alias(name) for name in schema)


def _converted(name: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(name)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if dtype == pl.Float64:
        return text.cast(pl.Float64, strict=False)
    if "ticker" in name:
        return pl.when(text.str.contains(f"^(?:{TICKER_PATTERN})$")).then(text)
    return text


def between(actions: pl.DataFrame, tickers: list[str], first: date, last: date) -> pl.DataFrame:
    """The stated actions of ``tickers`` with an ex-date from ``first`` to ``last``."""
    return actions.filter(pl.col("ticker").is_in(tickers) & pl.col("ex_date").is_between(first, last))
