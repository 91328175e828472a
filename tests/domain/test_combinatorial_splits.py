"""Combinatorial purged cross-validation: the counts of the book, and no label that is shared."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.combinatorial_splits import (
    CombinatorialConfig,
    backtest_paths,
    combinatorial_splits,
    group_of_sessions,
)
from nextgen_assets.domain.splits import SplitConfig, TooLittleDataError


def test_six_groups_of_which_two_are_tested_give_fifteen_splits_and_five_paths() -> None:
    config = CombinatorialConfig(groups=6, tested=2)  # the example of the book, figure 12.1
    sessions = np.arange(60)
    splits = combinatorial_splits(sessions, config, SplitConfig(horizon_sessions=1, embargo_sessions=0))
    assert (config.n_splits, config.n_paths) == (len(splits), 5) == (15, 5)
    tested = np.array([split.groups for split in splits])
    assert [int((tested == group).sum()) for group in range(6)] == [5] * 6
    chosen = backtest_paths(splits, sessions, config)
    assert chosen.shape == (5, 60)
    assert (chosen >= 0).all()
    # figure 12.2: group 1 is tested in splits 1 to 5, and belongs to paths 1 to 5 in that order
    assert chosen[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert chosen[:, -1].tolist() == [4, 8, 11, 13, 14]


@pytest.mark.parametrize(("groups", "tested"), [(2, 1), (5, 1), (6, 3), (10, 2), (8, 7)])
def test_number_of_paths_is_that_of_the_formula(groups: int, tested: int) -> None:
    config = CombinatorialConfig(groups, tested)
    assert config.n_paths == tested * comb(groups, tested) // groups
    sessions = np.repeat(np.arange(groups * 4), 2)
    splits = combinatorial_splits(sessions, config, SplitConfig(horizon_sessions=1, embargo_sessions=0))
    chosen = backtest_paths(splits, sessions, config)
    for path in chosen:
        for window, split in enumerate(path.tolist()):
            assert window in splits[split].test
    for window in range(sessions.size):
        assert len(set(chosen[:, window].tolist())) == config.n_paths  # another model on every path


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 7),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(20, 90),
    st.integers(0, 9),
)
def test_no_training_label_meets_a_tested_one(
    groups: int, tested: int, horizon: int, embargo: int, n_sessions: int, seed: int
) -> None:
    config = CombinatorialConfig(groups, min(tested, groups - 1))
    rng = np.random.default_rng(seed)
    sessions = np.sort(rng.integers(0, n_sessions, 200))
    split = SplitConfig(horizon_sessions=horizon, embargo_sessions=embargo)
    for one in combinatorial_splits(sessions, config, split):
        train, test = sessions[one.train], sessions[one.test]
        assert not set(one.train) & set(one.test)
        gap = train[:, None] - test[None, :]  # labels span S..S + horizon: they meet when |gap| <= horizon
        assert (np.abs(gap) > horizon).all()
        later = np.where(gap > 0, gap, 10**6)
        assert (later > horizon + embargo).all()


def test_groups_never_divide_a_session() -> None:
    sessions = np.repeat(np.arange(11), 3)
    group = group_of_sessions(sessions, 4)
    assert all(len(set(group[sessions == day])) == 1 for day in range(11))
    assert sorted(set(group)) == [0, 1, 2, 3]
    assert (np.diff(group) >= 0).all()


def test_counts_that_make_no_sense_are_refused() -> None:
    for groups, tested in ((1, 1), (4, 0), (4, 4)):
        with pytest.raises(ValueError, match=f"groups={groups}, tested={tested}"):
            CombinatorialConfig(groups, tested)
    with pytest.raises(TooLittleDataError, match="3 sessions cannot make 6 groups"):
        combinatorial_splits(np.arange(3), CombinatorialConfig(), SplitConfig())
