"""The record by hand, beside quantstats on the same returns, and the same however far a pass reaches."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.trading.tear_sheet import tear_sheet_rows
from nextgen_assets.domain.trading.track_record import (
    TrackRecordError,
    deflated_sharpe,
    measure,
    rolling_sharpe,
    sessions_per_year,
)

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2004, 1, 2), date(2009, 12, 31))
RETURNS = np.random.default_rng(3).standard_t(4, len(DAYS) - 1) * 0.008 + 0.0004
VALUES = 100_000 * np.concatenate([[1.0], np.cumprod(1.0 + RETURNS)])


def values_frame(days: list[date], values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session_date": days,
            "net_asset_value_usd": pl.Series(values).round(6).cast(pl.Decimal(20, 6)),
            "benchmark_value_usd": values[::-1],
            "gross_exposure": np.linspace(0.0, 1.0, len(days)),
            "turnover": np.full(len(days), 0.02),
        }
    )


COSTS = pl.DataFrame(
    {
        "session_date": DAYS[10:20],
        "commission_usd": [Decimal("1.25")] * 10,
        "slippage_usd": [Decimal("0.500001")] * 10,
    },
    schema_overrides={"commission_usd": pl.Decimal(20, 6), "slippage_usd": pl.Decimal(20, 6)},
)
TRIALS = pl.DataFrame({"cutoff_session": [DAYS[100], DAYS[900]], "trials": [3, 40]})


def rows_up_to(stop: int, sessions: list[date]) -> pl.DataFrame:
    last = DAYS[stop - 1]
    known = pl.col("session_date") <= last
    tried = TRIALS.filter(pl.col("cutoff_session") <= last)
    values = values_frame(DAYS, VALUES).filter(known)
    return tear_sheet_rows(values, COSTS.filter(known), tried, sessions, "baseline", CALENDAR, 30)


@pytest.mark.slow
def test_figures_are_those_of_quantstats_at_the_record_s_own_sessions_a_year() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the oracle's own imports
        from quantstats import stats
    import pandas as pd

    series = pd.Series(RETURNS, index=pd.DatetimeIndex(DAYS[1:]))
    record, a_year = measure(VALUES, DAYS), float(sessions_per_year(DAYS)[-1])
    assert 251.0 < a_year < 252.5
    expected = {
        "cagr": stats.cagr(series, periods=a_year),
        "volatility": stats.volatility(series, periods=a_year),
        "sharpe": stats.sharpe(series, periods=a_year),
        "sortino": stats.sortino(series, periods=a_year),
        "max_drawdown": -stats.max_drawdown(pd.Series(VALUES, index=pd.DatetimeIndex(DAYS))),
    }
    found = {name: float(getattr(record, name)[-1]) for name in expected}
    assert found == pytest.approx(expected, rel=1e-9)
    chance = deflated_sharpe(record, DAYS, np.ones(len(DAYS), dtype=np.int64))[-1]
    assert chance == pytest.approx(stats.probabilistic_sharpe_ratio(series), abs=2e-4)


def test_a_weekly_record_is_annualised_by_its_own_52_values_a_year() -> None:
    days = [date(2004, 1, 2) + timedelta(weeks=week) for week in range(157)]
    assert sessions_per_year(days)[-1] == pytest.approx(365.25 / 7)
    growth = 1.10 ** (7 / 365.25)
    assert measure(100.0 * growth ** np.arange(157), days).cagr[-1] == pytest.approx(0.10)


def test_nothing_is_stated_per_year_before_a_quarter() -> None:
    record = measure(VALUES[:64], DAYS[:64])
    for name in ("cagr", "volatility", "sharpe", "sortino"):
        figures = getattr(record, name)
        assert np.isnan(figures[:63]).all(), name
        assert np.isfinite(figures[63]), name
    assert record.total_return[5] == pytest.approx(VALUES[5] / VALUES[0] - 1)


def test_moments_by_hand() -> None:
    values = np.array([100.0, 110.0, 99.0, 118.8])
    returns = np.array([0.1, -0.1, 0.2])
    record = measure(values, DAYS[:4])
    centred = returns - returns.mean()
    deviation = np.sqrt((centred**2).mean())
    assert record.skewness[-1] == pytest.approx((centred**3).mean() / deviation**3)
    assert record.kurtosis[-1] == pytest.approx((centred**4).mean() / deviation**4)
    assert record.max_drawdown.tolist() == pytest.approx([0.0, 0.0, 0.1, 0.1])


def test_more_tries_make_the_same_ratio_less_convincing() -> None:
    record = measure(VALUES, DAYS)
    chances = [deflated_sharpe(record, DAYS, np.full(len(DAYS), n))[-1] for n in (1, 10, 1000)]
    assert chances[0] > chances[1] > chances[2]
    # Bailey and López de Prado: ten tries are expected to show 1.57 standard errors at best
    per_session = record.sharpe[-1] / np.sqrt(sessions_per_year(DAYS)[-1])
    error = record.sharpe_error[-1] / np.sqrt(sessions_per_year(DAYS)[-1])
    from scipy.stats import norm

    hurdle = (1 - np.euler_gamma) * norm.ppf(0.9) + np.euler_gamma * norm.ppf(1 - 1 / (10 * np.e))
    assert hurdle == pytest.approx(1.5746, abs=1e-3)
    expected = norm.cdf((per_session - hurdle / np.sqrt(len(RETURNS))) / error)
    assert chances[1] == pytest.approx(expected, rel=1e-9)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    rng, true, held = np.random.default_rng(8), 0.05, 0
    days = DAYS[:505]
    for _ in range(400):
        values = np.concatenate([[1.0], np.cumprod(1.0 + rng.normal(true * 0.01, 0.01, 504))])
        record = measure(values, days)
        scale = np.sqrt(sessions_per_year(days)[-1])
        error = 1.96 * record.sharpe_error[-1]
        held += abs(record.sharpe[-1] - true * scale) <= error
    assert 0.92 <= held / 400 <= 0.98


def test_the_rolling_ratio_is_that_of_its_window_alone() -> None:
    ratio, error = rolling_sharpe(VALUES, DAYS)
    assert np.isnan(ratio[:252]).all()
    for at in (252, 700, len(DAYS) - 1):
        alone = measure(VALUES[at - 252 : at + 1], DAYS[at - 252 : at + 1])
        assert ratio[at] == pytest.approx(alone.sharpe[-1], rel=1e-8)
        assert error[at] == pytest.approx(alone.sharpe_error[-1], rel=1e-6)


def test_a_record_that_never_moved_has_no_ratio() -> None:
    record = measure(np.full(100, 5.0), DAYS[:100])
    assert np.isnan(record.sharpe).all()
    assert record.total_return[-1] == 0.0


@pytest.mark.parametrize("values", [[], [1.0, 0.0], [1.0, np.nan]])
def test_values_that_cannot_be_measured_are_refused(values: list[float]) -> None:
    with pytest.raises(TrackRecordError, match="expected one or more, all positive"):
        measure(np.array(values), DAYS[: len(values)])


def test_a_session_says_the_same_alone_as_in_a_pass_over_all() -> None:
    whole = rows_up_to(len(DAYS), DAYS)
    for at in (0, 63, 300, 1000):
        alone = rows_up_to(at + 1, [DAYS[at]])
        assert alone.equals(whole.filter(pl.col("session_date") == DAYS[at]))


def test_costs_and_trials_are_those_of_the_day() -> None:
    rows = rows_up_to(len(DAYS), DAYS)
    assert rows["commission_usd"][[9, 10, 19, 500]].to_list() == [
        Decimal(0),
        Decimal("1.25"),
        *[Decimal("12.5")] * 2,
    ]
    assert rows["slippage_usd"][-1] == Decimal("5.00001")
    assert rows["trials"][[99, 100, 899, 900]].to_list() == [1, 3, 3, 40]
    years = (len(DAYS) - 1) / sessions_per_year(DAYS)[-1]
    assert rows["turnover_a_year"][-1] == pytest.approx(0.02 * len(DAYS) / years)


def test_a_session_that_was_not_valued_is_named() -> None:
    with pytest.raises(TrackRecordError, match=f"first: {DAYS[70]}"):
        rows_up_to(70, [DAYS[69], DAYS[70]])
