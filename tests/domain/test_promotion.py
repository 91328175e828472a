"""The promotion gate: skill passes, and each way of only seeming skilled is refused with its reason."""

from __future__ import annotations

import json

import numpy as np

from nextgen_assets.domain.contender_record import TrackRecord
from nextgen_assets.domain.promotion import (
    PromotionConfig,
    Verdict,
    judge,
)

N_SESSIONS, N_TICKERS, HORIZON = 250, 8, 5
CONFIG = PromotionConfig()
UP = 0.2  # log odds of the base rate


def market(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log odds that are true of the outcomes, a noise, the returns and their sessions."""
    rng = np.random.default_rng(seed)
    sessions = np.repeat(np.arange(N_SESSIONS), N_TICKERS)
    true = UP + rng.normal(0, 0.8, sessions.size)
    up = rng.random(sessions.size) < 1 / (1 + np.exp(-true))
    returns = np.where(up, 1.0, -1.0) * np.abs(rng.normal(0.0, 0.03, sessions.size))
    return true, rng.normal(0, 0.8, sessions.size), returns, sessions


def record(log_odds: dict[str, np.ndarray], champion: np.ndarray | None = None, seed: int = 0) -> TrackRecord:
    _, _, returns, sessions = market(seed)
    base = np.full(sessions.size, UP)
    served = base if champion is None else champion
    return TrackRecord(log_odds, base, served, returns, np.full(sessions.size, 0.03), sessions, HORIZON)


def verdicts(*args: object, n_trials: int = 3, **named: object) -> dict[str, Verdict]:
    return {found.recipe: found for found in judge(record(*args, **named), n_trials, CONFIG)}  # type: ignore[arg-type]


def test_skill_is_promoted_and_noise_is_refused() -> None:
    true, noise, _, _ = market()
    found = verdicts({"skilled": true, "noise": UP + noise})
    assert found["skilled"].verdict == found["skilled"].reason_code == "promoted"
    assert found["noise"].verdict == "refused"
    assert found["noise"].reason_code == "not_better_than_base_rate"
    assert json.dumps(found["skilled"].evidence)
    assert found["skilled"].evidence["deflated_sharpe_ratio"] > 0.99
    assert found["skilled"].evidence["probability_of_backtest_overfitting"] == 0.0


def test_of_two_that_pass_the_better_is_promoted() -> None:
    true, noise, _, _ = market()
    found = verdicts({"a": UP + 0.9 * (true - UP) + 0.2 * noise, "b": true, "c": UP + noise})
    assert [found[name].verdict for name in "abc"] == ["passed", "promoted", "refused"]


def test_as_good_as_the_champion_is_not_enough() -> None:
    true, noise, _, _ = market()
    found = verdicts({"same": true + 0.01 * noise, "noise": UP + noise}, champion=true)
    assert found["same"].reason_code == "not_better_than_champion"
    assert "log loss less that of the champion" in found["same"].reason


def test_the_base_rate_itself_is_never_promoted() -> None:
    _, noise, _, sessions = market()
    found = verdicts({"base_rate": np.full(sessions.size, UP), "noise": UP + noise})
    assert {verdict.verdict for verdict in found.values()} == {"refused"}


def test_right_direction_with_overconfidence_is_not_calibrated() -> None:
    true, noise, _, _ = market()
    found = verdicts({"loud": UP + 1.9 * (true - UP), "noise": UP + noise})["loud"]
    assert found.verdict == "refused"
    assert "calibration slope" in found.reason


def test_trials_beyond_number_refuse_what_few_trials_would_pass() -> None:
    true, noise, _, _ = market()
    found = {"skilled": UP + 0.35 * (true - UP) + 0.35 * noise, "noise": UP + noise}
    config = PromotionConfig(level=0.5, calibration_level=0.9999999)
    few, many = ({v.recipe: v for v in judge(record(found), n, config)}["skilled"] for n in (2, 10**14))
    assert few.verdict == "promoted"
    assert many.reason_code == "luck_of_many_trials"


def test_too_few_sessions_or_a_silent_recipe_say_so() -> None:
    true, noise, _, sessions = market()
    young = np.where(sessions >= N_SESSIONS - 100, true, np.nan)
    found = verdicts({"young": young, "silent": np.full(true.size, np.nan), "noise": UP + noise})
    assert found["young"].reason == "100 sessions of matured forecasts, expected at least 120"
    assert found["silent"].reason_code == "too_little_history"
    assert found["silent"].log_loss is None


def test_false_promotions_of_noise_are_rare() -> None:
    promoted = 0
    for seed in range(60):
        _, noise, _, _ = market(seed)
        shrunk = {"a": UP + 0.1 * noise, "b": UP - 0.1 * noise, "c": UP + 0.05 * noise}
        promoted += sum(v.verdict == "promoted" for v in judge(record(shrunk, seed=seed), 3, CONFIG))
    assert promoted <= 2


def test_a_short_record_is_tested_for_overfitting_in_fewer_parts() -> None:
    true, noise, _, sessions = market()
    recent = sessions >= N_SESSIONS - 130
    whole = record({"skilled": true, "noise": UP + noise})
    part = TrackRecord(
        {name: odds[recent] for name, odds in whole.log_odds.items()},
        *(values[recent] for values in (whole.base_log_odds, whole.champion_log_odds, whole.realised)),
        whole.volatility[recent],
        sessions[recent],
        HORIZON,
    )
    found = {verdict.recipe: verdict for verdict in judge(part, 2, CONFIG)}["skilled"]
    assert found.n_sessions == 130
    assert found.evidence["probability_of_backtest_overfitting"] == 0.0
