"""Abstentions are counted by reason and judged by the outcome that came, and members by what they had said."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.feedback import feedback_metrics
from nextgen_assets.domain.scope_scores import FeedbackSettings
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.silence import Silence, judge_abstentions

SETTINGS = FeedbackSettings(window_sessions=120, minimum_sessions=40, climatology_sessions=100)
_JUDGED = (
    "ticker", "session_date", "target_session_date", "probability_up", "volatility", "realised_log_return",
    "is_correct", "brier_score", "log_loss",
)  # fmt: skip


def _month_end(joined):
    days = joined["target_session_date"].unique().sort().to_list()
    return [day for day in days if xnys().shift(day, 1).month != day.month][-1]


def _silence(joined, ticker, since):
    """A ticker that falls silent at ``since``, out of distribution; the others speak."""
    silent = (pl.col("ticker") == ticker) & (pl.col("session_date") >= since)
    counts = (
        joined.with_columns(abstain_reason=pl.when(silent).then(pl.lit("out_of_distribution")))
        .group_by("session_date", "abstain_reason")
        .agg(n=pl.len().cast(pl.Int32))
        .sort("session_date", "abstain_reason")
    )
    judged = joined.filter(silent).select(*_JUDGED, abstain_reason=pl.lit("out_of_distribution"))
    return joined.filter(~silent), Silence(counts, judged)


@pytest.fixture(scope="module")
def fallen_silent(matured_ledger):
    joined = matured_ledger(n_sessions=330)
    session = _month_end(joined)
    since = xnys().shift(session, -90)
    return joined, session, since, *_silence(joined, "IBM", since)


def test_abstentions_are_a_share_with_interval_beside_the_window_before(fallen_silent):
    _, session, _, spoken, silence = fallen_silent
    frame = feedback_metrics(spoken, [session], xnys(), 30, SETTINGS, silence=silence)
    row = frame.filter(scope="abstention:out_of_distribution", metric="abstained_share").row(0, named=True)
    window = silence.counts.filter(pl.col("session_date").is_between(xnys().shift(session, -119), session))
    silent = window.filter(abstain_reason="out_of_distribution")["n"].sum()
    assert row["value"] == pytest.approx(silent / window["n"].sum())
    assert row["n"] == window["n"].sum()
    assert row["baseline_value"] == 0.0
    assert row["lower"] < row["value"] < row["upper"]
    assert row["status"] == "worse"
    assert json.loads(row["details"])["baseline"] == "share in the window before"
    everyone = frame.filter(scope="abstention:any", metric="abstained_share").row(0, named=True)
    assert everyone["value"] == row["value"]


def test_silence_would_have_scored_what_its_raw_probability_scores(fallen_silent):
    _, session, _, spoken, silence = fallen_silent
    frame = feedback_metrics(spoken, [session], xnys(), 30, SETTINGS, silence=silence)
    rows = {
        row["metric"]: row
        for row in frame.filter(scope="abstention:out_of_distribution").iter_rows(named=True)
    }
    judged = silence.judged.filter(pl.col("target_session_date") <= session)
    assert rows["brier_score"]["value"] == pytest.approx(judged["brier_score"].mean())
    assert rows["hit_rate"]["value"] == pytest.approx(judged["is_correct"].mean())
    assert rows["brier_score"]["n"] == judged.height
    assert not {"coverage", "sharpness", "interval_score"} & rows.keys()


def test_month_ends_alone_give_the_rows_of_a_range(fallen_silent):
    joined, session, _, spoken, silence = fallen_silent
    before = max(
        day
        for day in xnys().between(xnys().shift(session, -30), xnys().shift(session, -1))
        if xnys().shift(day, 1).month != day.month
    )
    members = joined.select("ticker", "session_date", family=pl.lit("lstm"), probability_up="probability_up")
    range_of = feedback_metrics(
        spoken, [before, session], xnys(), 30, SETTINGS, members=members, silence=silence
    )
    alone = [
        feedback_metrics(spoken, [day], xnys(), 30, SETTINGS, members=members, silence=silence)
        for day in (before, session)
    ]
    assert range_of.equals(pl.concat(alone))
    assert range_of.filter(pl.col("scope").str.starts_with("abstention:")).height > 8


def test_each_member_is_scored_by_what_it_said_itself(matured_ledger):
    joined = matured_ledger(n_sessions=200)
    session = _month_end(joined)
    knows = np.where(joined["realised_log_return"] > 0, 0.8, 0.2)
    keys = joined.select("ticker", "session_date")
    members = pl.concat(
        [
            keys.with_columns(family=pl.lit("knows"), probability_up=pl.Series(knows)),
            keys.with_columns(family=pl.lit("even"), probability_up=pl.lit(0.5)),
        ]
    )
    frame = feedback_metrics(joined, [session], xnys(), 30, SETTINGS, members=members)
    brier = {
        row["scope"]: row
        for row in frame.filter(metric="brier_score").iter_rows(named=True)
        if row["scope"].startswith("model:")
    }
    assert brier["model:knows"]["value"] == pytest.approx(0.04)
    assert brier["model:knows"]["status"] == "better"
    assert brier["model:even"]["value"] == pytest.approx(0.25)
    assert brier["model:knows"]["n"] == frame.filter(scope="overall", metric="brier_score")["n"].item()


def test_abstention_with_a_probability_is_judged_by_prices_of_its_target_only():
    session, target = date(2012, 6, 1), date(2012, 6, 8)
    said = {
        "prediction_id": ["a", "b", "c"], "scenario_id": "baseline", "ticker": ["AAPL", "IBM", "MSFT"],
        "session_date": session, "target_session_date": target, "abstained": [True, True, False],
        "abstain_reason": ["out_of_distribution", "window_incomplete", None],
        "raw_probability_up": [0.7, None, 0.6], "volatility": 0.02, "as_of": xnys().cutoff(session, 30),
    }  # fmt: skip
    came = {
        "ticker": ["AAPL", "IBM", "MSFT"], "session_date": session, "target_session_date": target,
        "realised_log_return": 0.01, "price_known_at": xnys().close_at(target),
    }  # fmt: skip
    frame = judge_abstentions(pl.DataFrame(said), pl.DataFrame(came), [target], xnys(), 30)
    assert frame.select("prediction_id", "is_correct").rows() == [("a", True)]
    assert frame["brier_score"].item() == pytest.approx(0.09)
    assert frame["as_of"].item() == xnys().cutoff(target, 30)
    late = pl.DataFrame(came | {"price_known_at": xnys().close_at(xnys().shift(target, 1))})
    assert judge_abstentions(pl.DataFrame(said), late, [target], xnys(), 30).is_empty()


def test_reason_that_appears_later_in_a_range_has_no_row_before(fallen_silent):
    _, session, since, spoken, silence = fallen_silent
    earlier = xnys().shift(since, -25)
    early = max(day for day in spoken["target_session_date"].unique() if day < earlier)
    while xnys().shift(early, 1).month == early.month:
        early = xnys().shift(early, -1)
    both = feedback_metrics(spoken, [early, session], xnys(), 30, SETTINGS, silence=silence)
    of_reasons = both.filter(pl.col("scope").str.starts_with("abstention:"))
    assert set(of_reasons["session_date"]) == {session}
