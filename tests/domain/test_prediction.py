"""Raw predictions: the ensemble, its abstentions, and the same bytes alone and in a range."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.adjustment import AdjustmentConfig
from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.live_models import LiveModel, live_model, live_models_by_session
from nextgen_assets.domain.prediction import RAW_SCHEMA, issue_predictions, raw_predictions
from nextgen_assets.domain.prediction_ledger import PredictionConfig, history_from_ledger
from tests.domain.planted_market import (
    CALENDAR,
    HORIZON,
    SESSIONS,
    TICKERS,
    Market,
    deployments,
    planted_market,
    trained_models,
)

PREDICTED = [day for day in SESSIONS if date(2004, 7, 20) <= day <= date(2005, 3, 31)]
CONFIG = PredictionConfig(
    horizon_sessions=HORIZON,
    adjustment=AdjustmentConfig(calibration_sessions=60, minimum_predictions=30, minimum_sessions=12),
)


def live(sessions: list[date]) -> dict[date, tuple[LiveModel, ...]]:
    trained = {model.model_id: model for model in trained_models()}
    return live_models_by_session(
        deployments(trained_models()),
        sessions,
        lambda model_id: live_model(trained[model_id].arrays, trained[model_id].manifest()),
    )


def raw_of(market: Market, sessions: list[date], config: EnsembleConfig | None = None) -> pl.DataFrame:
    universe = market.universe.filter(pl.col("session_date").is_in(sessions))
    return raw_predictions(market.store, universe, market.volatility, live(sessions), config)


def issue(market: Market, sessions: list[date], history: pl.DataFrame) -> pl.DataFrame:
    universe = market.universe.filter(pl.col("session_date").is_in(sessions))
    return issue_predictions(
        market.store,
        universe,
        market.window_rows,
        market.volatility,
        live(sessions),
        history,
        market.outcomes,
        CALENDAR,
        CONFIG,
    )


def nothing() -> pl.DataFrame:
    return history_from_ledger(
        pl.DataFrame(
            schema={
                "ticker": pl.String,
                "session_date": pl.Date,
                "raw_probability_up": pl.Float64,
                "expected_log_return": pl.Float64,
                "volatility": pl.Float64,
            }
        )
    )


def test_every_ticker_of_the_universe_has_a_row_per_session() -> None:
    raw = raw_of(planted_market(), PREDICTED)
    assert dict(raw.schema) == RAW_SCHEMA
    assert raw.select("session_date", "ticker").rows() == [
        (day, ticker) for day in PREDICTED for ticker in TICKERS
    ]


def test_the_ensemble_averages_logits_and_means_by_weight() -> None:
    config = EnsembleConfig(weights={"base_rate": 0.0, "logistic": 1.0, "lstm": 3.0})
    row = raw_of(planted_market(), [date(2004, 11, 1)], config).row(2, named=True)
    members = {member["family"]: member for member in json.loads(row["ensemble"])}
    assert [members[name]["weight"] for name in ("base_rate", "logistic", "lstm")] == [0.0, 0.25, 0.75]
    odds = {name: np.log(m["probability_up"] / (1 - m["probability_up"])) for name, m in members.items()}
    joined = 0.25 * odds["logistic"] + 0.75 * odds["lstm"]
    assert row["raw_probability_up"] == pytest.approx(1 / (1 + np.exp(-joined)), rel=1e-12)
    mean = 0.25 * members["logistic"]["standardised_mean"] + 0.75 * members["lstm"]["standardised_mean"]
    assert row["standardised_mean"] == pytest.approx(mean, rel=1e-12)
    assert row["volatility"] == pytest.approx(0.05)
    assert row["expected_raw"] == row["standardised_mean"] * row["volatility"]
    assert row["model_id"] == members["lstm"]["model_id"]


def test_members_without_a_stated_weight_count_equally() -> None:
    row = raw_of(planted_market(), [date(2004, 11, 1)]).row(0, named=True)
    assert [member["weight"] for member in json.loads(row["ensemble"])] == pytest.approx([1 / 3] * 3)


def test_before_the_first_model_nothing_is_predicted_and_the_reason_is_kept() -> None:
    raw = raw_of(planted_market(), [date(2004, 7, 29)])
    assert raw["abstain_reason"].to_list() == ["no_model_live"] * 3
    assert raw["model_id"].null_count() == raw["raw_probability_up"].null_count() == 3
    assert raw["window_id"].null_count() == 0


def test_an_incomplete_window_abstains_and_leaves_the_others_as_they_were() -> None:
    session = SESSIONS[201]  # the vector of IBM is missing one session before
    raw = raw_of(planted_market(), [session])
    assert raw["abstain_reason"].to_list() == [None, "window_incomplete", None]
    assert raw.row(1, named=True)["raw_probability_up"] is None
    assert raw["model_id"].n_unique() == 1


@pytest.mark.parametrize("unknown", [None, float("nan"), 0.0])
def test_an_unknown_volatility_abstains_and_keeps_the_probability(unknown: float | None) -> None:
    market, session = planted_market(), date(2004, 11, 1)
    hole = (pl.col("ticker") == "IBM") & (pl.col("session_date") == session)
    targets = market.targets.with_columns(
        volatility=pl.when(hole).then(pl.lit(unknown)).otherwise("volatility")
    )
    raw = raw_of(Market(market.matrix, targets, market.sessions), [session])
    row = raw.row(1, named=True)
    assert raw["abstain_reason"].to_list() == [None, "volatility_unknown", None]
    assert row["raw_probability_up"] == raw_of(market, [session])["raw_probability_up"][1]
    assert row["volatility"] is None
    assert row["expected_raw"] is None


def test_a_session_alone_gives_the_bytes_that_it_gives_in_a_range() -> None:
    raw = raw_of(planted_market(), PREDICTED)
    for session in PREDICTED[::25]:
        alone = raw_of(planted_market(), [session])
        assert alone.equals(raw.filter(pl.col("session_date") == session))


def test_a_ticker_predicts_the_same_whether_the_others_are_in_the_universe_or_not() -> None:
    market, session = planted_market(), date(2004, 11, 1)
    only = market.universe.filter((pl.col("session_date") == session) & (pl.col("ticker") == "MSFT"))
    alone = raw_predictions(market.store, only, market.volatility, live([session]))
    assert alone.equals(raw_of(market, [session]).filter(pl.col("ticker") == "MSFT"))


def test_issued_one_by_one_from_the_ledger_equals_issued_as_a_range() -> None:
    market = planted_market()
    ranged = issue(market, PREDICTED, nothing())
    assert ranged.filter(~pl.col("abstained")).height > 300
    for session in PREDICTED[5::30]:
        known = market.through(session)
        first = CALENDAR.shift(session, -CONFIG.adjustment.calibration_sessions - 1)
        ledger = ranged.filter(pl.col("session_date").is_between(first, CALENDAR.shift(session, -1)))
        alone = issue(known, [session], history_from_ledger(ledger))
        assert alone.equals(ranged.filter(pl.col("session_date") == session)), session


def test_issuing_again_over_its_own_ledger_changes_nothing() -> None:
    market = planted_market()
    ranged = issue(market, PREDICTED, nothing())
    assert issue(market, PREDICTED, history_from_ledger(ranged)).equals(ranged)


def test_models_of_another_horizon_are_refused() -> None:
    market, session = planted_market(), [date(2004, 11, 1)]
    other = PredictionConfig(horizon_sessions=HORIZON + 1)
    with pytest.raises(ValueError, match=r"predict \[5\] sessions ahead, the configuration says 6"):
        issue_predictions(
            market.store,
            market.universe.filter(pl.col("session_date").is_in(session)),
            market.window_rows,
            market.volatility,
            live(session),
            nothing(),
            market.outcomes,
            CALENDAR,
            other,
        )


def test_weights_that_cannot_be_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        EnsembleConfig(weights={"lstm": -1.0})
    zeros = EnsembleConfig(weights={"lstm": 0.0, "logistic": 0.0, "base_rate": 0.0})
    with pytest.raises(ValueError, match="all zero"):
        raw_of(planted_market(), [date(2004, 11, 1)], zeros)
