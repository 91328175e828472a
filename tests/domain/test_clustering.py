"""Blocks of sessions are the unit of evidence."""

import numpy as np
import pytest

from nextgen_assets.domain import clustering


@pytest.mark.parametrize(
    ("probability", "degrees", "published"),
    [(0.975, 5, 2.5706), (0.975, 24, 2.0639), (0.95, 10, 1.8125), (0.995, 30, 2.7500)],
)
def test_student_quantile_agrees_with_the_published_table(probability, degrees, published):
    assert clustering.student_quantile(probability, degrees) == pytest.approx(published, rel=0.002)


def test_upper_tail_at_the_published_quantile_is_its_level():
    assert clustering.student_upper_tail(2.0639, 1.0, 24) == pytest.approx(0.025, rel=0.02)


def test_no_spread_is_never_evidence():
    assert clustering.student_upper_tail(5.0, 0.0, 24) == 1.0


def test_block_sums_of_a_later_start_have_the_same_bytes():
    panel = np.random.default_rng(1).normal(size=(60, 3))
    whole = clustering.trailing_block_sums(panel, 7)
    alone = clustering.trailing_block_sums(panel[30:], 7)
    assert whole[36:].tobytes() == alone[6:].tobytes()


def test_clustered_mean_of_identical_rows_in_a_block_counts_the_block_once():
    values, blocks = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])
    doubled = clustering.clustered_mean(np.repeat(values, 5), np.repeat(blocks, 5))
    once = clustering.clustered_mean(np.array([0.0, 1.0]), np.array([0, 1]))
    assert doubled.value == once.value == 0.5
    # influences per block are -0.25 and 0.25: sqrt(2 * 0.0625 * 2 / 1) = 0.5
    assert once.standard_error == pytest.approx(0.5)
    assert doubled.standard_error == pytest.approx(0.5)


def test_difference_counts_only_blocks_where_the_smaller_side_appears():
    values = np.arange(8.0)
    is_member = np.array([True, True, True, False, False, False, False, False])
    blocks = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    result = clustering.clustered_difference(values, is_member, blocks)
    assert result.value == pytest.approx(1.0 - 5.0)
    assert result.degrees_of_freedom == 1


def test_a_single_block_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="1 block of sessions, expected at least 2: widen the window"):
        clustering.clustered_mean(np.array([0.1, 0.2]), np.array([3, 3]))


def test_bootstrap_of_a_mean_recovers_the_textbook_standard_error():
    sample = np.random.default_rng(2).normal(size=40)
    sums = np.column_stack([sample, np.ones(40)])
    replicates = clustering.bootstrap_weights(40, 4000, seed=3) @ sums
    means = replicates[:, :1] / replicates[:, 1:]
    error = clustering.bootstrap_standard_error(means[1:], 40)[0]
    assert means[0, 0] == pytest.approx(sample.mean())
    assert error == pytest.approx(sample.std(ddof=1) / 40**0.5, rel=0.05)


def test_false_discovery_rate_matches_a_plain_oracle():
    p_values = np.random.default_rng(4).random(17) ** 2
    ranked = sorted(p_values)
    oracle = [min(min(1.0, q * 17 / (k + 1)) for k, q in enumerate(ranked) if q >= p) for p in p_values]
    assert clustering.benjamini_hochberg(p_values) == pytest.approx(oracle)
