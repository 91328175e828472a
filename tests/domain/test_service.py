"""Who is served at a session: learned weights, promoted challengers, appointed families; the past alone decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.adjustment import AdjustmentConfig
from nextgen_assets.domain.conformal import ScaleConfig
from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.live_models import (
    LiveModel,
    appointed_families,
    live_model,
    live_models_by_session,
    recipe_id,
)
from nextgen_assets.domain.prediction import issue_predictions
from nextgen_assets.domain.prediction_ledger import PredictionConfig, history_from_ledger
from nextgen_assets.domain.promotion import PromotionConfig
from nextgen_assets.domain.service import Service, ServiceConfig
from nextgen_assets.domain.trained_model import registry_frame
from nextgen_assets.domain.verdict_rows import VERDICT_SCHEMA
from tests.domain.planted_market import (
    CALENDAR,
    CUTOFFS,
    HORIZON,
    SESSIONS,
    Market,
    deployments,
    planted_market,
    trained_models,
)

DAYS = [day for day in SESSIONS if date(2004, 8, 2) <= day <= date(2005, 3, 31)]
HISTORY = 83
CONFIG = PredictionConfig(
    horizon_sessions=HORIZON,
    ensemble=EnsembleConfig(learning_rate=1.0, maximum_dissimilarity=1.5),
    adjustment=AdjustmentConfig(
        calibration_sessions=60, minimum_predictions=30, minimum_sessions=12, scale=ScaleConfig()
    ),
)
EASY = PromotionConfig(
    sessions=60,
    minimum_sessions=20,
    level=0.5,
    calibration_level=0.9999,
    minimum_deflated_sharpe=0.5,
    maximum_overfitting=1.0,
)
"""A gate that skill passes on few sessions."""
CLOSED = PromotionConfig(sessions=60, minimum_sessions=60, minimum_deflated_sharpe=0.999999)


@lru_cache(maxsize=1)
def live() -> dict[date, tuple[LiveModel, ...]]:
    trained = {model.model_id: model for model in trained_models()}
    return live_models_by_session(
        deployments(trained_models()),
        DAYS,
        lambda model_id: live_model(trained[model_id].arrays, trained[model_id].manifest()),
    )


def service(gate: PromotionConfig = CLOSED, appointed: Mapping[date, str] | None = None) -> Service:
    return Service(
        models_by_session=live(),
        recipe_of={model.model_id: recipe_id(model.manifest()) for model in trained_models()},
        appointed=appointed or {},
        trial_sessions=[CUTOFFS[0]] * 3,
        calendar=CALENDAR,
        config=ServiceConfig(CONFIG.ensemble, gate, 60, 30),
    )


def issue(
    sessions: list[date], by: Service, market: Market | None = None, ledger: pl.DataFrame | None = None
) -> pl.DataFrame:
    known = market or planted_market()
    empty = {"ticker": pl.String, "session_date": pl.Date, "ensemble": pl.String} | dict.fromkeys(
        ("raw_probability_up", "expected_log_return", "volatility"), pl.Float64
    )
    return issue_predictions(
        known.store,
        known.universe.filter(pl.col("session_date").is_in(sessions)),
        known.window_rows,
        known.volatility,
        {day: live()[day] for day in sessions},
        history_from_ledger(pl.DataFrame(schema=empty) if ledger is None else ledger),
        known.outcomes,
        CALENDAR,
        CONFIG,
        by,
    )


@lru_cache(maxsize=2)
def ranged(is_easy: bool = False) -> pl.DataFrame:
    return issue(DAYS, service(EASY if is_easy else CLOSED))


def weights_on(frame: pl.DataFrame, session: date) -> dict[str, float]:
    text = frame.filter((pl.col("session_date") == session) & (pl.col("ensemble") != "[]"))["ensemble"][0]
    return {member["family"]: member["weight"] for member in json.loads(text)}


def test_before_anything_has_matured_the_weights_are_equal() -> None:
    assert list(weights_on(ranged(), DAYS[0]).values()) == pytest.approx([1 / 3] * 3)


def test_the_weights_are_those_of_the_plain_rule() -> None:
    session = DAYS[70]
    position = CALENDAR.index(session) - 1  # what is learned at a session serves from the next one on
    outcomes = planted_market().outcomes.with_columns(
        pl.col("session_date").map_elements(CALENDAR.index, return_dtype=pl.Int64).alias("position")
    )
    matured = outcomes.filter(pl.col("position").is_between(position - 60, position - HORIZON))
    rows = ranged().join(matured, on=["ticker", "session_date"]).filter(pl.col("ensemble") != "[]")
    losses: dict[str, float] = {}
    for (_,), group in rows.group_by(["session_date"], maintain_order=True):
        pieces = group.height / (1 + 0.3 * (group.height - 1)) / HORIZON
        for family in ("base_rate", "logistic", "lstm"):
            said = np.array(
                [
                    next(m["probability_up"] for m in json.loads(text) if m["family"] == family)
                    for text in group["ensemble"]
                ]
            )
            up = (group["realised_log_return"] > 0).to_numpy()
            loss = -np.log(np.where(up, said, 1 - said)).mean()
            losses[family] = losses.get(family, 0.0) + pieces * float(loss)
    raw = {family: np.exp(-loss) for family, loss in losses.items()}
    expected = {family: value / sum(raw.values()) for family, value in raw.items()}
    assert weights_on(ranged(), session) == pytest.approx(expected, rel=1e-9)


def test_members_that_foretell_gain_weight_over_the_base_rate() -> None:
    learned = weights_on(ranged(), DAYS[90])
    assert learned["logistic"] > 0.4 > 0.3 > learned["base_rate"]
    assert sum(learned.values()) == pytest.approx(1)


def test_one_by_one_from_the_ledger_and_from_the_past_alone_equals_the_range() -> None:
    for session in DAYS[20::45]:
        first = CALENDAR.shift(session, -HISTORY)
        earlier = ranged(True).filter(pl.col("session_date").is_between(first, CALENDAR.shift(session, -1)))
        alone = issue([session], service(EASY), planted_market().through(session), earlier)
        assert alone.equals(ranged(True).filter(pl.col("session_date") == session)), session


def test_a_changed_future_moves_no_weight_and_no_verdict() -> None:
    session = DAYS[100]
    market = planted_market()
    later = pl.col("session_date") >= CALENDAR.shift(session, -HORIZON)
    wild = Market(
        market.matrix,
        market.targets.with_columns(
            forward_return=pl.when(later).then(-pl.col("forward_return") - 1).otherwise("forward_return")
        ),
        market.sessions,
    )
    before = DAYS[: DAYS.index(session) + 1]
    other = service(EASY)
    assert (
        issue(DAYS, other, wild)
        .filter(pl.col("session_date").is_in(before))
        .equals(ranged(True).filter(pl.col("session_date").is_in(before)))
    )


def test_a_challenger_that_passes_the_gate_serves_the_month_that_follows_and_no_day_before() -> None:
    by = service(EASY)
    frame = issue(DAYS, by)
    verdicts = by.verdict_frame()
    assert dict(verdicts.schema) == VERDICT_SCHEMA
    promoted = verdicts.filter(pl.col("verdict") == "promoted")
    assert promoted["family"].to_list(), verdicts
    first = promoted.row(0, named=True)
    following = CALENDAR.shift(first["cutoff_session"], 1)
    assert weights_on(frame, following)[first["family"]] == 1.0
    assert weights_on(frame, first["cutoff_session"])[first["family"]] < 1.0
    row = frame.filter(pl.col("session_date") == following).row(0, named=True)
    member = next(m for m in json.loads(row["ensemble"]) if m["weight"] == 1.0)
    assert row["model_id"] == member["model_id"]
    assert row["raw_probability_up"] == pytest.approx(member["probability_up"], rel=1e-12)


def test_no_challenger_passes_a_closed_gate_and_the_ensemble_speaks() -> None:
    by = service(CLOSED)
    frame = issue(DAYS, by)
    verdicts = by.verdict_frame()
    assert set(verdicts["verdict"]) == {"refused"}
    assert verdicts["reason"].str.len_chars().min() > 10  # type: ignore[operator]
    assert verdicts.group_by("cutoff_session").len()["len"].unique().to_list() == [2]
    spoken = frame.filter(~pl.col("abstained"))
    assert spoken.height > 300
    assert spoken["model_id"].n_unique() == 3  # the family of the settings, once a month


def test_whom_a_person_appoints_is_served_alone_from_that_session() -> None:
    start = DAYS[60]
    by = service(CLOSED, {day: "base_rate" for day in DAYS if day >= start})
    frame = issue(DAYS, by)
    assert weights_on(frame, start) == {"base_rate": 1.0, "logistic": 0.0, "lstm": 0.0}
    assert frame.filter(pl.col("session_date") < start).equals(
        ranged().filter(pl.col("session_date") < start)
    )
    assert "base_rate" in by.verdict_frame()["champion"].to_list()


def test_the_newest_decision_of_a_person_about_a_family_counts() -> None:
    moment = datetime(2004, 9, 1, tzinfo=UTC)
    rows = [
        ("lstm", date(2004, 8, 2), "champion", "training", moment),
        ("logistic", date(2004, 9, 1), "champion", "promote", moment),
        ("base_rate", date(2004, 9, 10), "champion", "promote", moment),
        ("base_rate", date(2004, 9, 20), "challenger", "rollback", moment),
        ("logistic", date(2004, 9, 30), "challenger", "rollback", moment),
    ]
    frame = pl.DataFrame(rows, schema=["family", "live_from", "role", "decision", "created_at"], orient="row")
    days = [date(2004, 8, 31), *(date(2004, 9, day) for day in (1, 9, 10, 19, 20, 29, 30))]
    assert [appointed_families(frame, days).get(day) for day in days] == [
        None, "logistic", "logistic", "base_rate", "base_rate", "logistic", "logistic", None,
    ]  # fmt: skip


def test_a_recipe_is_the_same_in_a_manifest_and_in_the_registry_and_from_month_to_month() -> None:
    rows = registry_frame(trained_models()).iter_rows(named=True)
    from_registry = [recipe_id(row) for row in rows]
    assert from_registry == [recipe_id(model.manifest()) for model in trained_models()]
    assert len(set(from_registry)) == 3
    altered = {**trained_models()[0].manifest(), "seed": 1}
    assert recipe_id(altered) not in from_registry


def test_a_window_unlike_training_is_abstained_from_with_its_distance() -> None:
    market, session = planted_market(), DAYS[80]
    matrix = market.matrix.copy()
    matrix[0, SESSIONS.index(session)] = 40.0
    strange = Market(matrix, market.targets, market.sessions)
    row = issue(DAYS[:81], service(), strange).filter(pl.col("session_date") == session).row(0, named=True)
    assert row["abstain_reason"] == "out_of_distribution"
    assert row["dissimilarity"] > 1.5
    assert row["lower_log_return"] is None
    assert row["raw_probability_up"] is not None
