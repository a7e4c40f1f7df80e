"""An ensemble of large trees as one list of nodes; see runtime/trees.py."""

from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.compiler.masks import write_total
from playbill.bundle.runtime.trees import CATEGORIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.bundle.compiler.ensemble import Ensemble, Tree
    from playbill.bundle.compiler.writer import Writer


def write_walk(ensemble: "Ensemble", writer: "Writer") -> dict[str, Any]:
    """Return the description of the nodes, their arrays put into `writer`."""
    sizes = [len(tree.feature) for tree in ensemble.trees]
    roots = np.cumsum([0, *sizes[:-1]])
    feature = np.concatenate([tree.feature for tree in ensemble.trees])
    own = np.arange(len(feature))
    leaf = feature < 0
    left = np.concatenate([t.left + root for t, root in zip(ensemble.trees, roots, strict=True)])
    right = np.concatenate([t.right + root for t, root in zip(ensemble.trees, roots, strict=True)])
    children = np.stack([np.where(leaf, own, left), np.where(leaf, own, right)], axis=1)
    split, categories = _splits(ensemble, roots, len(feature))
    missing_left = np.concatenate([tree.missing_left for tree in ensemble.trees])
    return {
        "kind": "walk",
        "feature": writer.put("feature", np.where(leaf, 0, feature), np.int64),
        "threshold": writer.put("threshold", np.concatenate([t.threshold for t in ensemble.trees])),
        "children": writer.put("children", children.reshape(-1), np.int64),
        "missing_right": writer.put("missing_right", ~missing_left & ~leaf, np.bool_),
        "split": writer.put("split", split, np.int64),
        "categories": writer.put("categories", categories, np.bool_),
        "values": writer.put("values", np.concatenate([tree.value for tree in ensemble.trees])),
        "roots": writer.put("roots", roots, np.int64),
        "depth": max(_depth(tree) for tree in ensemble.trees),
        "refuses": refused_by(ensemble),
        "total": write_total(ensemble, writer),
    }


def refused_by(ensemble: "Ensemble") -> list[str]:
    """Return which values the estimator refuses."""
    return ["infinite"] * ensemble.single + ["missing"] * (not ensemble.takes_missing)


def _splits(
    ensemble: "Ensemble", roots: "NDArray[np.int64]", nodes: int
) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
    """Return the row of each node's split by category, and those rows: what goes right."""
    split = np.full(nodes, -1)
    codes = np.append(np.arange(CATEGORIES, dtype=np.float64), np.nan)
    rows: list[NDArray[np.bool_]] = []
    for tree, root in zip(ensemble.trees, roots, strict=True):
        for node in tree.categories:
            split[root + node] = len(rows)
            rows.append(~tree.goes_left(node, codes))
    return split, np.array(rows, dtype=bool).reshape(-1, len(codes))


def _depth(tree: "Tree") -> int:
    depth, level = 0, np.array([0])
    while len(level := level[tree.feature[level] >= 0]):
        level = np.concatenate([tree.left[level], tree.right[level]])
        depth += 1
    return depth
