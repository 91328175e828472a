"""A planted weakness is found; where there is none, little is claimed."""

import json

import numpy as np
import polars as pl

from nextgen_assets.domain.curiosity import INSIGHT_SCHEMA, CuriositySettings, find_insights
from nextgen_assets.domain.sessions import xnys

SETTINGS = CuriositySettings(climatology_sessions=100)


def _find(joined, sessions):
    return find_insights(joined, sessions, xnys(), 30, SETTINGS)


def _targets(joined):
    return joined["target_session_date"].unique().sort().to_list()


def _loud_first_ticker(rng, ticker, realised):
    loud = rng.choice([0.1, 0.9], realised.size)
    return np.where(ticker == 0, loud, 0.5 + 0.01 * rng.normal(size=realised.size))


def test_planted_weak_ticker_is_found_with_its_evidence(matured_ledger):
    joined = matured_ledger(n_sessions=300, probability=_loud_first_ticker)
    found = _find(joined, _targets(joined)[-40:])
    row = found.filter(scope="ticker:AAPL").row(-1, named=True)
    assert row["effect"] > 0.1
    assert row["q_value"] <= 0.1
    assert row["q_value"] >= row["p_value"]
    assert "AAPL" in row["hypothesis"]
    evidence = json.loads(row["evidence"])
    difference = evidence["excess_log_loss_slice"] - evidence["excess_log_loss_rest"]
    assert abs(difference - row["effect"]) < 1e-12
    assert evidence["slices_tested"] >= 10
    assert not found["scope"].is_in(["ticker:IBM", "ticker:MSFT"]).any()


def test_weakness_with_news_is_found_only_where_news_is_known(matured_ledger):
    joined = matured_ledger(n_sessions=300)
    has_news = (pl.int_range(pl.len()) // 3) % 4 == 0
    hurt = joined.with_columns(has_news=has_news).with_columns(
        log_loss=pl.col("log_loss") + pl.when("has_news").then(0.3).otherwise(0.0)
    )
    sessions = _targets(joined)[-40:]
    assert "news:with" in _find(hurt, sessions)["scope"].to_list()
    assert not _find(hurt.drop("has_news"), sessions)["scope"].str.starts_with("news").any()


def test_only_month_ends_are_looked_at(matured_ledger):
    joined = matured_ledger(n_sessions=300, probability=_loud_first_ticker)
    days = _find(joined, _targets(joined))["session_date"].unique().to_list()
    assert days
    assert all(xnys().shift(day, 1).month != day.month for day in days)


def test_null_ledgers_give_few_findings(matured_ledger):
    with_findings = 0
    for seed in range(50):
        joined = matured_ledger(n_sessions=250, seed=seed)
        last_month_end = next(
            day for day in reversed(_targets(joined)) if xnys().shift(day, 1).month != day.month
        )
        with_findings += _find(joined, [last_month_end]).height > 0
    # the false discovery rate of 0.1 allows about 5 of 50 ledgers; 14 would be one in ten thousand
    assert with_findings < 14


def test_range_equals_session_by_session_and_future_changes_nothing(matured_ledger):
    joined = matured_ledger(n_sessions=300, probability=_loud_first_ticker)
    sessions = _targets(joined)[120:]
    whole = _find(joined, sessions)
    alone = pl.concat(
        _find(joined.filter(pl.col("target_session_date") <= session), [session]) for session in sessions
    )
    assert whole.height > 3
    assert whole.equals(alone)
    assert whole["insight_id"].n_unique() == whole.height


def test_no_matured_prediction_gives_no_row_but_all_columns(matured_ledger):
    joined = matured_ledger(n_sessions=10)
    assert _find(joined.clear(), _targets(joined)).columns == [*INSIGHT_SCHEMA, "as_of"]
    assert _find(joined, _targets(joined)).height == 0
