"""Information coefficients by year against scipy and numpy, and coverage by scope by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from nextgen_assets.domain.coverage import coverage_table
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.skill import session_correlations, skill_by_year

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2004, 9, 1), date(2005, 4, 29))
TICKERS = [f"T{number:02}" for number in range(20)]


def rows() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    n = len(DAYS) * len(TICKERS)
    signal = rng.standard_normal(n).round(1)  # with ties
    is_late = np.repeat([day.year == 2005 for day in DAYS], len(TICKERS))
    outcome = 0.02 * rng.standard_normal(n) + np.where(is_late, 0.01, -0.01) * signal
    frame = pl.DataFrame(
        {
            "ticker": TICKERS * len(DAYS),
            "session_date": [day for day in DAYS for _ in TICKERS],
            "realised_log_return": outcome,
            "volatility": np.tile(np.linspace(0.01, 0.05, len(TICKERS)), len(DAYS))
            * (1 + 0.1 * rng.random(n)),
            "signal": signal,
            "constant": 0.5,
        }
    )
    return frame.with_columns(is_inside_interval=pl.col("realised_log_return").abs() < 0.03)


def test_each_session_has_the_correlations_of_numpy_and_scipy() -> None:
    found = session_correlations(rows(), "signal")
    assert found["session_date"].to_list() == list(DAYS)
    day = rows().filter(pl.col("session_date") == DAYS[17])
    signal, outcome = day["signal"].to_numpy(), day["realised_log_return"].to_numpy()
    row = found.row(17, named=True)
    assert row["ic"] == pytest.approx(np.corrcoef(signal, outcome)[0, 1])
    assert row["rank_ic"] == pytest.approx(spearmanr(signal, outcome).statistic)


def test_skill_is_told_by_year_and_a_constant_signal_has_none() -> None:
    table = skill_by_year(rows(), ["signal", "constant"], CALENDAR, 10)
    assert table["contender"].unique().to_list() == ["signal"]
    by_year = {row["year"]: row for row in table.iter_rows(named=True)}
    assert by_year["2004"]["rank_ic"] < -0.2 < 0.2 < by_year["2005"]["rank_ic"]
    assert by_year["2004"]["rank_ic_half_width"] < 0.2
    assert by_year["all"]["n_sessions"] == len(DAYS)
    every = session_correlations(rows(), "signal")
    assert by_year["all"]["ic"] == pytest.approx(every["ic"].mean())


def test_sessions_of_two_tickers_or_of_silence_do_not_count() -> None:
    few = rows().filter(pl.col("ticker").is_in(TICKERS[:2]))
    assert skill_by_year(few, ["signal"], CALENDAR, 10).is_empty()
    silent = rows().with_columns(signal=pl.lit(None, pl.Float64))
    assert skill_by_year(silent, ["signal"], CALENDAR, 10).is_empty()


def test_coverage_is_the_share_inside_by_ticker_regime_and_year() -> None:
    table = coverage_table(rows(), CALENDAR, 10)
    by = {(row["scope"], row["name"]): row for row in table.iter_rows(named=True)}
    inside = rows()["is_inside_interval"]
    assert by["all", "all"]["coverage"] == pytest.approx(inside.mean())
    assert by["all", "all"]["lower"] < inside.mean() < by["all", "all"]["upper"]
    one = rows().filter(pl.col("ticker") == "T07")
    assert by["ticker", "T07"]["coverage"] == pytest.approx(one["is_inside_interval"].mean())
    assert {name for scope, name in by if scope == "regime"} == {"calm", "usual", "wild"}
    thirds = [by["regime", name]["n"] for name in ("calm", "usual", "wild")]
    assert max(thirds) - min(thirds) <= len(TICKERS)
    assert {name for scope, name in by if scope == "year"} == {"2004", "2005"}


def test_a_regime_is_told_from_a_tickers_own_volatility() -> None:
    wild = rows().with_columns(
        volatility=pl.when(pl.col("session_date") >= date(2005, 3, 1)).then(9.0).otherwise("volatility"),
        is_inside_interval=pl.col("session_date") < date(2005, 3, 1),
    )
    by = {row["name"]: row for row in coverage_table(wild, CALENDAR, 10).iter_rows(named=True)}
    assert by["calm"]["coverage"] == 1.0 > by["wild"]["coverage"]


def test_no_judged_prediction_gives_no_row() -> None:
    assert coverage_table(rows().head(0), CALENDAR, 10).is_empty()
