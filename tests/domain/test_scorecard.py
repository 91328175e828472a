"""Sums give the scores that their definitions give."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain import metrics, scorecard
from nextgen_assets.domain.base_rates import with_base_rate
from nextgen_assets.domain.sessions import xnys


def _value(values, metric):
    return values[0, scorecard.METRICS.index(metric)]


def test_every_metric_agrees_with_its_plain_definition(matured_ledger):
    rows = with_base_rate(matured_ledger(n_sessions=80), xnys(), 1000)
    values, baselines = scorecard.scores(scorecard.row_sums(rows).sum(axis=0, keepdims=True))
    p, y = rows["probability_up"].to_numpy(), (rows["realised_log_return"] > 0).to_numpy().astype(float)
    outcome = rows["realised_log_return"].to_numpy() / rows["volatility"].to_numpy()
    error = 0.0
    for low in np.arange(0, 10):
        inside = np.floor(p * 10) == low
        error += abs((p[inside] - y[inside]).sum()) / p.size
    assert _value(values, "hit_rate") == pytest.approx(np.mean((p >= 0.5) == (y == 1)))
    assert _value(values, "brier_score") == pytest.approx(np.mean((p - y) ** 2))
    assert _value(values, "log_loss") == pytest.approx(np.mean(-np.log(np.where(y == 1, p, 1 - p))))
    assert _value(values, "calibration_error") == pytest.approx(error)
    assert _value(values, "information_coefficient") == pytest.approx(np.corrcoef(p, outcome)[0, 1])
    assert _value(baselines, "hit_rate") == pytest.approx(y.mean())
    assert _value(baselines, "coverage") == pytest.approx(0.9)
    assert _value(values, "sharpness") == pytest.approx(2 * 1.645 * 0.035)
    assert _value(baselines, "sharpness") == pytest.approx(2 * 1.6448536 * 0.035)
    days = rows["session_date"].rank("dense").cast(pl.Int64).to_numpy()
    assert _value(values, "rank_information_coefficient") == pytest.approx(
        metrics.information_coefficient(p, outcome, days)
    )


def test_rank_correlation_of_fewer_than_three_tickers_is_undefined(matured_ledger):
    rows = with_base_rate(matured_ledger(n_sessions=20, tickers=("AAPL", "IBM")), xnys(), 1000)
    values, _ = scorecard.scores(scorecard.row_sums(rows).sum(axis=0, keepdims=True))
    assert np.isnan(_value(values, "rank_information_coefficient"))


def test_interval_score_is_width_plus_twenty_times_the_miss(matured_ledger):
    row = matured_ledger(n_sessions=1, tickers=("AAPL",)).with_columns(
        lower_log_return=-0.02, upper_log_return=0.03, realised_log_return=0.05
    )
    rows = with_base_rate(row, xnys(), 1000)
    values, _ = scorecard.scores(scorecard.row_sums(rows))
    assert _value(values, "interval_score") == pytest.approx(0.05 + 2 / 0.1 * 0.02)


def test_murphy_pieces_add_up_when_bins_hold_one_probability(matured_ledger):
    ledger = matured_ledger(
        n_sessions=80, probability=lambda rng, _, r: rng.choice([0.35, 0.55, 0.75], r.size)
    )
    sums = scorecard.row_sums(with_base_rate(ledger, xnys(), 1000)).sum(axis=0)
    pieces = scorecard.murphy_pieces(sums)
    total = pieces["reliability"] - pieces["resolution"] + pieces["uncertainty"]
    assert total == pytest.approx(ledger["brier_score"].mean())


def test_base_rate_counts_only_outcomes_matured_by_the_session_of_the_prediction(matured_ledger):
    rows = with_base_rate(matured_ledger(n_sessions=60), xnys(), 20)
    for row in rows.sample(25, seed=5).iter_rows(named=True):
        oldest = xnys().shift(row["session_date"], -20)
        past = rows.filter(
            (pl.col("target_session_date") <= row["session_date"]) & (pl.col("target_session_date") > oldest)
        )
        ups = (past["realised_log_return"] > 0).sum()
        assert row["base_rate"] == (ups + 1) / (past.height + 2)


def test_base_rate_before_any_outcome_is_one_half(matured_ledger):
    rows = with_base_rate(matured_ledger(n_sessions=3), xnys(), 1000)
    assert rows["base_rate"].to_list() == [0.5] * 9


def test_two_predictions_of_one_ticker_and_session_are_refused(matured_ledger):
    ledger = matured_ledger(n_sessions=3)
    with pytest.raises(
        ValueError, match=r"share a ticker and session, first AAPL 2004-01-05.*predictions_latest"
    ):
        with_base_rate(pl.concat([ledger, ledger.head(1)]), xnys(), 1000)


def test_missing_columns_are_named(matured_ledger):
    with pytest.raises(ValueError, match="lack the columns volatility; join"):
        with_base_rate(matured_ledger(n_sessions=3).drop("volatility"), xnys(), 1000)


def test_constant_probabilities_have_no_correlation(matured_ledger):
    ledger = matured_ledger(n_sessions=30, probability=lambda rng, _, r: np.full(r.size, 0.6))
    sums = scorecard.row_sums(with_base_rate(ledger, xnys(), 1000)).sum(axis=0, keepdims=True)
    assert np.isnan(_value(scorecard.scores(sums)[0], "information_coefficient"))
    assert ledger["session_date"].min() == date(2004, 1, 5)
