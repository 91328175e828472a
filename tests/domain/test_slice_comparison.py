"""Every slice at once gives what each gives alone; what is always at fault is found."""

import numpy as np
import pytest

from nextgen_assets.domain import clustering
from nextgen_assets.domain.slice_comparison import compare_slices
from nextgen_assets.domain.slices import Dimension


def _dimension(codes, n_slices=3):
    names = tuple(f"s{number}" for number in range(n_slices))
    return Dimension("kind", names, names, np.asarray(codes, dtype=np.int64))


def test_slices_at_once_equal_the_clustered_difference_of_each():
    rng = np.random.default_rng(1)
    values, codes = rng.normal(size=600), rng.integers(-1, 3, 600)
    blocks = np.repeat(np.arange(20), 30)
    found = compare_slices(values, blocks, _dimension(codes), 10, 5)
    for place in range(3):
        oracle = clustering.clustered_difference(values, codes == place, blocks)
        assert found.effect[place] == pytest.approx(oracle.value, rel=1e-12)
        assert found.standard_error[place] == pytest.approx(oracle.standard_error, rel=1e-9)
        assert found.degrees_of_freedom[place] == oracle.degrees_of_freedom
        assert found.p_values()[place] == pytest.approx(oracle.upper_tail_p_value, rel=1e-6)
        assert found.n[place] == (codes == place).sum()


def test_slice_in_too_few_blocks_is_not_tested():
    blocks = np.repeat(np.arange(10), 10)
    codes = np.where(blocks < 3, 0, -1)
    found = compare_slices(np.arange(100.0), blocks, _dimension(codes), 10, 5)
    assert not found.is_testable.any()
    assert (found.p_values() == 1.0).all()


def test_share_that_is_always_one_in_a_slice_is_found_and_a_constant_measure_is_not():
    blocks = np.repeat(np.arange(10), 10)
    codes = np.arange(100) % 2
    found = compare_slices((codes == 0).astype(float), blocks, _dimension(codes, 2), 10, 5, is_share=True)
    assert found.p_values()[0] < 0.001
    assert found.p_values()[1] == 1.0
    assert compare_slices((codes == 0) * 2.0, blocks, _dimension(codes, 2), 10, 5).p_values()[0] == 1.0
