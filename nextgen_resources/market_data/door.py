"""The door for bars: whatever a provider hands over leaves as one Polars frame with the right columns.

Here only the shape is judged: columns and types. A wrong shape fails the whole delivery, with the name of
the column and of the constraint that it breaks. Values are not judged here: a null, a negative price or a
day without trading passes and meets the quality rules, which judge row by row. pandas frames are checked
with a dagster-pandas type; pandas and dagster-pandas load only when a pandas frame arrives.
"""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.market_data import BAR_SCHEMA

if TYPE_CHECKING:
    import pandas as pd

DELIVERED_SCHEMA = MappingProxyType({**BAR_SCHEMA, "source": pl.String()})
"""Bars behind the door: each row says which provider gave it."""

_PRICES = ("open", "high", "low", "close")
_NUMERIC = (*_PRICES, "volume", "adjusted_close")
_REQUIRED = ("ticker", "session_date", *_PRICES, "volume")


def check_bars(frame: pl.DataFrame | pd.DataFrame, source: str = "provider") -> pl.DataFrame:
    """Check the shape of delivered bars and give them their canonical types.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame
        Columns ticker (text), session_date (date, datetime or ISO text), open, high, low, close, volume
        (numeric) and optionally adjusted_close and source; others are dropped.
    source : str
        Who delivered it: for messages, and for rows that do not say so themselves.

    Returns
    -------
    polars.DataFrame
        Columns of ``BAR_SCHEMA`` and ``source``, in the order of delivery; NaN of pandas becomes null. ``volume`` stays
        Float64 so that a fractional or infinite volume reaches the quality rules, which make it Int64.

    Raises
    ------
    ProviderDataError
        A column is missing or has a type that cannot be used, or a date cannot be read.
    """
    if isinstance(frame, pl.DataFrame):
        return _check_polars(frame, source)
    return _check_polars(_from_pandas(frame, source), source)


def _check_polars(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    missing = [name for name in _REQUIRED if name not in frame.columns]
    if missing:
        raise ProviderDataError(
            f"{source}: bars lack the column(s) {', '.join(missing)}; found {', '.join(frame.columns)}. "
            "Correct the provider's column names."
        )
    if "adjusted_close" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias("adjusted_close"))
    for name in _NUMERIC:
        _refuse_unless(frame, name, frame.schema[name].is_numeric() or frame.schema[name] == pl.Null, source)
    ticker_type = frame.schema["ticker"]
    is_text = ticker_type in (pl.String, pl.Categorical, pl.Enum, pl.Null)
    _refuse_unless(frame, "ticker", is_text, source, "text")
    frame = frame.with_columns(_session_date(frame, source), _source(frame, source))
    return frame.select(pl.col(name).cast(dtype) for name, dtype in DELIVERED_SCHEMA.items())


def _source(frame: pl.DataFrame, source: str) -> pl.Expr:
    if "source" not in frame.columns:
        return pl.lit(source).alias("source")
    _refuse_unless(frame, "source", frame.schema["source"] in (pl.String, pl.Null), source, "text")
    return pl.col("source").fill_null(source)


def _refuse_unless(
    frame: pl.DataFrame, name: str, is_fit: bool, source: str, expected: str = "a number"
) -> None:
    if is_fit:
        return
    sample = frame[name].drop_nulls().head(1).to_list()
    raise ProviderDataError(
        f"{source}: column {name} of the bars has type {frame.schema[name]} (for example {sample}), expected "
        f"{expected}; convert it in the provider."
    )


def _session_date(frame: pl.DataFrame, source: str) -> pl.Series:
    column = frame["session_date"]
    if column.dtype in (pl.Date, pl.Null):
        return column.cast(pl.Date)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.date()
    _refuse_unless(frame, "session_date", column.dtype == pl.String, source, "a date")
    parsed = column.str.to_date("%Y-%m-%d", strict=False)
    unread = column.filter(parsed.is_null() & column.is_not_null())
    if len(unread):
        raise ProviderDataError(
            f"{source}: column session_date of the bars holds {unread[0]!r} and {len(unread) - 1} more that "
            "are not ISO dates (YYYY-MM-DD); convert them in the provider."
        )
    return parsed


def _from_pandas(frame: pd.DataFrame, source: str) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise ProviderDataError(
            f"{source}: bars arrived as {type(frame).__name__}, expected a Polars or pandas DataFrame; "
            "correct the provider."
        )
    if "session_date" in frame.columns:
        frame = frame.assign(session_date=_naive_days(frame["session_date"], source))
    outcome = _pandas_bars_type().type_check(None, frame)
    if not outcome.success:
        raise ProviderDataError(f"{source}: bars refused at the door: {outcome.description}")
    return pl.from_pandas(
        frame.loc[:, [name for name in DELIVERED_SCHEMA if name in frame.columns]], nan_to_null=True
    )


def _naive_days(column: Any, source: str) -> Any:
    """Midnights without timezone: the calendar day that each stamp shows in its own timezone."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        raise ProviderDataError(
            f"{source}: column session_date of the bars has type {column.dtype}, expected dates; "
            "convert it in the provider (a number says neither its unit nor its epoch)."
        )
    try:
        stamps = pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise ProviderDataError(
            f"{source}: column session_date of the bars cannot be read as dates ({error}); "
            "convert it in the provider."
        ) from error
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_localize(None)
    return stamps.dt.normalize().astype("datetime64[ns]")


@lru_cache(maxsize=1)
def _pandas_bars_type() -> Any:
    """The dagster-pandas type of delivered bars; Dagster calls that interface beta, which is accepted."""
    from dagster import BetaWarning
    from pandas.api.types import is_numeric_dtype

    dagster_pandas: Any = importlib.import_module("dagster_pandas")
    column = dagster_pandas.PandasColumn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        is_number = dagster_pandas.constraints.ColumnDTypeFnConstraint(is_numeric_dtype)
        numbers = [column(name, [is_number], is_required=name in _REQUIRED) for name in _NUMERIC]
        return dagster_pandas.create_dagster_pandas_dataframe_type(
            name="DeliveredBars",
            description="Daily bars as a provider hands them over, before the quality rules.",
            columns=[
                column.string_column("ticker"),
                column.datetime_column("session_date", ignore_missing_vals=True),
                *numbers,
            ],
        )
