"""Issued predictions: what they learned, what they state, and that the schema of record takes them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.adjustment import AdjustmentConfig, MaturedHistory
from nextgen_assets.domain.calibration import apply_calibration, fit_calibration
from nextgen_assets.domain.conformal import fit_bounds
from nextgen_assets.domain.prediction import RAW_SCHEMA
from nextgen_assets.domain.prediction_ledger import (
    LEDGER_SCHEMA,
    PredictionConfig,
    calibrated_predictions,
    history_from_ledger,
)
from nextgen_assets.domain.trained_model import registry_frame
from nextgen_assets.domain.windows import LookAheadError
from tests.domain.planted_market import CALENDAR, MOMENT, trained_models

MIGRATIONS = Path(__file__).parents[2] / "sql" / "migrations"
FIRST, N_SESSIONS, HORIZON = date(2006, 1, 3), 120, 5
DAYS = CALENDAR.sessions[CALENDAR.index(FIRST) : CALENDAR.index(FIRST) + N_SESSIONS]
TICKERS = ("AAPL", "IBM", "MSFT")
CONFIG = PredictionConfig(
    horizon_sessions=HORIZON,
    adjustment=AdjustmentConfig(calibration_sessions=40, minimum_predictions=30, minimum_sessions=15),
)
LAST = DAYS[-1]


def raw_rows() -> pl.DataFrame:
    rng = np.random.default_rng(8)
    rows = []
    for day in DAYS:
        for ticker in TICKERS:
            mean = float(rng.normal(0, 0.2))
            ensemble = json.dumps([{"model_id": "m2"}, {"model_id": "m1"}])
            said = float(rng.uniform(0.3, 0.8))
            rows.append(
                (ticker, day, f"w-{ticker}-{day}", "m1", said, mean, 0.04, mean * 0.04, ensemble, None, None)
            )
    return pl.DataFrame(rows, schema=RAW_SCHEMA, orient="row")


def outcome_rows() -> pl.DataFrame:
    rng = np.random.default_rng(9)
    targets = [CALENDAR.shift(day, HORIZON) for day in DAYS for _ in TICKERS]
    return pl.DataFrame(
        {
            "ticker": list(TICKERS) * len(DAYS),
            "session_date": [day for day in DAYS for _ in TICKERS],
            "target_session_date": targets,
            "realised_log_return": rng.normal(0.002, 0.04, len(targets)),
            "price_known_at": pl.Series([CALENDAR.close_at(day) for day in targets], dtype=MOMENT),
        }
    )


def window_rows() -> pl.DataFrame:
    known = [CALENDAR.close_at(day) for day in DAYS for _ in TICKERS]
    keys = outcome_rows().select("ticker", "session_date")
    return keys.with_columns(pl.Series("inputs_known_until", known, dtype=MOMENT))


def issued(
    sessions: tuple[date, ...] = DAYS,
    raw: pl.DataFrame | None = None,
    outcomes: pl.DataFrame | None = None,
    windows: pl.DataFrame | None = None,
    config: PredictionConfig = CONFIG,
) -> pl.DataFrame:
    return calibrated_predictions(
        raw_rows() if raw is None else raw,
        outcome_rows() if outcomes is None else outcomes,
        window_rows() if windows is None else windows,
        sessions,
        CALENDAR,
        config,
    )


def test_a_session_learns_from_exactly_its_matured_trailing_predictions() -> None:
    position = N_SESSIONS - 2  # what is learned at a session takes effect at the next one
    matured = DAYS[position - 40 : position - HORIZON + 1]
    joined = raw_rows().join(outcome_rows(), on=["ticker", "session_date"], maintain_order="left")
    history = joined.filter(pl.col("session_date").is_in(matured))
    realised = history["realised_log_return"].to_numpy()
    calibration = fit_calibration(
        history["raw_probability_up"].to_numpy(),
        (realised > 0).astype(float),
        evidence=np.full(36 * 3, 1 / HORIZON),
    )
    bounds = fit_bounds(realised, history["expected_raw"].to_numpy(), history["volatility"].to_numpy(), 0.9)
    assert bounds is not None
    rows = issued((LAST,))
    raw = raw_rows().filter(pl.col("session_date") == LAST)
    expected = raw["expected_raw"].to_numpy()
    assert (
        rows["probability_up"].to_list()
        == apply_calibration(raw["raw_probability_up"].to_numpy(), calibration).tolist()
    )
    assert rows["lower_log_return"].to_list() == (expected + bounds.lower_quantile * 0.04).tolist()
    assert rows["upper_log_return"].to_list() == (expected + bounds.upper_quantile * 0.04).tolist()
    adjustments = json.loads(rows["adjustments"][0])
    assert adjustments["n"] == 36 * 3
    assert adjustments["n_sessions"] == 36
    assert adjustments["temperature"] == calibration.temperature
    assert (adjustments["first_session"], adjustments["last_session"]) == (
        matured[0].isoformat(),
        matured[-1].isoformat(),
    )


def test_deleting_or_changing_everything_later_changes_nothing() -> None:
    session, ranged = DAYS[70], issued()
    expected = ranged.filter(pl.col("session_date") == session)
    past = outcome_rows().filter(pl.col("target_session_date") < session)
    earlier = raw_rows().filter(pl.col("session_date") <= session)
    assert issued((session,), raw=earlier, outcomes=past).equals(expected)
    wild = outcome_rows().with_columns(
        realised_log_return=pl.when(pl.col("target_session_date") >= session)
        .then(9.9)
        .otherwise("realised_log_return")
    )
    assert issued((session,), outcomes=wild).equals(expected)


def test_the_outcome_that_ends_today_counts_tomorrow() -> None:
    session = DAYS[70]
    today = pl.col("target_session_date") == session
    changed = outcome_rows().with_columns(
        realised_log_return=pl.when(today).then(-0.5).otherwise("realised_log_return")
    )
    before = issued((session, DAYS[71]))
    after = issued((session, DAYS[71]), outcomes=changed)
    assert after.head(3).equals(before.head(3))
    assert after["lower_log_return"][4] < before["lower_log_return"][4]


def test_a_range_gives_the_bytes_of_its_sessions_alone_whatever_the_history_before_it() -> None:
    ranged = issued()
    for session in DAYS[10::22]:
        first = CALENDAR.shift(session, -41)
        window = raw_rows().filter(pl.col("session_date").is_between(first, session))
        assert issued((session,), raw=window).equals(ranged.filter(pl.col("session_date") == session))


def test_a_price_learned_after_the_cutoff_does_not_count_until_it_is_known() -> None:
    session, late_day = DAYS[70], DAYS[60]
    late = CALENDAR.cutoff(session, 30) + timedelta(minutes=1)
    delayed = outcome_rows().with_columns(
        price_known_at=pl.when(pl.col("session_date") == late_day)
        .then(pl.lit(late, MOMENT))
        .otherwise("price_known_at")
    )
    rows = issued((DAYS[71], DAYS[72]), outcomes=delayed)
    counts = [json.loads(text)["n"] for text in rows["adjustments"]]
    assert counts == [35 * 3] * 3 + [36 * 3] * 3


def test_too_short_a_history_abstains_and_keeps_what_later_sessions_learn_from() -> None:
    rows = issued(DAYS[:25])
    early = rows.filter(pl.col("session_date") == DAYS[19])  # 14 matured sessions
    assert early["abstain_reason"].to_list() == ["calibration_history_too_short"] * 3
    assert early["direction"].null_count() == early["probability_up"].null_count() == 3
    assert early["raw_probability_up"].null_count() == early["expected_log_return"].null_count() == 0
    assert json.loads(early["adjustments"][0])["lower_quantile"] is None
    next_day = rows.filter(pl.col("session_date") == DAYS[20])
    assert next_day["abstained"].to_list() == [False] * 3


def test_rows_that_abstained_before_stay_abstained_with_their_own_reason() -> None:
    reasons = ["no_model_live", "window_incomplete", None]
    is_last = pl.col("session_date") == LAST
    known = pl.col("ticker") == "MSFT"
    empty = {
        name: pl.when(is_last & ~known).then(None).otherwise(name)
        for name in ("raw_probability_up", "expected_raw", "standardised_mean")
    }
    cell = pl.when(is_last & (pl.col("ticker") == "AAPL")).then(pl.lit(reasons[0]))
    cell = cell.when(is_last & (pl.col("ticker") == "IBM")).then(pl.lit(reasons[1]))
    rows = issued((LAST,), raw=raw_rows().with_columns(abstain_reason=cell.otherwise(None), **empty))
    assert rows["abstain_reason"].to_list() == reasons
    assert rows["probability_up"].null_count() == 2
    assert rows.row(2) == issued((LAST,)).row(2)


def test_ids_are_hashes_of_what_is_decided() -> None:
    rows = issued()
    assert rows["prediction_id"].n_unique() == rows.height
    assert rows["prediction_id"].str.len_bytes().unique().to_list() == [32]
    assert issued()["prediction_id"].equals(rows["prediction_id"])
    other = PredictionConfig("wider", HORIZON, adjustment=CONFIG.adjustment)
    assert not set(issued(config=other)["prediction_id"]) & set(rows["prediction_id"])
    # an abstention and the prediction that a longer history allows are two rows
    short = AdjustmentConfig(calibration_sessions=40, minimum_predictions=1000, minimum_sessions=15)
    abstained = issued((LAST,), config=PredictionConfig(horizon_sessions=HORIZON, adjustment=short))
    assert not set(abstained["prediction_id"]) & set(rows["prediction_id"])


def test_a_prediction_id_by_hand() -> None:
    import hashlib

    text = f"baseline|AAPL|{LAST}|5|m1,m2|w-AAPL-{LAST}"
    assert issued((LAST,))["prediction_id"][0] == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_direction_follows_the_calibrated_probability_and_bounds_hold_the_expectation() -> None:
    rows = issued().filter(~pl.col("abstained"))
    up = rows["probability_up"] >= 0.5
    assert (rows["direction"] == "up").equals(up)
    assert (rows["lower_log_return"] <= rows["expected_log_return"]).all()
    assert (rows["expected_log_return"] <= rows["upper_log_return"]).all()


def test_knowledge_columns_hold_data_time() -> None:
    row = issued((LAST,)).row(0, named=True)
    assert row["as_of"] == CALENDAR.cutoff(LAST, 30)
    assert row["inputs_known_until"] == CALENDAR.close_at(LAST)
    assert row["target_session_date"] == CALENDAR.shift(LAST, HORIZON)
    without = issued((LAST,), windows=window_rows().head(0)).row(0, named=True)
    assert without["inputs_known_until"] == CALENDAR.close_at(
        DAYS[-2]
    )  # the outcome that ended the session before


def test_a_window_known_after_its_cutoff_is_refused() -> None:
    late = window_rows().with_columns(inputs_known_until=pl.lit(datetime(2030, 1, 1, tzinfo=UTC), MOMENT))
    with pytest.raises(LookAheadError, match=rf"3 rows .* first AAPL {LAST}"):
        issued((LAST,), windows=late)


def test_the_ledger_gives_back_the_history_that_made_it() -> None:
    history = history_from_ledger(issued())
    columns = ["ticker", "session_date", "raw_probability_up", "expected_raw", "volatility", "ensemble"]
    assert history.select(columns).equals(raw_rows().select(columns).sort("session_date", "ticker"))


def test_history_without_known_times_counts_by_target_session() -> None:
    stated = MaturedHistory.build(raw_rows(), outcome_rows(), CALENDAR)
    plain = MaturedHistory.build(raw_rows(), outcome_rows().drop("price_known_at"), CALENDAR)
    left, right = (history.adjustment(LAST, CONFIG.adjustment) for history in (stated, plain))
    assert (left.bounds, left.calibration, left.n) == (right.bounds, right.calibration, right.n)
    assert right.known_until is None


def test_settings_that_can_never_be_met_are_refused() -> None:
    with pytest.raises(ValueError, match="can never hold"):
        AdjustmentConfig(calibration_sessions=10, minimum_sessions=20)
    with pytest.raises(ValueError, match=r"interval_coverage=1\.5"):
        AdjustmentConfig(interval_coverage=1.5)
    with pytest.raises(ValueError, match="scenario_id=''"):
        PredictionConfig(scenario_id="")


def test_the_schema_of_record_takes_predictions_and_models() -> None:
    connection = duckdb.connect()
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        connection.execute(migration.read_text(encoding="utf-8"))
    rows = issued().with_columns(issued_at=pl.col("as_of"), origin=pl.lit("backfill"), run_id=pl.lit("run"))
    models = registry_frame(trained_models()).with_columns(
        artifact_path=pl.lit("aa/bb"),
        artifact_sha256=pl.lit("0" * 64),
        as_of=pl.lit(datetime(2005, 1, 1, tzinfo=UTC)),
        created_at=pl.lit(datetime(2005, 1, 1, tzinfo=UTC)),
        run_id=pl.lit("run"),
    )
    for table, frame in (("predictions", rows), ("model_registry", models)):
        columns = {row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
        assert set(frame.columns) == columns
        connection.register("frame", frame.to_arrow())
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
        connection.unregister("frame")
        counted = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert counted == (frame.height,)
    assert set(LEDGER_SCHEMA) == set(rows.columns) - {"issued_at", "origin", "run_id"}
