"""Boosted regression trees as plain arrays: grown by scikit-learn, kept and summed without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.models import Arrays, ModelInputError

Floats = npt.NDArray[np.float64]
_NODE_FIELDS = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees; see ``tree_kernel.add_leaves`` for the arrays.

    Parameters
    ----------
    base : float
        What the sum starts from.
    nodes : mapping of str to ndarray (n_nodes,)
        feature, threshold, left, right, value.
    starts : ndarray of int64 (n_trees,)
        First node of each tree.
    """

    base: float
    nodes: Mapping[str, npt.NDArray[Any]]
    starts: npt.NDArray[np.int64]

    @classmethod
    def grown(cls, estimator: Any) -> Trees:
        """The trees of a fitted HistGradientBoosting estimator with one output and numeric columns."""
        grown = [iteration[0].nodes for iteration in estimator._predictors]
        sizes = np.array([len(tree) for tree in grown], dtype=np.int64)
        table = np.concatenate(grown)
        is_leaf = table["is_leaf"].astype(bool)
        nodes: Arrays = {
            "feature": np.where(is_leaf, -1, table["feature_idx"]).astype(np.int32),
            "threshold": np.where(is_leaf, 0.0, table["num_threshold"]).astype(np.float64),
            "left": table["left"].astype(np.int32),
            "right": table["right"].astype(np.int32),
            "value": table["value"].astype(np.float64),
        }
        return cls(float(np.ravel(estimator._baseline_prediction)[0]), nodes, np.cumsum(sizes) - sizes)

    def __len__(self) -> int:
        return int(self.starts.size)

    def first(self, count: int) -> Trees:
        """The first ``count`` trees."""
        end = int(self.starts[count]) if count < len(self) else self.nodes["value"].size
        kept = {name: array[:end].copy() for name, array in self.nodes.items()}
        return Trees(self.base, kept, self.starts[:count].copy())

    def total(self, design: Floats) -> Floats:
        """The sum for each row of (n_rows, n_columns)."""
        totals = np.full(len(design), self.base)
        self._add(design, self.starts, totals)
        return totals

    def staged(self, design: Floats) -> Iterator[Floats]:
        """The sum after each tree; the same array every time."""
        totals = np.full(len(design), self.base)
        for tree in range(len(self)):
            self._add(design, self.starts[tree : tree + 1], totals)
            yield totals

    def arrays(self, prefix: str) -> Arrays:
        """As named arrays."""
        named: Arrays = {f"{prefix}.{name}": array for name, array in self.nodes.items()}
        return named | {f"{prefix}.starts": self.starts, f"{prefix}.base": np.array([self.base])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Trees:
        """The trees that :meth:`arrays` wrote down.

        Raises
        ------
        ModelInputError
            If a node points outside of the table, or backwards: a walk would not end.
        """
        nodes = {name: arrays[f"{prefix}.{name}"] for name in _NODE_FIELDS}
        trees = cls(float(arrays[f"{prefix}.base"][0]), nodes, arrays[f"{prefix}.starts"].astype(np.int64))
        trees._refuse_lost_nodes(prefix)
        return trees

    def _refuse_lost_nodes(self, prefix: str) -> None:
        n_nodes, tree = self.nodes["value"].size, np.zeros(self.nodes["value"].size, dtype=np.int64)
        ends = np.append(self.starts[1:], n_nodes)
        for start, end in zip(self.starts, ends, strict=True):
            tree[start:end] = end - start
        inner = self.nodes["feature"] >= 0
        place = np.arange(n_nodes) - np.repeat(self.starts, ends - self.starts)
        for side in ("left", "right"):
            child = self.nodes[side].astype(np.int64)
            if ((child <= place) | (child >= tree))[inner].any():
                raise ModelInputError(
                    f"trees {prefix!r}: a node leads to no later node of its tree; the artifact does not "
                    "describe a model of this family, train the cut-off again"
                )

    def _add(self, design: Floats, starts: npt.NDArray[np.int64], totals: Floats) -> None:
        from nextgen_assets.domain.tree_kernel import add_leaves

        nodes = self.nodes
        add_leaves(
            design,
            nodes["feature"],
            nodes["threshold"],
            nodes["left"],
            nodes["right"],
            nodes["value"],
            starts,
            totals,
        )
