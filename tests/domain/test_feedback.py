"""Feedback finds skill and faults that are there, few that are not, and never looks ahead."""

import dataclasses
import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.feedback import feedback_metrics, recent_calibration
from nextgen_assets.domain.scope_scores import FEEDBACK_SCHEMA, FeedbackSettings, ends_of
from nextgen_assets.domain.sessions import xnys
from tests.domain.ledger_simulation import simulated_ledger

SETTINGS = FeedbackSettings(
    window_sessions=120, minimum_sessions=40, climatology_sessions=100, ticker_cadence="session"
)


def _feedback(joined, sessions, settings=SETTINGS):
    return feedback_metrics(joined, sessions, xnys(), 30, settings)


def _targets(joined):
    return joined["target_session_date"].unique().sort().to_list()


def _status(frame, metric, scope="overall"):
    return frame.filter((pl.col("metric") == metric) & (pl.col("scope") == scope))["status"].item()


def test_range_equals_session_by_session_to_the_byte(matured_ledger):
    joined = matured_ledger(n_sessions=200)
    sessions = _targets(joined)[100:160:7]
    whole = _feedback(joined, sessions)
    alone = pl.concat([_feedback(joined, [session]) for session in sessions])
    of_tickers = whole.filter(pl.col("scope").str.starts_with("ticker:"))
    assert of_tickers.height == len(sessions) * 3 * 8
    assert whole.filter(scope="overall").height == len(sessions) * 9
    assert whole.equals(alone.sort("session_date", "scope", "metric"))


def test_deleting_the_future_changes_nothing(matured_ledger):
    joined = matured_ledger(n_sessions=200)
    session = _targets(joined)[140]
    past = joined.filter(pl.col("target_session_date") <= session)
    assert _feedback(joined, [session]).equals(_feedback(past, [session]))


def test_history_beyond_what_is_declared_changes_nothing(matured_ledger):
    joined = matured_ledger(n_sessions=400)
    session = _targets(joined)[-1]
    oldest = xnys().shift(session, -SETTINGS.history_sessions(5))
    enough = joined.filter(pl.col("target_session_date") > oldest)
    assert enough.height < joined.height
    assert _feedback(joined, [session]).equals(_feedback(enough, [session]))


def test_values_are_those_of_the_window_alone(matured_ledger):
    joined = matured_ledger(n_sessions=200)
    session = _targets(joined)[170]
    window = joined.filter(
        (pl.col("target_session_date") <= session)
        & (pl.col("target_session_date") > xnys().shift(session, -SETTINGS.window_sessions))
    )
    rows = {row["metric"]: row for row in _feedback(joined, [session]).filter(scope="overall").to_dicts()}
    assert rows["hit_rate"]["value"] == pytest.approx(window["is_correct"].mean())
    assert rows["brier_score"]["value"] == pytest.approx(window["brier_score"].mean())
    assert rows["hit_rate"]["baseline_value"] == pytest.approx((window["realised_log_return"] > 0).mean())
    assert rows["hit_rate"]["n"] == window.height == 360
    assert rows["hit_rate"]["n_sessions"] == 120
    details = json.loads(rows["brier_score"]["details"])
    assert {"reliability", "resolution", "uncertainty", "difference_lower"} <= details.keys()


def test_skill_is_found_better_and_ordered(matured_ledger):
    joined = matured_ledger(n_sessions=200, share_true=0.6)
    frame = _feedback(joined, _targets(joined)[-1:])
    assert [
        _status(frame, metric)
        for metric in ("brier_score", "log_loss", "hit_rate", "information_coefficient")
    ] == ["better"] * 4
    assert (
        frame.select((pl.col("lower") <= pl.col("value")) & (pl.col("value") <= pl.col("upper")))
        .to_series()
        .all()
    )


def test_overconfident_ticker_is_worse_and_the_others_are_not(matured_ledger):
    def loud_first(rng, ticker, realised):
        return np.where(
            ticker == 0, rng.choice([0.1, 0.9], realised.size), 0.5 + 0.01 * rng.normal(size=realised.size)
        )

    joined = matured_ledger(n_sessions=200, probability=loud_first)
    frame = _feedback(joined, _targets(joined)[-1:])
    assert _status(frame, "brier_score", "ticker:AAPL") == "worse"
    assert _status(frame, "brier_score", "ticker:MSFT") != "worse"


@pytest.mark.parametrize(("reach", "side"), [(0.6, -1), (5.0, 1)])
def test_coverage_off_its_promise_is_worse_on_either_side(matured_ledger, reach, side):
    joined = matured_ledger(n_sessions=200, reach=reach)
    row = (
        _feedback(joined, _targets(joined)[-1:]).filter(scope="overall", metric="coverage").row(0, named=True)
    )
    assert row["status"] == "worse"
    assert (row["value"] - row["baseline_value"]) * side > 0


@pytest.mark.slow
def test_knowing_nothing_is_seldom_called_better(matured_ledger):
    calls = []
    for seed in range(60):
        joined = matured_ledger(n_sessions=130, seed=seed)
        calls.append(_status(_feedback(joined, _targets(joined)[-1:]), "information_coefficient"))
    # 5 percent two-sided are expected; 12 of 60 or more would be a one-in-ten-thousand accident
    assert sum(call != "indistinct" for call in calls) < 12


def test_too_young_a_ledger_says_nothing_but_keeps_its_columns(matured_ledger):
    joined = matured_ledger(n_sessions=39)
    frame = _feedback(joined, _targets(joined)[-1:])
    assert frame.height == 0
    assert frame.columns == [*FEEDBACK_SCHEMA, "as_of"]
    assert _feedback(joined.clear(), _targets(joined)[-1:]).height == 0


def test_window_not_filled_by_blocks_is_refused():
    with pytest.raises(ValueError, match="window_sessions 250 is not a multiple of block_sessions 7"):
        FeedbackSettings(block_sessions=7)


def test_recent_calibration_compares_on_the_trailing_window_only(matured_ledger):
    joined = matured_ledger(n_sessions=100, probability=lambda rng, _, r: np.full(r.size, 0.9))
    session = _targets(joined)[80]
    row = recent_calibration(joined, [session], xnys(), window_sessions=30).row(0, named=True)
    window = joined.filter(
        (pl.col("target_session_date") <= session)
        & (pl.col("target_session_date") > xnys().shift(session, -30))
    )
    assert (row["n"], row["n_sessions"]) == (90, 30)
    assert row["brier_score"] == pytest.approx(window["brier_score"].mean())
    assert row["brier_excess"] == pytest.approx(row["brier_score"] - row["base_rate_brier_score"])
    assert row["brier_excess"] > 0


def test_recent_calibration_of_a_range_equals_each_session_alone(matured_ledger):
    joined = matured_ledger(n_sessions=100)
    sessions = _targets(joined)
    whole = recent_calibration(joined, sessions, xnys())
    alone = pl.concat([recent_calibration(joined, [session], xnys()) for session in sessions])
    assert whole.equals(alone)
    assert whole.height == 99
    assert recent_calibration(joined.clear(), sessions, xnys()).height == 0


def test_slices_are_scored_at_month_ends_from_their_own_rows():
    ledger = simulated_ledger(4, 200)
    month_end = ledger.month_ends[-1]
    frame = _feedback(ledger.joined, [xnys().shift(month_end, -1), month_end])
    sliced = frame.filter(~pl.col("scope").str.contains("^(overall|ticker:)"))
    assert set(sliced["session_date"]) == {month_end}
    assert {scope.split(":")[0] for scope in sliced["scope"]} == {"sector", "regime", "confidence"}
    health = ledger.joined.filter(
        (pl.col("sector") == "Health")
        & (pl.col("target_session_date") <= month_end)
        & (pl.col("target_session_date") > xnys().shift(month_end, -SETTINGS.window_sessions))
    )
    row = sliced.filter(scope="sector:Health", metric="brier_score").row(0, named=True)
    assert row["value"] == pytest.approx(health["brier_score"].mean())
    assert row["n"] == health.height
    alone = _feedback(ledger.joined.filter(pl.col("target_session_date") <= month_end), [month_end])
    assert alone.equals(frame.filter(session_date=month_end))


def test_tickers_are_scored_at_their_cadence_and_as_on_every_session(matured_ledger):
    joined = matured_ledger(n_sessions=160)
    sessions = _targets(joined)[90:130]
    every = _feedback(joined, sessions)
    weekly = _feedback(joined, sessions, dataclasses.replace(SETTINGS, ticker_cadence="week"))
    fridays = ends_of(sessions, xnys(), "week")
    assert len(fridays) == 9
    assert date(2004, 6, 10) in fridays  # that Friday was a day of mourning
    assert all(xnys().shift(day, 1).isocalendar().week != day.isocalendar().week for day in fridays)
    is_ticker = pl.col("scope").str.starts_with("ticker:")
    assert weekly.equals(every.filter(~is_ticker | pl.col("session_date").is_in(fridays)))
    with pytest.raises(ValueError, match="ticker_cadence 'hour' is not one of session, week, month"):
        FeedbackSettings(ticker_cadence="hour")
