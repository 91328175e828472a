"""The tear sheet as rows: what the portfolio's record amounts to at each close, beside buy-and-hold."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.money import money_series, series_to_micros
from nextgen_assets.domain.trading.track_record import (
    Record,
    TrackRecordError,
    deflated_sharpe,
    interval,
    measure,
    nullable,
    rolling_sharpe,
    sessions_per_year,
)


def tear_sheet_rows(
    values: pl.DataFrame,
    costs: pl.DataFrame,
    trials: pl.DataFrame,
    sessions: list[date],
    scenario_id: str,
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """The record at each of ``sessions``.

    Parameters
    ----------
    values : DataFrame
        session_date, net_asset_value_usd, benchmark_value_usd, gross_exposure, turnover of one scenario
        from inception to the last session; one deposit, at inception.
    costs : DataFrame
        session_date, commission_usd, slippage_usd, one row per session with a fill.
    trials : DataFrame
        cutoff_session and trials: configurations tried by then, ascending in both.
    sessions : list of date
        Sessions to report.
    scenario_id : str
        Scenario of the rows.
    calendar, delay_minutes
        Give ``as_of``.

    Returns
    -------
    DataFrame
        Columns of ``tear_sheet`` without ``run_id``, by session.

    Raises
    ------
    TrackRecordError
        If a session has no portfolio value.
    """
    rows = values.sort("session_date").join(costs, on="session_date", how="left", maintain_order="left")
    days: list[date] = rows["session_date"].to_list()
    missing = sorted(set(sessions) - set(days))
    if missing:
        raise TrackRecordError(
            f"portfolio_values of {scenario_id} lacks {len(missing)} of the sessions asked for (first: {missing[0]}); "
            "materialise portfolio_holdings of them first"
        )
    own = measure(rows["net_asset_value_usd"].cast(pl.Float64).to_numpy(), days)
    held = measure(rows["benchmark_value_usd"].to_numpy(), days)
    tried = _trials(trials, days)
    frame = pl.DataFrame(
        [
            pl.Series("scenario_id", [scenario_id] * len(days), dtype=pl.String),
            rows["session_date"],
            pl.Series("n_returns", own.n_returns, dtype=pl.Int32),
            *_own_columns(own, days, tried, rows["net_asset_value_usd"].cast(pl.Float64).to_numpy()),
            *_benchmark_columns(held),
            *_trading_columns(rows, days),
            pl.Series(
                "as_of",
                [calendar.cutoff(day, delay_minutes) for day in days],
                dtype=pl.Datetime("us", "UTC"),
            ),
        ]
    )
    return frame.filter(pl.col("session_date").is_in(pl.Series(sessions).implode()))


def _trials(trials: pl.DataFrame, days: list[date]) -> NDArray[np.int64]:
    axis = pl.DataFrame({"session_date": days}, schema={"session_date": pl.Date})
    known = trials.sort("cutoff_session").select(
        pl.col("cutoff_session").cast(pl.Date).alias("session_date"), pl.col("trials").cast(pl.Int64)
    )
    found = axis.join_asof(known.set_sorted("session_date"), on="session_date")["trials"]
    return found.fill_null(1).to_numpy().astype(np.int64)


def _own_columns(
    record: Record, days: list[date], trials: NDArray[np.int64], values_usd: NDArray[np.float64]
) -> list[pl.Series]:
    lower, upper = interval(record.sharpe, record.sharpe_error)
    rolling, error = rolling_sharpe(values_usd, days)
    rolling_lower, rolling_upper = interval(rolling, error)
    return [
        pl.Series("total_return", record.total_return),
        nullable("cagr", record.cagr),
        nullable("volatility", record.volatility),
        nullable("sharpe", record.sharpe),
        nullable("sharpe_lower", lower),
        nullable("sharpe_upper", upper),
        nullable("deflated_sharpe", deflated_sharpe(record, days, trials)),
        pl.Series("trials", trials, dtype=pl.Int32),
        nullable("sortino", record.sortino),
        nullable("skewness", record.skewness),
        nullable("kurtosis", record.kurtosis),
        pl.Series("max_drawdown", record.max_drawdown),
        nullable("rolling_sharpe", rolling),
        nullable("rolling_sharpe_lower", rolling_lower),
        nullable("rolling_sharpe_upper", rolling_upper),
    ]


def _benchmark_columns(record: Record) -> list[pl.Series]:
    return [
        pl.Series("benchmark_total_return", record.total_return),
        nullable("benchmark_cagr", record.cagr),
        nullable("benchmark_volatility", record.volatility),
        nullable("benchmark_sharpe", record.sharpe),
        pl.Series("benchmark_max_drawdown", record.max_drawdown),
    ]


def _trading_columns(rows: pl.DataFrame, days: list[date]) -> list[pl.Series]:
    """Mean exposure, turnover a year, costs in dollars and as a fraction of the mean value a year."""
    count = np.arange(1, len(days) + 1, dtype=np.float64)
    years = np.concatenate([[np.nan], (count[1:] - 1.0)]) / sessions_per_year(days)
    paid = {
        name: np.cumsum(series_to_micros(rows[name].fill_null(0)).to_numpy())
        for name in ("commission_usd", "slippage_usd")
    }
    mean_value = np.cumsum(rows["net_asset_value_usd"].cast(pl.Float64).to_numpy()) / count
    drag = (paid["commission_usd"] + paid["slippage_usd"]) / 1e6 / mean_value
    return [
        pl.Series("mean_gross_exposure", np.cumsum(rows["gross_exposure"].to_numpy()) / count),
        nullable("turnover_a_year", np.cumsum(rows["turnover"].to_numpy()) / years),
        *(money_series(name, micros) for name, micros in paid.items()),
        nullable("cost_a_year", drag / years),
    ]
