"""Block-bootstrap intervals of ratios over sessions."""

from __future__ import annotations

import numpy as np
import pytest

from nextgen_assets.domain.intervals import (
    BootstrapConfig,
    block_weights,
    clustered_interval,
    sums_per_session,
)


def test_weights_draw_whole_blocks_and_keep_the_number_of_sessions() -> None:
    config = BootstrapConfig(block_sessions=3, n_draws=40)
    weights = block_weights(9, config)
    assert weights.shape == (40, 9)
    assert (weights.sum(axis=1) == 9).all()
    # three blocks of three: every draw is a sum of three circular runs of three sessions
    runs = np.array(
        [[1.0 if (position - start) % 9 < 3 else 0.0 for position in range(9)] for start in range(9)]
    )
    for row in weights[:10]:
        combinations = (runs[a] + runs[b] + runs[c] for a in range(9) for b in range(9) for c in range(9))
        assert any((row == combination).all() for combination in combinations)


def test_interval_equals_a_plain_resampling_of_sessions() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 5, 30).astype(float)
    sums = rng.random(30) * counts
    config = BootstrapConfig(block_sessions=4, n_draws=200, level=0.9)
    draws = []
    for row in block_weights(30, config):
        chosen = np.repeat(np.arange(30), row.astype(int))
        draws.append(sum(sums[chosen]) / sum(counts[chosen]))
    interval = clustered_interval(sums, counts, config)
    assert interval.value == pytest.approx(sums.sum() / counts.sum(), rel=1e-12)
    assert interval.lower == pytest.approx(np.quantile(draws, 0.05), rel=1e-12)
    assert interval.upper == pytest.approx(np.quantile(draws, 0.95), rel=1e-12)
    assert (interval.n, interval.n_sessions) == (int(counts.sum()), 30)


def test_rows_that_agree_within_a_session_do_not_narrow_the_interval() -> None:
    scores = np.random.default_rng(0).random(100)
    single = clustered_interval(scores, np.ones(100))
    fifty_times = clustered_interval(scores * 50, np.full(100, 50.0))
    assert fifty_times.upper - fifty_times.lower == pytest.approx(single.upper - single.lower)
    assert fifty_times.n == 5000


def test_blocks_widen_the_interval_of_sessions_that_repeat_each_other() -> None:
    scores = np.repeat(np.random.default_rng(0).random(50), 5)
    width = {
        block: clustered_interval(scores, np.ones(250), BootstrapConfig(block_sessions=block))
        for block in (1, 10)
    }
    assert width[10].upper - width[10].lower > 1.5 * (width[1].upper - width[1].lower)


def test_interval_covers_the_mean_of_independent_sessions_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(4)
    config = BootstrapConfig(block_sessions=2, n_draws=200, level=0.9)
    covered = 0
    for _ in range(200):
        interval = clustered_interval(rng.normal(0.5, 0.2, 100), np.ones(100), config)
        covered += interval.lower <= 0.5 <= interval.upper
    assert 165 <= covered <= 195


def test_a_trailing_window_gives_the_same_bits_alone_and_inside_a_longer_array() -> None:
    scores = np.random.default_rng(3).random(501)
    alone = clustered_interval(scores[101:301].copy(), np.ones(200))
    assert clustered_interval(scores[101:301], np.ones(501)[101:301]) == alone


def test_empty_sessions_count_neither_as_rows_nor_as_sessions() -> None:
    sums, counts = np.array([1.0, 0.0, 2.0, 0.0, 1.0, 1.0]), np.array([2.0, 0.0, 2.0, 0.0, 2.0, 2.0])
    interval = clustered_interval(sums, counts, BootstrapConfig(block_sessions=1))
    assert (interval.value, interval.n, interval.n_sessions) == (0.625, 8, 4)


def test_what_is_undefined_is_an_error_and_not_a_number() -> None:
    with pytest.raises(ValueError, match="undefined for the sample"):
        clustered_interval(np.zeros(5), np.zeros(5))
    with pytest.raises(ValueError, match="1 of 10 per-session sums are NaN"):
        clustered_interval(np.array([1.0, np.nan, 1, 1, 1]), np.ones(5))
    with pytest.raises(ValueError, match="expected"):
        clustered_interval(np.ones(4), np.ones(5))
    with pytest.raises(ValueError, match=r"level=1\.0"):
        BootstrapConfig(level=1.0)


def test_sums_per_session_fill_the_gaps_with_zero() -> None:
    sums = sums_per_session(np.array([1.0, 2.0, 4.0]), np.array([7, 7, 10]))
    assert sums.tolist() == [3.0, 0.0, 0.0, 4.0]
