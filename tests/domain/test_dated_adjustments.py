"""What is learned is a dated row, takes effect later only, and is exactly what was applied."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.adjustment import MaturedHistory
from nextgen_assets.domain.calibration import Calibration, apply_calibration
from nextgen_assets.domain.conformal import ConformalBounds, ErrorScale, ScaleConfig
from nextgen_assets.domain.dated_adjustments import ADJUSTMENT_SCHEMA, AdjustmentRecord
from nextgen_assets.domain.prediction_ledger import calibrated_predictions
from tests.domain.planted_market import CALENDAR
from tests.domain.test_prediction_ledger import CONFIG, DAYS, TICKERS, outcome_rows, raw_rows, window_rows

SCALED = replace(CONFIG, adjustment=replace(CONFIG.adjustment, scale=ScaleConfig()))


def _issued(sessions, raw=None):
    record = AdjustmentRecord("baseline", CALENDAR, 30)
    given = raw_rows() if raw is None else raw
    frame = calibrated_predictions(
        given, outcome_rows(), window_rows(), sessions, CALENDAR, SCALED, None, record
    )
    return frame, record.frame()


def test_rows_alone_give_the_predictions_that_name_them():
    frame, rows = _issued(DAYS[60:70])
    by_id = {row["adjustment_id"]: row for row in rows.iter_rows(named=True)}
    raw = {row["window_id"]: row for row in raw_rows().iter_rows(named=True)}
    for said in frame.iter_rows(named=True):
        applied = [by_id[key] for key in json.loads(said["adjustments"])["ids"].values()]
        given = {row["kind"]: json.loads(row["parameters"]) for row in applied}
        assert {row["effective_from"] for row in applied} == {said["session_date"]}
        forecast = raw[said["window_id"]]
        found = apply_calibration(
            np.array([forecast["raw_probability_up"]]), Calibration(**given["calibration"])
        )
        assert found.tolist() == [said["probability_up"]]
        widths = given["widths"]["tickers"]
        columns = [np.array(column) for column in zip(*widths.values(), strict=True)]
        scale = ErrorScale(SCALED.adjustment.scale, tuple(widths), *columns)
        size = scale.of([said["ticker"]], np.array([forecast["volatility"]]))
        bounds = ConformalBounds(**given["bounds"], n=0).apply(np.array([forecast["expected_raw"]]), size)
        assert [float(bound[0]) for bound in bounds] == [said["lower_log_return"], said["upper_log_return"]]


def test_each_row_was_learned_at_the_session_before_it_takes_effect_from_what_was_known_there():
    _, rows = _issued(DAYS[60:70])
    assert rows.schema == pl.Schema(ADJUSTMENT_SCHEMA)
    assert rows.height == 3 * 10
    for row in rows.iter_rows(named=True):
        assert row["learned_from"] == CALENDAR.shift(row["effective_from"], -1)
        assert row["inputs_known_until"] <= row["as_of"] == CALENDAR.cutoff(row["learned_from"], 30)
        assert row["last_session"] == CALENDAR.shift(row["learned_from"], -CONFIG.horizon_sessions)


def test_session_alone_writes_the_rows_that_it_writes_in_a_range():
    _, ranged = _issued(DAYS[:80])
    stranger = raw_rows().with_columns(ticker=pl.lit("AA_NEVER_MATURED"), window_id=pl.lit("w")).unique(
        "session_date", keep="first", maintain_order=True
    )  # fmt: skip
    for session in (DAYS[5], DAYS[40], DAYS[79]):
        expected = ranged.filter(pl.col("effective_from") == session)
        assert _issued((session,))[1].equals(expected)
        among_others = pl.concat([raw_rows(), stranger.filter(pl.col("session_date") == session)])
        assert _issued((session,), among_others)[1].equals(expected)
    assert not ranged.filter(pl.col("effective_from") == DAYS[79]).is_empty()


def test_too_little_history_has_no_row_and_names_none():
    frame, rows = _issued(DAYS[:10])
    assert rows.is_empty()
    assert {json.loads(text)["ids"] == {} for text in frame["adjustments"]} == {True}


def test_adjustment_that_would_serve_the_session_it_was_learned_from_is_refused():
    history = MaturedHistory.build(raw_rows(), outcome_rows(), CALENDAR)
    learned = history.adjustment(DAYS[60], CONFIG.adjustment)
    with pytest.raises(ValueError, match="expected a later session"):
        AdjustmentRecord("baseline", CALENDAR, 30).add(DAYS[60], DAYS[60], learned)


def test_widths_name_every_ticker_that_matured_and_reasons_are_in_words():
    _, rows = _issued((DAYS[79],))
    texts = dict(rows.select("kind", "reason").rows())
    widths = json.loads(rows.filter(pl.col("kind") == "widths")["parameters"][0])
    assert set(widths["tickers"]) == set(TICKERS)
    assert "temperature" in texts["calibration"]
    assert texts["widths"].startswith("over 108 matured predictions of 36 sessions the errors of ")
