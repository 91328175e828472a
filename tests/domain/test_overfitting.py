"""Deflated Sharpe ratio and CSCV against published examples, closed forms and known cases."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from nextgen_assets.domain.overfitting import (
    ReturnMoments,
    backtest_overfitting,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
    return_moments,
    variance_of_trials,
)

DAILY = ReturnMoments(n=1250, sharpe=2.5 / 250**0.5, skewness=-3.0, kurtosis=10.0)


def test_the_published_example_gives_its_threshold_and_its_ratio() -> None:
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(DAILY, 100, 0.5 / 250) == pytest.approx(0.9004, abs=5e-5)


def test_the_published_example_is_significant_for_46_trials_and_for_88_if_returns_were_normal() -> None:
    """Bailey and López de Prado (2014), numerical example: both give 0.9505."""
    normal = ReturnMoments(DAILY.n, DAILY.sharpe, 0.0, 3.0)
    assert deflated_sharpe_ratio(DAILY, 46, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe_ratio(normal, 88, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)


def test_more_trials_or_fatter_tails_deflate_more() -> None:
    ratios = [deflated_sharpe_ratio(DAILY, n, 0.5 / 250) for n in (1, 2, 10, 100, 1000)]
    assert ratios == sorted(ratios, reverse=True)
    normal = ReturnMoments(DAILY.n, DAILY.sharpe, 0.0, 3.0)
    assert deflated_sharpe_ratio(normal, 100, 0.5 / 250) > deflated_sharpe_ratio(DAILY, 100, 0.5 / 250)


def test_the_expected_maximum_is_that_of_simulated_trials_without_skill() -> None:
    simulated = np.random.default_rng(1).normal(0, 0.2, (40_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.04) == pytest.approx(simulated, rel=0.02)


def test_one_trial_without_skill_is_as_likely_above_zero_as_below() -> None:
    assert expected_maximum_sharpe(1, 0.3) == 0.0
    assert probabilistic_sharpe_ratio(ReturnMoments(100, 0.0, 0.0, 3.0), 0.0) == 0.5


def test_moments_are_those_of_the_definition() -> None:
    returns = np.array([0.03, -0.01, 0.02, 0.0, -0.06])
    centred = returns - returns.mean()
    moments = return_moments(returns)
    assert moments.sharpe == pytest.approx(returns.mean() / np.std(returns, ddof=1))
    assert moments.skewness == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)
    assert moments.kurtosis == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2)
    assert return_moments(np.full(9, 0.01)) == ReturnMoments(9, 0.0, 0.0, 3.0)


def test_alike_trials_vary_at_least_as_much_as_one_ratio_does() -> None:
    assert variance_of_trials(np.array([0.1, 0.1]), 101) == pytest.approx(0.01)
    assert variance_of_trials(np.array([-1.0, 1.0]), 101) == pytest.approx(2.0)


@pytest.mark.parametrize("broken", [np.array([0.1]), np.array([0.1, np.nan]), np.ones((2, 2))])
def test_returns_without_a_spread_or_with_gaps_are_refused(broken: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        return_moments(broken)


def test_a_trial_with_real_skill_is_not_overfitted() -> None:
    returns = 0.01 * np.random.default_rng(3).standard_normal((500, 8))
    returns[:, 5] += 0.01
    found = backtest_overfitting(returns, 10)
    assert found.probability == 0.0
    assert found.loss_probability == 0.0
    assert found.logits.size == 252


def test_choosing_among_noise_is_overfitted_about_half_of_the_time() -> None:
    found = [
        backtest_overfitting(np.random.default_rng(seed).standard_normal((200, 20)), 8).probability
        for seed in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_winners_that_must_lose_are_overfitted_for_certain() -> None:
    """Two trials, each good in one half of the time only: who wins inside loses outside."""
    rows = np.zeros((40, 2))
    rows[:20, 0], rows[20:, 1] = 1.0, 1.0
    rows += 1e-3 * np.random.default_rng(0).standard_normal(rows.shape)
    assert backtest_overfitting(rows, 2).probability == 1.0


def test_splits_and_ranks_are_those_of_the_plain_algorithm() -> None:
    returns = np.random.default_rng(11).standard_normal((37, 4))
    parts = np.split(returns[1:], 6)
    logits = []
    for inside in combinations(range(6), 3):
        first = np.concatenate([parts[k] for k in inside])
        second = np.concatenate([parts[k] for k in range(6) if k not in inside])
        best = (first.mean(axis=0) / first.std(axis=0)).argmax()
        scores = second.mean(axis=0) / second.std(axis=0)
        share = (scores <= scores[best]).sum() / 5
        logits.append(np.log(share / (1 - share)))
    found = backtest_overfitting(returns, 6)
    assert found.logits == pytest.approx(np.array(logits))
    assert found.probability == np.mean(np.array(logits) < 0) + np.mean(np.array(logits) == 0) / 2


@pytest.mark.parametrize(("shape", "n_parts"), [((40, 1), 4), ((7, 3), 4), ((40, 3), 5), ((40,), 4)])
def test_too_little_to_cross_validate_is_refused(shape: tuple[int, ...], n_parts: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        backtest_overfitting(np.ones(shape), n_parts)
