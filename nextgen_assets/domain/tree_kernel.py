"""Sums over the leaves of regression trees, compiled; a row's sum has a fixed order whatever the batch."""

from __future__ import annotations

from typing import Any

from nextgen_assets.domain.compilation import compiled


@compiled
def add_leaves(
    design: Any, feature: Any, threshold: Any, left: Any, right: Any, value: Any, starts: Any, total: Any
) -> None:
    """Add the leaf of every tree to ``total``.

    Parameters
    ----------
    design : (n_rows, n_columns), float64
    feature, left, right : (n_nodes,), int32
        Column that a node splits, -1 for a leaf; children, counted from the first node of the tree.
    threshold, value : (n_nodes,), float64
        A row goes left where its column is not above the threshold; what a leaf adds.
    starts : (n_trees,), int64
        First node of each tree.
    total : (n_rows,), float64
        Added to in place, tree by tree.
    """
    for row in range(design.shape[0]):
        for tree in range(starts.shape[0]):
            begin = starts[tree]
            node = begin
            while feature[node] >= 0:
                went_left = design[row, feature[node]] <= threshold[node]
                node = begin + (left[node] if went_left else right[node])
            total[row] += value[node]
