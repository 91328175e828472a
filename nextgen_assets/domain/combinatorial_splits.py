"""Combinatorial purged cross-validation: many backtest paths from one history, for research.

The history is cut into N groups of sessions; every choice of k of them is tested once, on a model of the others less
what would leak. Each group is tested in ``phi = k / N * C(N, k)`` of the choices, so the tests make phi whole paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from nextgen_assets.domain.splits import Indices, SplitConfig, TooLittleDataError


@dataclass(frozen=True)
class CombinatorialConfig:
    """How many groups of sessions, and how many of them are tested together.

    Parameters
    ----------
    groups, tested : int
        N and k of the book; 1 <= k < N. With k = 1 it is purged cross-validation, with one path.
    """

    groups: int = 6
    tested: int = 2

    def __post_init__(self) -> None:
        if self.groups < 2 or not 1 <= self.tested < self.groups:
            raise ValueError(
                f"groups={self.groups}, tested={self.tested}: expected at least 2 groups and 1 <= tested < groups"
            )

    @property
    def n_splits(self) -> int:
        """Choices of tested groups: C(N, k)."""
        return comb(self.groups, self.tested)

    @property
    def n_paths(self) -> int:
        """Backtest paths: k / N * C(N, k) = C(N - 1, k - 1)."""
        return comb(self.groups - 1, self.tested - 1)


@dataclass(frozen=True, eq=False)
class CombinatorialSplit:
    """One choice: what trains, what is tested, and to which path each tested group belongs.

    Parameters
    ----------
    train, test : ndarray of int64
        Positions of windows, ascending.
    groups : tuple of int
        The tested groups, ascending.
    paths : tuple of int
        For each of them the path that it is a part of, from 0.
    """

    train: Indices
    test: Indices
    groups: tuple[int, ...]
    paths: tuple[int, ...]


def group_of_sessions(session_index: Indices, groups: int) -> Indices:
    """Group of each window, 0 to groups - 1, by equal numbers of distinct sessions, the oldest first.

    Raises
    ------
    TooLittleDataError
        If there are fewer sessions than groups.
    """
    distinct, place = np.unique(session_index, return_inverse=True)
    if distinct.size < groups:
        raise TooLittleDataError(
            f"{distinct.size} sessions cannot make {groups} groups; pass a longer history or fewer groups"
        )
    return (place.reshape(-1) * groups // distinct.size).astype(np.int64)


def combinatorial_splits(
    session_index: Indices, config: CombinatorialConfig, split: SplitConfig
) -> list[CombinatorialSplit]:
    """Every choice of tested groups with its purged and embargoed training part.

    Parameters
    ----------
    session_index : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session.
    config : CombinatorialConfig
        N and k.
    split : SplitConfig
        Its horizon purges, and its embargo is kept after each tested stretch.

    Returns
    -------
    list of CombinatorialSplit
        In the lexicographic order of the tested groups.

    Notes
    -----
    Unlike a walk-forward, a model may have learned from sessions after those it is tested on: it shows how a
    method would have fared on other histories, and must never decide what serves. A window trains when the span
    of its label, S to S + horizon, meets the span of no tested label; and after a tested stretch has ended
    (with its labels) another ``embargo_sessions`` are left out.

    References
    ----------
    López de Prado, M. (2018). Advances in Financial Machine Learning, chapter 12.
    """
    group = group_of_sessions(session_index, config.groups)
    bounds = [
        (int(session_index[group == number].min()), int(session_index[group == number].max()))
        for number in range(config.groups)
    ]
    before, after = split.horizon_sessions, split.horizon_sessions + split.embargo_sessions
    used = [0] * config.groups
    made = []
    for tested in combinations(range(config.groups), config.tested):
        is_test = np.isin(group, tested)
        leaks = np.zeros(session_index.size, dtype=np.bool_)
        for number in tested:
            first, last = bounds[number]
            leaks |= (session_index >= first - before) & (session_index <= last + after)
        paths = tuple(used[number] for number in tested)
        for number in tested:
            used[number] += 1
        train = np.flatnonzero(~is_test & ~leaks).astype(np.int64)
        made.append(CombinatorialSplit(train, np.flatnonzero(is_test).astype(np.int64), tested, paths))
    return made


def backtest_paths(
    splits: list[CombinatorialSplit], session_index: Indices, config: CombinatorialConfig
) -> Indices:
    """Which split tests each window on each path.

    Returns
    -------
    ndarray of int64, shape (n_paths, n_windows)
        Position in ``splits``: a path is the forecasts of those models, one for every window of the history.
    """
    group = group_of_sessions(session_index, config.groups)
    chosen = np.full((config.n_paths, session_index.size), -1, dtype=np.int64)
    for number, split in enumerate(splits):
        for tested, path in zip(split.groups, split.paths, strict=True):
            chosen[path, group == tested] = number
    return chosen
