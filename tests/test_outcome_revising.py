"""Outcomes on a real warehouse: judged once, revised by what is corrected later, read as each session knew them."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.events import row_events
from nextgen_assets.outcome_judging import judge
from nextgen_assets.outcome_revising import revisions
from nextgen_assets.outcome_view import by_knowledge, read_outcomes
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.appending import append_rows
from nextgen_resources.warehouse.warehouse import Warehouse

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2012, 6, 1), date(2012, 7, 13))
SAID, TARGET = DAYS[3], DAYS[6]
WRONG, HOLE = ("AAPL", DAYS[5]), ("IBM", DAYS[6])
"""A bar that is corrected on the ninth session, and one that comes on the eighth."""
CORRECTED, CAME = DAYS[9], DAYS[8]
NOW = CALENDAR.cutoff(DAYS[12], 30)


@pytest.fixture(scope="module")
def settings() -> Settings:
    given = {
        "models.horizon_sessions": 3, "feedback.further_horizons": [1, 5], "feedback.window_sessions": 60,
        "alerts.receivers": {},
    }  # fmt: skip
    return load_settings(environ={}, dotenv_path=Path(os.devnull), overrides=given)


def bars() -> pl.DataFrame:
    rows = []
    for place, day in enumerate(DAYS[:13]):
        for ticker, step in (("AAPL", 1.01), ("IBM", 0.99)):
            close = 100.0 * step**place
            known = CALENDAR.close_at(day) + timedelta(minutes=5)
            if (ticker, day) == HOLE:
                known = CALENDAR.open_at(CAME)
            if (ticker, day) == WRONG:
                known, close = CALENDAR.open_at(CORRECTED), 50.0
            rows.append((ticker, day, close, close, close, close, 1000, "test", known, False, "r"))
    names = ["ticker", "session_date", "open", "high", "low", "close", "volume", "source", "known_at",
             "known_at_is_assumed", "run_id"]  # fmt: skip
    return pl.DataFrame(rows, schema=names, orient="row")


def said(ticker: str, session: date) -> dict[str, Any]:
    return {
        "prediction_id": f"{ticker} {session}", "scenario_id": "baseline", "ticker": ticker, "session_date": session,
        "horizon_sessions": 3, "target_session_date": CALENDAR.shift(session, 3), "model_id": "m", "window_id": "w",
        "direction": "up", "probability_up": 0.6, "raw_probability_up": 0.6, "expected_log_return": 0.0,
        "lower_log_return": -0.05, "upper_log_return": 0.05, "volatility": 0.02, "interval_coverage": 0.9,
        "ensemble": "[]", "adjustments": "{}", "abstained": False, "as_of": CALENDAR.cutoff(session, 30),
        "inputs_known_until": CALENDAR.close_at(session), "issued_at": CALENDAR.cutoff(session, 30), "origin": "live",
        "run_id": "r",
    }  # fmt: skip


@pytest.fixture
def lived(warehouse: Warehouse) -> Warehouse:
    """Two tickers with predictions of eight sessions; no judgement yet."""
    predictions = pl.DataFrame([said(name, day) for day in DAYS[:8] for name in ("AAPL", "IBM")])
    wrong = bars().filter(pl.col("ticker") == WRONG[0], pl.col("session_date") == WRONG[1])
    close = 100.0 * 1.01**5
    first = wrong.with_columns(
        *(pl.lit(close).alias(name) for name in ("open", "high", "low", "close")),
        known_at=pl.lit(CALENDAR.close_at(WRONG[1])),
        superseded_at=wrong["known_at"],
    )
    given = {"market_prices": bars(), "market_price_revisions": first, "predictions": predictions}
    with warehouse.transaction() as connection:
        for table, frame in given.items():
            connection.register("given", frame)
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM given")
            connection.unregister("given")
    return warehouse


def run(warehouse: Warehouse, settings: Settings, sessions: list[date]) -> None:
    """What the asset does at these sessions."""
    found = judge(warehouse, settings, sessions, Stopwatch())
    found["prediction_accuracy_revisions"] = revisions(warehouse, settings, sessions, found)
    stamp = pl.lit(NOW).cast(pl.Datetime("us", "UTC")).alias("validated_at")
    for table, frame in found.items():
        is_stamped = table in ("prediction_accuracy", "abstention_outcomes", "prediction_accuracy_revisions")
        append_rows(warehouse, table, frame.with_columns(stamp) if is_stamped else frame, "r", NOW)


def content(warehouse: Warehouse, table: str) -> pl.DataFrame:
    return warehouse.read(f"SELECT * FROM {table} ORDER BY ALL")


def test_correction_adds_revisions_of_what_it_touched_and_edits_nothing(
    lived: Warehouse, settings: Settings
) -> None:
    run(lived, settings, DAYS[3:9])
    before = content(lived, "prediction_accuracy"), content(lived, "horizon_outcomes")
    run(lived, settings, DAYS[9:13])
    rows = content(lived, "prediction_accuracy_revisions")
    own = rows.filter(pl.col("horizon_sessions") == 3).select("ticker", "session_date", "revised_on", "cause")
    assert set(own.rows()) == {
        *(("AAPL", DAYS[place], CORRECTED, "price") for place in (2, 3, 4, 5)),
        *(("IBM", DAYS[place], CAME, "late") for place in (3, 4)),
    }
    row = rows.filter(pl.col("prediction_id") == f"AAPL {DAYS[2]}", pl.col("horizon_sessions") == 3).row(
        0, named=True
    )
    assert row["first_log_return"] == pytest.approx(3 * 0.00995, abs=1e-5)
    assert row["realised_log_return"] == pytest.approx(-0.713, abs=1e-3)
    assert (row["first_is_correct"], row["is_correct"], row["is_inside_interval"]) == (True, False, False)
    assert row["correction_known_at"] == CALENDAR.open_at(CORRECTED)
    assert rows.filter(pl.col("horizon_sessions") == 1)["brier_score"].null_count() == 4
    for table, kept in zip(("prediction_accuracy", "horizon_outcomes"), before, strict=True):
        assert content(lived, table).join(kept, on=kept.columns, how="semi", nulls_equal=True).height == kept.height  # fmt: skip


@pytest.mark.slow
def test_range_equals_session_by_session_and_again_adds_nothing(lived: Warehouse, settings: Settings) -> None:
    run(lived, settings, DAYS[3:13])
    ranged = content(lived, "prediction_accuracy_revisions")
    run(lived, settings, DAYS[3:13])
    run(lived, settings, [CORRECTED])
    assert content(lived, "prediction_accuracy_revisions").equals(ranged)
    with lived.transaction() as connection:
        for table in ("prediction_accuracy", "horizon_outcomes", "prediction_accuracy_revisions"):
            connection.execute(f"DELETE FROM {table}")
    for day in DAYS[3:13]:
        run(lived, settings, [day])
    assert content(lived, "prediction_accuracy_revisions").equals(ranged)
    assert ranged.height > 10


@pytest.mark.slow
def test_feedback_reads_what_each_session_knew_and_receivers_are_told(
    lived: Warehouse, settings: Settings
) -> None:
    run(lived, settings, DAYS[3:13])
    assert by_knowledge(lived, settings, DAYS[6:12]) == [DAYS[6:8], DAYS[8:9], DAYS[9:12]]
    first, now = (read_outcomes(lived, settings, [day]) for day in (CAME, CORRECTED))
    told = first.join(now, on=["ticker", "session_date"], suffix="_now")
    changed = told.filter(pl.col("realised_log_return") != pl.col("realised_log_return_now"))
    assert set(changed.select("ticker", "session_date").rows()) == {("AAPL", DAYS[k]) for k in (2, 3, 4, 5)}
    earlier = read_outcomes(lived, settings, [DAYS[7]])
    assert ("IBM", DAYS[3]) not in earlier.select("ticker", "session_date").rows()
    assert ("IBM", DAYS[3]) in first.select("ticker", "session_date").rows()
    messages = [found for found in row_events(lived, settings, NOW) if found.kind == "outcome_revised"]
    assert [found.data["session_date"] for found in messages] == [str(CAME), str(CORRECTED)]
    assert [found.data["count"] for found in messages] == [2, 4]
    assert messages[1].data["rows"][0]["first_is_correct"] is True
